"""What models share that know the domain of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfctr.layers.domains import GroupTowers
from tfctr.models._domains import domain_of, domain_problems
from tfctr.models.ctr_model import CTRModel
from tfctr.spec import BoundSpec, FeatureSpec, Problem


class DomainModel(CTRModel):
    """Base of the models whose weights depend on the domain of a row, which is one of its features.

    The domain stays an ordinary field as well: its embedding is among the others.

    Args:
        spec: Bound spec.
        domain: Name of the categorical feature whose ids are the domains; None takes the one that reads the spec's
            column `meta.domain`.
        dropout_rate: Share of hidden units dropped in training, everywhere in the model.
        unknown_rate: Share of training rows whose domain is hidden, so that the weights for unknown domains learn.
        **options: See `CTRModel`.

    Raises:
        SpecError: When there is no such feature.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        domain: str | None = None,
        dropout_rate: float = 0.0,
        unknown_rate: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        self.domains = domain_of(self.spec, domain, type(self).__name__)
        self.domain = self.domains.name
        self.dropout_rate = dropout_rate
        self.unknown_rate = unknown_rate
        self.ids = self.domains.make_ids(unknown_rate=unknown_rate, dtype=self.dtype_policy, name="ids")

    @classmethod
    def option_problems(cls, spec: FeatureSpec, options: Mapping[str, Any]) -> list[Problem]:
        return domain_problems(spec, options, cls.__name__)

    def groups(self, features: dict[str, Any], training: bool | None = None) -> Any:
        """Return the group of each row, int32 ``(batch,)``: the id of its domain, 0 when that is not known."""
        return self.ids(features[self.domain], training=training)

    def make_group_towers(self, hidden_units: tuple[int, ...], name: str, **options: Any) -> GroupTowers:
        """Return a tower for each domain, with this model's dropout."""
        return GroupTowers(
            self.domains.rows,
            hidden_units,
            dropout_rate=self.dropout_rate,
            vocabulary=self.domains.vocabulary,
            **options,
            **self.part(name),
        )
