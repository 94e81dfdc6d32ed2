"""AdaptDHM: a tower for each group of rows, and the groups found while training."""

from __future__ import annotations

from typing import Any, Literal

from keras import ops

from tfctr.layers.domains import DistributionRouting, GroupTowers, Routed, mixed_logit
from tfctr.layers.interaction import flatten_fields
from tfctr.models._registry import register_model
from tfctr.models.ctr_model import CTRModel
from tfctr.spec import BoundSpec, RegressionTask


@register_model(
    paper="Li et al., 2022 (AdaptDHM); SIGIR 2023 (ADL)",
    label="AdaptDHM (domains found by themselves)",
    small={"embedding_dim": 4, "clusters": 2, "hidden_units": (6, 5), "warm_up": 1, "revive": True},
)
class AdaptDHM(CTRModel):
    """``logit = tower_k(e)``, k the cluster of ``e = flatten(fields)``: no label says what a domain is.

    `DistributionRouting` assigns a row to the nearest of K centres, which follow the embeddings while training. A
    layer of tower_k has the weights ``W_S ∘ W_k`` and the biases ``b_S + b_k``, see `GroupTowers`: the cost of an
    answer is that of one tower, for any number of clusters and of domains. A business domain, where the spec has one,
    is an ordinary field.

    Assignment is hard and has no gradient. What is wrong at first confirms itself: with `warm_up` the first steps train
    ``p = sum_k r_k p_k``, all towers by the coefficients of the row, at the cost of all of them; of a regression task p
    is the number. One cluster is an MLP.

    Args:
        spec: Bound spec.
        clusters: K. Choose it as the number of groups that one expects, or some more with `revive`; 3 as in third-party
            code, for the number of the paper could not be read.
        hidden_units: Widths of the towers.
        dropout_rate: Share of hidden units dropped in training.
        momentum: Weight of the old centres in a step.
        iterations: Passes of the routing in a training step.
        temperature: Of the softmax over clusters.
        routing_mode: `iterated`, or one of two third-party codes, see `DistributionRouting`.
        centred: Whether rows are routed by what they differ from their mean by: ours, neither the paper nor those
            codes have it. Without it all centres of a log whose rows have much in common take one direction, and
            rounding decides where a row goes.
        warm_up: Training steps with all towers mixed.
        revive: Whether a cluster that gets hardly a row is given another centre.
        **options: See `CTRModel`.

    Reference: J. Li et al., "AdaptDHM: Adaptive Distribution Hierarchical Model for Multi-Domain CTR Prediction",
    arXiv 2211.12105; shorter as "ADL: Adaptive Distribution Learning Framework for Multi-Scenario CTR Prediction",
    SIGIR 2023.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        clusters: int = 3,
        hidden_units: tuple[int, ...] = (256, 128, 64),
        dropout_rate: float = 0.0,
        momentum: float = 0.9,
        iterations: int = 3,
        temperature: float = 0.1,
        routing_mode: Literal["iterated", "port_a", "port_b"] = "iterated",
        centred: bool = True,
        warm_up: int = 0,
        revive: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        self.clusters = clusters
        self.hidden_units = tuple(hidden_units)
        self.dropout_rate = dropout_rate
        self.momentum = momentum
        self.iterations = iterations
        self.temperature = temperature
        self.routing_mode = routing_mode
        self.centred = centred
        self.warm_up = warm_up
        self.revive = revive
        self.embedding = self.make_embedding(name="embedding")
        self.routing = DistributionRouting(
            clusters,
            momentum=momentum,
            iterations=iterations,
            temperature=temperature,
            mode=routing_mode,
            centred=centred,
            warm_up=warm_up,
            revive=revive,
            dtype=self.dtype_policy,
            name="routing",
        )
        self.towers = GroupTowers(
            clusters, self.hidden_units, output_units=1, dropout_rate=dropout_rate, **self.part("towers")
        )

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        inputs = flatten_fields(self.embedding(features).fields)  # (batch, fields · dim)
        routed = self.routing(inputs, training=training)
        logit = self.towers(inputs, routed.clusters, training=training)  # (batch, 1)
        return self._warmed(inputs, routed, logit) if training and self.warm_up else logit

    def _warmed(self, inputs: Any, routed: Routed, logit: Any) -> Any:
        """The logit of all towers mixed while the routing warms up, else `logit`."""
        warming = self.routing.warming
        every = ops.cond(
            warming,
            lambda: ops.cast(self.towers.every(inputs)[..., 0], "float32"),  # (batch, clusters)
            lambda: ops.zeros_like(routed.coefficients),
        )
        if isinstance(self.spec.spec.tasks[0], RegressionTask):  # answers are means of numbers, not of probabilities
            mixed = ops.sum(routed.coefficients * every, axis=1, keepdims=True)
        else:
            mixed = mixed_logit(routed.coefficients, every)
        return ops.where(warming, ops.cast(mixed, logit.dtype), logit)

    def routed(self, features: dict[str, Any]) -> Routed:
        """Return the coefficients and the cluster of each row; the model must be built.

        `routing.usage` is the share of rows that each cluster got lately, `routing.cosines()` how near centres are.
        """
        return Routed(*self.routing(flatten_fields(self.embedding(features).fields), training=False))
