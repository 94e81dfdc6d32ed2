"""The FeatureSpec room: what an example is, without tensors.

- `features`: kinds of feature. `source`: raw log, split, histories.
- `tasks`, `survival_task`, `regression_task`: labels and meta columns; `_task_base`: what all tasks have.
- `times`: how a log writes times, and what is made of them.
- `gates`: bounds a model must keep. `feature_spec`: the whole, and its bound form.
- `_raw_text`: what a text of a log means.
- `_crosses`: crossed features. `raw_column`: what the raw log must hold. `_references`: checks of names.
- `_input_names`: what raw columns are called by a served model.
- `errors`: how problems are reported.
- `loading`: from YAML and back; `_document` reads the text with its lines, `_schema_problems` tells errors.
- `catalog`: the specs that ship. `checking`: a spec against the columns of a log. `_json_schema`: for editors.
"""

from tfctr.spec._json_schema import json_schema
from tfctr.spec.catalog import find_spec, shipped_specs
from tfctr.spec.checking import check_columns
from tfctr.spec.errors import Problem, SpecError, suggest
from tfctr.spec.feature_spec import (
    DOMAIN_NAME,
    GROUP_NAME,
    NO_DOMAIN,
    TIME_NAME,
    BoundSpec,
    FeatureSpec,
    TensorInfo,
)
from tfctr.spec.features import (
    MISSING,
    AnyFeature,
    CategoricalFeature,
    ColumnFeature,
    CrossFeature,
    Feature,
    IdColumnFeature,
    IdFeature,
    ListFeature,
    MultiFeature,
    NumericFeature,
    SequenceFeature,
    VectorFeature,
    Vocabulary,
    from_time_of,
    is_bucketed,
    table_of,
)
from tfctr.spec.gates import Gates
from tfctr.spec.loading import dump_spec, load_spec, locate_problems, parse_spec
from tfctr.spec.raw_column import RawColumn, raw_columns_of, times_of
from tfctr.spec.regression_task import LabelScale, RegressionTask
from tfctr.spec.source import History, Source, Split
from tfctr.spec.survival_task import SurvivalTask
from tfctr.spec.tasks import AnyTask, BinaryTask, Meta
from tfctr.spec.times import TimeColumn, TimePart, TimeSince

__all__ = [
    "DOMAIN_NAME",
    "GROUP_NAME",
    "MISSING",
    "NO_DOMAIN",
    "TIME_NAME",
    "AnyFeature",
    "AnyTask",
    "BinaryTask",
    "BoundSpec",
    "CategoricalFeature",
    "ColumnFeature",
    "CrossFeature",
    "Feature",
    "FeatureSpec",
    "Gates",
    "History",
    "IdColumnFeature",
    "IdFeature",
    "LabelScale",
    "ListFeature",
    "Meta",
    "MultiFeature",
    "NumericFeature",
    "Problem",
    "RawColumn",
    "RegressionTask",
    "SequenceFeature",
    "Source",
    "SpecError",
    "Split",
    "SurvivalTask",
    "TensorInfo",
    "TimeColumn",
    "TimePart",
    "TimeSince",
    "VectorFeature",
    "Vocabulary",
    "check_columns",
    "dump_spec",
    "find_spec",
    "from_time_of",
    "is_bucketed",
    "json_schema",
    "load_spec",
    "locate_problems",
    "parse_spec",
    "raw_columns_of",
    "shipped_specs",
    "suggest",
    "table_of",
    "times_of",
]
