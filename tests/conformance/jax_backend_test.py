"""Every layer, model and feature kind answers, and every model learns, on JAX as on TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import on_jax
from tests.conformance.network_table import NETWORKS
from tfctr.testing._recipe import Recipe, answers, call

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(scope="module")
def jax_answers(project_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    path = tmp_path_factory.mktemp("jax") / "answers.npz"
    child = subprocess.run(
        [sys.executable, "-m", "tests.conformance.jax_child", str(path)],
        cwd=project_dir,
        env={**on_jax.environment(), "PYTHONPATH": str(project_dir)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert child.returncode == 0, child.stderr[-4000:]
    return dict(np.load(path))


@pytest.mark.parametrize("recipe", NETWORKS, ids=lambda d: f"{d.kind}-{d.name}")
def test_jax_agrees(recipe: Recipe, jax_answers: dict[str, np.ndarray]) -> None:
    for what, arrays in answers(recipe, call).items():
        for index, array in enumerate(arrays):
            other = jax_answers[f"{recipe.kind}-{recipe.name}/{what}/{index}"]
            np.testing.assert_allclose(other, array, **CLOSE, err_msg=f"{what} {index}")
