"""Which features can be a side of the graph, and where their values' ids begin."""

from __future__ import annotations

from tfctr.spec import CategoricalFeature, FeatureSpec, IdFeature, suggest, table_of


def side_problem(spec: FeatureSpec, name: str) -> str:
    """Return why the ids of this feature cannot be grouped; empty when they can."""
    known = [feature.name for feature in spec.features if isinstance(feature, CategoricalFeature)]
    if name not in known:
        return f"{name!r} is no categorical feature of the spec{suggest(name, known)}"
    if not column_of(spec, name):
        return f"{name!r} is made of a time, whose values are in no column of the log"
    if _owner(spec, name).hash_buckets is not None:
        return f"{name!r} has hash buckets, whose ids are no values; give it a vocabulary to group its ids"
    return ""


def vocabulary_of(spec: FeatureSpec, name: str) -> str:
    """Return the name of the vocabulary, and table, that holds the ids of a feature."""
    return table_of(spec.feature(name))


def column_of(spec: FeatureSpec, name: str) -> str:
    """Return the raw column of a categorical feature; empty where it is made of a time."""
    feature = spec.feature(name)
    assert isinstance(feature, CategoricalFeature)
    return feature.column


def reserved_ids(spec: FeatureSpec, name: str) -> int:
    """Return how many ids of a feature's vocabulary come before its values: padding and out of vocabulary."""
    return 1 + _owner(spec, name).effective_vocabulary.oov_buckets


def _owner(spec: FeatureSpec, name: str) -> IdFeature:
    owner = spec.feature(vocabulary_of(spec, name))
    assert isinstance(owner, IdFeature)
    return owner
