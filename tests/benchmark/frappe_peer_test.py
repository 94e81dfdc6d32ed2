"""FuxiCTR is given the rows and the hyper-parameters that tfctr has, or the run is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import yaml

from benchmarks.peers.child import PROJECT
from benchmarks.peers.frappe import export, fuxictr_settings, report
from tfctr.benchmark import Score, Splits, settings_of
from tfctr.spec import FeatureSpec
from tfctr.transform import TransformOutput


def published(model: str) -> dict[str, Any]:
    chosen = yaml.safe_load((PROJECT / "benchmarks" / "frappe.yaml").read_text())
    return settings_of(chosen, model)


def test_the_published_settings_are_renamed_whole() -> None:
    assert fuxictr_settings("DNN", published("DNN")) == {
        "model": "DNN",
        "embedding_dim": 10,
        "batch_size": 4096,
        "epochs": 100,
        "options": {
            "learning_rate": 0.001,
            "embedding_regularizer": 0.05,
            "hidden_units": [400, 400, 400],
            "batch_norm": True,
            "net_dropout": 0.2,
        },
    }
    both = [fuxictr_settings(model, published(model))["options"] for model in ("DNN", "DeepFM")]
    assert both[0] == both[1]
    final = fuxictr_settings("FinalMLP", published("FinalMLP"))["options"]
    assert (final["dropout1"], final["gate_units"], final["context1"], final["num_heads"]) == (0.4, [400], ["user"], 5)
    assert len(final) == 11


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"initial_stddev": 0.1}, "FuxiCTR has initial_stddev = 0.0001, the settings say 0.1"),
        ({"fit": {"epochs": 1, "learning_rate": 1, "patience": 5, "optimizer": "adam"}}, "patience = 2"),
        ({"fit": {"epochs": 1, "learning_rate": 1, "patience": 2, "optimizer": "lazy_adam"}}, "optimizer = adam"),
        ({"num_cross_layers": 3}, "no counterpart in FuxiCTR for num_cross_layers"),
    ],
)
def test_what_fuxictr_would_do_otherwise_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        fuxictr_settings("DNN", {**published("DNN"), **change})


def test_rows_are_exported_as_they_are(tmp_path: Path) -> None:
    spec = FeatureSpec.model_validate(
        {
            "name": "apps",
            "features": [{"kind": "categorical", "name": name, "role": "context"} for name in ("user", "item")],
            "tasks": [{"name": "use", "label": "used"}],
            "split": {"by": "hash", "column": "user"},
        }
    )
    rows = {
        split: {"user": np.arange(size), "item": np.ones(size, np.int64), "use": np.zeros(size, np.float32)}
        for split, size in (("train", 6), ("valid", 3), ("test", 2))
    }
    export(Splits(spec.bind({"user": 7, "item": 3}), **rows, transform=cast(TransformOutput, None)), tmp_path)
    assert json.loads((tmp_path / "tables.json").read_text()) == {"rows": {"user": 7, "item": 3}, "label": "use"}
    for split, columns in rows.items():
        with np.load(tmp_path / f"{split}.npz") as read:
            assert set(read) == {"user", "item", "use"}
            for name, column in columns.items():
                np.testing.assert_array_equal(read[name], column)


def test_the_report_lists_epochs_by_seed() -> None:
    scores = [
        Score("FuxiCTR DNN", seed, {"auc": 0.9, "logloss": 0.2}, epochs=5 + seed, best_epoch=3, seconds_to_best=1.0)
        for seed in range(2)
    ]
    text = report(scores, "memory", 1)
    assert "| FuxiCTR DNN | 2 | 0.9000 ± 0.0000 | 0.2000 ± 0.0000 | 1.0 |" in text
    assert "FuxiCTR DNN: best epoch / epochs trained, by seed: 3/5, 3/6." in text
