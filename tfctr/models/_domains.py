"""Which feature tells the domain of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tfctr.layers.domains import DomainIds
from tfctr.spec import BoundSpec, CategoricalFeature, FeatureSpec, IdFeature, Problem, SpecError, suggest, table_of


class Domain(NamedTuple):
    """A feature whose ids are domains.

    Attributes:
        name: Of the feature.
        vocabulary: Of its ids.
        rows: Ids, padding and out-of-vocabulary ids included.
        first: Smallest id of a known domain.
    """

    name: str
    vocabulary: str
    rows: int
    first: int

    def make_ids(self, *, unknown_rate: float = 0.0, **options: Any) -> DomainIds:
        """Return the layer that maps ids to groups."""
        return DomainIds(self.rows, self.first, unknown_rate=unknown_rate, **options)


def domain_problems(spec: FeatureSpec, options: Mapping[str, Any], model: str) -> list[Problem]:
    """Return why the domain of a row is not known, with the hyper-parameter `domain` or without."""
    names = [feature.name for feature in spec.of_kind(CategoricalFeature)]
    name = options.get("domain")
    if name is None and _declared(spec) is None:
        known = f"has {', '.join(names)}" if names else "has none"
        return [
            Problem(
                f"{model} must know the domain of each row: let `meta.domain` be the column of a categorical feature, "
                f"or give the hyper-parameter `domain` the name of one; the spec {known}",
                "meta.domain",
            )
        ]
    if name is not None and name not in names:
        return [
            Problem(
                f"{model}: domain is {name!r}, no categorical feature of the spec{suggest(name, names)}",
                "hyperparameters.domain",
            )
        ]
    return []


def domain_of(spec: BoundSpec, name: str | None, model: str) -> Domain:
    """Return the domain's feature: the one of this name, else the one that reads the column `meta.domain`.

    Raises:
        SpecError: When there is no such categorical feature.
    """
    if problems := domain_problems(spec.spec, {"domain": name}, model):
        raise SpecError(problems)
    feature = spec.spec.feature(name or _declared(spec.spec) or "")
    vocabulary = table_of(feature)
    owner = spec.spec.feature(vocabulary)
    hashed = isinstance(owner, IdFeature) and owner.hash_buckets is not None  # no value is out of such a vocabulary
    first = 1 if hashed or not isinstance(owner, IdFeature) else 1 + owner.effective_vocabulary.oov_buckets
    return Domain(feature.name, vocabulary, spec.rows[vocabulary], first)


def _declared(spec: FeatureSpec) -> str | None:
    """The categorical feature that reads the column `meta.domain`."""
    column = spec.meta.domain
    known = (f for f in spec.features if isinstance(f, CategoricalFeature))
    return next((feature.name for feature in known if column and feature.column == column), None)
