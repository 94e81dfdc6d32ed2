"""The pages of a report from made results: what they say, that they are whole, and that nothing in them runs."""

from __future__ import annotations

import dataclasses
import json
import math
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer

from tests.tfx_pipeline.html_check import checked
from tfctr.data import signed_durations
from tfctr.spec import FeatureSpec, Gates
from tfctr.training.metrics import evaluate_arrays, evaluate_regression, evaluate_survival, logloss
from tfx_pipeline.commands import _pairs, app
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.report import write_not_blessed
from tfx_pipeline.report._baselines import PRIOR_ROWS, baselines
from tfx_pipeline.report._commands import ask_command, run_command, sample_row, serve_command
from tfx_pipeline.report._run import with_grid
from tfx_pipeline.report._slices import MOST_SHOWN
from tfx_pipeline.report._view import View, view
from tfx_pipeline.report._write import render
from tfx_pipeline.rescore import Scores
from tfx_pipeline.results import LastBlessed, Results
from tfx_pipeline.run_record import RunRecord, StepReport
from tfx_pipeline.verdict import OVERALL, Check, Verdict

EVIL = "<script>alert(1)</script>"
SITE = {"kind": "categorical", "name": "site", "role": "context"}
ITEM = {"kind": "categorical", "name": "item", "role": "item"}
STEPS = (StepReport("prepare", True, 0.1, "train 8"), StepReport("Trainer", False, 3.5, "fit.epochs: 1 → 2"))


def make_spec(**changes: object) -> FeatureSpec:
    fields: dict[str, object] = {
        "name": "ads",
        "description": "Made rows.",
        "split": {"by": "random"},
        "features": [SITE, ITEM],
        "tasks": [{"name": "click", "label": "clicked"}],
        "gates": Gates(auc_min=0.6, slices=(("site",),), slice_auc_min=0.5, slice_rows_min=100),
    }
    return FeatureSpec(**{**fields, **changes})


def slice_figures(rows: int, auc: float) -> dict[str, dict[str, float]]:
    return {"click": {"example_count": float(rows), "auc": auc, "logloss": 0.5, "calibration": 1.1, "auc_diff": 0.03}}


def make_results(tmp_path: Path, **changes: object) -> Results:
    metrics = {"auc": 0.7, "auc_diff": 0.02, "logloss": 0.45, "logloss_diff": 0.01, "calibration": 1.1,
               "calibration_diff": -0.2, "example_count": 500.0, "example_count_diff": 0.0}  # fmt: skip
    checks = (
        Check("click", "AUC", 0.7, ">= 0.6", OVERALL, 500, True),
        Check("click", "change of AUC", 0.02, ">= -0.005", OVERALL, 500, True, "against the last blessed model"),
        Check("click", "AUC", 0.7, ">= 0.5", "site=a", 400, True),
        Check("click", "AUC", 0.4, ">= 0.5", f"site={EVIL}", 30, None, "fewer than 100 rows"),
    )
    slices = {"site=a": slice_figures(400, 0.7), f"site={EVIL}": slice_figures(30, 0.4)}
    parity = {"passed": True, "reason": "", "tolerance": 1e-6, "largest": 2e-8, "comparisons": [
        {"signature": "predict", "rows": 500, "largest": 2e-8, "passed": True}]}  # fmt: skip
    fields: dict[str, object] = {
        "rows": {"train": 800, "valid": 100, "test": 500},
        "verdict": Verdict(True, True, checks, {"click": metrics}, slices),
        "parity": parity,
        "history": [{"epoch": e, "loss": 0.6 - e / 9, "val_auc": 0.6 + e / 9, "val_ece": 0.1} for e in range(3)],
        "start": None,
        "evaluation": tmp_path,
        "model": tmp_path / "model",
        "model_run": tmp_path,
        "transform_graph": tmp_path,
        "transformed_examples": tmp_path,
        "test_examples": tmp_path / "Split-test",
        "pushed_to": tmp_path / "serving" / "ads" / "17",
        "last_blessed": LastBlessed("DNN", 1.7e9, ("fit.epochs: 1 → 2", f"code changed: {EVIL}")),
        "trained": 1.7e9,
        "packages": {"keras": "3.9"},
        "record": RunRecord(1.7e9, 75.0, "run.log", STEPS),
    }
    return Results(**{**fields, **changes})


def click_scores(rows: int = 500, seed: int = 0) -> Scores:
    generator = np.random.default_rng(seed)
    predictions = generator.beta(2, 6, rows)
    return Scores((generator.random(rows) < predictions).astype(float), predictions, np.ones(rows))


def make_view(tmp_path: Path, spec: FeatureSpec | None = None, scores: object = None, **changes: object) -> View:
    config = PipelineConfig(spec="ads.yaml", model="LR", workdir=tmp_path, data=f"{EVIL}.csv", fit={"epochs": 3})
    chosen = {"click": click_scores()} if scores is None else scores
    return view(config, spec or make_spec(), make_results(tmp_path, **changes), chosen)


def refused(tmp_path: Path) -> dict[str, object]:
    made = make_results(tmp_path).verdict
    bad = (
        dataclasses.replace(made.checks[0], value=0.55, passed=False),
        dataclasses.replace(made.checks[1], value=-0.1, passed=False),
        *made.checks[2:],
    )
    return {"verdict": dataclasses.replace(made, blessed=False, checks=bad), "pushed_to": None}


def prepared_rows(folder: Path, **splits: dict[str, list]) -> None:
    for name, columns in splits.items():
        (folder / name).mkdir(parents=True)
        pq.write_table(pa.table(columns), folder / name / "part-00000.parquet")


def test_the_page_is_whole_and_needs_nothing_else(tmp_path: Path) -> None:
    page = checked(render(make_view(tmp_path)))
    assert page.headings[0] == 1
    assert page.headings.count(2) == 10
    assert page.tags["svg"] == page.tags["figure"] == 4  # ROC, calibration, loss, AUC
    assert page.tags["table"] >= 9


def test_nothing_that_comes_from_outside_runs(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    bad = {"rows": 10, "bad": 1, "reasons": {EVIL: 1}, "examples": []}
    (tmp_path / "data" / "report.json").write_text(json.dumps({"splits": {}, "bad_rows": bad}))
    html = render(make_view(tmp_path, spec=make_spec(description=EVIL)))
    assert "<script" not in html
    # The slice, the code that changed, the data's name (read from, setting, command), the reason, the description.
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 7
    assert "1 of 10 rows of the log were bad" in checked(html).text


def test_the_headline_of_a_pushed_model_says_all_in_a_sentence(tmp_path: Path) -> None:
    top = make_view(tmp_path).headline
    assert top.sentence == (
        "LR was pushed as version 17: it kept all 3 bounds, AUC changed by +0.0200 against the last blessed model, "
        "and the exported model answers as it did in training."
    )
    assert {
        "AUC": "0.7000",
        "Model": "LR",
        "Spec": "ads",
        "Version": "17",
        "Rows": "1,400",
    }.items() <= top.facts.items()
    assert top.facts["Took"] == "1 min 15 s"


def test_the_headline_of_a_refused_model_gives_the_reason(tmp_path: Path) -> None:
    made = make_view(tmp_path, **refused(tmp_path))
    expected = "LR was not pushed: AUC of all rows is 0.55, demanded >= 0.6 (1 more reason below)."
    assert made.headline.sentence == expected
    assert [row.tone for row in made.checks.rows] == ["fail", "fail"]
    page = checked(render(made))
    assert "change of AUC of all rows is -0.1, demanded >= -0.005" in page.text
    assert "Serve the model" not in page.text


def test_parity_alone_can_be_the_reason(tmp_path: Path) -> None:
    parity = {"passed": False, "reason": "predict is off", "tolerance": 1e-6, "largest": 0.1, "comparisons": [
        {"signature": "predict", "rows": 5, "largest": 0.1, "passed": False}]}  # fmt: skip
    made = make_view(tmp_path, parity=parity, pushed_to=None)
    assert made.headline.reasons == ("served predictions differ from training: predict is off",)
    assert made.parity.rows[0].cells[-1] == "DIFFERENT"


def test_the_page_of_a_refused_model_alone(tmp_path: Path) -> None:
    config = PipelineConfig(spec="ads.yaml", workdir=tmp_path)
    path = write_not_blessed(config, make_spec(), make_results(tmp_path, **refused(tmp_path)))
    page = checked(path.read_text())
    assert "AUC of all rows is 0.55" in page.text
    assert "tfx_pipeline evaluate --spec ads.yaml" in page.text
    assert "AUC of all rows is 0.55" in path.with_suffix(".txt").read_text()


def test_changes_tell_before_now_difference_and_which_way_is_good(tmp_path: Path) -> None:
    rows = {row.cells[0]: row.cells[2:] for row in make_view(tmp_path).changes.rows}
    assert rows == {
        "AUC": ("0.6800", "0.7000", "+0.0200", "better", ">= -0.005", "pass"),
        "logloss": ("0.4400", "0.4500", "+0.0100", "worse", "none", ""),
        "predicted / actual": ("1.3000", "1.1000", "-0.2000", "better", "none", ""),
    }


def test_without_an_earlier_model_nothing_is_compared(tmp_path: Path) -> None:
    verdict = dataclasses.replace(make_results(tmp_path).verdict, compared=False, metrics={"click": {"auc": 0.7}})
    made = make_view(tmp_path, verdict=verdict, last_blessed=None)
    assert made.changes is None
    assert "no model was blessed before it" in made.headline.sentence
    page = checked(render(made))
    assert "nothing to compare with" in page.text
    assert "change of AUC" not in [column.name for column in made.slices[0].columns]


def test_small_slices_are_grey_and_come_last(tmp_path: Path) -> None:
    (table,) = make_view(tmp_path).slices
    assert [(row.cells[0], row.tone) for row in table.rows] == [("site=a", ""), (f"site={EVIL}", "small")]
    assert table.rows[1].cells[-1] == "too small to judge: fewer than 100 rows"
    assert table.rows[0].cells[2:] == (400, 0.7, 0.5, 1.1, "+0.0300", "pass")


def test_many_slices_are_folded_away(tmp_path: Path) -> None:
    made = make_results(tmp_path).verdict
    many = {f"site={number}": slice_figures(1000 + number, 0.6) for number in range(MOST_SHOWN + 5)}
    failed = Check("click", "AUC", 0.6, ">= 0.5", "site=3", 1003, False)
    verdict = dataclasses.replace(made, slices=many, checks=(*made.checks, failed))
    first, second = make_view(tmp_path, verdict=verdict).slices
    assert [row.cells[0] for row in first.rows][:2] == ["site=3", f"site={MOST_SHOWN + 4}"]  # failed, then the largest
    assert len(second.rows) == 5
    checked(render(make_view(tmp_path, verdict=verdict)))


def test_little_is_known_of_an_old_run_and_the_page_is_still_written(tmp_path: Path) -> None:
    made = make_view(tmp_path, record=None, last_blessed=None, packages={})
    page = checked(render(made))
    assert "tfctr why" in page.text
    assert made.vocabularies is None


def test_what_the_stages_of_a_plan_did_is_told(tmp_path: Path) -> None:
    stages = [
        {"stage": "search", "seconds": 2.5, "rows": 3709, "kept": 530, "dropped_fields": "", "val_auc": 0.71234},
        {"stage": "retrain", "seconds": 1.0, "bytes": "50.9 kB"},
    ]
    results = make_results(tmp_path, stages=stages)
    assert results.stages_told() == (
        ("search", "rows 3,709, kept 530, val auc 0.7123"),
        ("retrain", "bytes 50.9 kB"),
    )
    text = checked(render(make_view(tmp_path, stages=stages))).text
    assert "Stages of the plan" in text
    assert "rows 3,709, kept 530" in text
    assert "Stages of the plan" not in checked(render(make_view(tmp_path, stages=stages[:1]))).text


def test_constant_features_are_told(tmp_path: Path) -> None:
    page = checked(render(make_view(tmp_path, constant_features=("site", EVIL))))
    assert "The same in every training row, and so of no use to a model: site, " in page.text
    assert "The same in every" not in checked(render(make_view(tmp_path))).text


def test_figures_that_are_undefined_are_said_to_be(tmp_path: Path) -> None:
    nothing = Scores(np.zeros(4), np.full(4, 0.2), np.ones(4))
    made = make_view(tmp_path, scores={"click": nothing})
    assert made.tasks[0].note == "Nothing to draw: every label is 0."
    assert "undefined" in checked(render(made)).text


def test_several_tasks_have_a_picture_together(tmp_path: Path) -> None:
    spec = make_spec(tasks=[{"name": "click", "label": "clicked"}, {"name": "buy", "label": "bought"}])
    made = make_view(tmp_path, spec=spec, scores={"click": click_scores(), "buy": click_scores(seed=1)})
    assert [task.name for task in made.tasks] == ["click", "buy"]
    assert made.overall is not None
    assert checked(render(made)).tags["svg"] == 7


def survival_task(**changes: object) -> dict[str, object]:
    task = {"kind": "survival", "name": "stop", "duration": "d", "event": "e", "unit": "weeks"}
    return {**task, **(changes or {"cut_points": [1.0, 2.0, 4.0]})}


def survival_rows(rows: int = 60) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    return generator.exponential(3, rows), generator.random(rows) < 0.7


def test_survival_tasks_have_their_figures_and_curves(tmp_path: Path) -> None:
    durations, events = survival_rows()
    curves = np.exp(-np.outer(1 / (1 + durations), [1.0, 2.0, 4.0]))
    scores = Scores(signed_durations(durations, events), curves, np.ones(60), (1.0, 2.0, 4.0), "survival")
    spec = make_spec(tasks=[survival_task(quantiles=3)], gates=Gates())
    spec = with_grid(spec, {"cut_points": {"stop": [1.0, 2.0, 4.0]}})
    assert spec.tasks[0].grid == (1.0, 2.0, 4.0)
    verdict = Verdict(True, False, (), {"stop": {"c_index": 0.8}})
    made = make_view(tmp_path, spec=spec, scores={"stop": scores}, verdict=verdict)
    exact = evaluate_survival(durations, events, curves, (1.0, 2.0, 4.0))
    told = made.tasks[0].figures.rows[0].cells
    assert told[1:] == pytest.approx([exact[name] for name in ("c_index", "brier", "nll")], rel=1e-6)
    assert len(made.tasks[0].charts) == 2
    page = checked(render(made))
    assert "weeks" in page.text
    assert made.headline.facts["C-index"] == "0.8000"


def number_spec() -> FeatureSpec:
    task = {"kind": "regression", "name": "paid", "label": "dollars"}
    return make_spec(tasks=[task], gates=Gates(rmse_max=40, slices=("site",), slice_rmse_max=30, slice_rows_min=100))


def number_scores(rows: int = 300) -> Scores:
    generator = np.random.default_rng(4)
    labels = 20_000 + generator.normal(0, 100, rows)
    return Scores(labels, labels + generator.normal(0, 30, rows), np.ones(rows), kind="regression")


def test_regression_tasks_have_their_figures_slices_and_picture(tmp_path: Path) -> None:
    scores = number_scores()
    exact = evaluate_regression(scores.labels, scores.predictions)
    bad = {"example_count": 150.0, "rmse": 35.0, "mae": 30.0, "mean_label": 2.0, "mean_prediction": 3.0}
    small = {**bad, "example_count": 20.0, "rmse": 90.0}
    checks = (Check("paid", "RMSE", 35.0, "<= 30", "site=a", 150, False),)
    metrics = {"r2": 0.9, "r2_diff": 0.02, "rmse": 30.5, "rmse_diff": -2.0}
    slices = {
        "site=a": {"paid": bad},
        "site=b": {"paid": {**bad, "rmse": 9.0, "rmse_diff": -1.0}},
        "site=c": {"paid": small},
    }
    verdict = Verdict(True, True, checks, {"paid": metrics}, slices)
    made = make_view(tmp_path, spec=number_spec(), scores={"paid": scores}, verdict=verdict)
    (task,) = made.tasks
    assert task.kind == "a number: dollars"
    assert [column.name for column in task.figures.columns[1:]] == ["RMSE", "MAE", "R²", "RMSE / deviation"]
    own, before = task.figures.rows[0].cells, task.figures.rows[1].cells
    assert own[1:] == pytest.approx([exact[name] for name in ("rmse", "mae", "r2", "relative_error")])
    assert before[1] == 32.5
    assert len(task.charts) == 1
    assert set(task.meanings) == {"RMSE", "MAE", "R²", "RMSE / deviation"}
    (table,) = made.slices
    assert [(row.cells[0], row.tone, row.cells[-1]) for row in table.rows] == [
        ("site=a", "fail", "FAIL, demanded RMSE <= 30"),
        ("site=b", "", "pass"),
        ("site=c", "small", "too small to judge: fewer than 100 rows"),
    ]
    assert table.rows[1].cells[2:-1] == (150, 9.0, 30.0, 2.0, 3.0, "-1.0000")
    changes = {row.cells[0]: row.cells[4:6] for row in made.changes.rows}
    assert changes == {"R²": ("+0.0200", "better"), "RMSE": ("-2.0000", "better")}
    assert made.headline.facts["R²"] == "0.9000"
    page = checked(render(made))
    assert "on average" in page.text
    assert page.tags["svg"] == 3  # predicted against observed, and what was learned


def test_each_domain_has_its_figures_and_many_are_folded_away(tmp_path: Path) -> None:
    scores = click_scores(900)
    sites = np.array([f"s{number % 45}" for number in range(900)], object)
    sites[:30] = EVIL
    spec = make_spec(meta={"domain": "site"})
    made = make_view(tmp_path, spec=spec, scores={"click": dataclasses.replace(scores, domains=sites)})
    first, second = made.tasks[0].domains
    assert [column.name for column in first.columns] == [
        "site", "rows", "mean label", "mean prediction", "logloss", "AUC",
    ]  # fmt: skip
    mine = sites == EVIL
    alone = evaluate_arrays(scores.labels[mine], scores.predictions[mine])
    expected = [EVIL, 30, *(alone[name] for name in ("mean_label", "mean_prediction", "logloss", "auc"))]
    assert list(first.rows[0].cells) == pytest.approx(expected)
    assert len(first.rows) + len(second.rows) == 46
    assert "The mean of the domains' AUC, weighted by their rows, is 0." in made.tasks[0].domains_told
    html = render(made)
    assert "<script" not in html
    assert "click by site, part 2: 6 more" in checked(html).text


def test_what_there_is_not_is_not_told(tmp_path: Path) -> None:
    made = make_view(tmp_path)
    assert (made.tasks[0].domains, made.tasks[0].domains_told) == ((), "")
    assert "domain" not in checked(render(made)).text


def test_predictions_that_are_no_numbers_are_not_drawn(tmp_path: Path) -> None:
    broken = dataclasses.replace(number_scores(), predictions=np.full(300, np.nan))
    made = make_view(tmp_path, spec=number_spec(), scores={"paid": broken})
    assert made.tasks[0].note.startswith("Nothing to draw")
    assert "undefined" in checked(render(made)).text


def test_means_are_what_a_number_has_to_beat(tmp_path: Path) -> None:
    prepared_rows(
        tmp_path,
        train={"site": ["s"] * 4, "item": list("aabb"), "dollars": [10.0, 20, 30, 40]},
        test={"site": ["s"] * 3, "item": ["a", "b", "c"], "dollars": [15.0, 35, 10]},
    )
    by_item, constant, own = baselines(number_spec(), tmp_path)["paid"].values()
    of_a, of_b = (30 + PRIOR_ROWS * 25) / (2 + PRIOR_ROWS), (70 + PRIOR_ROWS * 25) / (2 + PRIOR_ROWS)
    assert by_item["rmse"] == pytest.approx(math.sqrt(((of_a - 15) ** 2 + (of_b - 35) ** 2 + 15**2) / 3))
    assert constant["mean_prediction"] == 25
    assert own["r2"] == pytest.approx(0, abs=1e-12)
    assert constant["r2"] < 0


def test_the_mean_of_a_number_is_told_of_each_split(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    told = {"train": {"positive_rate": {}, "label_mean": {"paid": 20_123.4}}}
    (tmp_path / "data" / "report.json").write_text(json.dumps({"splits": told}))
    made = make_view(tmp_path, spec=number_spec(), scores={"paid": number_scores()})
    assert [column.name for column in made.splits.columns] == ["split", "rows", "mean, paid"]
    assert made.splits.rows[0].cells == ("train", 800, "20,123.4")


def test_baselines_by_hand(tmp_path: Path) -> None:
    prepared_rows(
        tmp_path,
        train={"site": ["s"] * 8, "item": list("aaaabbbb"), "clicked": [1.0, 1, 1, 0, 1, 0, 0, 0]},
        test={"site": ["s"] * 4, "item": ["a", "b", "c", None], "clicked": [1.0, 0, 0, 0]},
    )
    popular, constant, own = baselines(make_spec(), tmp_path)["click"].values()
    assert constant["auc"] == own["auc"] == 0.5
    assert constant["logloss"] == pytest.approx(math.log(2))
    assert own["logloss"] == pytest.approx(logloss([1, 0, 0, 0], [0.25] * 4))
    rate_a, rate_b = (3 + PRIOR_ROWS / 2) / (4 + PRIOR_ROWS), (1 + PRIOR_ROWS / 2) / (4 + PRIOR_ROWS)
    assert popular["logloss"] == pytest.approx(logloss([1, 0, 0, 0], [rate_a, rate_b, 0.5, 0.5]))


def test_baselines_weigh_rows_as_the_evaluator_does(tmp_path: Path) -> None:
    columns = {"site": ["s"] * 4, "item": list("abab"), "clicked": [1.0, 1, 0, 0], "seen": [1.0, 0, 1, 1]}
    prepared_rows(tmp_path, train=columns, test=columns)
    spec = make_spec(tasks=[{"name": "click", "label": "clicked", "mask": "seen"}])
    _, constant, own = baselines(spec, tmp_path)["click"].values()
    assert constant["mean_label"] == own["mean_prediction"] == pytest.approx(1 / 3)
    assert constant["rows"] == 3


def test_the_life_table_tells_no_two_rows_apart(tmp_path: Path) -> None:
    durations, events = survival_rows()
    columns = {"site": ["s"] * 60, "item": ["i"] * 60, "d": durations.tolist(), "e": events.astype(float).tolist()}
    prepared_rows(tmp_path, train=columns, test=columns)
    (figures,) = baselines(make_spec(tasks=[survival_task()], gates=Gates()), tmp_path)["stop"].values()
    assert figures["c_index"] == 0.5
    assert 0 < figures["brier"] < 0.25


def test_there_are_no_baselines_without_rows(tmp_path: Path) -> None:
    assert baselines(make_spec(), tmp_path) == {}


def test_the_command_gives_the_settings_back() -> None:
    config = PipelineConfig(
        spec="my ads.yaml",
        model="DNN",
        hyperparameters={"hidden_units": [64, 32], "activation": "relu", "note": "it's: odd"},
        plan_settings={"ratio": 0.5},
        fit={"learning_rate": 1e-5, "clip_norm": None, "jit_compile": True},
        warm_start=True,
        cache=False,
        seed=7,
        beam_args=("--runner=X",),
    )
    words = shlex.split(run_command(config).replace("\\\n", ""))
    assert words[:2] == ["tfctr", "run"]
    command = typer.main.get_command(app).commands["run"]
    given = command.make_context("run", words[2:]).params
    pairs = {name: _pairs(given.pop(name)) for name in ("hyperparameters", "plan_settings", "fit")}
    beam = {"beam_args": given.pop("beam_arg")}
    assert PipelineConfig(**given, **pairs, **beam) == config


def test_serving_and_asking_are_told_to_the_letter(tmp_path: Path) -> None:
    prepared_rows(tmp_path, test={"site": ["it's \\\\n $HOME"], "item": [None], "clicked": [1.0]})
    row = sample_row(make_spec(), tmp_path)
    assert row == {"site": "it's \\\\n $HOME"}
    written, asked = ask_command(make_spec(), row).split(" \\\n  | ")
    shell = subprocess.run(["sh", "-c", written], capture_output=True, text=True, check=True)
    assert json.loads(shell.stdout) == row
    assert asked == "tfctr predict --server localhost:8500 --model ads"
    assert serve_command(Path("/m/ads/17")) == "tfctr serve --model_name=ads --model_base_path=/m/ads --port=8500"


def test_the_record_of_a_run_is_read_back(tmp_path: Path) -> None:
    assert RunRecord.read(tmp_path) is None
    record = RunRecord(1.5, 2.5, "a.log", STEPS)
    record.write(tmp_path)
    assert RunRecord.read(tmp_path) == record


def test_without_items_there_is_no_popularity(tmp_path: Path) -> None:
    columns = {"site": ["s"] * 4, "clicked": [1.0, 0, 0, 0]}
    prepared_rows(tmp_path, train=columns, test=columns)
    constant, own = baselines(make_spec(features=[SITE]), tmp_path)["click"].values()
    assert constant["logloss"] == own["logloss"] == pytest.approx(logloss([1, 0, 0, 0], [0.25] * 4))
