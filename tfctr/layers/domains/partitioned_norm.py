"""Normalisation by domain, as STAR has it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers.domains._by_group import UNKNOWN, ByGroup
from tfctr.layers.domains._row_blocks import take_groups

LEAST_ROWS = 2
"""Rows of a domain that a batch must have for its statistics to count: one row has no variance."""


@keras.saving.register_keras_serializable(package="tfctr")
class PartitionedNorm(ByGroup):
    """``z' = (γ ∘ γ_d) ∘ (z − μ_d) / sqrt(σ²_d + ε) + (β + β_d)``, mean and variance of the rows of domain d alone.

    In training they are those of the domain's rows in the batch, at inference their moving averages, so that an answer
    never depends on other rows. A domain with a single row in a batch takes its moving averages. Group 0 is that of
    unknown domains: it has ``γ, β`` alone, and the statistics of all rows.

    Statistics run in float32, also in mixed precision. Under a `tf.distribute` strategy they are those of the replica's
    rows, and the moving averages are the mean over the replicas.

    Input shape: inputs ``(batch, width)``, groups int ``(batch,)`` in ``[0, groups)``.
    Output shape: ``(batch, width)``.

    Args:
        groups: Groups, the unknown one included.
        momentum: Weight of the old moving average in each step, in [0, 1); 0.9, as in the towers of this package.
        epsilon: Added to the variance, above 0.
        vocabulary: See `ByGroup`.

    Raises:
        ValueError: When `momentum` or `epsilon` is out of range.

    Example:
        >>> import numpy as np
        >>> norm, rows = PartitionedNorm(3), np.array([[1.0], [3.0], [100.0], [300.0]])
        >>> print([round(float(value), 3) for value in norm(rows, np.array([1, 1, 2, 2]), training=True)[:, 0]])
        [-1.0, 1.0, -1.0, 1.0]

    Reference: X. Sheng et al., "One Model to Serve All: Star Topology Adaptive Recommender for Multi-Domain CTR
    Prediction", CIKM 2021, arXiv 2101.11427, section 3: partitioned normalization.
    """

    def __init__(self, groups: int, *, momentum: float = 0.9, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(groups, **kwargs)
        if not 0 <= momentum < 1 or epsilon <= 0:
            raise ValueError(
                "PartitionedNorm needs momentum in [0, 1) and epsilon > 0. "
                f"Received: momentum={momentum}, epsilon={epsilon}"
            )
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, inputs_shape: Shape, groups_shape: Shape = None) -> None:
        shape = (inputs_shape[-1],)
        exact: dict[str, Any] = {"dtype": "float32", "autocast": False}
        self._gamma = self.add_weight(name="gamma", shape=shape, initializer="ones", **exact)
        self._beta = self.add_weight(name="beta", shape=shape, initializer="zeros", **exact)
        self._own_gamma = self.add_by_group("own_gamma", shape, initializer="ones", **exact)
        self._own_beta = self.add_by_group("own_beta", shape, initializer="zeros", **exact)
        still = {"trainable": False, "aggregation": "mean", **exact}
        self._mean = self.add_by_group("moving_mean", shape, initializer="zeros", **still)
        self._variance = self.add_by_group("moving_variance", shape, initializer="ones", **still)

    def call(self, inputs: Tensor, groups: Tensor, training: bool | None = None) -> Tensor:
        """Normalise inputs ``(batch, width)`` of groups ``(batch,)``; the shape stays."""
        rows, groups = ops.cast(inputs, "float32"), ops.cast(groups, "int32")
        known = ops.expand_dims(groups != UNKNOWN, 1)  # (batch, 1)
        gamma = self._gamma * ops.where(known, take_groups(self._own_gamma, groups), 1.0)  # (batch, width)
        beta = self._beta + ops.where(known, take_groups(self._own_beta, groups), 0.0)
        moments = self._batch_moments(rows, groups) if training else (self._mean, self._variance)  # (groups, width)
        mean, variance = (ops.take(moment, groups, axis=0) for moment in moments)
        outputs = gamma * (rows - mean) * ops.rsqrt(variance + self.epsilon) + beta
        return ops.cast(outputs, self.compute_dtype)

    def _batch_moments(self, rows: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of each group ``(groups, width)``; moves the averages towards them."""
        count = self._totals(ops.ones_like(rows[:, :1]), groups)  # (groups, 1)
        mean = self._totals(rows, groups) / ops.maximum(count, 1.0)
        squares = ops.square(rows - ops.take(mean, groups, axis=0))
        of_all = ops.square(rows - mean[UNKNOWN])
        variance = self._totals(squares, groups, of_all) / ops.maximum(count, 1.0)
        enough = count >= LEAST_ROWS
        mean = ops.where(enough, mean, ops.convert_to_tensor(self._mean))
        variance = ops.where(enough, variance, ops.convert_to_tensor(self._variance))
        for average, value in ((self._mean, mean), (self._variance, variance)):
            average.assign(average * self.momentum + ops.stop_gradient(value) * (1.0 - self.momentum))
        return mean, variance

    def _totals(self, rows: Tensor, groups: Tensor, of_all: Tensor | None = None) -> Tensor:
        """Sums of rows by group, ``(groups, width)``; group 0 has the sum of all, of `of_all` where it is given."""
        sums = ops.segment_sum(rows, groups, num_segments=self.groups)
        whole = ops.sum(rows if of_all is None else of_all, axis=0, keepdims=True)
        return ops.concatenate([whole, sums[1:]], axis=0)

    def compute_output_shape(self, inputs_shape: Shape, groups_shape: Shape = None) -> Shape:
        return inputs_shape
