"""What the fit driver does between two steps: count, report, checkpoint, notice a diverging loss."""

from __future__ import annotations

import math
import time
from typing import Any, Protocol

import keras

from tfctr.data.batches import BatchPlan
from tfctr.training._checkpoint import Progress
from tfctr.training._divergence import explain_divergence
from tfctr.training._progress_line import ProgressLine
from tfctr.training.config import FitConfig
from tfctr.training.strategy import number


class TrainingRun(Protocol):
    """What the callback needs of the run it belongs to; the fit driver imports this module, not the other way round."""

    progress: Progress
    train: BatchPlan
    config: FitConfig

    @property
    def saves_within_epochs(self) -> bool: ...

    def take_metrics(self) -> list[Any]: ...

    def save(self) -> None: ...


class StepCallback(keras.callbacks.Callback):
    """Keeps a run's progress while ``model.fit`` goes through one epoch.

    Args:
        run: The run whose `progress` is moved on and whose checkpoint is written.
    """

    def __init__(self, run: TrainingRun):
        super().__init__()
        self.run = run
        self._first_step = run.progress.step
        self._saved = time.perf_counter()
        self._line = ProgressLine(run.progress.epoch, run.train.steps_per_epoch, run.train.batch_size)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Put the running metrics of an epoch in hand back: Keras has just reset them."""
        for variable, value in zip(self.model.metrics_variables, self.run.take_metrics(), strict=False):
            variable.assign(value)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        progress = self.run.progress
        progress.step = self._first_step + batch + 1
        loss = float((logs or {}).get("loss", 0.0))
        if not (math.isfinite(loss) and self._gradients_finite()):
            self._line.close()
            raise self._diverged()
        self._line.update(progress.step, loss)
        now = time.perf_counter()
        if self.run.saves_within_epochs and now - self._saved >= self.run.config.checkpoint_seconds:
            self.run.save()
            self._saved = time.perf_counter()

    def _gradients_finite(self) -> bool:
        total = getattr(self.model.optimizer, "gradient_sum", None)  # a caller's own optimizer has none
        return total is None or math.isfinite(number(total))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._line.close()

    def _diverged(self) -> Exception:
        """The error, with the batch of this step looked at once more."""
        progress = self.run.progress
        step = max(progress.step - 1, 0)
        batch = next(iter(self.run.train.epoch(progress.epoch, step)))
        rate = number(self.model.optimizer.learning_rate)
        return explain_divergence(self.model, batch, progress.epoch, step, rate)

    def speed(self) -> dict[str, float]:
        """Return the examples per second of this epoch, its first step left out: that one compiles."""
        return {"examples_per_second": self._line.examples_per_second}
