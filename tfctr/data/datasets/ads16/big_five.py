"""The Big Five of a person from ten answers: which items belong to a trait, which are reversed, on which scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import field_validator

from tfctr.data.errors import DataError
from tfctr.spec._base import Frozen

TRAITS = ("extraversion", "agreeableness", "conscientiousness", "neuroticism", "openness")
ITEMS = 10


class BigFiveKey(Frozen):
    """The scoring key of a questionnaire of ten items.

    Args:
        name: For messages.
        items: Trait -> numbers of its items, from 1; a negative number means that the item is reversed.

    Raises:
        pydantic.ValidationError: For an unknown or a missing trait, or an item that is not in 1 to 10.
    """

    name: str
    items: dict[str, tuple[int, ...]]

    @field_validator("items")
    @classmethod
    def _known(cls, items: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        if set(items) != set(TRAITS):
            raise ValueError(f"the key must name {', '.join(TRAITS)}; received {', '.join(items) or 'nothing'}")
        for trait, numbers in items.items():
            if not numbers or not all(1 <= abs(number) <= ITEMS for number in numbers):
                raise ValueError(f"{trait}: items are numbers from 1 to {ITEMS}, negative where reversed")
        return items

    def signs(self) -> NDArray[np.float64]:
        """Return what an item adds to a trait, float64 ``(10, 5)``: 1 or -1 over the number of the trait's items."""
        matrix = np.zeros((ITEMS, len(TRAITS)))
        for column, trait in enumerate(TRAITS):
            for number in self.items[trait]:
                matrix[abs(number) - 1, column] = np.sign(number) / len(self.items[trait])
        return matrix


BFI_10 = BigFiveKey(
    name="BFI-10",
    items={
        "extraversion": (-1, 6),
        "agreeableness": (2, -7),
        "conscientiousness": (-3, 8),
        "neuroticism": (-4, 9),
        "openness": (-5, 10),
    },
)
"""Rammstedt and John, "Measuring personality in one minute or less", J. Res. Pers. 2007; answers 1 to 5."""

TIPI = BigFiveKey(
    name="TIPI",
    items={
        "extraversion": (1, -6),
        "agreeableness": (-2, 7),
        "conscientiousness": (3, -8),
        "neuroticism": (4, -9),
        "openness": (5, -10),
    },
)
"""Gosling et al., "A very brief measure of the Big-Five personality domains", J. Res. Pers. 2003; answers 1 to 7.

That questionnaire scores emotional stability; here its opposite, neuroticism, is scored from the same two items.
"""

KEYS = {"bfi-10": BFI_10, "tipi": TIPI}


def score_big_five(
    answers: ArrayLike,
    key: BigFiveKey = BFI_10,
    answer_range: tuple[float, float] = (1, 5),
    *,
    people: Sequence[str] = (),
) -> dict[str, NDArray[np.float64]]:
    """Score answers: the mean of a trait's items, where a reversed answer x counts ``lowest + highest - x``.

    Args:
        answers: ``(people, 10)`` or ``(10,)``, in the order of the questionnaire.
        key: Which items belong to which trait.
        answer_range: Lowest and highest answer there is, such as ``(-2, 2)``.
        people: Names for messages, where there are better ones than numbers.

    Returns:
        Trait -> float64 ``(people,)``, within the range of the answers.

    Raises:
        DataError: For another number of answers, an answer outside the range or a missing one, or an empty range.

    Example:
        >>> scores = score_big_five([2, 4, 1, 3, 2, 4, 2, 5, 2, 5])
        >>> {trait: float(values[0]) for trait, values in scores.items()}  # doctest: +NORMALIZE_WHITESPACE
        {'extraversion': 4.0, 'agreeableness': 4.0, 'conscientiousness': 5.0, 'neuroticism': 2.5, 'openness': 4.5}
    """
    low, high = answer_range
    if not low < high:
        raise DataError(f"the range of answers must be lowest, highest; received {low:g}, {high:g}")
    given = np.atleast_2d(np.asarray(answers, np.float64))
    if given.ndim != 2 or given.shape[1] != ITEMS:
        raise DataError(f"{key.name} has {ITEMS} answers a person; received an array of shape {np.shape(answers)}")
    wrong = ~((given >= low) & (given <= high))
    if wrong.any():
        person, item = np.argwhere(wrong)[0]
        name = people[person] if people else f"person {person + 1}"
        raise DataError(
            f"answer {item + 1} of {name} is {given[person, item]:g}, outside {low:g} to {high:g} "
            f"({int(wrong.sum())} such answers); give the range of this questionnaire as `answer_range`"
        )
    signs = key.signs()
    scored = given @ signs + (low + high) * -np.minimum(signs, 0).sum(axis=0)
    return dict(zip(TRAITS, scored.T, strict=True))


def range_of_answers(answers: NDArray[np.int64]) -> tuple[int, int]:
    """Return the range that the answers of all people are on, as far as they tell it: 1 to 5, or -2 to 2.

    Raises:
        DataError: When they fit neither.
    """
    lowest, highest = int(answers.min()), int(answers.max())
    for low, high in ((1, 5), (-2, 2)):
        if low <= lowest and highest <= high:
            return low, high
    raise DataError(
        f"answers go from {lowest} to {highest}, which is neither 1 to 5 nor -2 to 2: say which questionnaire this is, "
        "by `answer_range` (TIPI's is 1 to 7) and `key`"
    )
