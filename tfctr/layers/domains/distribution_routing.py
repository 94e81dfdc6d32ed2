"""Groups of rows found while training, by where their embeddings point."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import keras
from keras import ops

from tfctr.layers._base import Layer, Shape, Tensor

Mode = Literal["iterated", "port_a", "port_b"]

_LEAST_SQUARE = 1e-24
"""Below this squared length a vector counts as zero, and stays so."""


class Routed(NamedTuple):
    """Which cluster a row belongs to.

    Attributes:
        coefficients: Share of each cluster, float32 ``(batch, clusters)``, rows add up to 1.
        clusters: The largest of them, int32 ``(batch,)``.
    """

    coefficients: Tensor
    clusters: Tensor


@keras.saving.register_keras_serializable(package="tfctr")
class DistributionRouting(Layer):
    """Compare each row with K centres on the unit sphere, and let the centres follow the rows.

    With ``e' = e/‖e‖``, centres c and temperature τ, a training step makes temporary centres ``t ← c`` and does
    `iterations` times ``r = softmax(e' tᵀ / τ)``, ``t_k ← normalise(Σ_b r_bk e'_b)``. Then
    ``c_k ← normalise(β c_k + (1 − β) t_k)``. Coefficients and clusters, in training and later, are those of c.

    Rows of a real log have much in common: fields of one value for most rows, and steps of the optimizer that move all
    vectors alike. Then rows point nearly the same way, and all centres do. With `centred` e is ``row − m``, what a row
    differs from the others by. m follows the rows as centres do, ``m ← β m + (1 − β) mean_b row_b``, and begins as the
    mean of the first batch.

    The routing sees rows without a gradient and passes none: towers behind it shape the embeddings. Centres and m are
    weights that never train, saved with the model; only training moves them, so that an answer does not depend on
    other rows. All of it runs in float32. Under a `tf.distribute` strategy sums run over the rows of all replicas.

    Two third-party codes of the paper differ from this reading and from each other, and are offered as they are,
    apart from what is plainly a mistake: there centres were not saved, and the second one moved them in evaluation
    too.

    - ``port_a``: `iterations` times ``c_k ← normalise(β c_k + (1 − β) Σ_b r_bk e_b)``. The sum grows with the batch,
      which leaves β without effect. Over several replicas it is the mean of their sums.
    - ``port_b``: once ``c_k ← normalise(β c_k + (1 − β) normalise(Σ_b r_bk e_b))``; its iterations are all the same.

    Both take ``r = softmax(e cᵀ)`` of rows as they are. Rows as short as embeddings are at first give even
    coefficients, and all centres the same direction: unit rows and a temperature are what sets them apart.

    Input shape: ``(batch, width)``.
    Output: `Routed`.

    Args:
        clusters: K, at least 1.
        momentum: β, in [0, 1).
        iterations: Passes of a training step, at least 1.
        temperature: τ, above 0; `iterated` alone has one.
        mode: `iterated`, `port_a` or `port_b`.
        centred: Whether rows are told apart by what they differ from their mean by; `iterated` alone can.
        warm_up: Training steps for which `warming` is true; see `AdaptDHM`.
        revive: Whether a cluster whose `usage` is below ``1/(10 K)`` gets a new centre: the row of the batch that is
            farthest from all centres.
        window: Batches that `usage` looks back on, as a moving average.

    Raises:
        ValueError: When an argument is out of range.

    Example:
        >>> import numpy as np
        >>> routed = DistributionRouting(3)(np.eye(4))
        >>> print(routed.coefficients.shape, routed.clusters.shape)
        (4, 3) (4,)

    Reference: J. Li et al., "AdaptDHM: Adaptive Distribution Hierarchical Model for Multi-Domain CTR Prediction",
    arXiv 2211.12105, the distribution adaptation module. β and the number of passes are those of both codes; the
    temperature, the unit rows and what is iterated are this library's reading.
    """

    def __init__(
        self,
        clusters: int,
        *,
        momentum: float = 0.9,
        iterations: int = 3,
        temperature: float = 0.1,
        mode: Mode = "iterated",
        centred: bool = False,
        warm_up: int = 0,
        revive: bool = False,
        window: int = 100,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if clusters < 1 or iterations < 1 or window < 1 or warm_up < 0:
            raise ValueError(
                "DistributionRouting needs clusters, iterations and window of at least 1, warm_up of at least 0. "
                f"Received: clusters={clusters}, iterations={iterations}, window={window}, warm_up={warm_up}"
            )
        if not 0 <= momentum < 1 or temperature <= 0:
            raise ValueError(
                "DistributionRouting needs momentum in [0, 1) and temperature > 0. "
                f"Received: momentum={momentum}, temperature={temperature}"
            )
        if mode not in get_args(Mode):
            raise ValueError(f"DistributionRouting: mode is one of {get_args(Mode)}. Received: mode={mode!r}")
        self.clusters = clusters
        self.momentum = momentum
        self.iterations = iterations
        self.temperature = temperature
        self.mode = mode
        self.centred = centred
        self.warm_up = warm_up
        self.revive = revive
        self.window = window

    def build(self, inputs_shape: Shape) -> None:
        still = {"trainable": False, "autocast": False, "aggregation": "only_first_replica"}
        self.centres = self.add_weight(
            name="centres", shape=(self.clusters, inputs_shape[-1]), initializer=UnitRows(), dtype="float32", **still
        )
        even = keras.initializers.Constant(1.0 / self.clusters)
        self.usage = self.add_weight(name="usage", shape=(self.clusters,), initializer=even, dtype="float32", **still)
        self.steps = self.add_weight(name="steps", shape=(), initializer="zeros", dtype="int32", **still)
        self.mean: keras.Variable | None = None
        if self.centred and self.mode == "iterated":
            self.mean = self.add_weight(
                name="mean", shape=inputs_shape[-1:], initializer="zeros", dtype="float32", **still
            )

    @property
    def warming(self) -> Tensor:
        """Whether the latest training step is one of the first `warm_up`, bool scalar."""
        return ops.convert_to_tensor(self.steps) <= self.warm_up

    def call(self, inputs: Tensor, training: bool | None = None) -> Routed:
        """Route inputs ``(batch, width)``; training moves the centres first."""
        rows = ops.stop_gradient(ops.cast(inputs, "float32"))
        if self.mean is not None:
            rows = rows - (self._followed_mean(rows) if training else ops.convert_to_tensor(self.mean))
        rows = unit(rows) if self.mode == "iterated" else rows
        centres = ops.convert_to_tensor(self.centres)
        if training:
            centres = self._trained(rows, self.moved(rows, centres))
        return self._routed(rows, centres)

    def _followed_mean(self, rows: Tensor) -> Tensor:
        """Let the mean follow the rows of a step, and return it, ``(width,)``."""
        assert self.mean is not None
        before, now = ops.convert_to_tensor(self.mean), _over_replicas(ops.mean(rows, axis=0))
        share = ops.where(ops.convert_to_tensor(self.steps) == 0, 1.0, 1.0 - self.momentum)
        self.mean.assign(before + share * (now - before))
        return ops.convert_to_tensor(self.mean)

    def _routed(self, rows: Tensor, centres: Tensor) -> Routed:
        coefficients = self.coefficients(rows, centres)
        _, largest = ops.top_k(coefficients, 1)  # `argmax` of Keras looks at bits, which other runtimes cannot
        return Routed(coefficients, ops.cast(largest[:, 0], "int32"))

    def _trained(self, rows: Tensor, centres: Tensor) -> Tensor:
        """Keep these centres, count the step and its rows by cluster; return the centres, dead ones replaced."""
        members = ops.cast(
            ops.expand_dims(self._routed(rows, centres).clusters, 1) == ops.arange(self.clusters), "float32"
        )
        usage = ops.convert_to_tensor(self.usage)
        usage = usage + (_over_replicas(ops.mean(members, axis=0)) - usage) / self.window
        if self.revive:
            dead = usage < 0.1 / self.clusters
            centres = ops.where(ops.expand_dims(dead, 1), self._strangers(rows, centres, dead), centres)
            usage = ops.where(dead, 1.0 / self.clusters, usage)
        self.steps.assign(self.steps + 1)
        self.usage.assign(usage)
        self.centres.assign(centres)
        return ops.convert_to_tensor(self.centres)  # on every replica those of the first

    def _strangers(self, rows: Tensor, centres: Tensor, dead: Tensor) -> Tensor:
        """A row for each dead cluster, the farthest from all centres first, ``(clusters, width)``."""
        rows = unit(rows)
        nearest = ops.max(ops.matmul(rows, ops.transpose(centres)), axis=1)  # (batch,)
        place = ops.clip(ops.cumsum(ops.cast(dead, "int32")) - 1, 0, ops.shape(rows)[0] - 1)
        return ops.take(rows, ops.take(ops.argsort(nearest), place), axis=0)

    def coefficients(self, rows: Tensor, centres: Tensor) -> Tensor:
        """Return the share of each centre ``(clusters, width)`` in rows ``(batch, width)``: ``(batch, clusters)``."""
        scores = ops.matmul(rows, ops.transpose(centres))
        if self.clusters == 1:  # Keras warns of a softmax over one number
            return ops.ones_like(scores)
        return ops.softmax(scores / self.temperature if self.mode == "iterated" else scores, axis=-1)

    def moved(self, rows: Tensor, centres: Tensor) -> Tensor:
        """Return the centres ``(clusters, width)`` after a training step on rows ``(batch, width)``."""
        if self.mode == "iterated":
            return self._followed(centres, self.temporary(rows, centres))
        if self.mode == "port_b":
            return self._followed(centres, unit(self._sums(rows, centres)))
        for _ in range(self.iterations):
            centres = self._followed(centres, self._sums(rows, centres))
        return centres

    def temporary(self, rows: Tensor, centres: Tensor) -> Tensor:
        """Return the temporary centres that `iterated` ends with, ``(clusters, width)``."""
        for _ in range(self.iterations):
            centres = unit(self._sums(rows, centres))
        return centres

    def _followed(self, centres: Tensor, targets: Tensor) -> Tensor:
        return unit(self.momentum * centres + (1.0 - self.momentum) * targets)

    def _sums(self, rows: Tensor, centres: Tensor) -> Tensor:
        """Rows weighted by their coefficients and added up, ``(clusters, width)``."""
        return _over_replicas(ops.matmul(ops.transpose(self.coefficients(rows, centres)), rows))

    def cosines(self) -> Tensor:
        """Return the cosines between the centres, ``(clusters, clusters)``."""
        centres = unit(ops.convert_to_tensor(self.centres))
        return ops.matmul(centres, ops.transpose(centres))

    def compute_output_spec(self, inputs: Tensor, training: bool | None = None) -> Routed:
        batch = inputs.shape[0]
        return Routed(
            keras.KerasTensor((batch, self.clusters), dtype="float32"), keras.KerasTensor((batch,), dtype="int32")
        )


class UnitRows(keras.initializers.Initializer):
    """Normal rows brought to length 1: directions drawn evenly."""

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        return unit(keras.initializers.RandomNormal(stddev=1.0)(shape, dtype=dtype))


def unit(vectors: Tensor) -> Tensor:
    """Bring vectors ``(..., width)`` to length 1; zeros stay zeros."""
    squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
    return vectors * ops.rsqrt(ops.maximum(squares, _LEAST_SQUARE))


def _over_replicas(values: Tensor) -> Tensor:
    """The mean of what the replicas of a `tf.distribute` strategy have."""
    joint = keras.backend.backend() == "tensorflow"  # Keras has it for no other backend, where arrays are global
    mean, _ = ops.moments(ops.expand_dims(values, 0), axes=[0], synchronized=joint)
    return mean
