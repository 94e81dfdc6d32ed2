"""Keras metrics for `compile(metrics=...)`: AUC, normalized entropy, ECE and calibration ratio, on any backend.

They keep sums on the device and never hold rows. Sums are float32 pairs (value, lost digits), so that they keep about
48 bits where a plain float32 stops counting at 16.7 million rows. GAUC needs group ids, which Keras does not hand to
metrics: `tfctr.training.metrics.evaluation_callback` reports it.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.training.metrics.calibration import BINS
from tfctr.training.metrics.metric_inputs import EPSILON

__all__ = ["CalibrationRatio", "ExpectedCalibrationError", "NormalizedEntropy", "StreamingAUC"]

# logit(1 - EPSILON) in float32, where 1 - 1e-7 is 1 - 2^-23
_LIMIT = 15.942385


class _RowMetric(keras.metrics.Metric):
    """Sums over rows: a subclass says what to sum for a batch and what to make of the sums.

    Args:
        name: Name in the logs.
        dtype: Type of the sums; None means float32.
    """

    def __init__(self, *, name: str, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self._sums: dict[str, tuple[Any, Any]] = {}

    def _add_sum(self, name: str, shape: tuple[int, ...] = ()) -> None:
        total = self.add_variable(shape, "zeros", name=name)
        lost = self.add_variable(shape, "zeros", name=f"{name}_lost")
        self._sums[name] = (total, lost)

    def batch_sums(self, labels: Any, probabilities: Any, weights: Any) -> dict[str, Any]:
        """What the batch adds to each sum; the arguments have shape `(batch,)`."""
        raise NotImplementedError

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: 0 or 1, `(batch,)` or `(batch, 1)`.
            y_pred: Probabilities, same shape.
            sample_weight: Row weights `(batch,)` or `(batch, 1)`; None means 1 each.
        """
        labels = ops.reshape(ops.cast(y_true, self.dtype), (-1,))
        probabilities = ops.reshape(ops.cast(y_pred, self.dtype), (-1,))
        if sample_weight is None:
            weights = ops.ones_like(labels)
        else:
            weights = ops.reshape(ops.cast(sample_weight, self.dtype), (-1,))
        # Rows of weight 0 are not there: whatever they hold, even NaN, must not reach a sum.
        counts = weights > 0
        labels = ops.where(counts, labels, 0.0)
        probabilities = ops.where(counts, probabilities, 0.5)
        for name, increment in self.batch_sums(labels, probabilities, weights).items():
            total, lost = self._sums[name]
            before = ops.convert_to_tensor(total)
            after = before + increment
            # Knuth's two-sum: the rounding error of `after`, exactly
            part = after - before
            error = (before - (after - part)) + (increment - part)
            lost.assign(lost + error)
            total.assign(after)

    def _sum(self, name: str) -> Any:
        total, lost = self._sums[name]
        return ops.convert_to_tensor(total) + ops.convert_to_tensor(lost)


@keras.saving.register_keras_serializable(package="tfctr")
class StreamingAUC(_RowMetric):
    """AUC from a histogram of logits.

    Pairs inside one bin count half, so the error is at most the sum over bins of positives * negatives / (2 P N):
    about 4.5 / bins for logits of deviation 1 (3e-4 by default). Inside a narrow bin the order is as good as random, so
    the true error is usually some ten times smaller on thousands of rows, and less on more. For a figure with its bound
    computed: `tfctr.training.metrics.LogitHistogram`. Probabilities are cut to [1e-7, 1 - 1e-7].

    Args:
        bins: Number of bins, equally wide on the logit scale.
        name: Name in the logs.
        dtype: Type of the sums; None means float32.

    Raises:
        ValueError: bins is below 2.

    Example:
        >>> metric = StreamingAUC()
        >>> metric.update_state([0, 1, 0, 1], [0.1, 0.4, 0.4, 0.8])
        >>> round(float(metric.result()), 6)
        0.875
    """

    def __init__(self, *, bins: int = 16_384, name: str = "auc", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        if bins < 2:
            raise ValueError(f"bins must be at least 2. Received: {bins}.")
        self.bins = bins
        self._add_sum("positives", (bins,))
        self._add_sum("negatives", (bins,))

    def batch_sums(self, labels: Any, probabilities: Any, weights: Any) -> dict[str, Any]:
        p = ops.clip(probabilities, EPSILON, 1 - EPSILON)
        logit = ops.log(p) - ops.log1p(-p)
        place = ops.floor((logit + _LIMIT) * (self.bins / (2 * _LIMIT)))
        # NaN has no place: it goes to the first bin with a NaN weight, which makes the result NaN.
        weights = ops.where(ops.isnan(place), place, weights)
        index = ops.cast(ops.clip(ops.where(ops.isnan(place), 0.0, place), 0, self.bins - 1), "int32")
        return {
            "positives": ops.segment_sum(weights * labels, index, num_segments=self.bins),
            "negatives": ops.segment_sum(weights * (1 - labels), index, num_segments=self.bins),
        }

    def result(self) -> Any:
        positives, negatives = self._sum("positives"), self._sum("negatives")
        # Shares instead of counts: products of counts would leave float32's digits.
        positives = positives / ops.sum(positives)
        negatives = negatives / ops.sum(negatives)
        below = ops.cumsum(negatives) - negatives
        return ops.sum(positives * (below + negatives / 2))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "bins": self.bins}


@keras.saving.register_keras_serializable(package="tfctr")
class NormalizedEntropy(_RowMetric):
    """Logloss over the entropy of the mean label; below 1 is better than predicting the mean. NaN for one class.

    Args:
        epsilon: Probabilities are cut to [epsilon, 1 - epsilon]; float32 cannot tell less than 6e-8 from 0 at 1 - p.
        name: Name in the logs.
        dtype: Type of the sums; None means float32.

    Example:
        >>> metric = NormalizedEntropy()
        >>> metric.update_state([1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25])
        >>> round(float(metric.result()), 6)
        1.0
    """

    def __init__(self, *, epsilon: float = EPSILON, name: str = "normalized_entropy", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.epsilon = epsilon
        for part in ("loss", "positives", "weight"):
            self._add_sum(part)

    def batch_sums(self, labels: Any, probabilities: Any, weights: Any) -> dict[str, Any]:
        p = ops.clip(probabilities, self.epsilon, 1 - self.epsilon)
        loss = -(labels * ops.log(p) + (1 - labels) * ops.log1p(-p))
        return {
            "loss": ops.sum(weights * loss),
            "positives": ops.sum(weights * labels),
            "weight": ops.sum(weights),
        }

    def result(self) -> Any:
        weight = self._sum("weight")
        mean = self._sum("positives") / weight
        entropy = -(mean * ops.log(mean) + (1 - mean) * ops.log1p(-mean))
        return self._sum("loss") / weight / entropy

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="tfctr")
class ExpectedCalibrationError(_RowMetric):
    """ECE with equal-width buckets: weighted mean over buckets of |mean prediction - mean label|.

    Args:
        bins: Number of buckets.
        name: Name in the logs.
        dtype: Type of the sums; None means float32.

    Raises:
        ValueError: bins is below 1.

    Example:
        >>> metric = ExpectedCalibrationError(bins=2)
        >>> metric.update_state([0, 1, 0, 1], [0.1, 0.2, 0.6, 0.9])
        >>> round(float(metric.result()), 6)
        0.3
    """

    def __init__(self, *, bins: int = BINS, name: str = "ece", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        if bins < 1:
            raise ValueError(f"bins must be at least 1. Received: {bins}.")
        self.bins = bins
        self._add_sum("gaps", (bins,))
        self._add_sum("weight")

    def batch_sums(self, labels: Any, probabilities: Any, weights: Any) -> dict[str, Any]:
        known = ops.where(ops.isnan(probabilities), 0.0, probabilities)
        index = ops.cast(ops.clip(ops.floor(known * self.bins), 0, self.bins - 1), "int32")
        gaps = ops.segment_sum(weights * (probabilities - labels), index, num_segments=self.bins)
        return {"gaps": gaps, "weight": ops.sum(weights)}

    def result(self) -> Any:
        return ops.sum(ops.abs(self._sum("gaps"))) / self._sum("weight")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "bins": self.bins}


@keras.saving.register_keras_serializable(package="tfctr")
class CalibrationRatio(_RowMetric):
    """Mean prediction over mean label: 1 is right, above 1 predicts too many clicks. NaN without positives.

    Args:
        name: Name in the logs.
        dtype: Type of the sums; None means float32.

    Example:
        >>> metric = CalibrationRatio()
        >>> metric.update_state([1, 0, 0, 1], [0.5, 0.25, 0.25, 0.5])
        >>> float(metric.result())
        0.75
    """

    def __init__(self, *, name: str = "calibration_ratio", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self._add_sum("predictions")
        self._add_sum("positives")

    def batch_sums(self, labels: Any, probabilities: Any, weights: Any) -> dict[str, Any]:
        return {"predictions": ops.sum(weights * probabilities), "positives": ops.sum(weights * labels)}

    def result(self) -> Any:
        positives = self._sum("positives")
        # 0 / 0, not x / 0: without positives the ratio is undefined, not infinite
        predictions = ops.where(positives > 0, self._sum("predictions"), 0.0)
        return predictions / positives
