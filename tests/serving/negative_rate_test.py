"""The served answers of a model that was trained on a share of the negatives are those of the whole log."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.serving.ads import ADS
from tests.serving.conftest import Exported
from tests.serving.export_test import examples_of
from tfctr.models.dnn import DNN
from tfctr.serving import export_model, in_process
from tfctr.transform import TransformOutput

RATE = 0.1


def test_the_correction_is_in_the_exported_graph(exported: Exported, tmp_path: Path) -> None:
    """The same weights under a spec that declares the rate: every served p becomes p / (p + (1 - p) / rate)."""
    tasks = tuple(task.model_copy(update={"negative_rate": RATE}) for task in ADS.tasks)
    transform = TransformOutput(exported.transform.directory, ADS.model_copy(update={"tasks": tasks}))
    model = DNN(transform.bound_spec, embedding_dim=8, hidden_units=(16, 8))
    model.build()
    model.set_weights(exported.model.get_weights())
    folder = export_model(model, transform, tmp_path / "1")
    p = exported.expected()["click"]
    answer = in_process(folder).call({"examples": examples_of(exported.rows)})["click"]
    np.testing.assert_allclose(answer, p / (p + (1 - p) / RATE), rtol=1e-5)
    assert np.all(answer < p)
