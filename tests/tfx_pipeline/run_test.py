"""The whole pipeline, run over one small world: what it makes, what it caches, what it refuses."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import log_loss, roc_auc_score
from typer.testing import CliRunner

import tfctr.training
import tfx_pipeline.fingerprint
from tests.tfx_pipeline.conftest import FAST
from tests.tfx_pipeline.html_check import checked
from tfctr.transform import TransformOutput, examples_to_table
from tfx_pipeline.commands import FAILED, NOT_PUSHED, app
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.files import KERAS_FILE
from tfx_pipeline.rescore import rescore, serialized_examples
from tfx_pipeline.retrieval import push_index
from tfx_pipeline.runner import RunReport, StepFailed, run

pytestmark = pytest.mark.end_to_end

RUN = """
import pathlib, sys
import tfctr.training
import tfx_pipeline.fingerprint
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.runner import run
tfx_pipeline.fingerprint.ROOT = pathlib.Path(sys.argv[2])
run(PipelineConfig.model_validate_json(sys.argv[1]))
"""

Settings = Callable[..., PipelineConfig]


def ran(report: RunReport) -> list[str]:
    """Names of the steps that were not served from the cache; the resolver always looks."""
    return [step.node for step in report.steps if not step.cached and step.node != "LastBlessed"]


def versions(config: PipelineConfig) -> list[str]:
    """Versions pushed so far."""
    return sorted(path.name for path in (config.serving / "simulated_ads").glob("*"))


@pytest.fixture(scope="module")
def first(settings: Settings) -> RunReport:
    """The first run: everything runs, the model is pushed."""
    return run(settings())


@pytest.fixture
def after_first(first: RunReport, settings: Settings) -> PipelineConfig:
    """Settings of the first run, after it."""
    return settings()


def test_everything_runs_and_the_model_is_pushed(first: RunReport, settings: Settings) -> None:
    assert ran(first) == [
        "prepare", "CuratedSchema", "ExampleGen", "StatisticsGen", "ExampleValidator", "AnomalyGate",
        "Transform", "Trainer", "Parity", "Evaluator", "Pusher",
    ]  # fmt: skip
    assert {step.why for step in first.steps[1:] if step.node != "LastBlessed"} == {"first run"}
    assert first.results is not None
    assert first.results.verdict.blessed
    assert first.results.rows == {"train": 4800, "valid": 600, "test": 600}
    assert [str(first.results.pushed_to.name)] == versions(settings())


def test_a_model_without_two_towers_has_no_index(after_first: PipelineConfig) -> None:
    answer = CliRunner().invoke(app, ["index", "--item", "item_id", "--workdir", str(after_first.workdir)])
    assert answer.exit_code == FAILED
    assert "an index needs a model of two towers, TwoTower; this run's is a LR" in answer.output


def test_the_parity_report_travels_with_the_model(first: RunReport) -> None:
    parity = json.loads((first.results.pushed_to / "assets.extra" / "parity.json").read_text())
    assert parity["passed"]
    assert [c["signature"] for c in parity["comparisons"]] == ["serving_default", "predict", "rank", "rows on disk"]
    assert [c["rows"] for c in parity["comparisons"]] == [512, 512, 256, 600]
    assert (first.results.pushed_to / "assets.extra" / "tf_serving_warmup_requests").stat().st_size > 1000
    assert parity["largest"] <= parity["tolerance"] == 1e-6


def test_the_curves_stay_beside_the_trained_model(first: RunReport, settings: Settings) -> None:
    (model,) = (settings().workdir / "pipeline" / "Trainer" / "model_run").glob("*/model.keras")
    lines = (model.parent / "history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == first.results.history
    assert (model.parent / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert not (model.parent / "tensorboard").exists()  # nobody asked


def test_tfmas_figures_equal_scikit_learns(first: RunReport, settings: Settings) -> None:
    results = first.results
    rows = rescore(results.pushed_to, results.test_examples, settings().read_spec())["click"]
    metrics = results.verdict.metrics["click"]
    assert len(rows.labels) == 600
    assert metrics["auc"] == pytest.approx(roc_auc_score(rows.labels, rows.predictions), abs=1e-3)
    assert metrics["logloss"] == pytest.approx(log_loss(rows.labels, rows.predictions), abs=1e-3)


def test_gauc_is_told(first: RunReport) -> None:
    assert 0 < first.results.verdict.metrics["click"]["gauc"] < 1


def test_slices_are_told(first: RunReport) -> None:
    told = [check for check in first.results.verdict.checks if check.slice.startswith("device=")]
    assert told
    assert all(check.passed is None for check in told)  # each has fewer than 1,000 rows


def test_the_report_says_what_the_run_did(first: RunReport, settings: Settings) -> None:
    page = checked(first.page.read_text())
    told = first.results.verdict.metrics["click"]
    assert f"LR was pushed as version {first.results.pushed_to.name}" in page.text
    assert f"{told['auc']:.4f}" in page.text
    for step in first.steps:
        assert step.node in page.text
    for said in ("popularity: rate of each item_id", "device=phone", "None of 6,000 rows", "embedding_dim"):
        assert said in page.text
    assert f"tfctr serve --model_name=simulated_ads --model_base_path={settings().serving}" in page.text
    assert not (first.page.parent / "not_blessed.html").exists()


def test_noise_is_in_the_log_and_not_on_the_screen(first: RunReport, after_first: PipelineConfig, capfd) -> None:
    run(after_first)
    out, err = capfd.readouterr()
    assert "Gate: blessed" in out
    assert "cached" in out
    assert "apache_beam" not in out + err
    assert "absl" not in err
    assert "absl" in first.log.read_text()


def test_a_second_run_is_served_from_the_cache(first: RunReport, after_first: PipelineConfig) -> None:
    before = versions(after_first)
    second = run(after_first)
    assert ran(second) == []
    assert all(step.why.startswith("nothing changed since") for step in second.steps if step.node == "Trainer")
    assert second.results.pushed_to == first.results.pushed_to
    assert versions(after_first) == before


def test_commands_tell_of_the_last_run(after_first: PipelineConfig, settings: Settings) -> None:
    run(settings())
    folder = str(after_first.workdir)
    why = CliRunner().invoke(app, ["why", "--workdir", folder])
    assert "Trainer" in why.output
    assert "nothing changed since" in why.output
    report = CliRunner().invoke(app, ["report", "--workdir", folder])
    assert report.exit_code == 0, report.output
    assert "index.html" in report.output


def test_a_deleted_version_is_pushed_again(after_first: PipelineConfig) -> None:
    pushed = run(after_first).results.pushed_to
    shutil.rmtree(pushed)
    report = run(after_first)
    assert ran(report) == ["Pusher"]
    assert report.results.pushed_to.is_dir()


def test_a_changed_line_re_runs_what_it_must_and_says_so(
    after_first: PipelineConfig, sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(sources, tmp_path, dirs_exist_ok=True)
    for unused in ("dcn_v2", "lr"):  # one model that this run does not use, and the one it does
        path = tmp_path / "tfctr" / "models" / f"{unused}.py"
        path.write_text(path.read_text() + "\n_CHANGED = 1\n")
    monkeypatch.setattr(tfx_pipeline.fingerprint, "ROOT", tmp_path)
    report = run(after_first)
    why = {step.node: step.why for step in report.steps}
    assert "Trainer" in ran(report)
    assert not {"prepare", "ExampleGen", "StatisticsGen", "AnomalyGate", "Transform"} & set(ran(report))
    assert why["Trainer"] == "code changed: tfctr/models/lr.py"
    assert "new input: model" in why["Evaluator"]


@pytest.fixture(scope="module")
def refused(first: RunReport, settings: Settings, world: Path) -> RunReport:
    """A run whose bounds the model cannot keep."""
    (world / "gates.yaml").write_text("auc_min: 0.99\nlogloss_max: 0.01\n")
    return run(settings(gates=world / "gates.yaml"))


def test_below_the_bound_is_not_pushed_and_has_a_page(refused: RunReport, settings: Settings) -> None:
    assert ran(refused) == ["Evaluator", "Pusher"]
    assert refused.results.pushed_to is None
    assert len(refused.results.verdict.reasons) == 2
    text = (settings().workdir / "report" / "not_blessed.txt").read_text()
    assert "AUC of all rows is" in text
    assert "&gt;= 0.99" in (settings().workdir / "report" / "not_blessed.html").read_text()


def test_the_page_s_command_gives_the_figures_again(refused: RunReport, settings: Settings) -> None:
    page = (settings().workdir / "report" / "not_blessed.txt").read_text()
    command = page.split("python -m tfx_pipeline ")[1].split("\n")[0].split()
    answer = CliRunner().invoke(app, command)
    assert answer.exit_code == 0, answer.output
    auc = float(answer.output.split("AUC ")[1].split()[0])
    assert auc == pytest.approx(refused.results.verdict.metrics["click"]["auc"], abs=1e-3)


def test_exit_code_of_a_model_that_is_not_good_enough(refused: RunReport, settings: Settings, world: Path) -> None:
    before, config = versions(settings()), settings()
    arguments = ["run", "--spec", str(config.spec), "--data", str(config.data), "--workdir", str(config.workdir)]
    arguments += ["--model", "LR", "--batch-size", "256", "--gates", str(world / "gates.yaml")]
    arguments += [part for name, value in FAST.items() for part in ("--fit", f"{name}={value}")]
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == NOT_PUSHED, answer.output
    assert versions(config) == before


def test_worse_than_the_last_blessed_is_not_pushed(after_first: PipelineConfig, settings: Settings) -> None:
    before = versions(after_first)
    report = run(settings(fit={"epochs": 1, "learning_rate": 1e-7}))
    assert report.results.pushed_to is None
    assert versions(after_first) == before
    assert report.results.verdict.compared
    assert any("against the last blessed model" in reason for reason in report.results.verdict.reasons)
    assert report.results.last_blessed.model == "LR"
    assert "fit.epochs: 2 → 1" in report.results.last_blessed.changes
    page = checked(report.page.read_text())
    assert "The last blessed model is a LR" in page.text
    assert "fit.epochs: 2 → 1" in page.text
    with pytest.raises(ValueError, match="pushed no model: an index goes with a version that is served"):
        push_index(after_first, "item_id")


def test_weights_that_are_not_numbers_are_not_pushed(
    after_first: PipelineConfig, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = versions(after_first)
    fit = tfctr.training.fit

    def poisoned(model: keras.Model, *args: object, **kwargs: object) -> object:
        result = fit(model, *args, **kwargs)
        model.set_weights([np.full_like(weights, np.nan) for weights in model.get_weights()])
        return result

    monkeypatch.setattr(tfctr.training, "fit", poisoned)  # TFX loads the trainer module anew
    report = run(settings(fit={**FAST, "epochs": 1}))
    assert report.results.pushed_to is None
    assert versions(after_first) == before
    assert not report.results.verdict.blessed
    assert not report.results.parity["passed"]
    assert any("logloss of all rows is nan" in reason for reason in report.results.verdict.reasons)


def test_a_killed_training_goes_on_where_it_stopped(
    after_first: PipelineConfig, settings: Settings, sources: Path
) -> None:
    fit = {"epochs": 25, "patience": 25, "learning_rate": 0.001, "checkpoint_seconds": 0.0}
    config = settings(fit=fit)
    child = subprocess.Popen(
        [sys.executable, "-c", RUN, config.model_dump_json(), str(sources)], start_new_session=True
    )
    try:
        stopped = _epochs_done(config, at_least=2, seconds=240)
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait(timeout=30)
    report = run(config)
    assert "resuming at epoch" in report.log.read_text()
    assert 2 <= stopped < 25
    assert len(report.results.history) == 25
    assert [row["epoch"] for row in report.results.history] == list(range(25))
    assert not list((config.workdir / "pipeline" / "Trainer" / "model_run" / "resume").glob("*"))
    assert next(step for step in report.steps if step.node == "Trainer").why.startswith("the last attempt")


def _epochs_done(config: PipelineConfig, *, at_least: int, seconds: float) -> int:
    """Wait until training in another process has done some epochs; return how many."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for path in (config.workdir / "pipeline" / "Trainer" / "model_run" / "resume").glob("*/history.jsonl"):
            done = len(path.read_text().splitlines())
            if done >= at_least:
                return done
        time.sleep(0.05)
    raise TimeoutError(f"no {at_least} epochs within {seconds} s")


def test_anomalies_stop_the_run(settings: Settings, world: Path, tmp_path: Path) -> None:
    table = pq.read_table(world / "log.parquet").slice(0, 500)
    index = table.schema.get_field_index("device")
    pq.write_table(table.set_column(index, "device", pa.nulls(500, pa.string())), tmp_path / "log.parquet")
    config = settings(data=str(tmp_path / "log.parquet"), workdir=tmp_path / "run")
    with pytest.raises(StepFailed) as failure:
        run(config)
    assert failure.value.node == "AnomalyGate"
    assert {found.column for found in failure.value.anomalies.anomalies} == {"device"}
    assert {found.split for found in failure.value.anomalies.anomalies} == {"train", "valid", "test"}
    assert not list((config.workdir / "pipeline").glob("Transform/transform_graph/*"))


def test_a_split_without_rows_is_said_before_anything_runs(settings: Settings, world: Path, tmp_path: Path) -> None:
    pq.write_table(pq.read_table(world / "log.parquet").slice(0, 1), tmp_path / "log.parquet")
    arguments = ["run", "--spec", str(world / "spec.yaml"), "--data", str(tmp_path / "log.parquet")]
    answer = CliRunner().invoke(app, [*arguments, "--workdir", str(tmp_path / "run")])
    assert answer.exit_code == FAILED
    assert "prepare failed" in answer.output
    assert "rows" in answer.output


@pytest.fixture(scope="module", autouse=True)  # at once: the folder's last run is another one later
def exported(first: RunReport, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first run's model as an ONNX file."""
    file = tmp_path_factory.mktemp("exported") / "ads.onnx"
    answer = CliRunner().invoke(app, ["export", str(settings().workdir), "-o", str(file)])
    assert answer.exit_code == 0, answer.output
    assert f"wrote {file}\nwrote {file.with_suffix('.json')}\nnot in the graph:\n  reading and parsing" in answer.output
    assert sorted(path.name for path in file.parent.iterdir()) == ["ads.json", "ads.onnx"]  # nothing half written
    return file


def test_an_exported_file_answers_as_the_model_of_the_run(exported: Path, first: RunReport) -> None:
    assert first.results is not None
    model = keras.saving.load_model(first.results.model_run / KERAS_FILE)
    spec = model.spec.spec
    rows = examples_to_table(next(serialized_examples(first.results.test_examples)), spec).slice(0, 100)
    tensors = TransformOutput(first.results.transform_graph, spec=spec).transform(rows)
    features = {info.name: tensors[info.name] for info in spec.inputs()}
    session = onnxruntime.InferenceSession(str(exported))
    (found,) = session.run(["click"], {entry.name: features[entry.name] for entry in session.get_inputs()})
    np.testing.assert_allclose(found, model(features), atol=1e-6)


def test_beside_an_exported_file_stands_what_one_must_know_to_ask_it(exported: Path) -> None:
    about = json.loads(exported.with_suffix(".json").read_text())
    assert (about["model"], about["format"], about["blessed"]) == ("LR", "onnx", True)
    assert about["outputs"] == [
        {"name": "click", "task": "click", "dtype": "float32", "shape": [None, 1], "is": "probability"}
    ]
    assert {entry["name"]: entry["shape"] for entry in about["inputs"]}["tags"] == [None, 4]
    assert {"item_id", "tags"} <= about["vocabularies"].keys()
    assert {"age", "price"} <= about["numbers"].keys()


def test_nothing_that_is_there_is_written_over(exported: Path, after_first: PipelineConfig) -> None:
    answer = CliRunner().invoke(app, ["export", str(after_first.workdir), "-o", str(exported)])
    assert (answer.exit_code, "is there already" in answer.output) == (FAILED, True)


@pytest.mark.parametrize(("format", "name"), [("litert", "ads.onnx"), ("keras", "ads"), ("pmml", "ads.pmml")])
def test_a_name_that_does_not_fit_the_format_is_refused(
    format: str, name: str, after_first: PipelineConfig, tmp_path: Path
) -> None:
    folder, file = str(after_first.workdir), str(tmp_path / name)
    answer = CliRunner().invoke(app, ["export", folder, "--format", format, "-o", file])
    assert (answer.exit_code, format in answer.output) == (FAILED, True)
    assert not list(tmp_path.iterdir())
