"""How thin each part of a model becomes so that the whole is as small as is wanted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

SMALL = 0.01
"""Share of the budget up to which a part stays plain where it can."""


def choose_ranks(options: Mapping[str, np.ndarray], lost: Mapping[str, np.ndarray], budget: int) -> dict[str, int]:
    """Return the index of the option that each part takes.

    Every part starts at its first option, but for the small ones, of at most `SMALL` of the budget each, which stay
    plain where that fits: a thin part is one more look-up or product in the served graph, and few bytes are not worth
    it. Then the change that wins back most for a byte is made, again and again, as long as one fits and wins. A change
    may pass over options: what is lost need not fall from each to the next.

    Args:
        options: Part -> bytes of its options, rising: rank 1, 2, …, and last the plain part.
        lost: Part -> what is lost with each option, `output_changes`.
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
    for key in sorted(options, key=lambda key: int(options[key][-1])):
        more = int(options[key][-1]) - int(options[key][0])
        if options[key][-1] <= SMALL * budget and more <= left:
            chosen[key], left = len(options[key]) - 1, left - more
    while True:
        changes = [
            _best_change(key, chosen[key], np.asarray(options[key]), np.asarray(lost[key]), left) for key in options
        ]
        won, key, index, cost = max(changes)
        if won <= 0:
            return chosen
        chosen[key], left = index, left - cost


def _best_change(key: str, index: int, sizes: np.ndarray, lost: np.ndarray, left: int) -> tuple[float, str, int, int]:
    """What a part's best change that fits wins for a byte, the part, its next option, bytes; 0 won where none fits."""
    costs = sizes[index + 1 :] - sizes[index]
    costs = costs[costs <= left]
    if not len(costs):
        return 0.0, key, index, 0
    won = (lost[index] - lost[index + 1 : index + 1 + len(costs)]) / costs
    best = int(np.argmax(won))
    return float(won[best]), key, index + 1 + best, int(costs[best])
