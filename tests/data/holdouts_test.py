"""Folds: every row judged once, groups never on both sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfctr.data import DataError, group_holdouts, random_holdouts

GROUPS = np.array(list("aabbccddeeffgg"))


@given(st.integers(4, 200), st.integers(2, 4), st.sampled_from([0.0, 0.1, 0.3]), st.integers(0, 5))
def test_every_row_is_tested_once_and_has_one_place_in_each_fold(
    rows: int, folds: int, share: float, seed: int
) -> None:
    made = random_holdouts(rows, folds, valid_share=share, seed=seed)
    assert np.sort(np.concatenate([one.test for one in made])).tolist() == list(range(rows))
    for one in made:
        assert np.sort(np.concatenate([one.train, one.valid, one.test])).tolist() == list(range(rows))
        assert len(one.train) > 0
        assert (len(one.valid) > 0) == (share > 0)


@given(st.lists(st.integers(0, 9), min_size=30, max_size=80), st.integers(2, 4), st.integers(0, 5))
def test_no_group_is_on_two_sides(keys: list[int], folds: int, seed: int) -> None:
    groups = np.array([*keys, *range(10)])
    for one in group_holdouts(groups, folds, valid_share=0.2, seed=seed):
        train, valid, test = (set(groups[rows]) for rows in (one.train, one.valid, one.test))
        assert not train & test
        assert not valid & test
        assert not train & valid
        assert train | valid | test == set(range(10))


def test_folds_are_even_and_the_deciding_groups_change() -> None:
    made = group_holdouts(GROUPS, 3, valid_share=0.25)
    assert sorted(len(one.test) for one in made) == [4, 4, 6]
    assert len({tuple(one.valid) for one in made}) == 3


def test_a_seed_deals_alike_and_another_otherwise() -> None:
    def tests(seed: int) -> list[list[int]]:
        return [one.test.tolist() for one in random_holdouts(40, 4, seed=seed)]

    assert tests(1) == tests(1)
    assert tests(1) != tests(2)


@pytest.mark.parametrize(
    ("folds", "share", "message"),
    [
        (1, 0.1, "at least 2 folds are needed; received 1"),
        (8, 0.1, "8 folds need as many groups; there are 7. Take fewer folds"),
        (2, 1.0, r"valid_share is in \[0, 1\)"),
        (7, 0.99, "6 groups outside fold 0 are too few to learn from"),
    ],
)
def test_what_cannot_be_dealt_out_is_refused(folds: int, share: float, message: str) -> None:
    with pytest.raises(DataError, match=message):
        group_holdouts(GROUPS, folds, valid_share=share)
