"""The analysis room: what can be said about a log before any model is trained.

- `_infer_spec`: a first spec from a raw log, for a person to edit.
- `ranking`: which fields tell something about the label (OutRank).
- `log_columns`: the columns of whatever can be named as data, and labels that a task cannot take.
- `_log_format`: format, delimiter and header of a file. `log_sample`: its first rows, bounded, in batches.
- `_column_profile`: what the values of a column are; `_value_statistics`, `_distinct` and `_text_hash` do the
  counting.
- `_column_names`: what a name tells. `_column_guesses`: what a column may mean as a feature.
- `_label_guess`, `_outcomes`, `_meta_guess`: label, what would give it away, time and group and split.
- `_spec_guess`: all of it together. `_spec_text`: the commented YAML.
"""

from tfctr.analysis._infer_spec import InferredSpec, infer_spec
from tfctr.analysis.log_columns import columns_of, label_problems
from tfctr.analysis.log_sample import LogSample, read_sample

__all__ = ["InferredSpec", "LogSample", "columns_of", "infer_spec", "label_problems", "read_sample"]
