"""Served predictions against training-time ones, row by row."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pyarrow as pa

from tfctr.models.extra_signature import ENCODE_USER, RANK_WITH_STATE
from tfctr.serving._outputs import served_outputs
from tfctr.serving._raw_inputs import dense, input_names
from tfctr.spec import FeatureSpec, RawColumn, RegressionTask
from tfctr.transform import TransformOutput, table_to_examples

RANK_USERS, RANK_ITEMS = 8, 32
"""Users and candidates of each in the check of `rank`."""

BATCH = 8192
"""Rows that the model in process is given at a time."""

Probabilities = dict[str, np.ndarray]
"""Task -> float32 ``(rows, 1)``, of regression tasks the numbers, of survival tasks ``(rows, intervals)``."""


@dataclass(frozen=True)
class Comparison:
    """One way of asking the served model, against what training computed.

    Args:
        signature: Name of the signature, or what else was compared.
        rows: Rows compared.
        largest: Largest absolute difference of a probability, or of a number over the largest of its task: float32 has
            no digits beyond; infinite when a prediction is not a number.
        passed: Whether it is within the tolerance.
    """

    signature: str
    rows: int
    largest: float
    passed: bool


@dataclass(frozen=True)
class ParityReport:
    """What travels with the model.

    Args:
        tolerance: Allowed difference, see `Comparison`.
        comparisons: One for each signature, and one for the rows on disk.
    """

    tolerance: float
    comparisons: tuple[Comparison, ...]

    @property
    def passed(self) -> bool:
        return all(comparison.passed for comparison in self.comparisons)

    @property
    def reason(self) -> str:
        """What differs, empty when nothing does."""
        return "; ".join(
            f"{c.signature} is off by {c.largest:.3g} over {c.rows} rows" for c in self.comparisons if not c.passed
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for the JSON report."""
        return {
            "passed": self.passed,
            "reason": self.reason,
            "tolerance": self.tolerance,
            "largest": max(c.largest for c in self.comparisons),
            "comparisons": [dataclasses.asdict(c) for c in self.comparisons],
        }


def compare(
    signature: str, served: Probabilities, expected: Probabilities, tolerance: float, numbers: Container[str] = ()
) -> Comparison:
    """Return how far served predictions are from the expected ones; a NaN is infinitely far.

    Args:
        signature: What was asked.
        served: What it answered.
        expected: What training computed.
        tolerance: Allowed difference, see `Comparison`.
        numbers: Names of the regression tasks.
    """
    largest, rows = 0.0, 0
    for task, wanted in expected.items():
        rows = len(wanted)
        got = np.asarray(served[task], np.float64).reshape(-1)
        wanted = np.asarray(wanted, np.float64).reshape(-1)
        if got.shape != wanted.shape:
            return Comparison(signature, rows, float("inf"), False)
        unit = np.max(np.abs(wanted), initial=0.0) if task in numbers else 1.0
        gaps = np.abs(got - wanted) / (unit or 1.0)
        largest = max(largest, float(np.max(np.where(np.isfinite(gaps), gaps, np.inf), initial=0.0)))
    return Comparison(signature, rows, largest, largest <= tolerance)


def numbers_of(spec: FeatureSpec) -> frozenset[str]:
    """Return the names of the regression tasks."""
    return frozenset(task.name for task in spec.tasks if isinstance(task, RegressionTask))


def check_signatures(
    signatures: dict[str, Callable[..., dict[str, Any]]],
    expected: Callable[[pa.Table], Probabilities],
    table: pa.Table,
    spec: FeatureSpec,
    tolerance: float,
) -> tuple[Comparison, ...]:
    """Send raw rows through `serving_default`, `predict`, `rank`, and through a user's state where the model has one.

    Args:
        signatures: The loaded model's, by name.
        expected: Raw rows -> training-time probabilities.
        table: Raw rows.
        spec: Tells columns and their roles.
        tolerance: Allowed difference, see `Comparison`.
    """
    import tensorflow as tf

    wanted, numbers = expected(table), numbers_of(spec)
    serialized = tf.constant(list(table_to_examples(table, spec, serving=True)))
    served = _numpy(signatures["serving_default"](examples=serialized))
    predicted = _numpy(signatures["predict"](**_tensors(table, spec.raw_columns(serving=True))))
    comparisons = [
        compare("serving_default", served, wanted, tolerance, numbers),
        compare("predict", predicted, wanted, tolerance, numbers),
    ]
    if "rank" in signatures:
        comparisons.append(_check_rank("rank", signatures["rank"], expected, table, spec, tolerance))
    if RANK_WITH_STATE in signatures:
        encode, rank = signatures[ENCODE_USER], signatures[RANK_WITH_STATE]
        comparisons.append(_check_rank(RANK_WITH_STATE, _through_state(encode, rank), expected, table, spec, tolerance))
    return tuple(comparisons)


def _through_state(encode: Any, rank: Any) -> Callable[..., dict[str, Any]]:
    """Return what scores as `rank` does, by a state that is encoded first; each is given the columns it takes."""
    encoded, ranked = (set(function.structured_input_signature[1]) for function in (encode, rank))

    def ranked_by_state(**columns: Any) -> dict[str, Any]:
        state = encode(**{name: tensor for name, tensor in columns.items() if name in encoded})
        return dict(rank(**state, **{name: tensor for name, tensor in columns.items() if name in ranked}))

    return ranked_by_state


def _check_rank(
    name: str,
    rank: Callable[..., dict[str, Any]],
    expected: Callable[[pa.Table], Probabilities],
    table: pa.Table,
    spec: FeatureSpec,
    tolerance: float,
) -> Comparison:
    """Score the items of some rows for the users of others, as `rank` is used."""
    columns = spec.raw_columns(serving=True)
    item = [column for column in columns if column.role == "item"]
    one = [column for column in columns if column.role != "item"]
    items = table.slice(0, RANK_ITEMS)
    served: dict[str, list[np.ndarray]] = {}
    crossed = []
    for user in range(min(RANK_USERS, table.num_rows)):
        row = table.slice(user, 1)
        outputs = _numpy(rank(**_tensors(row, one), **_tensors(items, item)))
        for task, values in outputs.items():
            served.setdefault(task, []).append(values)
        repeated = row.take(pa.array(np.zeros(items.num_rows, np.int64)))
        names = {column.name for column in item}
        crossed.append(pa.table({c.name: (items if c.name in names else repeated).column(c.name) for c in columns}))
    wanted = expected(pa.concat_tables(crossed))
    return compare(
        name, {task: np.concatenate(parts) for task, parts in served.items()}, wanted, tolerance, numbers_of(spec)
    )


def model_probabilities(model: keras.Model, inputs: dict[str, np.ndarray], spec: FeatureSpec) -> Probabilities:
    """Return the in-process model's probabilities for transformed rows; of survival tasks the curves."""
    names = {info.name for info in spec.inputs()}
    features = {name: values for name, values in inputs.items() if name in names}
    rows = len(next(iter(features.values())))
    # At once: the rows are few, and to trace a graph for them would take longer.
    parts = [
        model({name: values[start : start + BATCH] for name, values in features.items()}, training=False)
        for start in range(0, rows, BATCH)
    ]
    output = keras.tree.map_structure(lambda *found: np.concatenate([np.asarray(part) for part in found]), *parts)
    by_task = output if isinstance(output, dict) else {spec.tasks[0].name: output}
    return {task.name: np.asarray(served_outputs(task, by_task[task.name])[task.name]) for task in spec.tasks}


def training_probabilities(
    model: keras.Model, transform: TransformOutput, spec: FeatureSpec
) -> Callable[[pa.Table], Probabilities]:
    """Return raw rows -> what the model predicts in process, through the graph that Transform learned."""
    return lambda table: model_probabilities(model, transform.transform(table), spec)


def _numpy(outputs: dict[str, Any]) -> Probabilities:
    return {task: tensor.numpy() for task, tensor in outputs.items()}


def _tensors(table: pa.Table, columns: Iterable[RawColumn]) -> dict[str, Any]:
    """Raw columns as dense tensors, named as the signatures name them."""
    import tensorflow as tf

    columns = tuple(columns)
    names = input_names(columns)
    return {names[c.name]: tf.constant(dense(table.column(c.name).to_pylist(), c)) for c in columns}
