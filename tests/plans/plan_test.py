"""Plans: stages in order, each leaves its result, a killed run continues where it stopped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
import pytest
from pydantic import ValidationError

import tfctr.plans.plan
from tests.forked import killed
from tests.plans import toy as toy_run
from tests.plans.toy import Toy, outcome, toy
from tests.training.planted import bound, train_plan, valid_data
from tfctr.layers.embedding import EmbeddingTable, FullTable, HashedTable
from tfctr.models import DNN
from tfctr.plans import PLANS, Fit, Plan, Stage
from tfctr.training import FitConfig, fit

STEPS = 2 * train_plan().steps_per_epoch
"""Steps of the toy's first stage."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run that nothing interrupted: its folder and what came of it."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, outcome(toy(), folder)


def test_a_run_killed_in_every_stage_ends_with_the_same_model(
    whole: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for ticks in (STEPS // 2 + 3, STEPS // 2 - 3 + 2, 2 + 5):  # 3 steps into an epoch; after 2 rounds; 5 steps in
        assert killed(toy_run.main, str(tmp_path), ticks)
    capsys.readouterr()
    assert outcome(toy(), tmp_path) == whole[1]
    assert [line.endswith("done before") for line in capsys.readouterr().out.splitlines()] == [True, True, False]


def test_each_stage_has_its_line_and_its_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = toy()
    outcome(plan, tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1:3] for line in lines] == [["1/3", "first"], ["2/3", "draw"], ["3/3", "last"]]
    assert "rounds 4" in lines[1]
    reports = plan.reports(tmp_path)
    assert [report["stage"] for report in reports] == ["first", "draw", "last"]
    assert all(report["seconds"] > 0 for report in reports)
    assert reports[0]["val_auc"] == pytest.approx(max(row["val_auc"] for row in _rows(tmp_path / "1-first")))


def _rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def test_a_finished_run_is_read(whole: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(toy(), whole[0]) == whole[1]
    assert capsys.readouterr().out.count("done before") == 3


def test_half_a_result_is_no_result(whole: tuple[Path, str], tmp_path: Path) -> None:
    folder = shutil.copytree(whole[0], tmp_path / "run")
    model = folder / "1-first" / "result.keras"
    (folder / "1-first" / ".partial-result.keras").write_bytes(model.read_bytes()[:100])
    model.unlink()  # as it is when the process dies while it writes
    assert outcome(toy(), folder) == whole[1]
    scale = folder / "2-draw" / "result.npz"
    scale.write_bytes(scale.read_bytes()[:50])
    shutil.rmtree(folder / "3-last")
    with pytest.raises(ValueError, match=r"result\.npz cannot be read .*truncated"):
        outcome(toy(), folder)
    model.write_bytes(model.read_bytes()[:500])
    shutil.copy(whole[0] / "2-draw" / "result.npz", scale)
    with pytest.raises(ValueError, match=r"result\.keras cannot be read as a model .* run its stage anew"):
        outcome(toy(), folder)


def test_equal_tables_are_the_same_run(tmp_path: Path) -> None:
    # Keras numbers the templates of one process: full_table, full_table_1, …
    def run(table: EmbeddingTable) -> None:
        Fit(DNN, {"table": table, "hidden_units": (4,)}, FitConfig(epochs=1)).run(
            bound(), train_plan(), valid_data(), tmp_path
        )

    run(FullTable())
    run(FullTable())
    with pytest.raises(ValueError, match="belongs to a run with another plan"):
        run(HashedTable())


def test_a_folder_of_another_run_is_refused(whole: tuple[Path, str]) -> None:
    with pytest.raises(ValueError, match="belongs to a run with another plan, spec, model or settings"):
        outcome(toy(rounds=5), whole[0])


def test_fit_is_the_fit_driver(tmp_path: Path) -> None:
    """The plan with one stage gives the weights and the files that `fit` gives."""
    config = FitConfig(epochs=2, learning_rate=0.02, seed=3)
    settings = {"embedding_dim": 4, "hidden_units": (8,)}
    plan = Fit(DNN, settings, config)
    model = plan.run(bound(), train_plan(), valid_data(), tmp_path / "plan")
    keras.utils.set_random_seed(3)
    alone = DNN(bound(), **settings)
    alone.build()
    result = fit(alone, train_plan(), valid_data(), config, tmp_path / "fit")
    for left, right in zip(model.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert [row["loss"] for row in plan.history(tmp_path / "plan")] == [row["loss"] for row in result.history]
    assert (tmp_path / "plan" / "curves.png").exists()


def test_an_unknown_stage_is_said_where_the_plan_is_written() -> None:
    with pytest.raises(TypeError, match=r"Broken.STAGES names 'serach', no method of it \(did you mean 'search'\?\)"):

        class Broken(Plan):
            STAGES: ClassVar[tuple[str, ...]] = ("serach",)

            def search(self, stage: Stage) -> dict[str, np.ndarray]:
                return {}


class Confused(Toy):
    """Asks for what is not there."""

    def last(self, stage: Stage) -> Any:
        return stage.arrays(self.hyperparameters.get("asks", "drwa"))


class Arrayed(Toy):
    """Ends without a model."""

    def last(self, stage: Stage) -> Any:
        return stage.arrays("draw")


def _over(plan: type[Plan], whole: tuple[Path, str], tmp_path: Path) -> tuple[Plan, Path]:
    """Another plan on the first two stages of the whole run."""
    made = plan(DNN, toy().hyperparameters, toy().config)
    folder = shutil.copytree(whole[0], tmp_path / "run", ignore=shutil.ignore_patterns("3-last", "plan.json"))
    return made, folder


def test_asking_for_an_unknown_stage_or_the_wrong_kind(whole: tuple[Path, str], tmp_path: Path) -> None:
    plan, folder = _over(Confused, whole, tmp_path)
    with pytest.raises(ValueError, match=r"'last' asks for the result of 'drwa', .* \(did you mean 'draw'\?\)"):
        outcome(plan, folder)


def test_a_plan_that_ends_without_a_model(whole: tuple[Path, str], tmp_path: Path) -> None:
    plan, folder = _over(Arrayed, whole, tmp_path)
    with pytest.raises(TypeError, match=r"returns its model; Arrayed\.last does not"):
        outcome(plan, folder)
    assert not (folder / "3-last" / "result.npz").exists()


def test_several_stages_want_one_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfctr.plans.plan, "spans_workers", lambda strategy: True)
    with pytest.raises(ValueError, match="Toy has 3 stages; run it in one worker"):
        outcome(toy(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_unknown_settings() -> None:
    with pytest.raises(ValidationError, match="round"):
        toy(round=3)


@pytest.mark.parametrize("name", PLANS)
def test_every_plan_has_its_name(name: str) -> None:
    assert PLANS[name].__name__ == name
    assert PLANS[name].STAGES
