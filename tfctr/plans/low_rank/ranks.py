"""How thin each part of a model becomes so that the whole is as small as is wanted."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

import numpy as np


def choose_ranks(options: Mapping[str, np.ndarray], lost: Mapping[str, np.ndarray], budget: int) -> dict[str, int]:
    """Return the index of the option that each part takes.

    Every part starts at its first option; then the step that wins back the greatest share of a part's variance for a
    byte is taken, again and again, as long as one fits.

    Args:
        options: Part -> bytes of its options, rising: rank 1, 2, …, and last the plain part.
        lost: Part -> share of its outputs' variance that each option loses, falling to 0.
        budget: Most bytes of all parts together.

    Raises:
        ValueError: When the first options alone take more.

    Example:
        >>> chosen = choose_ranks({"a": [4, 8, 12], "b": [4, 8]}, {"a": [0.5, 0.1, 0], "b": [0.1, 0]}, 12)
        >>> chosen
        {'a': 1, 'b': 0}
    """
    chosen = dict.fromkeys(options, 0)
    left = budget - sum(int(sizes[0]) for sizes in options.values())
    if left < 0:
        raise ValueError(f"the first options take {-left} bytes more than the budget of {budget}")
    steps = [step for key in options if (step := _step(key, 0, options, lost)) is not None]
    heapq.heapify(steps)
    while steps:
        _, key, index, cost = heapq.heappop(steps)
        if cost > left:
            continue  # nor will a later step of this part fit
        chosen[key], left = index, left - cost
        if (step := _step(key, index, options, lost)) is not None:
            heapq.heappush(steps, step)
    return chosen


def _step(
    key: str, index: int, options: Mapping[str, np.ndarray], lost: Mapping[str, np.ndarray]
) -> tuple[float, str, int, int] | None:
    """What leads a part from one option to the next: order among steps, part, next option, bytes."""
    if index + 1 == len(options[key]):
        return None
    cost = int(options[key][index + 1]) - int(options[key][index])
    won = float(lost[key][index]) - float(lost[key][index + 1])
    return -won / cost, key, index + 1, cost
