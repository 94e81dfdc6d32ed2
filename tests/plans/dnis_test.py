"""DNIS: numbers that help stay, others go, within a budget, and what is served has those that stay alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from tests.plans.exported import variables_bytes
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import FusedLookup, SoftSelectionTable, SparseTable
from tfctr.models import FM, LR, CTRModel, FinalMLP
from tfctr.plans import DNIS, Fit
from tfctr.plans.dnis import DNISSettings, kept_numbers, selections, tables_bytes, take_over
from tfctr.spec import FeatureSpec
from tfctr.training import FitConfig
from tfctr.training.steps import BilevelStep

FREQUENT, RARE, DIM = 20, 80, 6
SEEDS = (0, 1, 2)
SPEC = FeatureSpec(
    name="numbers",
    features=[{"kind": "categorical", "name": name, "role": "item"} for name in ("user", "ad")],
    tasks=[{"name": "click", "label": "clicked"}],
    split={"by": "hash", "column": "row"},
)
PRICES = FeatureSpec(
    name="prices",
    features=[{"kind": "numeric", "name": "price", "role": "item"}],
    tasks=[{"name": "click", "label": "clicked"}],
    split={"by": "hash", "column": "row"},
)
BOUND = SPEC.bind({"user": 1 + FREQUENT + RARE, "ad": 1 + FREQUENT})


def rows(count: int, seed: int, rare: float = 0.1) -> dict[str, np.ndarray]:
    """Most rows are of the frequent users, whose taste has four dimensions; what the rare ones do is chance."""
    world, rng = np.random.default_rng(3), np.random.default_rng(seed)
    tastes = world.normal(size=(1 + FREQUENT + RARE, 4))
    tastes[1 + FREQUENT :] = 0
    ads = world.normal(size=(1 + FREQUENT, 4))
    users = rng.integers(1, 1 + FREQUENT, count), rng.integers(1 + FREQUENT, 1 + FREQUENT + RARE, count)
    user = np.where(rng.random(count) < rare, users[1], users[0])
    ad = rng.integers(1, 1 + FREQUENT, count)
    logit = 1.5 * (tastes[user] * ads[ad]).sum(axis=1)
    return {"user": user, "ad": ad, "click": (rng.random(count) < 1 / (1 + np.exp(-logit))).astype("float32")}


def plan(seed: int = 0, **settings: Any) -> DNIS:
    config = FitConfig(epochs=6, patience=2, learning_rate=0.02, seed=seed)
    return DNIS(FM, {"embedding_dim": DIM}, config, **{"search_epochs": 8, "keep": 0.25, **settings})


def run(made: Any, folder: Path, seed: int = 0, count: int = 8_000, **options: Any) -> CTRModel:
    train = ArrayPlan(rows(count, 10 * seed, **options), SPEC, batch_size=200, seed=seed)
    valid = array_dataset(rows(2_000, 10 * seed + 1), SPEC, batch_size=2_000)
    return made.run(BOUND, train, valid, folder)


def auc_of(model: CTRModel, seed: int) -> float:
    data = rows(6_000, 10 * seed + 2)
    return float(roc_auc_score(data["click"], np.asarray(model.predict_on_batch(data))[:, 0]))


def sparse_of(model: CTRModel) -> tuple[FusedLookup, SparseTable]:
    (found,) = (
        (lookup, lookup.fused_table)
        for lookup in layers_of(model, FusedLookup)
        if isinstance(lookup.fused_table, SparseTable)
    )
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_frequent_ids_keep_more_numbers_and_beat_a_narrow_table(seed: int, tmp_path: Path) -> None:
    made = plan(seed, blocks=(40,))
    model = run(made, tmp_path / "dnis", seed)
    _, table = sparse_of(model)
    kept = table.kept_numbers()[1 : 1 + FREQUENT + RARE].sum(axis=1)
    assert kept[:FREQUENT].mean() > 2 * kept[FREQUENT:].mean()
    assert table.kept_numbers().sum() == round(0.25 * DIM * (2 * FREQUENT + RARE))
    # As many numbers, the same for all ids: one and a half of six; two are given.
    narrow = run(Fit(FM, {"embedding_dim": 2}, made.config), tmp_path / "narrow", seed)
    assert auc_of(model, seed) > auc_of(narrow, seed) + 0.01


def test_the_gradients_of_a_block_are_brought_to_one_size() -> None:
    given = tf.constant([[1e-6, -3e-6, 2e-6, 0.0], [0.1, 0.2, -0.3, 0.4]])
    (normal,) = plan()._gradients([given], [])
    np.testing.assert_allclose(normal, [[0.6623, -1.9868, 1.3245, 0], [0.4, 0.8, -1.2, 1.6]], atol=1e-4)
    (raw,) = plan(normalize=False, selection_l1=0.5)._gradients([given], [])
    np.testing.assert_allclose(raw, given + 0.5)


def test_rare_blocks_move_only_when_gradients_are_normalised() -> None:
    model = searched()
    model.compile("sgd")
    batch = next(iter(ArrayPlan(rows(4_000, 1, rare=0.005), SPEC, batch_size=4_000).epoch(0)))
    step = BilevelStep(ArrayPlan(rows(10, 2), SPEC, batch_size=10), selections, keras.optimizers.SGD(0.1))
    step.build(model)
    sizes = {}
    for name, transform in (("raw", None), ("normal", plan()._gradients)):
        step.transform = transform
        _, (gradient,) = step.hypergradients(model, batch, batch)
        sizes[name] = np.abs(gradient).mean(axis=1)
    assert sizes["raw"][1] < 0.1 * sizes["raw"][0]
    np.testing.assert_allclose(sizes["normal"], 1.0, atol=1e-3)


def test_alpha_stays_between_0_and_1(tmp_path: Path) -> None:
    made = plan(search_epochs=2, blocks=(40,), selection_rate=0.3)
    run(made, tmp_path, count=2_000)
    arrays = np.load(next(tmp_path.glob("*search*/result.npz")))
    model = searched()
    for place, weight in enumerate(model.weights):
        weight.assign(arrays[f"weight_{place}"])
    (selection,) = (np.asarray(weight) for weight in selections(model))
    assert 0 <= selection.min() < selection.max() <= 1


def searched() -> CTRModel:
    model = FM(BOUND, embedding_dim=DIM, table=SoftSelectionTable(blocks=(40,)))
    model.build()
    rng = np.random.default_rng(0)
    for lookup in layers_of(model, FusedLookup):
        lookup.fused_table.embeddings.assign(rng.normal(size=lookup.fused_table.size))
    model.set_counts({"user": np.r_[0, [100.0] * FREQUENT, [1.0] * RARE], "ad": np.r_[0, [100.0] * FREQUENT]})
    return model


def cut(model: CTRModel, masks: dict[str, np.ndarray]) -> CTRModel:
    template = SparseTable(
        entries={name: int(mask.sum()) for name, mask in masks.items()},
        kept={name: int(mask.any(axis=1).sum()) for name, mask in masks.items()},
    )
    small = FM(BOUND, embedding_dim=DIM, table=template)
    small.build()
    take_over(small, model, masks)
    return small


@pytest.mark.parametrize("share", [0.5, 0.2, 0.05])
def test_the_largest_numbers_are_kept_and_the_cut_model_answers_as_the_masked_one(share: float, tmp_path: Path) -> None:
    model = searched()
    masks = kept_numbers(model, share)
    numbers = DIM * (2 * FREQUENT + RARE)
    assert sum(mask.sum() for mask in masks.values()) == round(share * numbers)
    small = cut(model, masks)
    for lookup in layers_of(model, FusedLookup):
        table = lookup.fused_table
        if isinstance(table, SoftSelectionTable):
            everything = np.abs(np.asarray(table.embeddings))
            kept = lookup.fused(masks, np.zeros(table.size, bool))
            assert everything[kept].min() >= everything[1:][~kept[1:]].max()
            table.embeddings.assign(np.where(kept, table.embeddings, 0))
    data = rows(50, 1)
    np.testing.assert_allclose(small.predict_on_batch(data), model.predict_on_batch(data), atol=1e-6)
    assert variables_bytes(small, tmp_path / "small") < variables_bytes(model, tmp_path / "whole")


def test_a_budget_is_kept_and_more_of_it_keeps_more() -> None:
    model = searched()
    whole, kept = sum(lookup.fused_table.serving_bytes() for lookup in layers_of(model, FusedLookup)), []
    for share in (0.9, 0.7, 0.5):
        masks = kept_numbers(model, int(share * whole))
        used = tables_bytes(model, masks)
        assert 0.98 * share * whole < used <= share * whole
        assert used == sum(lookup.fused_table.serving_bytes() for lookup in layers_of(cut(model, masks), FusedLookup))
        kept.append(sum(int(mask.sum()) for mask in masks.values()))
    assert kept == sorted(kept, reverse=True)
    with pytest.raises(ValueError, match="a budget of 100 B cannot be kept: with one number an embedding"):
        kept_numbers(model, 100)


def test_a_model_with_several_embeddings_keeps_a_number_where_any_needs_it(tmp_path: Path) -> None:
    made = DNIS(FinalMLP, {"embedding_dim": 4}, FitConfig(epochs=1), search_epochs=1, order=2, weights="embeddings")
    model = run(made, tmp_path, count=1_000)
    tables = [lookup.fused_table for lookup in layers_of(model, FusedLookup)]
    assert any(isinstance(table, SparseTable) for table in tables)
    assert np.isfinite(auc_of(model, 0))


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    (problem,) = DNIS.problems(LR, PRICES)
    assert "no feature of ids" in str(problem)
    for settings in ({"keep": 0}, {"blocks": (0.5, 0.6)}, {"budget": "many"}, {"search_share": 1}):
        with pytest.raises(ValueError, match="validation error"):
            DNISSettings(**settings)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="itself chooses table"):
        DNIS(FM, {"table": SparseTable()})

    class Anonymous:
        batch_size, steps_per_epoch = 10, 1

        def epoch(self, epoch: int = 0, start_step: int = 0) -> tf.data.Dataset:
            return array_dataset(rows(10, 1), SPEC, batch_size=10)

    with pytest.raises(ValueError, match="tell the training rows apart, which Anonymous cannot"):
        plan().run(BOUND, Anonymous(), None, tmp_path)
