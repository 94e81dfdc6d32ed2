"""A number and a click in one model, in three markets, through the whole pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tests.tfx_pipeline.html_check import checked
from tfctr.serving import in_process
from tfctr.spec import FeatureSpec, dump_spec
from tfctr.testing import example_log
from tfctr.training.metrics import evaluate_arrays, evaluate_regression
from tfctr.transform import TransformOutput
from tfx_pipeline.commands import app
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.export_run import export_run
from tfx_pipeline.files import KERAS_FILE
from tfx_pipeline.rescore import Scores, rescore
from tfx_pipeline.runner import RunReport, run

pytestmark = pytest.mark.end_to_end

SPEC = FeatureSpec(
    name="numbers",
    source={"max_bad_share": 0.1},
    features=[
        {"kind": "categorical", "name": "item", "role": "item"},
        {"kind": "numeric", "name": "price", "role": "item"},
    ],
    tasks=[
        {"kind": "regression", "name": "spent", "label": "dollars", "mask": "known"},
        {"name": "click", "label": "clicked"},
    ],
    meta={"domain": "market"},
    split={"by": "hash", "column": "row"},
    gates={
        "auc_min": 0.3,
        "calibration_min": 0.5,
        "calibration_max": 2,
        "rmse_max": {"spent": 2_000},
        "slice_rmse_max": 1,
        "slice_rows_min": 10,
    },
)


def make_log(folder: Path) -> Path:
    """1,200 rows, of which 20 have labels that are no numbers and some no market."""
    table = example_log(SPEC, 1_200)
    rows = np.arange(len(table))
    dollars = np.where(rows < 20, np.nan, table["dollars"].to_numpy())
    market = np.where(rows % 9 == 0, None, np.array(["at", "de", "ch", "de"])[rows % 4])
    columns = {"dollars": pa.array(dollars), "market": pa.array(market, pa.string()), "known": pa.array(rows % 5 > 0)}
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, values)
    pq.write_table(table, folder / "log.parquet")
    return folder / "log.parquet"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> PipelineConfig:
    folder = tmp_path_factory.mktemp("numbers")
    (folder / "spec.yaml").write_text(dump_spec(SPEC))
    return PipelineConfig(
        spec=folder / "spec.yaml",
        data=str(make_log(folder)),
        workdir=folder / "run",
        model="SharedBottom",
        hyperparameters={"embedding_dim": 4, "hidden_units": [8], "tower_units": []},
        fit={"epochs": 3, "learning_rate": 0.03},
        batch_size=64,
    )


@pytest.fixture(scope="module")
def report(config: PipelineConfig) -> RunReport:
    return run(config)


@pytest.fixture(scope="module")
def scores(report: RunReport) -> dict[str, Scores]:
    return rescore(report.results.model, report.results.test_examples, SPEC)


def test_numbers_are_learned_gated_and_pushed(report: RunReport, scores: dict[str, Scores]) -> None:
    results = report.results
    assert results.verdict.blessed, results.verdict.reasons
    assert results.parity["passed"]
    assert results.pushed_to is not None
    spent = scores["spent"]
    exact = evaluate_regression(spent.labels, spent.predictions, spent.weights)
    assert exact["r2"] > 0
    assert abs(exact["mean_prediction"] - 22_000) < 2_000
    for name in ("rmse", "mae", "r2"):
        assert results.verdict.metrics["spent"][name] == pytest.approx(exact[name], rel=1e-5), name
    assert [check.name for check in results.verdict.checks if check.slice == "all rows"] == [
        "R²", "RMSE", "AUC", "logloss", "predicted / actual",
    ]  # fmt: skip
    assert results.history[-1]["val_spent_r2"] > 0


def test_a_domain_is_a_slice_that_advises(report: RunReport, scores: dict[str, Scores]) -> None:
    """No market keeps an RMSE of one dollar, and nobody named the market among the slices."""
    advised = {check.slice: check for check in report.results.verdict.checks if check.slice != "all rows"}
    assert set(advised) == {"market=at", "market=ch", "market=de"}
    assert all(check.passed is None for check in advised.values())
    figures = dict(scores["spent"].by_domain().rows())
    for market in ("at", "ch", "de"):
        assert advised[f"market={market}"].value == pytest.approx(figures[market]["rmse"], rel=1e-5)


def test_bad_labels_are_counted_and_the_mean_is_told(report: RunReport) -> None:
    page = checked(report.page.read_text())
    assert "16 of 1,200 rows of the log were bad" in page.text  # of the 20 four are masked
    assert "dollars: the label is missing or NaN" in page.text
    assert "mean, spent" in page.text
    assert "means by item: mean of each item in training" in page.text


def test_each_domain_has_the_figures_of_its_rows_on_the_page_and_in_the_files(
    report: RunReport, config: PipelineConfig, scores: dict[str, Scores]
) -> None:
    told = json.loads((config.workdir / "report" / "domains.json").read_text())
    click = scores["click"]
    assert {part["domain"] for part in told["click"]["domains"]} == {"at", "ch", "de", "(none)"}
    for part in told["click"]["domains"]:
        mine = click.domains == part["domain"]
        alone = evaluate_arrays(click.labels[mine], click.predictions[mine])
        assert part["rows"] == mine.sum()
        assert part["auc"] == pytest.approx(alone["auc"])
        assert part["logloss"] == pytest.approx(alone["logloss"])
    text = checked(report.page.read_text()).text
    assert "spent by market" in text
    assert "The mean of the domains' AUC" in text
    (trained,) = (config.workdir / "pipeline" / "Trainer" / "model_run").glob("*/domains.json")
    # No feature reads the market, so that training knows ids of markets, and the name of none.
    names = [part["domain"] for part in json.loads(trained.read_text())["spent"]["domains"]]
    assert "(none)" in names
    assert sum(name.startswith("#") for name in names) == 3


def test_the_command_tells_the_domains(report: RunReport, tmp_path: Path, config: PipelineConfig) -> None:
    results, written = report.results, tmp_path / "figures.json"
    command = ["evaluate", "--spec", str(config.spec), "--model", str(results.model)]
    command += ["--examples", str(results.test_examples), "--output", str(written)]
    answer = CliRunner().invoke(app, command)
    assert answer.exit_code == 0, answer.output
    assert "spent: rows" in answer.output
    assert "click by market" in answer.output
    told = json.loads(written.read_text())
    assert told["spent"]["figures"]["rmse"] == pytest.approx(results.verdict.metrics["spent"]["rmse"], rel=1e-5)
    assert told["click"]["by_domain"] == json.loads((config.workdir / "report" / "domains.json").read_text())["click"]


def test_what_is_served_and_exported_is_in_dollars(
    report: RunReport, config: PipelineConfig, scores: dict[str, Scores], tmp_path: Path
) -> None:
    results = report.results
    with in_process(results.pushed_to) as model:
        assert "classify" in model.signatures  # of the click
        assert "regress_spent" in model.signatures
        answers = model.call({"item": np.array([b"item0", b"item6"]), "price": np.zeros(2, np.float32)}, "predict")
    assert 18_000 < answers["spent"][0, 0] < answers["spent"][1, 0] < 28_000
    export_run(config, "keras", tmp_path / "model.keras")
    told = json.loads((tmp_path / "model.json").read_text())["outputs"]
    assert [output["is"] for output in told] == ["number in the unit of 'dollars'", "probability"]
    model = keras.saving.load_model(results.model_run / KERAS_FILE)
    learned = TransformOutput(results.transform_graph, spec=SPEC).bound_spec.label_scales["spent"]
    assert model.spec.label_scales["spent"] == learned
    spent = scores["spent"]
    assert learned.mean == pytest.approx(np.average(spent.labels, weights=spent.weights), rel=0.05)
