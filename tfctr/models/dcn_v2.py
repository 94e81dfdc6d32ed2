"""DCN-V2: explicit crosses of bounded order beside, or below, an MLP."""

from __future__ import annotations

from typing import Any, Literal

from keras import ops

from tfctr.layers.interaction import CrossNetMixture, CrossNetV2, flatten_fields
from tfctr.layers.towers import MLP
from tfctr.models._registry import register_model
from tfctr.models.ctr_model import CTRModel
from tfctr.spec import BoundSpec


@register_model(
    paper="Wang et al., WWW 2021",
    label="DCN-V2, full rank and low-rank mixture",
    small={
        "embedding_dim": 4,
        "hidden_units": (6, 5),
        "batch_norm": True,
        "num_cross_layers": 2,
        "rank": 3,
        "num_experts": 2,
    },
)
class DCNv2(CTRModel):
    """Cross network and MLP on the flattened fields, `parallel` or `stacked`.

    - parallel: ``logit = wᵀ [cross(x) ; MLP(x)] + b``
    - stacked: ``logit = wᵀ MLP(cross(x)) + b``

    Without `hidden_units` either is the cross network alone (CrossNet-V2 in benchmarks).

    Args:
        spec: Bound spec.
        structure: `parallel` (the default of public benchmarks) or `stacked`.
        num_cross_layers: Cross layers; L layers cross up to L + 1 fields.
        rank: Width of the subspaces of a mixture of low-rank experts; None takes full-rank crosses.
        num_experts: Experts of a layer, with `rank`.
        hidden_units: Widths of the MLP; empty for the cross network alone.
        dropout_rate: Share of hidden units dropped in training.
        batch_norm: Whether each hidden layer normalises before its activation.
        **options: See `CTRModel`.

    Raises:
        ValueError: When `structure` is unknown.

    Reference: R. Wang et al., "DCN V2: Improved Deep & Cross Network and Practical Lessons for Web-scale Learning
    to Rank Systems", WWW 2021, arXiv 2008.13535, section 3.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        structure: Literal["parallel", "stacked"] = "parallel",
        num_cross_layers: int = 3,
        rank: int | None = None,
        num_experts: int = 4,
        hidden_units: tuple[int, ...] = (400, 400, 400),
        dropout_rate: float = 0.0,
        batch_norm: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        if structure not in ("parallel", "stacked"):
            raise ValueError(f"structure is 'parallel' or 'stacked'. Received: structure={structure!r}")
        self.structure = structure
        self.num_cross_layers = num_cross_layers
        self.rank = rank
        self.num_experts = num_experts
        self.hidden_units = tuple(hidden_units)
        self.dropout_rate = dropout_rate
        self.batch_norm = batch_norm
        self.embedding = self.make_embedding(name="embedding")
        self.cross = (
            CrossNetV2(num_cross_layers, **self.part("cross"))
            if rank is None
            else CrossNetMixture(num_cross_layers, rank=rank, num_experts=num_experts, **self.part("cross"))
        )
        self.deep = None
        if self.hidden_units:
            self.deep = MLP(self.hidden_units, dropout_rate=dropout_rate, batch_norm=batch_norm, **self.part("deep"))
        self.head = self.make_head()

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        inputs = flatten_fields(self.embedding(features).fields)  # (batch, fields · dim)
        crossed = self.cross(inputs)  # (batch, fields · dim)
        if self.deep is None:
            return self.head(crossed)
        if self.structure == "stacked":
            return self.head(self.deep(crossed, training=training))
        return self.head(ops.concatenate([crossed, self.deep(inputs, training=training)], axis=-1))
