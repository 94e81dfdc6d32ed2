"""The FeatureSpec room: what an example is, without tensors.

- `features`: kinds of feature. `tasks`: labels and meta columns. `source`: raw log, split, histories.
- `gates`: bounds a model must keep. `feature_spec`: the whole, and its bound form.
- `references`: cross checks. `errors`: how problems are told.
"""

from tfctr.spec.errors import Problem, SpecError, suggest
from tfctr.spec.feature_spec import (
    DOMAIN_NAME,
    GROUP_NAME,
    TIME_NAME,
    BoundSpec,
    FeatureSpec,
    RawColumn,
    TensorInfo,
    is_bucketed,
    table_of,
)
from tfctr.spec.features import (
    MISSING,
    AnyFeature,
    CategoricalFeature,
    Feature,
    IdFeature,
    MultiFeature,
    NumericFeature,
    SequenceFeature,
    VectorFeature,
    Vocabulary,
)
from tfctr.spec.gates import Gates
from tfctr.spec.source import History, Source, Split
from tfctr.spec.tasks import BinaryTask, Meta

__all__ = [
    "DOMAIN_NAME",
    "GROUP_NAME",
    "MISSING",
    "TIME_NAME",
    "AnyFeature",
    "BinaryTask",
    "BoundSpec",
    "CategoricalFeature",
    "Feature",
    "FeatureSpec",
    "Gates",
    "History",
    "IdFeature",
    "Meta",
    "MultiFeature",
    "NumericFeature",
    "Problem",
    "RawColumn",
    "SequenceFeature",
    "Source",
    "SpecError",
    "Split",
    "TensorInfo",
    "VectorFeature",
    "Vocabulary",
    "is_bucketed",
    "suggest",
    "table_of",
]
