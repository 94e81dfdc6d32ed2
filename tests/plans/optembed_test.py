"""OptEmbed: what is useless goes, what matters stays wide, and the table really shrinks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.forked import killed
from tests.plans import searched
from tests.plans.exported import variables_bytes
from tests.plans.searched import BUDGET, DIM, FREQUENT, Ticking, bound, optembed, short, train_plan, valid_data
from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import FeatureEmbedding, FusedLookup, PrunedTable, SearchedTable, parse_bytes
from tfctr.models import FM, LR, CTRModel
from tfctr.plans import Fit, OptEmbed
from tfctr.plans._evolution import Evolution
from tfctr.plans.optembed import Costs, keep_all_where_smaller, kept_rows, own_tables, set_kept_rows
from tfctr.plans.stage import Stage, read_model
from tfctr.spec import FeatureSpec
from tfctr.training import FitConfig, evaluate

SEEDS = (0, 1, 2)
STEPS = 2 * train_plan(count=2000).steps_per_epoch
"""Steps of the short plan's first stage."""


def run(plan: OptEmbed | Fit, folder: Path, seed: int = 0) -> CTRModel:
    return plan.run(bound(), train_plan(seed), valid_data(seed), folder)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Path, CTRModel]]:
    """Folder and model of a whole run for each seed."""
    folders = {seed: tmp_path_factory.mktemp(f"seed{seed}") for seed in SEEDS}
    return {seed: (folder, run(optembed(seed), folder, seed)) for seed, folder in folders.items()}


def searched_arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "2-search" / "result.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("seed", SEEDS)
def test_useless_fields_are_narrow_and_rare_rows_go(seed: int, found: dict[int, tuple[Path, CTRModel]]) -> None:
    arrays = searched_arrays(found[seed][0])
    a, b, noise = arrays["widths"]
    assert noise <= 2
    assert min(a, b) >= 4
    rows = arrays["kept_a"][1:]
    assert rows[:FREQUENT].all()
    assert rows[FREQUENT:].mean() < 0.8
    thresholds = [float(np.max(table.thresholds)) for table in _searched(found[seed][0])]
    assert min(thresholds) > 0.02


def _supernet(folder: Path) -> CTRModel:
    return read_model(folder / "1-supernet" / "result.keras")


def _searched(folder: Path) -> list[SearchedTable]:
    tables = own_tables(_supernet(folder)).values()
    return [table for group in tables for table in group if isinstance(table, SearchedTable)]


def test_it_beats_uniform_widths_at_equal_memory_and_blind_search_does_not(
    found: dict[int, tuple[Path, CTRModel]], tmp_path: Path
) -> None:
    """Blind: no thresholds, and the widths are the first draw that keeps the budget, which can be a lucky one."""
    width = parse_bytes(BUDGET) // (4 * sum(bound().rows.values())) - 1  # a number of each row is the linear part's
    off = {"threshold_rate": 0, "pressure": 0, "table_l2": 0, "generations": 0, "population": 1}
    full, uniform, blind = np.array(
        [
            [
                searched.auc_of(found[seed][1], seed),
                searched.auc_of(run(_uniform(seed, width), tmp_path / f"uniform{seed}", seed), seed),
                searched.auc_of(run(optembed(seed, **off), tmp_path / f"blind{seed}", seed), seed),
            ]
            for seed in SEEDS
        ]
    ).T
    assert np.all(full > uniform + 0.1)
    assert not np.all(blind > uniform + 0.1)
    assert np.all(full > blind)
    assert np.mean(full - blind) > 0.05


def _uniform(seed: int, width: int) -> Fit:
    return Fit(FM, {"embedding_dim": width}, searched.config(seed))


def test_the_table_shrinks_in_memory_on_disk_and_as_it_says(
    found: dict[int, tuple[Path, CTRModel]], tmp_path: Path
) -> None:
    folder, model = found[0]
    tables = [lookup.fused_table for lookup in layers_of(model, FusedLookup)]
    assert all(isinstance(table, PrunedTable) for table in tables)
    said = sum(table.serving_bytes() for table in tables)
    assert said == sum(np.asarray(weight).nbytes for table in tables for weight in table.weights)
    assert said <= parse_bytes(BUDGET)
    arrays = searched_arrays(folder)
    kept = {name: arrays[f"kept_{name}"] for name in bound().rows}
    assert said == Costs(_supernet(folder), kept, None).total_bytes(arrays["widths"])
    widths = dict(zip(kept, arrays["widths"], strict=True))
    embedding = next(layer for layer in layers_of(model, FeatureEmbedding) if layer.dim == DIM)
    assert len(embedding.lookups) == len(set(widths.values()))  # one look-up a width; of the linear part one in all
    assert len(tables) == len(embedding.lookups) + 1
    for lookup in embedding.lookups:
        (width,) = {widths[name] for name in lookup.vocabularies}
        rows = sum(kept[name].sum() for name in lookup.vocabularies)
        assert lookup.fused_table.embeddings.shape == (rows + 1, width)
    plain = FM(bound(), embedding_dim=DIM)
    plain.build()
    small = variables_bytes(read_model(folder / "3-retrain" / "result.keras"), tmp_path / "small")
    saved = variables_bytes(plain, tmp_path / "plain") - small
    full = 4 * (DIM + 1) * sum(rows for rows in bound().rows.values())
    assert saved == pytest.approx(full - said, rel=0.1)


def test_the_answer_found_is_the_one_that_was_scored(found: dict[int, tuple[Path, CTRModel]]) -> None:
    """From disk the best candidate gives its score again, masked and cut."""
    folder, _ = found[0]
    arrays, supernet = searched_arrays(folder), _supernet(folder)
    for table, width in zip(_tables_of(supernet), arrays["widths"], strict=True):
        table.set_width(width)
    assert evaluate(supernet, valid_data())["auc"] == arrays["auc"] == arrays["curve"][-1]
    assert np.all(np.diff(arrays["curve"]) >= 0)
    kept = kept_rows(supernet)
    tables = {
        name: PrunedTable(kept=int(rows.sum()), width=int(width), joint=True)
        for (name, rows), width in zip(kept.items(), arrays["widths"], strict=True)
    }
    cut = FM(bound(), embedding_dim=DIM, tables=tables)
    cut.build()
    set_kept_rows(cut, supernet, kept, weights=True)
    for table in (t for group in own_tables(supernet).values() for t in group if not isinstance(t, SearchedTable)):
        pruned = ~np.isin(np.arange(table.rows), np.flatnonzero(kept[_name_of(supernet, table)]))
        table.embeddings.assign(np.where(pruned[:, None], 0, np.asarray(table.embeddings)))
    batch = searched.rows(500, 7)
    np.testing.assert_allclose(cut.predict_on_batch(batch), supernet.predict_on_batch(batch), atol=1e-6)


def _tables_of(model: CTRModel) -> list[SearchedTable]:
    return [table for group in own_tables(model).values() for table in group if isinstance(table, SearchedTable)]


def _name_of(model: CTRModel, table: object) -> str:
    return next(name for name, group in own_tables(model).items() if any(t is table for t in group))


def test_killed_in_every_stage_it_ends_the_same(tmp_path: Path) -> None:
    whole = searched.outcome(short(), tmp_path / "whole")
    for ticks in (STEPS // 2 + 2, STEPS // 2 - 2 + 2, 2 + 3):  # in an epoch; after 2 generations; in retraining
        assert killed(searched.main, str(tmp_path / "killed"), ticks)
    assert searched.outcome(short(Ticking), tmp_path / "killed") == whole


def test_no_candidate_keeps_the_budget(tmp_path: Path) -> None:
    plan = optembed(budget="200 B")
    plan.config = FitConfig(epochs=1)
    with pytest.raises(ValueError, match=r"no candidate keeps the budget of 200 B: .* with width 1 they take .* kB"):
        run(plan, tmp_path)


def supernet_of(rows: dict[str, int]) -> CTRModel:
    """An untrained one over vocabularies of these rows."""
    spec = FeatureSpec(
        name="sizes",
        features=[{"kind": "categorical", "name": name, "role": "item"} for name in rows],
        tasks=[{"name": "click", "label": "clicked"}],
        split={"by": "hash", "column": "row"},
    )
    model = FM(spec.bind(rows), embedding_dim=DIM, tables={name: SearchedTable(per_row=True) for name in rows})
    model.build()
    return model


def test_rows_are_pruned_only_where_that_saves_bytes() -> None:
    """Of 1,000 rows of 4 · 9 bytes, with 192 bytes in each of two tables for who has a row: 10 do not pay, 11 do."""
    few, many = 10, 11
    model = supernet_of({"few": 1001, "many": 1001})
    for name, pruned in (("few", few), ("many", many)):
        (searched_table,) = (table for table in own_tables(model)[name] if isinstance(table, SearchedTable))
        searched_table.thresholds.assign(np.where(np.arange(1001)[:, None] > 1000 - pruned, 1e6, 0.0))
    assert {name: int(rows.sum()) for name, rows in kept_rows(model).items()} == {"few": 990, "many": 989}
    keep_all_where_smaller(model)
    assert {name: int(rows.sum()) for name, rows in kept_rows(model).items()} == {"few": 1000, "many": 989}


def test_a_budget_is_kept_by_columns_that_have_the_bytes() -> None:
    """Ten small vocabularies and a large one: the small ones stay wide, and no more is taken than must be."""
    rows = {"large": 5000, **{f"small{number}": 10 for number in range(10)}}
    model = supernet_of(rows)
    kept = kept_rows(model)
    budget = Costs(model, kept, None).total_bytes(np.full(len(rows), DIM)) // 2
    costs = Costs(model, kept, budget)
    for seed in range(20):
        widths = costs.fitted(costs.largest, np.random.default_rng(seed))
        assert budget - 4 * 5000 < costs.total_bytes(widths) <= budget
        assert widths[1:].mean() > DIM - 1


def test_only_the_widths_allowed_are_found_each_as_likely() -> None:
    model = supernet_of({"few": 11, "many": 1001})
    costs = Costs(model, kept_rows(model), None, widths=[2, 3, 8, 20])
    np.testing.assert_array_equal(costs.largest, [3, 3])  # the table is no wider than 8
    np.testing.assert_array_equal(costs.widths_of(np.array([1, 3])), [2, 8])
    budget = costs.total_bytes(np.array([3, 1]))
    assert budget == 4 * (8 * 11 + 2 * 1001 + 1 * 1011)  # two tables, and the linear part's one
    tight = Costs(model, kept_rows(model), budget, widths=[2, 3, 8])
    for seed in range(5):
        assert tight.fitted(costs.largest, np.random.default_rng(seed))[1] == 1
    with pytest.raises(ValueError, match="the least of widths, 9, is above a table's, 8"):
        Costs(model, kept_rows(model), None, widths=[9])


def test_a_model_without_embedding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="LR has no embedding wider than 1"):
        OptEmbed(LR).run(bound(), train_plan(), valid_data(), tmp_path)


def test_a_table_of_one_s_own_is_refused() -> None:
    with pytest.raises(ValueError, match="OptEmbed itself chooses tables of the model; leave it out"):
        OptEmbed(FM, {"tables": {"a": PrunedTable()}})


class _Memory(Stage):
    """Keeps in memory."""

    def __init__(self) -> None:
        self.state: dict[str, np.ndarray] | None = None

    def save_progress(self, **arrays: np.ndarray) -> None:
        self.state = arrays

    def load_progress(self) -> dict[str, np.ndarray] | None:
        return self.state


def evolution(**changes: object) -> Evolution:
    goal = np.array([3, 1, 8, 5, 2])
    settings = {
        "largest": np.full(5, 8),
        "score": lambda genes: -float(np.abs(genes - goal).sum()),
        "fitted": lambda genes, rng: genes,
        "population": 10,
        "parents": 5,
        "mutated": 10,
        "crossed": 10,
        "mutation_rate": 0.2,
        "generations": 60,
        "seed": 1,
        **changes,
    }
    return Evolution(**settings)


def test_evolution_finds_the_goal_and_never_worsens() -> None:
    genes, score, curve = evolution().run(_Memory())
    assert genes.tolist() == [3, 1, 8, 5, 2]
    assert score == 0 == curve[-1]
    assert np.all(np.diff(curve) >= 0)


def test_evolution_goes_on_where_it_stopped() -> None:
    whole, halved = _Memory(), _Memory()
    evolution().run(whole)
    evolution(generations=11).run(halved)
    evolution().run(halved)
    np.testing.assert_array_equal(whole.state["genes"], halved.state["genes"])


def test_no_candidate_is_scored_twice_and_parents_stay() -> None:
    seen: list[bytes] = []
    memory = _Memory()
    evolution(score=lambda genes: (seen.append(genes.tobytes()), float(genes[0]))[1]).run(memory)
    assert len(set(seen)) == len(seen) == len(memory.state["genes"])
    assert [row.tobytes() for row in memory.state["genes"]] == seen


def test_children_differ_from_their_parents() -> None:
    search, rng = evolution(mutation_rate=0.5), np.random.default_rng(0)
    ones, eights = np.full(5, 1), np.full(5, 8)
    crossings = {tuple(search._crossing(ones, eights, rng)) for _ in range(100)}
    assert crossings == {tuple([1] * cut + [8] * (5 - cut)) for cut in range(1, 5)}
    mutations = np.array([search._mutation(ones, rng) for _ in range(400)])
    assert set(mutations.ravel()) == set(range(1, 9))
    assert np.all(ones == 1)


def test_one_gene_can_be_crossed() -> None:
    search = evolution(largest=np.array([4]), score=lambda genes: float(genes[0]), generations=3)
    assert search.run(_Memory())[0].tolist() == [4]


def test_the_docstring_s_numbers() -> None:
    """Kept rows times widths, and a shared row a table."""
    shapes = [PrunedTable(kept=10, width=4).sized(11, 4, "x"), PrunedTable(kept=50, width=2).sized(101, 4, "y")]
    numbers = sum((table.shape[0] - 1) * table.shape[1] for table in shapes)
    assert numbers == 140


def test_the_plan_s_line_tells_rows_and_bytes(
    found: dict[int, tuple[Path, CTRModel]], capsys: pytest.CaptureFixture[str]
) -> None:
    reports = {report["stage"]: report for report in optembed().reports(found[0][0])}
    assert reports["supernet"]["rows"] == sum(bound().rows.values())
    assert reports["supernet"]["kept"] < reports["supernet"]["rows"]
    assert re.fullmatch(r"[\d.]+ kB", reports["retrain"]["bytes"])
