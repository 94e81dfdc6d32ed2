"""How sure a figure is: intervals over users that are drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tfctr.training.metrics.metric_inputs import Floats

CHUNK = 64
"""Resamples at once; statistics that sort rows hold one column for each of them."""


class Resampled(NamedTuple):
    """A figure as a function of how often each group was drawn.

    Args:
        groups: How many there are.
        of_counts: Counts float64 `(samples, groups)` -> figure of each resample, NaN where undefined, `(samples,)`.
    """

    groups: int
    of_counts: Callable[[Floats], Floats]


@dataclass(frozen=True)
class Interval:
    """A figure and how far it may be off.

    Args:
        value: Over the groups as they are.
        low, high: Bounds of the interval; NaN when the figure is undefined in every resample.
        standard_error: Standard deviation over resamples.
        undefined_share: Share of the resamples in which the figure is undefined; they are left out.
    """

    value: float
    low: float
    high: float
    standard_error: float
    undefined_share: float = 0.0


def bootstrap(statistic: Resampled, *, samples: int = 1000, level: float = 0.95, seed: int = 0) -> Interval:
    """Draw the groups anew with replacement, as many as there are, and take percentiles of the figure.

    Users are drawn whole, for the rows of one user are alike; an interval over single rows would be too narrow. It says
    how much the figure would move with other users of the same kind, not with other ads.

    Args:
        statistic: The figure; `SumMetric.resampled`, `GroupMetric.resampled`, `auc_resampled` and
            `pr_auc_resampled` make one, and `difference` of two of them that of two models.
        samples: How many times, at least 1.
        level: Share of the resamples inside the interval.
        seed: Of the draws. Equal seeds and numbers of groups give equal draws, so that figures can be compared.

    Raises:
        ValueError: For less than one sample, or a level outside (0, 1).

    Example:
        >>> from tfctr.training.metrics import rating_metrics
        >>> mae = rating_metrics()["mae"].resampled([4, 2, 5, 1], [3, 2, 3, 1], ["a", "a", "b", "b"])
        >>> interval = bootstrap(mae, samples=200)
        >>> interval.value, interval.low, interval.high
        (0.75, 0.5, 1.0)

    Reference: Efron, "Bootstrap methods: another look at the jackknife", Ann. Statist. 1979; percentile intervals over
    clusters: Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8.
    """
    return interval_of(
        float(statistic.of_counts(np.ones((1, statistic.groups)))[0]),
        resample(statistic, samples=samples, seed=seed),
        level,
    )


def resample(statistic: Resampled, *, samples: int = 1000, seed: int = 0) -> Floats:
    """Return the figure of each resample, `(samples,)`: what `bootstrap` takes percentiles of.

    Args:
        statistic: The figure.
        samples: How many times, at least 1.
        seed: Of the draws. Equal seeds and numbers of groups give equal draws, so that figures of two models can be
            subtracted.

    Raises:
        ValueError: For less than one sample.

    Example:
        >>> from tfctr.training.metrics import rating_metrics
        >>> mae = rating_metrics()["mae"].resampled([4, 2, 5, 1], [3, 2, 3, 1], ["a", "a", "b", "b"])
        >>> sorted(set(resample(mae, samples=50).tolist()))
        [0.5, 0.75, 1.0]
    """
    if samples < 1:
        raise ValueError(f"samples must be at least 1. Received: {samples}.")
    groups = statistic.groups
    if not groups:
        return np.full(samples, np.nan)
    generator = np.random.default_rng([seed, groups])
    drawn = []
    for start in range(0, samples, CHUNK):
        picks = generator.integers(groups, size=(min(CHUNK, samples - start), groups))
        cells = picks + groups * np.arange(len(picks))[:, None]
        counts = np.bincount(cells.ravel(), minlength=picks.size).reshape(picks.shape)
        drawn.append(statistic.of_counts(counts.astype(np.float64)))
    return np.concatenate(drawn)


def interval_of(value: float, figures: Floats, level: float = 0.95) -> Interval:
    """Return the interval of a figure from those of its resamples.

    Args:
        value: Over the groups as they are.
        figures: Of `resample`.
        level: Share of the resamples inside the interval.

    Raises:
        ValueError: For a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1). Received: {level}.")
    defined = figures[~np.isnan(figures)]
    if not len(defined):
        return Interval(value, np.nan, np.nan, np.nan, 1.0)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), float(defined.std()), 1 - len(defined) / len(figures))


def difference(first: Resampled, second: Resampled) -> Resampled:
    """Return first minus second over the same draws of the same groups, for comparing two models.

    Raises:
        ValueError: When the two have not equally many groups.

    Example:
        >>> from tfctr.training.metrics import rating_metrics
        >>> mae, users, stars = rating_metrics()["mae"], ["a", "b"], [4, 2]
        >>> gap = difference(mae.resampled(stars, [3, 3], users), mae.resampled(stars, [4, 3], users))
        >>> bootstrap(gap).value
        0.5
    """
    if first.groups != second.groups:
        raise ValueError(f"Both must be over the same groups. Received: {first.groups} and {second.groups} groups.")
    return Resampled(first.groups, lambda counts: first.of_counts(counts) - second.of_counts(counts))


def mean_of(statistics: list[Resampled]) -> Resampled:
    """Return the mean of figures over the same draws of the same groups: one model trained with several seeds.

    Raises:
        ValueError: When there is none, or they have not equally many groups.
    """
    if len({one.groups for one in statistics}) != 1:
        raise ValueError(f"All must be over the same groups. Received: {[one.groups for one in statistics]} groups.")
    return Resampled(
        statistics[0].groups, lambda counts: np.mean([one.of_counts(counts) for one in statistics], axis=0)
    )
