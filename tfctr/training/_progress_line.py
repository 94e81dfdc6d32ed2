"""One line on the console that shows how far an epoch is and how fast it goes."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class ProgressLine:
    """A progress bar with examples per second and the running loss; silent where there is no terminal.

    Args:
        epoch: Epoch, from 0.
        steps: Steps in the epoch.
        batch_size: Rows in a step, for the speed.
    """

    def __init__(self, epoch: int, steps: int, batch_size: int):
        self._batch_size = batch_size
        self._first: tuple[int, float] | None = None
        self._last = (0, 0.0)
        self._bar: Progress | None = None
        if Console().is_terminal:
            columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[speed]}"), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(f"epoch {epoch + 1}", total=steps, speed="")

    def update(self, step: int, loss: float) -> None:
        """Show that `step` steps of the epoch are done."""
        now = time.perf_counter()
        self._first = self._first or (step, now)
        self._last = (step, now)
        if self._bar is not None:
            self._bar.update(
                self._task, completed=step, speed=f"{self.examples_per_second:,.0f} examples/s  loss {loss:.4f}"
            )

    @property
    def examples_per_second(self) -> float:
        """Speed since the first step, which is left out because it compiles; 0 before the second."""
        if self._first is None or self._last[0] == self._first[0]:
            return 0.0
        seconds = self._last[1] - self._first[1]
        return (self._last[0] - self._first[0]) * self._batch_size / max(seconds, 1e-9)

    def close(self) -> None:
        """Take the bar off the console."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
