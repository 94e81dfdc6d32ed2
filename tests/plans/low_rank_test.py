"""Low-rank compression: the algebra, the choice of ranks, the model that is left, the plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.forked import killed
from tests.plans import teacher as taught
from tests.plans.exported import variables_bytes
from tests.plans.teacher import DIM, FIELDS, RANK, SETTINGS, auc_of, bound, rows, teacher, train_plan, valid_data
from tfctr.data.batches import array_dataset
from tfctr.layers.embedding import HashedTable, LowRankTable
from tfctr.layers.towers import FactoredDense
from tfctr.models import DIN, DNN, LR, AutoInt, CTRModel, DCNv2, DeepFM, FinalMLP
from tfctr.models._tower_ranks import towers_of
from tfctr.plans import LowRank, compress, output_statistics
from tfctr.plans.low_rank import _factors as factors
from tfctr.plans.low_rank._factorable import embeddings_of, factorable_parts, model_bytes
from tfctr.plans.low_rank._output_changes import output_changes
from tfctr.plans.low_rank._ranks import choose_ranks
from tfctr.plans.stage import read_model
from tfctr.testing._examples import RICH, example
from tfctr.testing._recipe import fill_sequentially
from tfctr.training import FitConfig, evaluate

SEEDS = (0, 1, 2)


def statistics(model: DNN, seed: int = 0) -> dict[str, np.ndarray]:
    return output_statistics(model, train_plan(model, seed).epoch(0, 0))


# --- the algebra ----------------------------------------------------------------------------------------------------


def correlated() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Inputs of four directions and a bit, a map of full rank, its outputs."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(2000, 4)) @ rng.normal(size=(4, 12)) + 0.1 * rng.normal(size=(2000, 12)) + 1
    kernel, bias = rng.normal(size=(12, 8)), rng.normal(size=8)
    return inputs, kernel, bias, inputs @ kernel + bias


@pytest.mark.parametrize("rank", [2, 4, 8])
def test_the_error_is_the_variance_left_out_and_less_than_of_plain_svd(rank: int) -> None:
    inputs, kernel, bias, outputs = correlated()
    mean = outputs.mean(0)
    variances, basis = factors.directions(np.cov(outputs.T, ddof=0))
    found = factors.map_by_outputs(kernel, bias, mean, basis[:, :rank])
    answers = (inputs @ found.inner + found.inner_bias) @ found.outer + found.outer_bias
    error = np.square(answers - outputs).sum(1).mean()
    assert error == pytest.approx(variances[rank:].sum(), rel=1e-3, abs=1e-8)
    np.testing.assert_allclose(answers.mean(0), mean, rtol=1e-4)
    plain = factors.map_by_weights(kernel, bias, rank)
    other = (
        np.square((inputs @ plain.inner + plain.inner_bias) @ plain.outer + plain.outer_bias - outputs).sum(1).mean()
    )
    assert other > 2 * error if rank < 8 else other == pytest.approx(0, abs=1e-8)


def test_moments_from_counts_are_those_of_the_rows_looked_up() -> None:
    rng = np.random.default_rng(1)
    table, ids = rng.normal(size=(9, 3)), rng.integers(1, 9, 500)
    mean, covariance = factors.table_moments(table, np.bincount(ids, minlength=9) + 7 * (np.arange(9) == 0))
    np.testing.assert_allclose(mean, table[ids].mean(0))
    np.testing.assert_allclose(covariance, np.cov(table[ids].T, ddof=0))


def test_a_vocabulary_nobody_saw_has_moments() -> None:
    mean, _ = factors.table_moments(np.array([[9.0, 9], [1, 0], [3, 0]]), np.zeros(3))
    np.testing.assert_allclose(mean, [2, 0])


def test_statistics_of_batches_are_those_of_all_rows() -> None:
    model = teacher(0)
    data = rows(model, 6000, 0)
    found = statistics(model)
    for name in FIELDS:
        np.testing.assert_array_equal(found[f"table.{name}.counts"], np.bincount(data[name], minlength=441))
    fields = np.asarray(model.embedding({name: data[name] for name in FIELDS}).fields).reshape(6000, -1)
    first = model.mlp.linear_maps["dense_0"]
    outputs = fields.astype(np.float64) @ np.asarray(first.kernel) + np.asarray(first.bias)
    np.testing.assert_allclose(found["mlp.dense_0.mean"], outputs.mean(0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["mlp.dense_0.covariance"], np.cov(outputs.T, ddof=0), rtol=1e-3, atol=1e-3)


# --- ranks ----------------------------------------------------------------------------------------------------------


def test_bytes_go_where_they_win_most_and_the_budget_is_kept() -> None:
    options = {"flat": np.array([10, 20, 30, 40]), "steep": np.array([10, 20, 30, 40])}
    lost = {"flat": np.array([0.6, 0.5, 0.4, 0]), "steep": np.array([0.5, 0.1, 0.01, 0])}
    assert choose_ranks(options, lost, 30) == {"flat": 0, "steep": 1}
    assert choose_ranks(options, lost, 80) == {"flat": 3, "steep": 3}
    worse_before_better = {"flat": np.array([0.6, 0.7, 0.8, 0]), "steep": np.array([0.0, 0.1, 0.01, 0])}
    assert choose_ranks(options, worse_before_better, 80) == {"flat": 3, "steep": 0}
    small = {**options, "tiny": np.array([1, 2]), "tinier": np.array([1, 1.5])}
    nothing_lost = {**lost, "tiny": np.zeros(2), "tinier": np.zeros(2)}
    assert choose_ranks(small, nothing_lost, 200) == {"flat": 3, "steep": 3, "tiny": 1, "tinier": 1}
    assert choose_ranks(small, nothing_lost, 22) == {"flat": 0, "steep": 0, "tiny": 0, "tinier": 0}
    with pytest.raises(ValueError, match="5 bytes more than the budget of 15"):
        choose_ranks(options, lost, 15)


def unheard() -> DNN:
    """A teacher that is deaf to field b, in whose rows there is ten times as much variance as in the others'."""
    model = teacher(0)
    first, table = model.mlp.linear_maps["dense_0"], model.embedding.lookups[0].fused_table
    first.kernel.assign(np.where((np.arange(3 * DIM) // DIM == 1)[:, np.newaxis], 0, np.asarray(first.kernel)))
    scale = np.where((np.arange(table.size[0]) - 1) // 440 == 1, np.sqrt(10), 1)
    table.embeddings.assign(np.asarray(table.embeddings) * scale[:, np.newaxis])
    return model


def test_a_rank_is_worth_what_the_answers_move_without_it() -> None:
    """However much a table varies: when nothing hears it, no answer moves, and it gets the least bytes."""
    model = unheard()
    found, before = statistics(model), [np.asarray(weight) for weight in model.weights]
    changes = output_changes(model, factorable_parts(model), found, valid_data(model), "outputs")
    assert set(changes) == {part.key for part in factorable_parts(model)}
    assert all(len(changes[part.key]) == len(part.options()) for part in factorable_parts(model))
    np.testing.assert_allclose(changes["table.b"], 0, atol=1e-7)
    for name in ("table.a", "table.c"):
        assert changes[name][0] > 0.02
        assert 0 <= changes[name][RANK - 1] < 0.01
    for weight, values in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(np.asarray(weight), values)
    small = compress(model, found, valid_data(model), 4)
    ranks = {name: getattr(table, "rank", None) for name, table in small.tables.items()}
    assert ranks["b"] == 1
    assert min(ranks["a"], ranks["c"]) >= RANK


def test_bytes_are_used_where_every_cut_lowers_the_loss() -> None:
    """A model that is sure and wrong gets better by being cut, and would be cut to nothing if the loss were asked."""
    model = teacher(0)
    data = rows(model, 2000, 0)
    wrong = array_dataset({**data, "click": 1 - data["click"]}, taught.SPEC, batch_size=2000)
    small, least = (compress(model, statistics(model), wrong, ratio) for ratio in (4, 8))
    assert evaluate(least, wrong)["logloss"] < evaluate(small, wrong)["logloss"] < evaluate(model, wrong)["logloss"]
    assert model_bytes(small) >= 0.9 * model_bytes(model) / 4


def test_ranks_are_judged_on_rows() -> None:
    model = teacher(0)
    with pytest.raises(ValueError, match="ranks are judged on predictions for some rows, and none were given"):
        compress(model, statistics(model), [], 4)


# --- the model that is left -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_outputs_tell_what_can_go_and_weights_do_not(seed: int) -> None:
    """Cut to a quarter without tuning: by its outputs the model keeps its AUC, by its weights (no mechanism) not."""
    model = teacher(seed)
    found = statistics(model, seed)
    before = auc_of(model, model, seed)
    assert before > 0.75
    by_outputs, by_weights = (
        compress(model, found, valid_data(model, seed), 4, method=method) for method in ("outputs", "weights")
    )
    assert auc_of(by_outputs, model, seed) > before - 0.01
    assert auc_of(by_weights, model, seed) < before - 0.1


def test_a_plane_takes_two_numbers_and_not_one() -> None:
    model = teacher(0)
    found = statistics(model)
    before = auc_of(model, model)
    figures = {}
    for rank in (1, RANK):
        cut = DNN(bound(), **SETTINGS, tables=dict.fromkeys(FIELDS, LowRankTable(rank=rank)))
        cut.build()
        for name in FIELDS:
            values = np.asarray(model.embedding.lookups[0].fused_table.embeddings)
            start = 440 * FIELDS.index(name)
            own = np.concatenate([values[:1], values[start + 1 : start + 441]])
            counts = np.where(np.arange(441) > taught.FREQUENT, 0, found[f"table.{name}.counts"])
            mean, covariance = factors.table_moments(own, counts)
            table = next(x for x in cut.embedding.lookups if name in x.vocabularies).fused_table
            table.set_factors(*factors.table_by_outputs(own, mean, factors.directions(covariance)[1][:, :rank]))
        cut.mlp.set_weights(model.mlp.get_weights())
        figures[rank] = auc_of(cut, model)
    assert figures[RANK] > before - 0.002
    assert figures[1] < before - 0.02


@pytest.mark.parametrize("ratio", [2, 4, 8])
def test_it_is_as_small_as_was_asked_for_everywhere(ratio: int, tmp_path: Path) -> None:
    model = teacher(0)
    small = compress(model, statistics(model), valid_data(model), ratio)
    assert 0.9 * model_bytes(model) / ratio <= model_bytes(small) <= model_bytes(model) / ratio
    saved = variables_bytes(model, tmp_path / "plain") - variables_bytes(small, tmp_path / "small")
    assert saved == pytest.approx(model_bytes(model) - model_bytes(small), rel=0.05)
    small.save(tmp_path / "small.keras")
    data = rows(model, 100, 5)
    np.testing.assert_array_equal(
        read_model(tmp_path / "small.keras").predict_on_batch(data), small.predict_on_batch(data)
    )
    assert (tmp_path / "small.keras").stat().st_size < 1.2 * model_bytes(small) + 60_000


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (DNN, {"hidden_units": (24, 24), "batch_norm": True}),
        (DeepFM, {"hidden_units": (24, 24)}),
        (DCNv2, {"hidden_units": (24, 24)}),
        (AutoInt, {"hidden_units": (24, 24)}),
        (FinalMLP, {"hidden_units1": (24, 24), "hidden_units2": (24,), "gate_units": (8,), "num_heads": 1}),
        (DIN, {"hidden_units": (24, 24)}),
    ],
)
def test_any_model_goes_in(kind: type[CTRModel], options: dict[str, Any], tmp_path: Path) -> None:
    """With nearly all ranks kept the answers are nearly those of before; every layer sees the full width."""
    model = kind(RICH, embedding_dim=8, **options)
    model.build()
    fill_sequentially(model)
    for weight in model.weights:
        if weight.name in ("kernel", "embeddings"):
            weight.assign(0.3 * np.asarray(weight))
    features = example(64)["features"]
    labels = (np.arange(64) % 2).astype("float32")
    small = compress(model, output_statistics(model, [(features,)]), [(features, labels)], 1.05)
    assert model_bytes(small) < model_bytes(model)
    width = sum(isinstance(layer.fused_table, LowRankTable) for e in embeddings_of(small) for layer in e.lookups)
    maps = sum(isinstance(m, FactoredDense) for tower in towers_of(small).values() for m in tower.linear_maps.values())
    assert width + maps > 0
    assert all(e(features).fields.shape[-1] == e.dim for e in embeddings_of(small))
    np.testing.assert_allclose(small.predict_on_batch(features), model.predict_on_batch(features), atol=0.05)
    small.save(tmp_path / "small.keras")
    np.testing.assert_array_equal(
        read_model(tmp_path / "small.keras").predict_on_batch(features), small.predict_on_batch(features)
    )


def test_what_is_no_site_stays_as_it_is() -> None:
    """Tables whose rows are no ids', maps that are too thin to be thinner, maps inside other layers."""
    model = DNN(bound(), embedding_dim=DIM, hidden_units=(16,), table=HashedTable(compression=4))
    model.build()
    assert [part.key for part in factorable_parts(model)] == ["mlp.dense_0"]


def test_a_compressed_model_can_be_compressed_again() -> None:
    """What is factored stays so, what is plain can be cut."""
    once = DNN(bound(), **SETTINGS, tables={"a": LowRankTable(rank=4)}, ranks={"mlp": {"dense_0": 9}})
    once.build()
    rng = np.random.default_rng(0)
    once.set_weights(
        [
            rng.normal(size=weight.shape) / (weight.shape[0] ** 0.5 if weight.name == "kernel" else 1)
            for weight in once.weights
        ]
    )
    twice = compress(once, output_statistics(once, train_plan(once).epoch(0, 0)), valid_data(once), 1.5)
    assert model_bytes(twice) <= model_bytes(once) / 1.5
    assert (twice.tables["a"].rank, twice.ranks["mlp"]["dense_0"]) == (4, 9)
    data = rows(once, 500, 3)
    assert np.corrcoef(once.predict_on_batch(data)[:, 0], twice.predict_on_batch(data)[:, 0])[0, 1] > 0.9


def test_impossible_ratios() -> None:
    model = teacher(0)
    with pytest.raises(
        ValueError, match=r"a ratio of 1000 is impossible: DNN has .* kB.*The largest ratio is [\d.]+\."
    ):
        compress(model, statistics(model), valid_data(model), 1000)
    plain = LR(bound())
    plain.build()
    with pytest.raises(ValueError, match="LR has nothing to factor: no tower and no plain table wider than 1"):
        compress(plain, {}, [], 2)


def test_a_rank_that_saves_nothing_and_an_unknown_tower() -> None:
    with pytest.raises(ValueError, match=r"rank 40 of a map from 64 to 64 numbers saves nothing.* above 31"):
        DNN(bound(), **SETTINGS, ranks={"mlp": {"dense_1": 40}}).build()
    with pytest.raises(ValueError, match=r"ranks names 'mpl', no tower of DNN \(did you mean 'mlp'\?\)"):
        DNN(bound(), **SETTINGS, ranks={"mpl": {"dense_1": 4}}).build()
    with pytest.raises(ValueError, match=r"ranks names \['dense_7'\], no linear maps of 'mlp'"):
        DNN(bound(), **SETTINGS, ranks={"mlp": {"dense_7": 4}}).build()


# --- the plan -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("base") / "teacher.keras"
    teacher(0).save(path)
    return path


def plan(base: Path, **settings: Any) -> LowRank:
    config = FitConfig(epochs=4, patience=4, learning_rate=0.01)
    return LowRank(DNN, SETTINGS, config, **{"ratio": 8, "base": str(base), **settings})


def run(made: LowRank, folder: Path) -> CTRModel:
    judge = teacher(0)
    return made.run(bound(), train_plan(judge), valid_data(judge), folder)


@pytest.mark.parametrize(("inner_activation", "ratio", "rate"), [(False, 9, 0.3), (True, 6, 1.0)])
def test_tuning_wins_back_what_the_cut_took(
    inner_activation: bool, ratio: float, rate: float, base: Path, tmp_path: Path
) -> None:
    made = plan(base, ratio=ratio, inner_activation=inner_activation, tuning_rate=rate)
    judge = teacher(0)
    tuned = run(made, tmp_path)
    cut = read_model(tmp_path / "3-cut" / "result.keras")
    whole, before, after = (auc_of(model, judge) for model in (judge, cut, tuned))
    assert before < whole - 0.03
    assert after > (before + whole) / 2
    reports = {report["stage"]: report for report in made.reports(tmp_path)}
    assert list(reports) == ["base", "statistics", "cut", "tune"]
    assert reports["tune"]["val_auc"] > reports["cut"]["val_auc"]


def test_killed_while_it_tunes_it_ends_the_same(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    folder.mkdir()
    (folder / "teacher.keras").write_bytes(base.read_bytes())
    assert killed(taught.main, str(folder), 40)
    assert (folder / "run" / "3-cut" / "result.keras").exists()
    assert taught.outcome(folder / "run", folder / "teacher.keras") == taught.outcome(
        tmp_path / "whole", folder / "teacher.keras"
    )


def test_without_tuning_the_cut_model_is_the_result(base: Path, tmp_path: Path) -> None:
    model = run(plan(base, tuning_epochs=0), tmp_path)
    cut = read_model(tmp_path / "3-cut" / "result.keras")
    for left, right in zip(model.get_weights(), cut.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_an_impossible_ratio_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a ratio of 500 is impossible"):
        run(LowRank(DNN, SETTINGS, FitConfig(epochs=1), ratio=500), tmp_path)
    assert not (tmp_path / "1-base").exists()


def test_another_model_is_no_base(base: Path, tmp_path: Path) -> None:
    made = LowRank(DeepFM, {}, base=str(base))
    with pytest.raises(ValueError, match="holds a DNN; the plan compresses a DeepFM"):
        run(made, tmp_path)
    judge = teacher(0)
    other = bound().spec.bind({**bound().rows, "a": 9})
    with pytest.raises(ValueError, match="was trained for another spec or other vocabularies"):
        plan(base).run(other, train_plan(judge), valid_data(judge), tmp_path / "other")
