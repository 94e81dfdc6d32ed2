"""Settings of plans reach what they are settings of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.plans import searched, teacher
from tests.plans.stages import stage_of
from tfctr.data.batches import array_dataset
from tfctr.layers.embedding import SearchedTable, TableL2
from tfctr.models import DNN, FM, CTRModel
from tfctr.plans import LowRank, OptEmbed
from tfctr.plans.low_rank._output_statistics import output_statistics
from tfctr.plans.low_rank.surgery import compress
from tfctr.plans.optembed import own_tables
from tfctr.plans.stage import write_model
from tfctr.training import FitConfig
from tfctr.training._arrays_file import write_arrays
from tfctr.training._fit import history_of

ROWS = 400


def supernet(folder: Path, *, trained: bool = False, **settings: Any) -> tuple[CTRModel, list[SearchedTable]]:
    """OptEmbed's first model and its tables, before training or after it."""
    plan = OptEmbed(FM, {"embedding_dim": 4}, searched.config(epochs=1), **settings)
    stage = stage_of(plan, "supernet", folder, searched.bound(), searched.train_plan(count=ROWS), searched.valid_data())
    model = plan.supernet(stage) if trained else plan._searched_model(stage)
    tables = [table for group in own_tables(model).values() for table in group if isinstance(table, SearchedTable)]
    assert len(tables) == 3
    return model, tables


def test_what_the_searched_tables_are_told(tmp_path: Path) -> None:
    plain = supernet(tmp_path)[1]
    assert {(t.per_row, t.norm, t.pressure, t.penalty) for t in plain} == {(False, 1, 3e-4, None)}
    _, told = supernet(tmp_path, thresholds="row", norm=2, pressure=0.5, table_l2=0.25)
    assert {(t.per_row, t.norm, t.pressure) for t in told} == {(True, 2, 0.5)}
    assert all(isinstance(t.penalty, TableL2) and t.penalty.coefficient == 0.25 for t in told)


def test_thresholds_have_a_rate_of_their_own(tmp_path: Path) -> None:
    """The network's rate, or the default, would move them under this pressure."""
    _, tables = supernet(tmp_path, trained=True, threshold_rate=0.0, pressure=0.1)
    assert [bool(np.any(table.thresholds)) for table in tables] == [False] * 3


@pytest.mark.parametrize(
    ("settings", "epochs", "rate"), [({"tuning_rate": 0.25}, 3, 0.0025), ({"tuning_epochs": 1}, 1, 0.001)]
)
def test_tuning_has_its_rate_and_its_epochs(settings: dict[str, Any], epochs: int, rate: float, tmp_path: Path) -> None:
    config = FitConfig(epochs=3, patience=3, learning_rate=0.01, rate_factor=1.0)
    plan = LowRank(DNN, teacher.SETTINGS, config, **settings)
    judge = teacher.teacher(0)
    stage = stage_of(plan, "tune", tmp_path, teacher.bound(), teacher.train_plan(judge), teacher.valid_data(judge))
    write_model(plan.folders(tmp_path)["cut"] / "result.keras", judge)
    plan.tune(stage)
    history = list(history_of(stage.folder))
    assert len(history) == epochs
    assert [row["learning_rate"] for row in history] == pytest.approx([rate] * epochs)


def test_a_cut_is_told_its_ratio_its_method_and_the_activation_between(tmp_path: Path) -> None:
    told = {"ratio": 3.0, "method": "weights", "inner_activation": True}
    plan, judge = LowRank(DNN, teacher.SETTINGS, FitConfig(), **told), teacher.teacher(0)
    folders, few = plan.folders(tmp_path), teacher.rows(judge, 100, 1)
    valid = array_dataset(few, teacher.SPEC, batch_size=100)
    statistics = output_statistics(judge, teacher.train_plan(judge).epoch(0))
    write_model(folders["base"] / "result.keras", judge)
    write_arrays(folders["statistics"] / "result.npz", statistics)
    found = plan.cut(stage_of(plan, "cut", tmp_path, teacher.bound(), None, valid))
    wanted = compress(judge, statistics, valid, 3.0, method="weights", inner_activation=True)
    for left, right in zip(found.get_weights(), wanted.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)
    assert found.inner_activation
