"""Beam combiners behind the TFMA metrics: rows in, a mergeable accumulator of the package out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol, Self

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from tfctr.training.metrics._gauc import group_auc_mean
from tfctr.training.metrics.group_mean import GroupedResult, GroupMean, Weighting
from tfctr.training.metrics.metric_inputs import Floats, read_rows
from tfctr.training.metrics.streaming.group_sample import GroupSample

# Rows gathered before they are added to an accumulator at once; a slice with fewer stays as small as its rows.
_BUFFER_ROWS = 4096


class _RowAccumulator(Protocol):
    def add(self, labels: Any, probabilities: Any, weights: Any = None) -> Self: ...

    def merge(self, other: Any) -> Self: ...


class _Buffered:
    """Parts of rows not yet added, and the accumulator once there was enough to add.

    Attributes:
        parts: (labels, predictions, weights[, groups]) of one or more rows each.
        rows: Rows in the parts.
        accumulator: None until the first flush.
    """

    __slots__ = ("accumulator", "parts", "rows")

    def __init__(self) -> None:
        self.parts: list[tuple[Any, ...]] = []
        self.rows = 0
        self.accumulator: Any = None


class _BufferedCombiner(beam.CombineFn):
    """Gathers rows and adds them many at a time: an accumulator's cost is by call, not by row."""

    def __init__(self, key: Any, make: Callable[[], Any], eval_config: config_pb2.EvalConfig | None) -> None:
        self._key = key
        self._make = make
        self._eval_config = eval_config

    def create_accumulator(self) -> _Buffered:
        return _Buffered()

    def add_input(self, accumulator: _Buffered, element: Any) -> _Buffered:
        for part in self._parts(element):
            accumulator.parts.append(part)
            accumulator.rows += len(part[0])
        if accumulator.rows >= _BUFFER_ROWS:
            self._flush(accumulator)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[_Buffered]) -> _Buffered:
        # The first may be changed, the others not: TFMA's jackknife merges them again.
        merged = self.create_accumulator()
        for other in accumulators:
            merged.parts.extend(other.parts)
            merged.rows += other.rows
            if other.accumulator is not None:
                self._ready(merged).merge(other.accumulator)
            if merged.rows >= _BUFFER_ROWS:
                self._flush(merged)
        return merged

    def extract_output(self, accumulator: _Buffered) -> dict[Any, Any]:
        # A copy: the same accumulator may be merged or read again.
        whole = self.merge_accumulators([accumulator])
        self._flush(whole)
        return {self._key: self._output(self._ready(whole))}

    def _parts(self, element: Any) -> Iterable[tuple[Any, ...]]:
        return _batches(element, self._key, self._eval_config)

    def _output(self, accumulator: Any) -> Any:
        return accumulator

    def _ready(self, accumulator: _Buffered) -> Any:
        if accumulator.accumulator is None:
            accumulator.accumulator = self._make()
        return accumulator.accumulator

    def _flush(self, accumulator: _Buffered) -> None:
        if accumulator.parts:
            columns = zip(*accumulator.parts, strict=True)
            self._add(self._ready(accumulator), *(np.concatenate(column) for column in columns))
            accumulator.parts, accumulator.rows = [], 0

    def _add(self, accumulator: Any, *columns: Any) -> None:
        raise NotImplementedError


class AccumulatorCombiner(_BufferedCombiner):
    """Adds rows to a `BinarySums`, `LogitHistogram` or `RegressionSums`."""

    def _add(self, accumulator: _RowAccumulator, *columns: Any) -> None:
        accumulator.add(*columns)


class GroupCombiner(_BufferedCombiner):
    """Adds rows with their group to a `GroupSample`."""

    def __init__(
        self,
        key: Any,
        options: tuple[Weighting, int, int | None],
        group_key: str,
        max_held_rows: int,
        eval_config: config_pb2.EvalConfig | None,
    ) -> None:
        super().__init__(key, partial(GroupSample, max_rows=max_held_rows), eval_config)
        self._options = options
        self._group_key = group_key

    def _parts(self, element: Any) -> Iterable[tuple[Any, ...]]:
        features = element.features or {}
        if self._group_key not in features:
            raise ValueError(
                f"group_key {self._group_key!r} is no column of the evaluated examples. "
                f"Received columns: {sorted(features)}."
            )
        group = np.asarray(features[self._group_key]).reshape(-1)
        # A missing group is the empty text, as TFMA does for a query_key.
        text = _text(group[0]) if len(group) else ""
        for labels, predictions, weights in super()._parts(element):
            yield labels, predictions, weights, np.full(len(labels), text)

    def _add(self, accumulator: GroupSample, *columns: Any) -> None:
        labels, predictions, weights, groups = columns
        accumulator.add(labels, predictions, groups, weights)

    def _output(self, accumulator: GroupSample) -> GroupedResult:
        weighting, min_rows, max_rows = self._options
        return accumulator.gauc(weighting=weighting, min_rows=min_rows, max_rows=max_rows)


class QueryCombiner(beam.CombineFn):
    """Takes all rows of one group at a time, and keeps sums."""

    def __init__(
        self, key: Any, options: tuple[Weighting, int, int | None], eval_config: config_pb2.EvalConfig | None
    ) -> None:
        self._key = key
        self._options = options
        self._eval_config = eval_config

    def create_accumulator(self) -> Floats:
        return GroupMean().sums

    def add_input(self, accumulator: Floats, element: Any) -> Floats:
        for labels, predictions, weights in _batches(element, self._key, self._eval_config):
            rows = read_rows(labels, predictions, weights, probabilities=False)
            group = np.zeros(len(rows.labels), np.int64)
            accumulator = accumulator + group_auc_mean(group, rows, *self._options).sums
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Floats]) -> Floats:
        total: Floats = np.sum(list(accumulators), axis=0)
        return total

    def extract_output(self, accumulator: Floats) -> dict[Any, GroupedResult]:
        return {self._key: GroupMean(accumulator).result()}


def _batches(
    element: Any, key: Any, eval_config: config_pb2.EvalConfig | None
) -> Iterable[tuple[Floats, Floats, Floats]]:
    """Labels, predictions and weights `(rows,)` of one input: one row, or all of a group with a query_key."""
    for label, prediction, weight in tfma.metrics.to_label_prediction_example_weight(
        element,
        eval_config=eval_config,
        model_name=key.model_name,
        output_name=key.output_name,
        example_weighted=key.example_weighted,
        flatten=False,
    ):
        labels = np.asarray(label, np.float64).reshape(-1)
        predictions = np.asarray(prediction, np.float64).reshape(-1)
        if len(labels) != len(predictions):
            raise ValueError(
                f"Metric {key.name!r} is for one prediction a row, but got {len(labels)} labels and "
                f"{len(predictions)} predictions. Choose the output with output_names or prediction_key."
            )
        yield labels, predictions, np.broadcast_to(np.asarray(weight, np.float64).reshape(-1), labels.shape)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
