"""The analysis room: what can be said about a log before any model is trained.

- `infer_spec`: a first spec from a raw log, for a person to edit.
- `ranking`: which fields tell something about the label (OutRank).
- `log_columns`: the columns of whatever can be named as data.
- `log_format`: format, delimiter and header of a file. `log_sample`: its first rows, bounded, in batches.
- `column_profile`: what the values of a column are; `value_statistics`, `distinct` and `text_hash` do the
  counting.
- `column_names`: what a name tells. `column_guesses`: what a column may mean. `spec_text`: the commented YAML.
"""

from tfctr.analysis.infer_spec import InferredSpec, infer_spec
from tfctr.analysis.log_columns import columns_of
from tfctr.analysis.log_sample import LogSample, read_sample

__all__ = ["InferredSpec", "LogSample", "columns_of", "infer_spec", "read_sample"]
