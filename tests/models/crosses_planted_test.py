"""A table of chance over pairs of ids: nothing about one id tells the label, so that only a cross can hold it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.models.specs import auc, categorical, fitted, make_spec
from tfctr.layers.embedding import TooLargeError
from tfctr.models import LR

IDS = 10


def rows_of(seed: int, rows: int, table: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, IDS, (2, rows))
    labels = table[a, b]
    return {"a": a + 1, "b": b + 1, "a_x_b": 2 + a * IDS + b}, labels.astype("float32")[:, None]


def balanced_table(seed: int) -> np.ndarray:
    """0 and 1 as often in each row and in each column: a random XOR of sums, its rows and columns mixed."""
    rng = np.random.default_rng(seed)
    parity = np.add.outer(np.arange(IDS), np.arange(IDS)) // rng.choice([1, 5]) % 2
    return parity[rng.permutation(IDS)][:, rng.permutation(IDS)]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_linear_model_holds_a_table_of_pairs_by_their_cross_alone(seed: int) -> None:
    table = balanced_table(seed)
    assert set(table.sum(axis=0)) == set(table.sum(axis=1)) == {IDS // 2}
    train, test = rows_of(seed, 3000, table), rows_of(seed + 100, 1000, table)
    plain = make_spec(categorical("a", "user"), categorical("b"), rows={"a": IDS + 1, "b": IDS + 1})
    crossed = plain.spec.with_crosses().bind({**plain.rows, "a_x_b": IDS * IDS + 2})
    found = {}
    for name, spec in {"plain": plain, "crossed": crossed}.items():
        keras.utils.set_random_seed(seed)
        found[name] = auc(fitted(LR(spec), *train, epochs=4, learning_rate=0.1), *test)
    assert found["crossed"] > 0.99
    assert 0.4 < found["plain"] < 0.6


def test_a_cross_that_would_not_fit_is_refused_before_any_memory_is_taken() -> None:
    plain = make_spec(categorical("a", "user"), categorical("b"), rows={"a": IDS + 1, "b": IDS + 1})
    crossed = plain.spec.with_crosses().bind({**plain.rows, "a_x_b": 10**12})
    with pytest.raises(TooLargeError, match="The largest has 1,000,000,000,0"):
        LR(crossed).build()
