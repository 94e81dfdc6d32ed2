"""Figures of survival curves on Beam: TFMA metrics for the Evaluator, its slices and its gate.

Labels are signed durations (`tfctr.data.signed_durations`), predictions the probabilities of lasting beyond each cut
point. The rows themselves are kept, so that the figures equal those of `evaluate_survival` exactly, up to
`max_held_rows` rows a slice; beyond, they are those of a hashed sample of so many rows. Not imported by
`tfctr.training.metrics`, because it loads TFMA and Beam.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from numpy.typing import NDArray
from tensorflow_model_analysis.metrics.metric_types import register_metric
from tensorflow_model_analysis.proto import config_pb2

from tfctr.spec.survival_task import SHORTEST
from tfctr.training.metrics._evaluate_survival import evaluate_survival

__all__ = ["CIndex", "HeldRows", "IntegratedBrier"]

MAX_HELD_ROWS = 500_000
"""Rows held a slice, 8 bytes for each cut point and 16 besides."""


class CIndex(tfma.metrics.Metric):
    """C-index of the expected life: higher is better, 0.5 is chance. Also gives ``nll`` and ``event_share``.

    Equals `tfctr.training.metrics.concordance_index`.

    Args:
        cut_points: Upper ends of the intervals.
        max_held_rows: Rows held a slice; beyond, a sample.
        name: Name of the metric in results.
    """

    def __init__(self, cut_points: Sequence[float], max_held_rows: int = MAX_HELD_ROWS, name: str = "c_index") -> None:
        super().__init__(
            _computations(_ranking_names), cut_points=list(cut_points), max_held_rows=max_held_rows, name=name
        )


class IntegratedBrier(tfma.metrics.Metric):
    """Integrated Brier score, censored rows weighted out: lower is better. Also gives ``<name>@t`` at each cut point.

    Equals the figures of `tfctr.training.metrics.evaluate_survival`.

    Args:
        cut_points: Upper ends of the intervals.
        max_held_rows: Rows held a slice; beyond, a sample.
        name: Name of the metric in results.
    """

    def __init__(self, cut_points: Sequence[float], max_held_rows: int = MAX_HELD_ROWS, name: str = "brier") -> None:
        super().__init__(
            _computations(_error_names), cut_points=list(cut_points), max_held_rows=max_held_rows, name=name
        )


def _ranking_names(name: str, cut_points: Sequence[float]) -> dict[str, str]:
    """Public name -> figure of `evaluate_survival`."""
    return {name: "c_index", "nll": "nll", "event_share": "event_share"}


def _error_names(name: str, cut_points: Sequence[float]) -> dict[str, str]:
    return {name: "brier", **{f"{name}@{time:g}": f"brier@{time:g}" for time in cut_points}}


for _metric in (CIndex, IntegratedBrier):
    register_metric(_metric)


class HeldRows:
    """Rows of (signed duration, weight, curve), at most `limit` of them.

    Attributes:
        parts: Arrays float64 ``(rows, 2 + cut points)``: a long one, and those that came since it was made.
    """

    def __init__(self, limit: int):
        self.limit = limit
        self.parts: list[NDArray[np.float64]] = []
        self._fresh = 0

    def add(self, rows: NDArray[np.float64]) -> Self:
        """Add rows, in place. They come one by one: as many arrays as rows would take many times their memory."""
        self.parts.append(rows)
        self._fresh += len(rows)
        if self._fresh > max(1024, len(self.parts[0])):  # so that each row is copied a bounded number of times
            self.parts, self._fresh = [self.rows()], 0
        return self

    def rows(self) -> NDArray[np.float64]:
        """Return the rows in one array; of too many those with the smallest hashes, whatever their order."""
        if not self.parts:
            return np.zeros((0, 0))
        joined = np.concatenate(self.parts)
        if len(joined) <= self.limit:
            return joined
        return joined[np.argsort(_hashes(joined), kind="stable")[: self.limit]]


def _hashes(rows: NDArray[np.float64]) -> NDArray[np.uint64]:
    """A hash of the content of each row; rows of one content have one hash."""
    words = np.ascontiguousarray(rows).view(np.uint64)
    found = np.zeros(len(rows), np.uint64)
    for column in words.T:
        found = (found ^ column) * np.uint64(0x9E3779B97F4A7C15)
        found ^= found >> np.uint64(29)
    return found


class _RowsCombiner(beam.CombineFn):
    """Keeps the rows of a slice, and says their figures."""

    def __init__(
        self, key: Any, cut_points: Sequence[float], limit: int, eval_config: config_pb2.EvalConfig | None
    ) -> None:
        self._key = key
        self._cut_points = tuple(cut_points)
        self._limit = limit
        self._eval_config = eval_config

    def create_accumulator(self) -> HeldRows:
        return HeldRows(self._limit)

    def add_input(self, accumulator: HeldRows, element: Any) -> HeldRows:
        for label, prediction, weight in tfma.metrics.to_label_prediction_example_weight(
            element,
            eval_config=self._eval_config,
            model_name=self._key.model_name,
            output_name=self._key.output_name,
            example_weighted=self._key.example_weighted,
            flatten=False,
        ):
            curve = np.asarray(prediction, np.float64).reshape(-1, len(self._cut_points))
            columns = [
                np.broadcast_to(np.asarray(part, np.float64).reshape(-1), len(curve)) for part in (label, weight)
            ]
            accumulator.add(np.column_stack([*columns, curve]))
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[HeldRows]) -> HeldRows:
        merged = self.create_accumulator()
        for other in accumulators:
            for part in other.parts:
                merged.add(part)
        return merged

    def extract_output(self, accumulator: HeldRows) -> dict[Any, dict[str, float]]:
        rows = accumulator.rows()
        if not rows.size:
            rows = np.zeros((0, 2 + len(self._cut_points)))
        durations = np.abs(rows[:, 0])
        durations[durations <= np.float32(SHORTEST)] = 0.0
        return {self._key: evaluate_survival(durations, rows[:, 0] > 0, rows[:, 2:], self._cut_points, rows[:, 1])}


def _computations(names_of: Callable[[str, Sequence[float]], dict[str, str]]) -> Callable[..., Any]:
    """The rows once (TFMA runs equal computations once) and the public figures read from them."""

    def computations(  # TFMA calls it by the names of its arguments
        name: str,
        cut_points: Sequence[float],
        max_held_rows: int,
        eval_config: config_pb2.EvalConfig | None = None,
        model_name: str = "",
        output_name: str = "",
        example_weighted: bool = False,
    ) -> list[Any]:
        def key(name: str) -> Any:
            return tfma.metrics.MetricKey(
                name=name, model_name=model_name, output_name=output_name, example_weighted=example_weighted
            )

        source = key(f"_survival_rows_{max_held_rows}")
        names = {key(public): figure for public, figure in names_of(name, cut_points).items()}

        def result(metrics: dict[Any, Any]) -> dict[Any, float]:
            return {public: metrics[source][figure] for public, figure in names.items()}

        combiner = _RowsCombiner(source, cut_points, max_held_rows, eval_config)
        return [
            tfma.metrics.MetricComputation(keys=[source], preprocessors=None, combiner=combiner),
            tfma.metrics.DerivedMetricComputation(keys=list(names), result=result),
        ]

    merged: Callable[..., Any] = tfma.metrics.merge_per_key_computations(computations)
    return merged
