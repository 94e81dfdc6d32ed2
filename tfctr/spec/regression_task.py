"""RegressionTask: a number such as a rating or a price."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tfctr.spec._base import Frozen
from tfctr.spec._task_base import WholeTask


class RegressionTask(WholeTask):
    """A number such as stars, minutes or dollars; the model predicts it in its own unit.

    Models train on a standardised label, so that stars and thousands of dollars train alike with the same settings: the
    transform learns mean m and standard deviation s of the label (`LabelScale`), a model's logit z becomes the answer
    ``m + s z``, and the loss is that of ``(label - answer) / s``. A model that has learned nothing answers m.

    Args:
        name: Name of the output and of the transformed label tensor, float32 ``(batch,)``: the number as it is.
        label: Raw column with a finite number in every row that counts.
        loss: `mse` is the squared error, whose best answer is the mean. `huber` is squared for errors up to `delta` and
            linear beyond, so that rare huge labels do not rule the others.
        delta: For `huber`: the error, in the label's unit, from which on it counts linearly; None takes the label's
            standard deviation.
        weight: Raw column with a non-negative weight per row. The loss is the weighted mean.
        mask: Raw 0/1 column; rows with 0 do not count for this task (folded into the weight).

    Reference: P. J. Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 35, 1964.
    """

    kind: Literal["regression"] = "regression"
    label: str
    loss: Literal["mse", "huber"] = "mse"
    delta: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _delta_is_of_huber(self) -> RegressionTask:
        if self.delta is not None and self.loss != "huber":
            raise ValueError(f"delta is of `loss: huber`, and loss is {self.loss}; leave delta out, or change the loss")
        return self

    @property
    def label_columns(self) -> tuple[str, ...]:
        """Raw columns that the label is made of."""
        return (self.label,)


class LabelScale(Frozen):
    """Mean and standard deviation of a regression task's label over the training rows that count.

    Args:
        mean: What a model answers that has learned nothing.
        deviation: The unit in which a model's logit counts, above 0; 1 where all labels are the same.
    """

    mean: float
    deviation: float = Field(gt=0)
