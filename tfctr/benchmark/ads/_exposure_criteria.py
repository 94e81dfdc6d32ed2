"""Criteria beyond accuracy of a study: what lists of the first k ads show to whom."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tfctr.benchmark.ads._criteria import Answers, Measured
from tfctr.training.metrics import Resampled, TopLists, top_lists
from tfctr.training.metrics._kinds_of_rows import ratio
from tfctr.training.metrics._top_lists import NOTHING
from tfctr.training.metrics.beyond_accuracy import (
    coverage_of,
    diversities,
    entropy_of,
    gini_of,
    novelties,
    serendipities,
)
from tfctr.training.metrics.group_metric import resampled_mean
from tfctr.training.metrics.metric_inputs import Floats


def measure_exposure(answers: Answers, k: int, popularity: Floats, vectors: Floats) -> dict[str, Measured]:
    """Return the criteria of what is shown.

    A list is the first k ads of a user in a fold. A user counts as covered when at least one of these ads is expected
    to be clicked. What is to be expected is what the most popular ads of the same candidates would have been.

    Args:
        answers: Of one model.
        k: Length of the lists.
        popularity: Share of users who clicked each ad, smoothed, in (0, 1), `(ads,)`.
        vectors: What each ad is, for the distance between two; `(ads, width)`.
    """
    a, ads = answers, len(popularity)
    lists = top_lists(a.lists, a.ads, a.score, k=k)
    usual = top_lists(a.lists, a.ads, popularity[a.ads], k=k)
    owner = _owners(a)
    shown = _shown_by_user(lists, owner, ads)
    expected = (lists.items != NOTHING) & (lists.of_rows(a.probability) >= a.threshold)
    covered = np.bincount(owner, expected.any(axis=1)) > 0
    users = len(shown)
    means = {
        "novelty": novelties(lists.items, popularity),
        "intra_list_diversity": diversities(lists.items, vectors),
        "serendipity": serendipities(lists.items, usual.items, lists.of_rows(a.click)),
    }
    return {
        "catalogue_coverage": _of_counts(shown, coverage_of),
        "user_coverage": Measured(
            Resampled(users, lambda counts: ratio(counts @ covered, counts.sum(axis=1))), covered.astype(np.float64)
        ),
        "gini_index": _of_counts(shown, gini_of),
        "exposure_entropy": _of_counts(shown, entropy_of),
    } | {name: _over_users(values, owner) for name, values in means.items()}


def _owners(answers: Answers) -> NDArray[np.int64]:
    """User of each list, in ascending order of lists."""
    return answers.users[np.unique(answers.lists, return_index=True)[1]]


def _shown_by_user(lists: TopLists, owner: NDArray[np.int64], ads: int) -> Floats:
    """How often each ad stands in the lists of each user, `(users, ads)`."""
    there = lists.items != NOTHING
    cells = (owner[:, None] * ads + lists.items)[there]
    users = int(owner.max()) + 1
    return np.bincount(cells, minlength=users * ads).reshape(users, ads).astype(np.float64)


def _of_counts(shown: Floats, figure: Callable[[Floats], Floats]) -> Measured:
    """A figure of how often ads were shown; it is of all users together."""
    return Measured(Resampled(len(shown), lambda counts: figure(counts @ shown)), None)


def _over_users(values: Floats, owner: NDArray[np.int64]) -> Measured:
    """The mean of lists' figures, all lists alike."""
    defined = ~np.isnan(values)
    columns = (np.where(defined, values, 0.0), defined)
    sums = np.stack([np.bincount(owner, column).astype(np.float64) for column in columns], axis=1)
    return Measured(resampled_mean(sums), ratio(sums[:, 0], sums[:, 1]))
