"""Protocols: what a name stands for, and how the settings of a file are laid upon it."""

from __future__ import annotations

import keras
import pytest
import yaml

from tests.house.tree import PROJECT
from tfctr.benchmark import PROTOCOLS, settings_of
from tfctr.layers.embedding import TableL2
from tfctr.models import DNN
from tfctr.spec import FeatureSpec

SPEC = FeatureSpec.model_validate(
    {
        "name": "ads",
        "features": [{"kind": "categorical", "name": "site", "role": "context"}],
        "tasks": [{"name": "click", "label": "clicked"}],
        "split": {"by": "hash", "column": "site"},
    }
).bind({"site": 5_000})


def test_the_benchmark_of_frappe_has_the_protocol_by_name() -> None:
    chosen = yaml.safe_load((PROJECT / "benchmarks" / "frappe.yaml").read_text())
    settings = settings_of(chosen, "DNN")
    assert "protocol" not in settings
    assert (settings["batch_size"], settings["initial_stddev"], settings["embedding_dim"]) == (4096, 1e-4, 10)
    dense = {"epochs": 100, "learning_rate": 0.001, "patience": 2, "optimizer": "adam", "clip_norm": 10.0}
    assert settings["fit"] == dense
    assert settings_of(chosen, "DNN-lazy")["fit"] == {**dense, "optimizer": "lazy_adam"}


def test_a_model_starts_as_the_protocol_says() -> None:
    keras.utils.set_random_seed(3)
    model = DNN(SPEC, hidden_units=(4,), **PROTOCOLS["fuxictr"].model_options(table_l2=0.05))
    model.build()
    (rows,) = [weight for weight in model.weights if weight.path.endswith("embeddings")]
    assert float(keras.ops.std(rows)) == pytest.approx(1e-4, rel=0.01)
    assert isinstance(model.embedding_l2, TableL2)
    assert model.embedding_l2.coefficient == 0.05


def test_settings_without_a_protocol_are_as_they_stand() -> None:
    chosen = {"all": {"embedding_dim": 8, "fit": {"epochs": 3}}, "DNN": {"fit": {"epochs": 4}}}
    assert settings_of(chosen, "DNN") == {"embedding_dim": 8, "fit": {"epochs": 4}}
    assert settings_of({}, "LR") == {}


def test_an_unknown_protocol_is_told_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no protocol 'fuxi'.* There are: fuxictr"):
        settings_of({"all": {"protocol": "fuxi"}}, "DNN")
