"""Definitions as plain loops: slow, and easy to believe. Ties are gone through in all their orders."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, pairwise, permutations

import numpy as np

Numbers = Sequence[float]
NAN = math.nan


def orders(scores: Numbers) -> Iterator[tuple[int, ...]]:
    """All orders of the rows that agree with the scores, best first."""
    for order in permutations(range(len(scores))):
        if all(scores[a] >= scores[b] for a, b in pairwise(order)):
            yield order


def over_orders(figure: Callable[[list[float]], float], labels: Numbers, scores: Numbers) -> float:
    """Mean of a figure of the labels, best first, over all orders of ties."""
    return float(np.mean([figure([labels[row] for row in order]) for order in orders(scores)]))


def hit(labels: list[float], k: int) -> float:
    return float(any(labels[:k]))


def reciprocal_rank(labels: list[float]) -> float:
    return next(1 / place for place, label in enumerate(labels, start=1) if label)


def average_precision(labels: list[float]) -> float:
    found = [sum(labels[:place]) / place for place, label in enumerate(labels, start=1) if label]
    return sum(found) / len(found)


def dcg(grades: list[float], k: int, gain: str) -> float:
    gains = [2**grade - 1 if gain == "exponential" else grade for grade in grades[:k]]
    return sum(value / math.log2(place + 2) for place, value in enumerate(gains))


def half_life(grades: list[float], alpha: float, neutral: float) -> float:
    return sum(max(grade - neutral, 0) / 2 ** (place / (alpha - 1)) for place, grade in enumerate(grades))


def pairs(labels: Numbers, scores: Numbers) -> dict[str, int]:
    """How many pairs agree, disagree, or are tied by either side."""
    found = dict.fromkeys(("all", "agree", "disagree", "tied_labels", "tied_scores"), 0)
    for a, b in combinations(range(len(labels)), 2):
        y, s = np.sign(labels[a] - labels[b]), np.sign(scores[a] - scores[b])
        found["all"] += 1
        found["agree"] += int(y * s > 0)
        found["disagree"] += int(y * s < 0)
        found["tied_labels"] += int(y == 0)
        found["tied_scores"] += int(s == 0)
    return found


def kendall(labels: Numbers, scores: Numbers) -> float:
    p = pairs(labels, scores)
    below = math.sqrt((p["all"] - p["tied_labels"]) * (p["all"] - p["tied_scores"]))
    return (p["agree"] - p["disagree"]) / below if below else NAN


def ndpm(labels: Numbers, scores: Numbers) -> float:
    p = pairs(labels, scores)
    ordered = p["all"] - p["tied_labels"]
    return (2 * p["disagree"] + (ordered - p["agree"] - p["disagree"])) / (2 * ordered) if ordered else NAN


def ranks(values: Numbers) -> list[float]:
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) - 1) / 2 for value in values
    ]


def correlation(first: Numbers, second: Numbers) -> float:
    if len(set(first)) < 2 or len(set(second)) < 2:
        return NAN
    a, b = np.asarray(first) - np.mean(first), np.asarray(second) - np.mean(second)
    return float(a @ b / math.sqrt((a @ a) * (b @ b)))


def area_under_pr(labels: Numbers, scores: Numbers, weights: Numbers) -> float:
    """In steps over falling thresholds."""
    y, s, w = (np.asarray(column, float) for column in (labels, scores, weights))
    area = before = 0.0
    if not (w * y).sum():
        return NAN
    for threshold in sorted(set(s[w > 0]), reverse=True):
        chosen = s >= threshold
        recall = (w * y)[chosen].sum() / (w * y).sum()
        area += (recall - before) * (w * y)[chosen].sum() / w[chosen].sum()
        before = recall
    return float(area)


def by_group(figure: Callable[..., float], groups: Numbers, *columns: Numbers) -> dict[float, float]:
    """The figure of the rows of each group."""
    made = {}
    for group in sorted(set(groups)):
        rows = [row for row, other in enumerate(groups) if other == group]
        made[group] = figure(*([column[row] for row in rows] for column in columns))
    return made


def mean_of_defined(values: dict[float, float]) -> float:
    defined = [value for value in values.values() if not math.isnan(value)]
    return float(np.mean(defined)) if defined else NAN
