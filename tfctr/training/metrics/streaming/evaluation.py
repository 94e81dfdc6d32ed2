"""All figures of a stream of predictions behind one `add`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfctr.training.metrics.evaluate import group_figures
from tfctr.training.metrics.metric_inputs import read_groups, read_rows
from tfctr.training.metrics.streaming.group_sample import GroupSample
from tfctr.training.metrics.streaming.histogram import LogitHistogram
from tfctr.training.metrics.streaming.sums import BinarySums


class StreamingEvaluation:
    """The figures of `evaluate_arrays` for a stream, each estimate with the bound of its error.

    Memory does not grow with the rows: 3.7 MB of histogram, and up to `max_group_rows` rows of 24 bytes when groups are
    given.

    Args:
        bins: Bins of the logit histogram; more bins, tighter bounds.
        max_group_rows: Rows held for GAUC and ranking; beyond, groups are sampled.

    Example:
        >>> stream = StreamingEvaluation()
        >>> _ = stream.add([0, 1], [0.1, 0.4]).add([0, 1], [0.4, 0.8])
        >>> figures = stream.result()
        >>> figures["auc"], figures["auc_error"], figures["rows"]
        (0.875, 0.0, 4.0)
    """

    def __init__(self, *, bins: int = 65_536, max_group_rows: int = 4_000_000) -> None:
        self._sums = BinarySums()
        self._histogram = LogitHistogram(bins=bins)
        self._groups = GroupSample(max_rows=max_group_rows)

    def add(
        self,
        labels: ArrayLike,
        probabilities: ArrayLike,
        groups: ArrayLike | None = None,
        weights: ArrayLike | None = None,
    ) -> StreamingEvaluation:
        """Add rows; arguments and errors as in `evaluate_arrays`. Give groups always or never."""
        rows = read_rows(labels, probabilities, weights)
        self._sums.add_rows(rows)
        self._histogram.add_rows(rows)
        if groups is not None:
            keys = read_groups(groups, weights, len(np.atleast_1d(np.asarray(labels))))
            self._groups.add_rows(keys, rows)
        return self

    def merge(self, other: StreamingEvaluation) -> StreamingEvaluation:
        """Add the rows of `other`, which must have equal settings."""
        self._sums.merge(other._sums)
        self._histogram.merge(other._histogram)
        self._groups.merge(other._groups)
        return self

    def state(self) -> dict[str, dict[str, NDArray[Any]]]:
        """Everything needed to go on elsewhere, by part."""
        return {
            "sums": self._sums.state(),
            "histogram": self._histogram.state(),
            "groups": self._groups.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Mapping[str, NDArray[Any]]]) -> StreamingEvaluation:
        """The accumulator that gave this state."""
        evaluation = cls()
        evaluation._sums = BinarySums.from_state(state["sums"])
        evaluation._histogram = LogitHistogram.from_state(state["histogram"])
        evaluation._groups = GroupSample.from_state(state["groups"])
        return evaluation

    def result(self, *, ks: Sequence[int] = ()) -> dict[str, float]:
        """The figures of all rows added.

        Args:
            ks: Depths of NDCG, recall and precision, when groups were given.

        Returns:
            The keys of `evaluate_arrays`, and auc_error, ece_mass_error, calibration_slope_error,
            calibration_intercept_error (bounds), with groups also gauc_standard_error and gauc_sampled_share.

        Raises:
            ValueError: Groups were given for some rows only.
        """
        sums, ece_mass = self._sums, self._histogram.expected_calibration_error()
        area, fit = self._histogram.auc(), self._histogram.recalibration()
        figures = {
            "rows": float(sums.rows),
            "mean_label": sums.mean_label(),
            "mean_prediction": sums.mean_prediction(),
            "auc": area.value,
            "auc_error": area.error,
            "logloss": sums.logloss(),
            "normalized_entropy": sums.normalized_entropy(),
            "rig": sums.relative_information_gain(),
            "brier": sums.brier(),
            "ece": sums.expected_calibration_error(),
            "ece_mass": ece_mass.value,
            "ece_mass_error": ece_mass.error,
            "calibration_ratio": sums.calibration_ratio(),
            "calibration_slope": fit.slope,
            "calibration_slope_error": fit.slope_error,
            "calibration_intercept": fit.intercept,
            "calibration_intercept_error": fit.intercept_error,
        }
        if self._groups.rows_seen:
            figures |= self._group_figures(ks)
        return figures

    def _group_figures(self, ks: Sequence[int]) -> dict[str, float]:
        if self._groups.rows_seen != self._sums.rows:
            raise ValueError(
                f"Groups were given for {self._groups.rows_seen} of {self._sums.rows} rows. "
                "Give them with every call of add, or with none."
            )
        gauc = self._groups.gauc()
        return group_figures(gauc, [self._groups.ranking(k) for k in ks]) | {
            "gauc_standard_error": gauc.standard_error,
            "gauc_sampled_share": gauc.sampled_share,
        }
