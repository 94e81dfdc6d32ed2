"""What every layer, model and feature kind must stand: the checks of `tfctr.testing` over the whole table."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.conformance.network_table import NETWORKS
from tfctr.layers.embedding import EmbeddingTable
from tfctr.testing import LAYER_CHECKS, MODEL_CHECKS, TABLE_CHECKS, Recipe
from tfctr.testing._layer_checks import Check
from tfctr.testing._recipe import fill_sequentially


def checks_of(recipe: Recipe) -> tuple[Check, ...]:
    if recipe.kind == "model":
        return MODEL_CHECKS
    return TABLE_CHECKS if issubclass(recipe.cls, EmbeddingTable) else LAYER_CHECKS


CASES = [
    pytest.param(recipe, check, id=f"{recipe.kind}-{recipe.name}-{check.__name__.removeprefix('check_')}")
    for recipe in NETWORKS
    for check in checks_of(recipe)
]


@pytest.mark.parametrize(("recipe", "check"), CASES)
def test_a_network_stands(recipe: Recipe, check: Check) -> None:
    check(recipe)


def test_the_sequence_shows_a_swap() -> None:
    """The premise of the goldens: two weights of one shape never hold the same numbers."""
    dense = keras.Sequential([keras.layers.Dense(3), keras.layers.Dense(3)])
    dense.build((None, 3))
    fill_sequentially(dense)
    values = np.concatenate([np.ravel(w) for w in dense.get_weights()])
    assert len(np.unique(values.round(6))) == len(values)
