"""The spec with the fields that a ranking suggests, to train with."""

from __future__ import annotations

from collections.abc import Collection

from tfctr.data.errors import DataError
from tfctr.spec import CrossFeature, FeatureSpec


def reduced_spec(spec: FeatureSpec, ranked: Collection[str], kept: Collection[str]) -> FeatureSpec:
    """Return the spec without the ranked features that are not kept.

    Features that were not ranked stay, and so does whatever a feature that stays refers to: the owner of a shared
    table, the candidate of a sequence, the sequence that side columns go with. A cross stays where all that it crosses
    does.

    Args:
        spec: The spec.
        ranked: Names of the features that were ranked.
        kept: Names of those to keep.

    Raises:
        DataError: When no feature is left.

    Example:
        >>> names = ("site", "noise")
        >>> spec = FeatureSpec(
        ...     name="ads",
        ...     features=[{"kind": "categorical", "name": name, "role": "context"} for name in names],
        ...     tasks=[{"name": "click", "label": "clicked"}],
        ...     meta={"time": "second"},
        ... )
        >>> [feature.name for feature in reduced_spec(spec, names, ["site"]).features]
        ['site']
    """
    crosses = {feature.name: set(feature.of) for feature in spec.features if isinstance(feature, CrossFeature)}
    stays = {feature.name for feature in spec.features if feature.name not in ranked or feature.name in kept}
    stays -= crosses.keys()
    while more := _referred(spec, stays) - stays:
        stays |= more
    stays |= {name for name, parts in crosses.items() if parts <= stays}
    features = [feature.model_dump(exclude_defaults=True) for feature in spec.features if feature.name in stays]
    if not features:
        raise DataError("the ranking keeps no field, so there is no spec to write; see the reasons in its table")
    kinds = {feature.name: feature.kind for feature in spec.features}
    plain = spec.model_dump(exclude_defaults=True)
    plain["features"] = [{"kind": kinds[feature["name"]], **feature} for feature in features]
    plain["tasks"] = [task.model_dump() for task in spec.tasks]
    return FeatureSpec.model_validate(plain)


def _referred(spec: FeatureSpec, names: Collection[str]) -> set[str]:
    """Features that those of these names refer to."""
    keys = ("shares", "target", "aligned_with")
    found = {getattr(feature, key, None) for feature in spec.features if feature.name in names for key in keys}
    return {name for name in found if name}
