"""Metrics of probabilities that follow from sums over rows."""

from __future__ import annotations

import numpy as np

from tfctr.training.metrics._kinds_of_rows import ratio
from tfctr.training.metrics._logloss import loss_over_entropy, row_loss
from tfctr.training.metrics.calibration import BINS, width_bins
from tfctr.training.metrics.metric_inputs import Floats, Rows
from tfctr.training.metrics.sum_metric import SumMetric


def probability_metrics(bins: int = BINS) -> dict[str, SumMetric]:
    """Return logloss, brier, calibration_ratio, rig and ece by name, for streams, means over users and intervals.

    Each equals the function of its name (`relative_information_gain`, `expected_calibration_error` with equally wide
    buckets).

    Args:
        bins: Buckets of ece.

    Example:
        >>> probability_metrics()["brier"].value([1, 0], [0.5, 0.5])
        0.25
    """

    def gaps(rows: Rows) -> Floats:
        """Weight, and the gap between prediction and label in the column of the row's bucket."""
        columns = np.zeros((len(rows.labels), 1 + bins))
        columns[:, 0] = 1
        bucket = width_bins(np.nan_to_num(rows.scores), bins)
        columns[np.arange(len(bucket)), 1 + bucket] = rows.scores - rows.labels
        return columns

    metrics = (
        SumMetric("logloss", _parts, lambda sums: ratio(sums[..., 3], sums[..., 0])),
        SumMetric("brier", _parts, lambda sums: ratio(sums[..., 4], sums[..., 0])),
        SumMetric("calibration_ratio", _parts, lambda sums: ratio(sums[..., 2], sums[..., 1])),
        SumMetric("rig", _parts, _information_gain),
        SumMetric("ece", gaps, lambda sums: ratio(np.abs(sums[..., 1:]).sum(axis=-1), sums[..., 0])),
    )
    return {metric.name: metric for metric in metrics}


def _parts(rows: Rows) -> Floats:
    """Weight, label, prediction, cross entropy and squared error of each row."""
    y, p, _ = rows
    return np.stack([np.ones_like(p), y, p, row_loss(y, p), (p - y) ** 2], axis=1)


def _information_gain(sums: Floats) -> Floats:
    weight, label, _, loss, _ = np.moveaxis(sums, -1, 0)
    return 1 - loss_over_entropy(ratio(loss, weight), ratio(label, weight))
