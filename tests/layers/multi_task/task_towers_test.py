"""One logit a task."""

from __future__ import annotations

import numpy as np
import pytest

from tfctr.layers.multi_task import TaskTowers

INPUTS = np.random.default_rng(0).normal(size=(5, 2, 6)).astype("float32")


def test_each_task_reads_its_own_vector() -> None:
    towers = TaskTowers(("click", "buy"), (4,))
    before = towers(INPUTS)
    other = INPUTS.copy()
    other[:, 1] += 1
    after = towers(other)
    np.testing.assert_array_equal(before["click"], after["click"])
    assert np.abs(before["buy"] - after["buy"]).max() > 0
    assert list(before) == ["click", "buy"]


def test_one_vector_for_all_gives_each_task_its_own_tower() -> None:
    logits = TaskTowers(("click", "buy"), ())(INPUTS[:, 0])
    assert logits["click"].shape == (5, 1)
    assert np.abs(logits["click"] - logits["buy"]).max() > 0


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one task"):
        TaskTowers((), (4,))
    with pytest.raises(ValueError, match=r"shape=\(5, 2, 6\)"):
        TaskTowers(("a", "b", "c"), (4,))(INPUTS)
