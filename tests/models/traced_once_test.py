"""No trace of a step is thrown away."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tests.models.specs import categorical, make_spec
from tfctr.models import DeepFM, SharedBottom
from tfctr.models._traced_once import TracedOnce

ROWS = 64


@pytest.mark.parametrize("tasks", [("click",), ("click", "buy")], ids=["one task", "two tasks"])
def test_a_new_model_is_traced_once_for_each_kind_of_step(tasks: tuple[str, ...], monkeypatch: Any) -> None:
    traced = dict.fromkeys(("train_step", "test_step", "predict_step"), 0)

    def count(name: str) -> None:
        step = getattr(keras.Model, name)

        def counted(self: keras.Model, *args: Any) -> Any:
            traced[name] += 1
            return step(self, *args)

        monkeypatch.setattr(TracedOnce, name, counted, raising=False)

    for name in traced:
        count(name)

    def made() -> keras.Model:
        model = (DeepFM if len(tasks) == 1 else SharedBottom)(
            make_spec(categorical("item"), rows={"item": 9}, tasks=tasks), embedding_dim=4
        )
        model.compile(jit_compile=False)
        return model

    rng = np.random.default_rng(0)
    features = {"item": rng.integers(1, 9, ROWS)}
    labels: Any = {task: rng.integers(0, 2, (ROWS, 1)).astype("float32") for task in tasks}
    labels = labels if len(tasks) > 1 else labels["click"]
    made().fit(features, labels, verbose=0)
    made().evaluate(features, labels, verbose=0)
    made().predict(features, verbose=0)
    assert traced == dict.fromkeys(traced, 1)
