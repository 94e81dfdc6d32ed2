"""GraphHash as a plan: groups from the training batches, a model on them, resumed like any other plan."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.training.planted import SPEC, arrays, bound, train_plan, valid_data
from tfctr.data import DataError
from tfctr.data.graph import InteractionGraph, cluster
from tfctr.layers.embedding import HashedTable, IdMap, MappedTable
from tfctr.models import FM, CTRModel
from tfctr.plans import GraphHash
from tfctr.spec import SpecError
from tfctr.training import FitConfig

SIDES = {"user": "user", "item": "item"}


def plan(**settings: Any) -> GraphHash:
    return GraphHash(FM, {"embedding_dim": 4}, FitConfig(epochs=1, learning_rate=0.02), **{**SIDES, **settings})


def run(folder: Path, **settings: Any) -> CTRModel:
    return plan(**settings).run(bound(), train_plan(), valid_data(), folder)


def groups_of(rows: np.ndarray, resolution: float = 1.0) -> list[IdMap]:
    """The maps as they should be: ids from 2 on are values, 1 is what was out of vocabulary."""
    sizes = bound().rows["user"] - 2, bound().rows["item"] - 2
    users, items = (arrays()[side][rows] - 2 for side in ("user", "item"))
    known = (users >= 0) & (items >= 0)
    found = cluster(InteractionGraph.from_pairs(users[known], items[known], sizes), resolution)
    return [IdMap.grouped(np.r_[-1, -1, side]) for side in (found.users, found.items)]


def maps(model: CTRModel) -> list[IdMap]:
    tables = [model.tables[side] for side in ("user", "item")]
    assert all(isinstance(table, MappedTable) for table in tables)
    return [table.mapping for table in tables]


def assert_same(one: list[IdMap], other: list[IdMap]) -> None:
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left.row_indices, right.row_indices)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CTRModel]:
    folder = tmp_path_factory.mktemp("plan")
    return folder, run(folder, resolution=2.0)


def test_every_training_row_is_an_edge(whole: tuple[Path, CTRModel]) -> None:
    assert_same(maps(whole[1]), groups_of(np.full(2400, True), resolution=2.0))
    report = plan(resolution=2.0).reports(whole[0])[0]
    assert report["stage"] == "cluster"
    assert report["edges"] <= 2400
    assert int(report["user_groups"]) == maps(whole[1])[0].rows - 2


def test_a_continued_run_ends_alike(whole: tuple[Path, CTRModel], tmp_path: Path) -> None:
    folder = shutil.copytree(whole[0], tmp_path / "run")
    shutil.rmtree(folder / "2-fit")
    again = run(folder, resolution=2.0)
    for left, right in zip(again.get_weights(), whole[1].get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_it_is_loaded_from_its_file(whole: tuple[Path, CTRModel]) -> None:
    loaded = keras.saving.load_model(whole[0] / "2-fit" / "result.keras")
    features = {name: arrays(50)[name] for name in ("user", "item", "price")}
    np.testing.assert_array_equal(np.asarray(loaded(features)), np.asarray(whole[1](features)))


def test_positive_rows_alone_and_a_second_code(tmp_path: Path) -> None:
    found = maps(run(tmp_path, positives_of="click", doubled=True))
    assert_same(found, [one.doubled() for one in groups_of(arrays()["click"] == 1)])


def test_a_budget_of_rows_beside_a_table_of_another_vocabulary(tmp_path: Path) -> None:
    settings = {"embedding_dim": 4, "tables": {"item": HashedTable()}}
    made = GraphHash(FM, settings, FitConfig(epochs=1), **SIDES, rows=20)
    model = made.run(bound(), train_plan(), valid_data(), tmp_path)
    assert 10 < sum(one.rows - 2 for one in maps(model)) <= 20


def test_a_log_without_clicks_has_no_graph(tmp_path: Path) -> None:
    silent = train_plan(click=np.zeros(2400, np.float32))
    with pytest.raises(DataError, match="the graph has no edges"):
        plan(positives_of="click").run(bound(), silent, valid_data(), tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"user": "usr", "item": "item"}, "plan_settings.user: 'usr' is no categorical feature of the spec"),
        ({"user": "user", "item": "price"}, "plan_settings.item: 'price' is no categorical feature"),
        ({"user": "item", "item": "item"}, "plan_settings.item: 'item' and 'item' have the ids of one vocabulary"),
        ({**SIDES, "positives_of": "buy"}, "plan_settings.positives_of: there is no binary task 'buy'"),
    ],
)
def test_settings_that_do_not_fit_the_spec(settings: dict[str, str], message: str, tmp_path: Path) -> None:
    problems = GraphHash.settings_problems(GraphHash.Settings(**settings), SPEC)
    assert message in "\n".join(map(str, problems))
    with pytest.raises(SpecError, match=message.split(":")[0]):
        run(tmp_path, **settings)


def test_two_choices_of_tables_are_refused() -> None:
    with pytest.raises(SpecError, match="GraphHash chooses the tables itself"):
        GraphHash(FM, {"embedding_budget": "1 MB"}, **SIDES)
