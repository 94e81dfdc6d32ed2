"""Outputs with sequential weights are those written down when the thing was last changed on purpose."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.conformance.network_table import NETWORKS
from tests.conformance.regenerate_goldens import FOLDER, golden, golden_path
from tfctr.testing._recipe import Recipe


@pytest.mark.parametrize("recipe", NETWORKS, ids=lambda d: f"{d.kind}-{d.name}")
def test_outputs_are_the_golden_ones(recipe: Recipe) -> None:
    path = golden_path(recipe)
    assert path.is_file(), f"run python -m tests.conformance.regenerate_goldens {recipe.name}"
    expected, found = json.loads(path.read_text()), golden(recipe)
    assert found["weights"] == expected["weights"], "weights have other names, shapes or another order"
    for mode in ("inference", "training"):
        for one, other in zip(found[mode], expected[mode], strict=True):
            assert one["shape"] == other["shape"]
            np.testing.assert_allclose(one["values"], other["values"], rtol=2e-5, atol=2e-6, err_msg=mode)


def test_no_golden_is_left_over() -> None:
    left: set[Path] = set(FOLDER.glob("*.json")) - {golden_path(recipe) for recipe in NETWORKS}
    assert not left
