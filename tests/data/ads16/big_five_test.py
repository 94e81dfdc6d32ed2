"""Traits from ten answers: the published key, any other key, other ranges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tfctr.data import DataError
from tfctr.data.datasets.ads16 import BFI_10, TIPI, BigFiveKey, score_big_five
from tfctr.data.datasets.ads16.big_five import TRAITS, range_of_answers

ANSWERS = [2, 4, 1, 3, 2, 4, 2, 5, 2, 5]
OCEAN = {"extraversion": (1,), "agreeableness": (2,), "conscientiousness": (-3,), "neuroticism": (4,), "openness": (5,)}


def test_the_numbers_of_the_questionnaire() -> None:
    scores = {trait: float(values[0]) for trait, values in score_big_five(ANSWERS).items()}
    assert scores == {
        "extraversion": 4.0,
        "agreeableness": 4.0,
        "conscientiousness": 5.0,
        "neuroticism": 2.5,
        "openness": 4.5,
    }


@given(st.lists(st.lists(st.integers(1, 5), min_size=10, max_size=10), min_size=1, max_size=4))
@pytest.mark.parametrize("key", [BFI_10, TIPI], ids=lambda key: key.name)
def test_scores_equal_a_loop_over_items(key: BigFiveKey, answers: list[list[int]]) -> None:
    for (low, high), shift in (((1, 5), 0), ((-2, 2), -3)):
        found = score_big_five(np.array(answers) + shift, key, (low, high))
        for trait in TRAITS:
            for person, given_answers in enumerate(answers):
                parts = []
                for item in key.items[trait]:
                    answer = given_answers[abs(item) - 1] + shift
                    parts.append(low + high - answer if item < 0 else answer)
                assert found[trait][person] == pytest.approx(sum(parts) / len(parts))


def test_a_key_of_ones_own() -> None:
    scores = score_big_five([1, 2, 2, 4, 5, 1, 1, 1, 1, 1], BigFiveKey(name="one item", items=OCEAN))
    assert [float(values[0]) for values in scores.values()] == [1, 2, 4, 4, 5]


def test_the_range_is_told_by_the_answers() -> None:
    assert range_of_answers(np.array([[1, 5], [2, 2]])) == (1, 5)
    assert range_of_answers(np.array([[-2, 2], [0, 0]])) == (-2, 2)
    with pytest.raises(DataError, match="answers go from 1 to 7, which is neither 1 to 5 nor -2 to 2"):
        range_of_answers(np.array([[1, 7]]))


@pytest.mark.parametrize(
    ("answers", "scale", "message"),
    [
        ([*ANSWERS[:9], 6], (1, 5), "answer 10 of Ann is 6, outside 1 to 5"),
        ([*ANSWERS[:9], np.nan], (1, 5), "answer 10 of Ann is nan"),
        (ANSWERS[:9], (1, 5), "BFI-10 has 10 answers a person"),
        (ANSWERS, (5, 1), "range of answers must be lowest, highest"),
    ],
)
def test_answers_that_cannot_be_are_refused(answers: list[float], scale: tuple[float, float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        score_big_five(answers, answer_range=scale, people=["Ann"])


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ({**OCEAN, "honesty": (6,)}, "the key must name"),
        ({**OCEAN, "openness": (11,)}, "items are numbers from 1 to 10"),
        ({**OCEAN, "openness": ()}, "openness: items"),
    ],
)
def test_keys_that_cannot_be_are_refused(items: dict[str, tuple[int, ...]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        BigFiveKey(name="bad", items=items)
