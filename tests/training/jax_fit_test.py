"""On JAX alone, without TensorFlow, models train by plain Keras."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests import on_jax

MODELS = ("FM", "DCNv2")
PROGRAM = f"""
import sys
sys.modules["tensorflow"] = None  # as on a machine that has JAX alone
from tests.training.jax_fit import main
main(*{MODELS})
"""
LEAST_AUC = 0.72
"""Of a truth whose own AUC on these rows is about 0.87; chance is 0.5."""


def test_models_learn_on_jax(project_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=project_dir,
        env=on_jax.environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.split("RESULT ")[1])
    assert set(found) == set(MODELS)
    for losses, auc in found.values():
        assert losses[-1] < losses[0] - 0.05
        assert auc > LEAST_AUC
