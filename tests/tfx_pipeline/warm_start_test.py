"""Training goes on from the base model where it can, and says why where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.training.growth.days import day, transforms
from tfctr.layers.embedding import HashedTable
from tfctr.models import CTRModel
from tfctr.spec import FeatureSpec
from tfctr.training import FitConfig
from tfctr.training.optimizers import LazyAdam
from tfctr.transform import TransformOutput
from tfx_pipeline.modules.trainer_module import make_model, unbuilt_model
from tfx_pipeline.modules.warm_start import keep_for_warm_start, warm_started
from tfx_pipeline.start import Start

Pair = tuple[TransformOutput, TransformOutput]
OPTIONS = {"embedding_dim": 4}
SETTINGS = FitConfig(learning_rate=0.05, optimizer="lazy_adam", clip_norm=1.0)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return transforms(tmp_path_factory.mktemp("days"))


@pytest.fixture(scope="module")
def keep(both: Pair, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Train a little on yesterday, and keep the model beside an export; returns the path of the export."""

    def make(options: dict[str, Any]) -> str:
        model = make_model("FM", options, both[0], seed=1)
        model.compile(LazyAdam(0.001, global_clipnorm=1.0), run_eagerly=True)
        columns = both[0].transform(day(0, 12, seed=1))
        features = {info.name: columns[info.name] for info in both[0].spec.inputs()}
        model.fit(features, columns["click"][:, np.newaxis], batch_size=100, verbose=0)
        exported = tmp_path_factory.mktemp("model") / "Format-Serving"
        exported.mkdir()
        keep_for_warm_start(model, both[0], exported)
        return str(exported)

    return make


@pytest.fixture(scope="module")
def base(keep: Callable[..., str]) -> str:
    return keep(OPTIONS)


def begun(
    today: TransformOutput, base: str | None, name: str = "FM", config: FitConfig = SETTINGS, **options: Any
) -> tuple[CTRModel | None, Start]:
    wanted = unbuilt_model(name, {**OPTIONS, **options}, today, seed=1)
    return warm_started(wanted, today, base, config, "oov")


def test_a_warm_start_keeps_slots_and_takes_today_s_learning_rate(both: Pair, base: str) -> None:
    model, start = begun(both[1], base)
    assert model is not None
    assert start.warm
    assert start.vocabularies["item"] == {"kept": 8, "new": 5, "dropped": 4}
    assert "item 8 kept, 5 new, 4 dropped" in str(start)
    assert Start.from_json(start.to_json()) == start
    assert model.spec.rows == both[1].bound_spec.rows
    assert int(model.optimizer.iterations) == 4
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(0.05)
    assert np.any(np.array(model.optimizer._velocities[-1]))


def test_another_optimizer_starts_with_empty_slots(both: Pair, base: str) -> None:
    model, start = begun(both[1], base, config=FitConfig(optimizer="lazy_adagrad"))
    assert model is not None
    assert start.warm
    assert type(model.optimizer).__name__ == "LazyAdagrad"


def test_a_budget_with_room_to_spare_goes_on(both: Pair, keep: Callable[..., str]) -> None:
    options = {**OPTIONS, "embedding_budget": "1 MB"}
    _, start = begun(both[1], keep(options), **options)
    assert start.warm, start.why


def test_a_cold_start_says_why(both: Pair, base: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cases = {
        "no model was blessed yet": begun(both[1], None),
        "keeps nothing to go on from": begun(both[1], str(tmp_path / "Format-Serving")),
        "other settings (embedding_dim)": begun(both[1], base, embedding_dim=8),
        "other settings (FM, now LR)": begun_lr(both[1], base),
        "the two specs differ in price": begun(without_price(both[1]), base),
    }
    for why, (model, start) in cases.items():
        assert model is None
        assert not start.warm
        assert why in start.why
        assert f"cold start: {start.why}" in caplog.text


def test_tables_without_a_row_an_id_start_cold(both: Pair, keep: Callable[..., str]) -> None:
    options = {**OPTIONS, "tables": {"item": HashedTable(compression=2)}}
    model, start = begun(both[1], keep(options), **options)
    assert model is None
    assert "its HashedTable mixes the rows" in start.why


def begun_lr(today: TransformOutput, base: str) -> tuple[CTRModel | None, Start]:
    return warm_started(unbuilt_model("LR", {}, today, seed=1), today, base, SETTINGS, "oov")


def without_price(transform: TransformOutput) -> TransformOutput:
    """The same transform, read as one of a spec without prices."""
    spec = transform.spec
    features = [feature.model_dump() for feature in spec.features if feature.name != "price"]
    return TransformOutput(transform.directory, FeatureSpec(**{**spec.model_dump(), "features": features}))
