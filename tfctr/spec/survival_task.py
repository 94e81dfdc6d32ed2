"""SurvivalTask: how long something lasts, with rows that were last seen before it ended."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from tfctr.spec._task_base import WholeTask

SHORTEST = 1e-30
"""What a duration of 0 becomes in a label, which tells by its sign whether the event was seen."""


class SurvivalTask(WholeTask):
    """The time until an event such as the end of an ad creative; the model predicts a curve over intervals of time.

    Time is cut into intervals ``(0, c1], (c1, c2], ...``; for each the model predicts the hazard, the probability that
    the event falls into it given that it did not come before. A row whose event was not seen (censored) tells that
    the intervals before were survived, and nothing more. What comes after the last cut point is not told apart.

    Args:
        name: Name of the output and of the transformed label tensor: float32 ``(batch,)``, the duration where the
            event was seen, minus the duration where it was not (`tfctr.data.signed_durations`).
        duration: Raw column with the time until the event or until the row was last seen, in `unit`, at least 0.
        event: Raw 0/1 column: 1 = the event ended the duration, 0 = censored.
        cut_points: Upper ends of the intervals, ascending, at least 2: the horizons for which curves are served.
            To tell an interval ``(1, 3]`` from what comes before it, begin with 1.
        quantiles: In place of cut points: so many intervals with equally many events of the training rows in each.
            `tfctr.data.with_cut_points` replaces them by the cut points found; preparing and fitting call it.
        unit: What durations are counted in, for people.
        weight: Raw column with a non-negative weight per row, such as a creative's smoothed click rate: rows of
            weight 0 teach nothing. The loss is the weighted mean, so that only the ratios of weights matter.
        mask: Raw 0/1 column; rows with 0 do not count for this task (folded into the weight).

    Reference: Gensheimer and Narasimhan, "A scalable discrete-time survival model for neural networks", PeerJ 2019.
    """

    kind: Literal["survival"] = "survival"
    duration: str
    event: str
    cut_points: tuple[float, ...] = ()
    quantiles: int | None = Field(default=None, ge=2, le=1000)
    unit: str = "days"

    @model_validator(mode="after")
    def _one_grid(self) -> SurvivalTask:
        if bool(self.cut_points) == (self.quantiles is not None):
            raise ValueError("a survival task needs `cut_points` or `quantiles`, and not both")
        if len(self.cut_points) == 1:
            raise ValueError(
                f"cut_points has one interval, (0, {self.cut_points[0]:g}]; give at least two, or make it a binary task"
            )
        if any(low >= high for low, high in pairwise((0.0, *self.cut_points))):
            raise ValueError(f"cut_points must ascend from above 0, received {list(self.cut_points)}")
        return self

    @property
    def grid(self) -> tuple[float, ...]:
        """The cut points.

        Raises:
            ValueError: When they are still to be found from the training rows.
        """
        if not self.cut_points:
            raise ValueError(
                f"task {self.name!r} has {self.quantiles} quantiles and no cut points yet; find them with "
                "tfctr.data.with_cut_points(spec, training_rows)"
            )
        return self.cut_points

    @property
    def label_columns(self) -> tuple[str, ...]:
        """Raw columns that the label is made of."""
        return self.duration, self.event
