"""The student's step: its label's loss and its teacher's, mixed row by row."""

from __future__ import annotations

from typing import Any

from keras import ops

from tfctr.data.batches import BatchPlan
from tfctr.plans.distil._losses import label_loss, mean_over, teacher_loss
from tfctr.plans.distil._ratios import Ratio
from tfctr.plans.distil._teacher import TEACHER
from tfctr.training.steps import Step


class DistilStep(Step):
    """``α_i τ² KL_i + (1 - α_i) CE_i`` of each row, where α_i is a number that the student cannot steer.

    Args:
        ratio: Gives α.
        temperature: τ.
        steps: Steps of the whole training, for a ratio that changes with time.
        search, hold: See `Step`.
        settings: See `Step.settings`.
    """

    def __init__(
        self,
        ratio: Ratio,
        temperature: float,
        steps: int,
        search: BatchPlan | None = None,
        hold: int = 1,
        settings: dict[str, Any] | None = None,
    ):
        super().__init__(search, hold)
        self.ratio, self.temperature, self.steps = ratio, temperature, steps
        self._settings = {"temperature": temperature, **(settings or {})}
        self._done: Any = None

    def settings(self) -> dict[str, Any]:
        return self._settings

    def build(self, model: Any) -> None:
        self._done = model.optimizer.iterations

    def extra_loss(self, features: Any, labels: Any, weights: Any, logits: Any) -> Any:
        """What mixing adds to the label's loss: the mean of ``α_i (τ² KL_i - CE_i)``."""
        logit, label = ops.cast(logits, "float32"), ops.cast(labels, "float32")
        teacher = ops.reshape(features[TEACHER], (-1, 1))
        alpha = ops.stop_gradient(self.alpha(logit, teacher, label))
        return mean_over(alpha * self.difference(teacher, logit, label), weights)

    def alpha(self, logit: Any, teacher: Any, label: Any) -> Any:
        """Return the ratio of each row, float32 ``(batch, 1)``."""
        done = ops.cast(ops.convert_to_tensor(self._done), "float32") / self.steps
        return self.ratio(logit, teacher, label, ops.minimum(done, 1.0))

    def difference(self, teacher: Any, logit: Any, label: Any) -> Any:
        """Return ``τ² KL - CE`` of each row, ``(batch, 1)``."""
        return teacher_loss(teacher, logit, self.temperature) - label_loss(label, logit)
