"""The whole production path on MovieLens-100K, from the raw log to a gRPC answer.

    python -m examples.demo --workdir runs/demo

Fetches the log, validates it, transforms it with Beam, trains, gates and pushes a model, serves it, asks it one
question over gRPC, and sets two baselines beside it. A second run takes the pipeline's steps from the cache.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # TFX's libraries want tf.keras to be Keras 2
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import contextlib
import dataclasses
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.console import FILE_WIDTH, quiet

if TYPE_CHECKING:
    from examples.baselines import Score
    from tfctr.spec import FeatureSpec
    from tfx_pipeline.results import Results

STARTED = time.perf_counter()
SPEC, MODEL, ITEM = "movielens_100k", "FinalMLP", "item_id"
HYPERPARAMETERS: dict[str, object] = {"embedding_dim": 16}
FIT: dict[str, object] = {"epochs": 6, "learning_rate": 1e-3, "monitor": "logloss"}
BATCH_SIZE = 1024
SERVER_SECONDS = 90.0
"""Longest wait for the server; loading TensorFlow and the model takes about ten."""


def main(
    workdir: Annotated[Path, typer.Option(help="Folder for everything the demo makes.")] = Path("runs/demo"),
    data: Annotated[str | None, typer.Option(help="File or data set in place of the registered one.")] = None,
    seed: Annotated[int, typer.Option(help="Of weights and order of rows.")] = 0,
) -> None:
    """Run the demo and print what came of it."""
    config = PipelineConfig(
        spec=Path(SPEC), model=MODEL, hyperparameters=HYPERPARAMETERS, fit=FIT, batch_size=BATCH_SIZE,
        data=data, workdir=workdir, seed=seed,
    )  # fmt: skip
    console = Console(highlight=False, width=None if sys.stdout.isatty() else FILE_WIDTH)
    log = workdir / "logs" / "demo.log"
    with quiet(log):
        from tfx_pipeline.runner import StepFailed, run
    try:
        results = run(config).results
    except StepFailed as error:
        console.print(str(error), markup=False)
        raise typer.Exit(1) from None
    assert results is not None
    if results.pushed_to is None:
        raise typer.Exit(3)
    with _server(results.pushed_to.parent, log) as address, quiet(log) as screen:  # it loads while we train baselines
        with screen.status("baselines ..."):
            scores = _scores(config, results)
        served, in_process = _ask(config, results, address)
    _print_scores(console, results, scores, served, in_process)
    console.print(f"Report    {workdir / 'report' / 'index.html'}")
    console.print(f"Total     {time.perf_counter() - STARTED:.0f} s")


def _scores(config: PipelineConfig, results: Results) -> list[Score]:
    """Score the pushed model and the baselines on the test rows, once for every pushed version."""
    from examples.baselines import Score, logistic_regression, popularity, score
    from tfctr.data._prepare import load_split
    from tfctr.transform import TransformOutput
    from tfx_pipeline.rescore import rescore

    version = results.pushed_to or results.model
    kept = config.workdir / "scores.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    if known.get("version") == str(version):
        return [Score(**fields) for fields in known["scores"]]
    spec = config.read_spec()
    train, test = (load_split(config.workdir / "data" / name) for name in ("train", "test"))
    rows = rescore(version, results.test_examples, spec)[spec.tasks[0].name]
    transform = TransformOutput(results.transform_graph, spec=spec)
    scores = [
        popularity(train, test, spec, ITEM),
        logistic_regression(results.transformed_examples, test, transform, config.seed),
        score(config.model, rows.labels, rows.predictions),
    ]
    kept.write_text(json.dumps({"version": str(version), "scores": [dataclasses.asdict(s) for s in scores]}))
    return scores


@contextlib.contextmanager
def _server(models: Path, log: Path) -> Iterator[str]:
    """Start `tfctr serve` on a free port as a process of its own; yield its address."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tfctr.cli", "serve", f"--port={port}", f"--model_name={models.name}"]
    with log.open("ab") as sink:
        process = subprocess.Popen([*command, f"--model_base_path={models.absolute()}"], stdout=sink, stderr=sink)
    try:
        yield f"localhost:{port}"
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()


def _ask(config: PipelineConfig, results: Results, address: str) -> tuple[float, float]:
    """Return one test row's probability as the server and as the Keras model in this process give it."""
    import keras

    from tfctr.data._prepare import load_split
    from tfctr.serving import PredictionClient
    from tfctr.transform import TransformOutput
    from tfx_pipeline.files import KERAS_FILE
    from tfx_pipeline.parity_check import training_probabilities

    spec = config.read_spec()
    task = spec.tasks[0].name
    row = load_split(config.workdir / "data" / "test").slice(0, 1)
    model = keras.models.load_model(results.model_run / KERAS_FILE)
    expected = training_probabilities(model, TransformOutput(results.transform_graph, spec=spec), spec)(row)
    with PredictionClient(address, spec.name) as client:
        client.wait_until_available(SERVER_SECONDS)
        answer = client.predict_rows([_features(row.to_pylist()[0], spec)])
    return float(answer[task].reshape(-1)[0]), float(expected[task].reshape(-1)[0])


def _features(row: dict[str, object], spec: FeatureSpec) -> dict[str, object]:
    """Return the columns of a request; labels and times of the log are not among them."""
    return {column.name: row[column.name] for column in spec.raw_columns(serving=True)}


def _print_scores(console: Console, results: Results, scores: list[Score], served: float, in_process: float) -> None:
    rows = results.rows
    table = Table(title="Held-out rows, the latest in time", title_justify="left")
    for column in ("model", "AUC", "logloss"):
        table.add_column(column, justify="left" if column == "model" else "right")
    for score in scores:
        table.add_row(score.name, f"{score.auc:.4f}", f"{score.logloss:.4f}")
    console.print()
    console.print(table)
    console.print(f"Data      {sum(rows.values()):,} rows: " + ", ".join(f"{k} {v:,}" for k, v in rows.items()))
    console.print(f"Gate      {'blessed' if results.verdict.blessed else 'not blessed'}")
    console.print(f"Pushed    {results.pushed_to}")
    console.print(
        f"gRPC      {served:.7f} answered, {in_process:.7f} in process, difference {abs(served - in_process):.1e}"
    )
    if results.pushed_to is not None:
        base = results.pushed_to.parent
        console.print(f"Serve it  tfctr serve --port=8500 --model_name={base.name} --model_base_path={base}")


if __name__ == "__main__":
    typer.run(main)
