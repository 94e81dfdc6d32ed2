"""Every model and every plan, from transformed rows to a served answer; one of each family through the whole pipeline.

What a pipeline does before training does not know the model, so it runs once for each family: one task, several tasks,
survival tasks. Each other model is trained and exported by the Trainer's module on what that run transformed, and held
against the served answers as the parity step does.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs
from typer.testing import CliRunner

from tests.serving.conftest import ask, local_flags
from tests.tfx_pipeline.conftest import FAST
from tests.tfx_pipeline.html_check import checked
from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import FusedLookup
from tfctr.models import ENTRIES, MODELS
from tfctr.plans import PLAN_ENTRIES, PLANS
from tfctr.serving import in_process
from tfctr.serving._requests import column_inputs, predict_request, rank_inputs
from tfctr.serving.server._model_server import ModelServer
from tfctr.spec import Gates, dump_spec
from tfctr.testing import example_log, example_spec
from tfctr.testing._examples import RICH, RICH_CROSSED, RICH_LIVES, RICH_TASKS
from tfctr.transform import TransformOutput
from tfx_pipeline.commands import app
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.files import KERAS_FILE, STAGES_FILE
from tfx_pipeline.modules.trainer_module import run_fn
from tfx_pipeline.parity_check import check_signatures, training_probabilities
from tfx_pipeline.pipeline import trainer_settings
from tfx_pipeline.rescore import rescore
from tfx_pipeline.retrieval import push_index
from tfx_pipeline.runner import RunReport, run

pytestmark = pytest.mark.end_to_end

FAMILIES = {"clicks": (RICH, RICH_CROSSED), "tasks": (RICH_TASKS,), "lives": (RICH_LIVES,)}
"""Family -> the example specs of its models."""

SPECS = {
    "clicks": RICH.spec.with_crosses(["item", "shop"]),  # of one side, for two towers
    "tasks": RICH_TASKS.spec,
    "lives": RICH_LIVES.spec,
}
FIRST = {"clicks": "TwoTower", "tasks": "ESMM", "lives": "CreativeSurvival"}
"""Family -> the model that goes through the whole pipeline."""

LENIENT = Gates(
    auc_min=0.3, auc_drop_max=None, c_index_min=0.3, brier_max=0.9, calibration_min=0.1, calibration_max=10.0
)


def family_of(model: str) -> str:
    return next(name for name, specs in FAMILIES.items() if any(s is example_spec(MODELS[model]) for s in specs))


@dataclass
class Family:
    """A log, and what the whole pipeline made of it with one model."""

    config: PipelineConfig
    report: RunReport

    @cached_property
    def transform(self) -> TransformOutput:
        """The transform that the run learned."""
        return TransformOutput(self.report.results.transform_graph, spec=self.config.read_spec())

    def with_model(self, model: str, **changes: Any) -> PipelineConfig:
        """Settings of a run of another model on this log."""
        fit = {**FAST, "epochs": 1}  # curves are drawn of more, which takes as long as an epoch
        small = {"model": model, "hyperparameters": dict(ENTRIES[model].small), "fit": fit, **changes}
        return self.config.model_copy(update=small)


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Family]:
    """The family of an example spec: its log, run through the pipeline when it is first asked for."""

    @cache
    def make(name: str) -> Family:
        folder = tmp_path_factory.mktemp(name)
        spec = SPECS[name].model_copy(update={"gates": LENIENT, "name": name})
        pq.write_table(example_log(spec, 1_500), folder / "log.parquet")
        (folder / "spec.yaml").write_text(dump_spec(spec))
        config = PipelineConfig(
            spec=folder / "spec.yaml",
            data=str(folder / "log.parquet"),
            workdir=folder / "run",
            model=FIRST[name],
            hyperparameters=dict(ENTRIES[FIRST[name]].small),
            fit=FAST,
            batch_size=256,
        )
        return Family(config, run(config))

    return make


def trained(family: Family, config: PipelineConfig, folder: Path) -> tuple[Path, Path]:
    """Train as the pipeline's Trainer does; the folders of the served model and of the trainer's files."""
    rows = family.report.results.transformed_examples
    served, files = folder / "served", folder / "files"
    files.mkdir()
    run_fn(
        FnArgs(
            train_files=[str(rows / "Split-train" / "*")],
            eval_files=[str(rows / "Split-valid" / "*")],
            transform_graph_path=str(family.report.results.transform_graph),
            serving_model_dir=str(served),
            model_run_dir=str(files),
            custom_config=json.loads(json.dumps(trainer_settings(config, config.read_spec()))),
        )
    )
    return served, files


def assert_served_as_trained(family: Family, served: Path, files: Path) -> None:
    """Raw rows through every signature give what the trained model answers."""
    spec, transform = family.config.read_spec(), family.transform
    model = keras.models.load_model(files / KERAS_FILE)
    table = pq.read_table(family.config.data).slice(0, 100)
    signatures = tf.saved_model.load(str(served)).signatures
    for comparison in check_signatures(signatures, training_probabilities(model, transform, spec), table, spec, 1e-6):
        assert comparison.passed, comparison


@pytest.mark.parametrize("name", FIRST)
def test_one_of_each_family_goes_the_whole_way(name: str, families: Callable[[str], Family]) -> None:
    report = families(name).report
    assert report.results is not None
    assert report.results.verdict.blessed, report.results.verdict.reasons
    assert report.results.parity["passed"]
    assert (report.results.pushed_to / "saved_model.pb").exists()
    assert report.results.history


def test_each_task_is_gated_and_served(families: Callable[[str], Family]) -> None:
    family = families("tasks")
    results = family.report.results
    assert set(results.verdict.metrics) == {"click", "buy"}
    assert {check.task for check in results.verdict.checks} == {"click", "buy"}
    assert "All tasks together" in checked(family.report.page.read_text()).text
    served = rescore(results.pushed_to, results.test_examples, family.config.read_spec())
    assert set(served) == {"click", "buy"}
    # What ESMM predicts for a purchase is its probability in any row, never above that of a click.
    assert np.all(served["buy"].predictions <= served["click"].predictions + 1e-7)


def test_a_survival_task_is_gated_on_its_c_index(families: Callable[[str], Family]) -> None:
    family = families("lives")
    results, spec = family.report.results, family.config.read_spec()
    assert {check.name for check in results.verdict.checks} == {"C-index", "Brier score"}
    gated = results.verdict.metrics["short"]["c_index"]
    rows = rescore(results.pushed_to, results.test_examples, spec)["short"]
    assert rows.figures()["c_index"] == pytest.approx(gated, abs=1e-6)
    page = checked(family.report.page.read_text())
    assert "life table of the training rows" in page.text
    assert f"{gated:.4f}" in page.text


@pytest.fixture(scope="module")
def served(families: Callable[[str], Family], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """What the Trainer makes of a model on its family's rows, made when it is first asked for."""

    @cache
    def make(name: str) -> tuple[Path, Path]:
        family = families(family_of(name))
        return trained(family, family.with_model(name), tmp_path_factory.mktemp(name))

    return make


@pytest.mark.parametrize("name", [name for name in MODELS if name not in FIRST.values()])
def test_a_model_is_trained_exported_and_served_as_trained(
    name: str, families: Callable[[str], Family], served: Callable[[str], Any]
) -> None:
    assert_served_as_trained(families(family_of(name)), *served(name))


def test_long_histories_are_served_from_a_state(
    families: Callable[[str], Family], served: Callable[[str], Any]
) -> None:
    """The user's side computed apart: its parity is among those compared, and asking for it first changes nothing."""
    family, (folder, files) = families("clicks"), served("SDIM")
    spec = family.config.read_spec()
    table = pq.read_table(family.config.data).slice(200, 20)
    probabilities = training_probabilities(keras.models.load_model(files / KERAS_FILE), family.transform, spec)
    signatures = tf.saved_model.load(str(folder)).signatures
    compared = [comparison.signature for comparison in check_signatures(signatures, probabilities, table, spec, 1e-6)]
    assert compared == ["serving_default", "predict", "rank", "rank_with_state"]

    rows = table.to_pylist()

    def taken(signature: str) -> list[Any]:
        names = signatures[signature].structured_input_signature[1]
        return [column for column in spec.raw_columns(serving=True) if column.name in names]

    def asked(signature: str) -> Any:
        users = {column.name: rows[0][column.name] for column in taken(signature) if column.role != "item"}
        items = [column.name for column in taken(signature) if column.role == "item"]
        return rank_inputs(users, [{name: row[name] for name in items} for row in rows], taken(signature))

    with in_process(folder) as model:
        user = {column.name: rows[0][column.name] for column in taken("encode_user")}
        state = model.call(column_inputs([user], taken("encode_user")), "encode_user")
        found = model.call(asked("rank_with_state") | state, "rank_with_state")
        wanted = model.call(asked("rank"), "rank")
    np.testing.assert_allclose(found["click"], wanted["click"], atol=1e-6)


def test_tables_in_few_bits_are_served_as_they_were_rounded(families: Callable[[str], Family], tmp_path: Path) -> None:
    family = families("clicks")
    served, files = trained(family, family.with_model("FM", table_precision="int4"), tmp_path)
    assert_served_as_trained(family, served, files)
    lookups = layers_of(keras.models.load_model(files / KERAS_FILE), FusedLookup)
    assert {lookup.fused_table.precision for lookup in lookups} == {"int4", "int8"}  # the linear part has 8 bits


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_trained_exported_and_served_as_trained(
    name: str, families: Callable[[str], Family], tmp_path: Path
) -> None:
    entry = PLAN_ENTRIES[name]
    family = families("clicks")
    config = family.with_model(
        entry.model, hyperparameters=dict(entry.hyperparameters), plan=name, plan_settings=dict(entry.settings)
    )
    served, files = trained(family, config, tmp_path)
    assert_served_as_trained(family, served, files)
    stages = json.loads((files / STAGES_FILE).read_text())
    assert [stage["stage"] for stage in stages] == list(PLANS[name].STAGES)


@pytest.mark.end_to_end
def test_the_served_index_finds_the_items_that_the_pushed_model_ranks_first(
    families: Callable[[str], Family], tmp_path: Path
) -> None:
    family = families("clicks")
    config, pushed = family.config, family.report.results.pushed_to
    told = CliRunner().invoke(app, ["index", "--item", "item", "--k", "5", "--workdir", str(config.workdir)])
    folder = pushed.parent.with_name(f"{pushed.parent.name}_index") / pushed.name
    assert told.output.startswith(f"wrote {folder}\nServe it: tfctr serve --model_name {folder.parent.name}"), (
        told.output
    )
    columns = config.read_spec().raw_columns(serving=True)
    about = [column.name for column in columns if column.role == "item"]
    log = pq.read_table(config.data).to_pylist()
    items = list({row["item"]: {name: row[name] for name in about} for row in log}.values())
    users = [column for column in columns if column.name not in about]
    user = {column.name: log[7][column.name] for column in users}
    with in_process(pushed) as model:
        probabilities = model.call(rank_inputs(user, items, columns), "rank")["click"][:, 0]
    best = [items[place]["item"] for place in np.argsort(-probabilities, kind="stable")[:5]]
    flags = local_flags(model_name="index", model_base_path=str(folder.parent))
    with ModelServer(flags) as server:
        asked = ask(server)
        inputs = column_inputs([user], users)
        answer = asked.predict.Predict(predict_request(inputs, model="index", signature="retrieve"), timeout=60)
        asked.channel.close()
    assert [item.decode() for item in tf.make_ndarray(answer.outputs["items"])[0]] == best

    catalogue = tmp_path / "items.parquet"
    pq.write_table(pa.Table.from_pylist(items[:3]), catalogue)
    with pytest.raises(FileExistsError, match="is not empty"):
        push_index(config, "item", items=catalogue)
    shutil.rmtree(folder)
    with in_process(push_index(config, "item", items=catalogue)) as index:
        found = index.call(inputs, "retrieve")["items"][0]
        assert {item.decode() for item in found} == {item["item"] for item in items[:3]}
    with pytest.raises(ValueError, match="'price_of_it' names no item: columns of spec"):
        push_index(config, "price_of_it")
