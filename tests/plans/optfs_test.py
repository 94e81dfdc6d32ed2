"""OptFS: values that say nothing go, those that say something stay, and what is left is trained from an early epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.plans.exported import variables_bytes
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import FusedLookup, PrunedTable
from tfctr.models import DNN, FM, LR, AutoInt, CTRModel, DCNv2
from tfctr.plans import Fit, OptFS, optfs
from tfctr.plans.optfs import OptFSSettings, take_over
from tfctr.plans.stage import Snapshot, Stage
from tfctr.spec import BoundSpec, FeatureSpec
from tfctr.training import FitConfig

USEFUL, USELESS, OTHERS, NOISE = 20, 20, 20, 50
SPEC = FeatureSpec(
    name="values",
    features=[
        *({"kind": "categorical", "name": name, "role": "item"} for name in ("a", "b", "noise")),
        {"kind": "numeric", "name": "signal", "role": "item"},
        {"kind": "numeric", "name": "dust", "role": "item"},
    ],
    tasks=[{"name": "click", "label": "clicked"}],
    split={"by": "hash", "column": "row"},
)
SEEDS = (0, 1, 2)
SETTINGS: dict[str, Any] = {"search_epochs": 8, "strength": 1e-3, "gate_rate": 0.02, "final_temperature": 500.0}


def bound() -> BoundSpec:
    return SPEC.bind({"a": 1 + USEFUL + USELESS, "b": 1 + OTHERS, "noise": 1 + NOISE})


def rows(count: int, seed: int) -> dict[str, np.ndarray]:
    """Half of a's values say nothing, the others and b's do; `noise` and `dust` say nothing, `signal` does."""
    world, rng = np.random.default_rng(5), np.random.default_rng(seed)
    left = np.r_[0, world.choice([-1.5, 1.5], USEFUL), np.zeros(USELESS)]
    right = np.r_[0, world.choice([-1.5, 1.5], OTHERS)]
    a, b = rng.integers(1, len(left), count), rng.integers(1, len(right), count)
    signal, dust = rng.normal(size=(2, count)).astype("float32")
    logit = left[a] + right[b] + signal
    click = (rng.random(count) < 1 / (1 + np.exp(-logit))).astype("float32")
    return {"a": a, "b": b, "noise": rng.integers(1, 1 + NOISE, count), "signal": signal, "dust": dust, "click": click}


def plan(seed: int = 0, model: type[CTRModel] = FM, **settings: Any) -> OptFS:
    config = FitConfig(epochs=6, patience=2, learning_rate=0.02, seed=seed)
    return OptFS(model, {"embedding_dim": 4}, config, **{**SETTINGS, **settings})


def run(made: Any, folder: Path, seed: int = 0, count: int = 8_000) -> CTRModel:
    train = ArrayPlan(rows(count, 10 * seed), SPEC, batch_size=200, seed=seed)
    valid = array_dataset(rows(2_000, 10 * seed + 1), SPEC, batch_size=2_000)
    return made.run(bound(), train, valid, folder)


def auc_of(model: CTRModel, seed: int) -> float:
    data = rows(6_000, 10 * seed + 2)
    return float(roc_auc_score(data["click"], np.asarray(model.predict_on_batch(data))[:, 0]))


def kept_ids(model: CTRModel) -> dict[str, np.ndarray]:
    """By vocabulary, which ids have a row in the served model."""
    (lookup, *_) = layers_of(model, FusedLookup)
    kept = lookup.fused_table.kept_ids()
    return {
        name: np.r_[False, kept[1 + start : start + rows]]
        for (name, start), rows in zip(lookup.offsets.items(), lookup.vocabularies.values(), strict=True)
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[OptFS, Path, CTRModel]]:
    runs = {}
    for seed in SEEDS:
        made, folder = plan(seed), tmp_path_factory.mktemp(f"optfs{seed}")
        runs[seed] = (made, folder, run(made, folder, seed))
    return runs


@pytest.mark.parametrize("seed", SEEDS)
def test_what_says_nothing_is_dropped_and_what_says_something_is_kept(
    seed: int, found: dict[int, tuple[OptFS, Path, CTRModel]], tmp_path: Path
) -> None:
    made, folder, model = found[seed]
    kept = kept_ids(model)
    useful, useless = kept["a"][1 : 1 + USEFUL], kept["a"][1 + USEFUL :]
    assert kept["noise"][1:].mean() <= 0.1
    assert useless.mean() <= 0.1
    assert useful.mean() >= 0.9
    assert kept["b"][1:].mean() >= 0.9
    report = {entry["stage"]: entry for entry in made.reports(folder)}["search"]
    assert report["dropped_fields"].split(", ") == [*(name for name in kept if not kept[name].any()), "dust"]
    assert report["kept"] == sum(int(mask.sum()) for mask in kept.values())
    plain = run(Fit(FM, {"embedding_dim": 4}, made.config), tmp_path, seed)
    assert auc_of(model, seed) > auc_of(plain, seed) - 0.002


def test_what_is_served_has_the_kept_rows_alone(found: dict[int, tuple[OptFS, Path, CTRModel]], tmp_path: Path) -> None:
    model = found[0][2]
    rows_kept = sum(int(mask.sum()) for mask in kept_ids(model).values())
    for lookup in layers_of(model, FusedLookup):
        assert lookup.fused_table.embeddings.shape[0] == 1 + rows_kept
    plain = FM(bound(), embedding_dim=4)
    plain.build()
    assert variables_bytes(model, tmp_path / "small") < variables_bytes(plain, tmp_path / "whole")


def test_training_begins_from_the_weights_of_the_early_epoch_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}
    begin, fit, taking_over = Snapshot.on_epoch_begin, Stage.fit, optfs.take_over

    def weights(model: CTRModel) -> list[np.ndarray]:
        return [np.array(weight) for weight in model.weights if weight.name not in ("gates", "temperature")]

    def beginning(self: Snapshot, epoch: int, logs: Any = None) -> None:
        if epoch == 1:
            seen["early"] = weights(self.model)
        begin(self, epoch, logs)

    def taken_over(model: CTRModel, before: CTRModel, kept: Any) -> None:
        taking_over(model, before, kept)
        seen["before"], seen["masks"], seen["taken"] = weights(before), kept, weights(model)

    def fitting(stage: Stage, model: CTRModel, **options: Any) -> Any:
        seen[stage.name] = weights(model)
        return fit(stage, model, **options)

    monkeypatch.setattr(Snapshot, "on_epoch_begin", beginning)
    monkeypatch.setattr(optfs, "take_over", taken_over)
    monkeypatch.setattr(Stage, "fit", fitting)
    run(plan(search_epochs=3, rewind_epoch=1), tmp_path, count=1_000)
    for left, right in (("early", "before"), ("taken", "retrain")):
        for one, other in zip(seen[left], seen[right], strict=True):
            np.testing.assert_array_equal(one, other)
    assert any(np.any(one != other) for one, other in zip(seen["early"], seen["search"], strict=True))
    # Tables apart, which are cut, every weight is the early epoch's.
    small, whole = ([w for w in seen[name] if w.ndim < 2 or w.shape[0] < 20] for name in ("retrain", "before"))
    for one, other in zip(small, whole, strict=True):
        np.testing.assert_array_equal(one, other)
    kept = np.flatnonzero(seen["masks"]["a"])
    table, cut = (max((w for w in seen[name] if w.ndim == 2), key=np.size) for name in ("before", "retrain"))
    np.testing.assert_array_equal(cut[1 : 1 + len(kept)], table[kept])


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("reference", (1, 2.1544, 4.6416, 10, 21.544, 46.416, 100, 215.44, 464.16, 1000)),
        ("paper", (1, 1.9953, 3.9811, 7.9433, 15.849, 31.623, 63.096, 125.89, 251.19, 501.19)),
    ],
)
def test_the_temperature_rises_as_it_is_written(schedule: Any, expected: tuple[float, ...]) -> None:
    settings = OptFSSettings(search_epochs=10, final_temperature=1000.0, schedule=schedule)
    np.testing.assert_allclose([settings.temperature(epoch) for epoch in range(10)], expected, rtol=1e-4)
    alone = OptFSSettings(search_epochs=1, final_temperature=50.0, schedule=schedule)
    assert alone.temperature(0) == (50.0 if schedule == "reference" else 1.0)


def test_without_a_loss_on_gates_all_stay_and_with_a_huge_one_all_go(tmp_path: Path) -> None:
    idle = run(plan(search_epochs=1, strength=0.0, gate_rate=1e-6), tmp_path / "idle", count=1_000)
    assert all(isinstance(lookup.fused_table, PrunedTable) for lookup in layers_of(idle, FusedLookup))
    assert all(lookup.fused_table.keeps_all for lookup in layers_of(idle, FusedLookup))
    assert idle.value_gates is None
    none = run(plan(search_epochs=2, strength=1e3, gate_rate=0.2), tmp_path / "none", count=1_000)
    answers = np.asarray(none.predict_on_batch(rows(100, 3)))
    assert np.isfinite(answers).all()
    assert np.ptp(answers) < 1e-6  # what is left is the bias


def test_gates_of_a_short_search_learn_fast_enough_to_close() -> None:
    """By default a gate that nothing speaks for closes within a quarter of the steps, however few they are."""

    class Stub:
        train = ArrayPlan(rows(800, 1), SPEC, batch_size=200, seed=0)
        config = FitConfig(learning_rate=1e-3)

    settings = OptFSSettings(search_epochs=5)
    assert settings.rate(Stub()) == pytest.approx(4 * 0.5 / (5 * 4))  # type: ignore[arg-type]
    long = OptFSSettings(search_epochs=5_000)
    assert long.rate(Stub()) == 1e-3  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "word"), [({"strength": 0.0, "gate_rate": 1e-6}, "raise"), ({"strength": 1e3}, "lower")]
)
def test_a_search_that_drops_nothing_or_everything_says_what_to_do(
    changes: dict[str, Any], word: str, tmp_path: Path
) -> None:
    made = plan(search_epochs=2, **{"gate_rate": 0.2, **changes})
    run(made, tmp_path, count=600)
    report = made.reports(tmp_path)[0]
    assert word in report["advice"]
    assert report["dropped_fields"] == ("" if word == "raise" else "a, b, noise, signal, dust")


@pytest.mark.parametrize("model", [LR, FM, DNN, DCNv2, AutoInt])
def test_any_model_loses_the_dropped_rows(model: type[CTRModel], tmp_path: Path) -> None:
    settings = {"search_epochs": 1, "strength": 0.0, "gate_rate": 1e-6}
    made = plan(model=model, **settings)
    made.hyperparameters = {} if model is LR else {"embedding_dim": 4}
    small = run(made, tmp_path, count=600)
    masks = {name: np.arange(size) % 3 == 1 for name, size in bound().rows.items()}
    template = PrunedTable(kept={name: int(mask.sum()) for name, mask in masks.items()})
    cut = model(bound(), table=template, **made.hyperparameters)
    cut.build()
    whole = model(bound(), **made.hyperparameters)
    whole.build()
    for lookup in layers_of(whole, FusedLookup):
        lookup.fused_table.embeddings.assign(np.random.default_rng(0).normal(size=lookup.fused_table.embeddings.shape))
    take_over(cut, whole, masks)
    zeroed = model.from_config(whole.get_config())
    zeroed.build()
    zeroed.set_weights(whole.get_weights())
    for lookup in layers_of(zeroed, FusedLookup):
        table, mask = lookup.fused_table.embeddings, lookup.fused(masks, np.zeros(lookup.rows, bool))
        table.assign(np.where(mask[:, None], np.asarray(table), 0.0))
    data = rows(64, 9)
    np.testing.assert_allclose(cut.predict_on_batch(data), zeroed.predict_on_batch(data), atol=1e-6)
    assert np.any(np.abs(cut.predict_on_batch(data) - whole.predict_on_batch(data)) > 1e-4)
    assert small.built
