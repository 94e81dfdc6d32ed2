"""Labels and weights beside the raw columns, so that the evaluator compares like with like.

The raw log keeps a rating of 4 as it is; TFMA wants the label itself. The rules are those of the transform
(`tfctr.transform._tasks`), which a test holds against these; and where the log itself was sampled, each negative counts
for all those that were dropped, as in `tfctr.training.evaluation`, so that the gate judges the whole traffic.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from tfctr.data import signed_durations
from tfctr.spec import AnyTask, BinaryTask, FeatureSpec, RegressionTask, SurvivalTask


@dataclass(frozen=True)
class Outcome:
    """Columns of one task's label (0/1, a number, or a signed duration) and weight in the evaluator's examples.

    Args:
        task: The task; its name is also the key of its prediction.
    """

    task: AnyTask

    @property
    def name(self) -> str:
        return self.task.name

    @property
    def label_column(self) -> str:
        """Column with the label of every row."""
        return f"eval__{self.task.name}"

    @property
    def weight_column(self) -> str | None:
        """Column with the weight of every row, None when all rows count alike."""
        return f"eval__{self.task.weight_name}" if self._weighted else None

    @property
    def _weighted(self) -> bool:
        return self.task.weighted or self.task.log_is_sampled

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that this adds."""
        return tuple(filter(None, (self.label_column, self.weight_column)))

    def values(self, table: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the columns of these raw rows, float32. A row that a mask takes out has label and weight 0.

        A missing label stays missing where nothing masks it: the schema has it found.
        """
        task = self.task
        label = _signed(task, table) if isinstance(task, SurvivalTask) else _label(task, table)
        if not self._weighted:
            return {self.label_column: label}
        weight = pa.array([1.0] * len(label), pa.float32())
        if task.weight:
            weight = pc.fill_null(table.column(task.weight).cast(pa.float32()), 0.0)
        if task.mask:
            counts = pc.fill_null(pc.greater(table.column(task.mask), 0), False)
            weight = pc.if_else(counts, weight, pa.scalar(0.0, pa.float32()))
            label = pc.if_else(counts, label, pa.scalar(0.0, pa.float32()))
        if task.log_is_sampled:
            positive = pc.fill_null(pc.greater(label, 0), False)
            weight = pc.if_else(positive, weight, pc.divide(weight, pa.scalar(task.negative_rate, pa.float32())))
        return {self.label_column: label, f"eval__{task.weight_name}": weight}


def _label(task: BinaryTask | RegressionTask, table: pa.RecordBatch) -> pa.Array:
    label = table.column(task.label)
    if isinstance(task, BinaryTask) and task.at_least is not None:
        label = pc.greater_equal(label, pa.scalar(task.at_least, label.type))
    return label.cast(pa.float32())


def _signed(task: SurvivalTask, table: pa.RecordBatch) -> pa.Array:
    duration, event = (table.column(name) for name in task.label_columns)
    known = pc.and_(duration.is_valid(), event.is_valid())
    values = signed_durations(*(pc.fill_null(column, 0).to_numpy() for column in (duration, event)))
    return pc.if_else(known, pa.array(values), pa.scalar(None, pa.float32()))


def outcomes_of(spec: FeatureSpec) -> tuple[Outcome, ...]:
    """Return the outcomes of every task of the spec."""
    return tuple(Outcome(task) for task in spec.tasks)
