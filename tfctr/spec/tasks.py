"""Tasks: what is predicted, and from which raw columns its label comes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from tfctr.spec._base import Frozen
from tfctr.spec._raw_text import Texts
from tfctr.spec._task_base import Task
from tfctr.spec.regression_task import RegressionTask
from tfctr.spec.survival_task import SurvivalTask
from tfctr.spec.times import TimeColumn, TimeOf

DEFAULT_KIND = "binary"
"""What a task without a `kind` is."""


class BinaryTask(Task):
    """A yes/no outcome such as a click; the model predicts its probability.

    Args:
        name: Name of the output and of the transformed label tensor (float32 ``(batch,)``, 0 or 1).
        label: Raw label column.
        at_least: The label is 1 where the column is at least this number; None demands 0/1 values, for which true and
            false, yes and no, t and f, y and n stand too, in any letters.
        positive: The values of the column that mean yes, such as 1 of -1 and 1, or click of click and view; every
            other value then means no. A log is read so, and has 0 and 1 from there on.
        weight: Raw column with a non-negative weight per row (transformed: `weight_name`).
        mask: Raw 0/1 column; rows with 0 do not count for this task (folded into the weight). With the label column
            of the task in `after` as its mask, the output is the probability *given* the earlier event, learned from
            the rows where it happened; without, the probability in any row.
        after: Task that must be 1 before this one can be (a conversion comes after its click). Rows of the log that
            break the order are bad rows; evaluation adds figures of this task where the earlier one happened.
        negative_rate: Share of the rows with label 0 that a model is trained on, drawn by chance; rows with label 1
            are all kept. The log holds every row, training drops some (a new draw in each epoch), and validation
            and test rows stay whole. The model's outputs are corrected for it: a probability p learned at rate r
            becomes ``p / (p + (1 - p) / r)``, in evaluation and in the served graph.
        log_is_sampled: The negatives were dropped at `negative_rate` before the log was written. Training then drops
            nothing, and evaluation counts each negative row ``1 / negative_rate`` times.
    """

    kind: Literal["binary"] = "binary"
    label: str
    at_least: float | None = None
    positive: Texts = ()
    after: str | None = None
    negative_rate: float = Field(default=1.0, gt=0, le=1)
    log_is_sampled: bool = False

    @model_validator(mode="after")
    def _one_meaning_of_yes(self) -> BinaryTask:
        if self.at_least is not None and self.positive:
            raise ValueError("give only one of at_least and positive")
        return self

    @property
    def label_columns(self) -> tuple[str, ...]:
        """Raw columns that the label is made of."""
        return (self.label,)

    @property
    def drops_negatives(self) -> bool:
        """Whether training leaves negative rows of the log out."""
        return self.negative_rate < 1 and not self.log_is_sampled


def _with_kind(value: object) -> object:
    return {"kind": DEFAULT_KIND, **value} if isinstance(value, dict) and "kind" not in value else value


AnyTask = Annotated[
    BinaryTask | SurvivalTask | RegressionTask, Field(discriminator="kind"), BeforeValidator(_with_kind)
]


class Meta(Frozen):
    """Raw columns that go to metrics, slices and splits and are never embedded unless also a feature.

    Args:
        group: Rows of one group are compared with each other (GAUC, NDCG): user, request or session.
        time: Time of the row; what a time split and a history are ordered by. A column, whose whole numbers are kept
            as they stand (seconds since 1970, best), or a mapping that says how it writes times: see `TimeColumn`.
        domain: Scenario, site or placement: figures are told for each of its values, and it is a slice of the gate.
    """

    group: str | None = None
    time: TimeOf | None = None
    domain: str | None = None

    @property
    def time_column(self) -> str | None:
        """Name of the column of times."""
        return self.time.column if isinstance(self.time, TimeColumn) else self.time

    @property
    def time_form(self) -> TimeColumn | None:
        """The column of times with how it writes them; one that is only named keeps its whole numbers as they are."""
        return TimeColumn(column=self.time, unit="as_is") if isinstance(self.time, str) else self.time
