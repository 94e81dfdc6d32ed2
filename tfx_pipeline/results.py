"""What came of a run: verdict, parity, push; read back from ML Metadata."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from tfctr.spec import FeatureSpec
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.explain import History, Step
from tfx_pipeline.files import HISTORY_FILE, PARITY_FILE, SPLITS, START_FILE
from tfx_pipeline.start import Start
from tfx_pipeline.verdict import Verdict, read_verdict


@dataclass(frozen=True)
class Results:
    """What came of the last run.

    Attributes:
        rows: Split -> rows.
        verdict: The gate's.
        parity: The parity step's report.
        history: Training's figures, one dict an epoch.
        start: What training began from where a warm start was wanted, else None.
        evaluation: The evaluator's output folder.
        model: The exported model, pushed or not.
        model_run: The trainer's folder: the Keras model, the history.
        transform_graph: The transform's output folder.
        transformed_examples: Folder of the splits as training saw them.
        test_examples: Raw tf.Examples of the split that the gate judged.
        pushed_to: Folder of the pushed version, None when it was not pushed.
    """

    rows: dict[str, int]
    verdict: Verdict
    parity: dict[str, Any]
    history: list[dict[str, float]]
    start: Start | None
    evaluation: Path
    model: Path
    model_run: Path
    transform_graph: Path
    transformed_examples: Path
    test_examples: Path
    pushed_to: Path | None


def read_results(config: PipelineConfig, spec: FeatureSpec) -> Results:
    """Return the results of the last run in `config.workdir`.

    Raises:
        FileNotFoundError: When no run in this folder came to its end.
    """
    history = History(config.metadata_path) if config.metadata_path.exists() else None
    names = ("ExampleGen", "StatisticsGen", "Transform", "Trainer", "Evaluator", "Parity", "Pusher")
    steps = {name: _last_done(history, name) for name in names} if history else {}
    missing = [name for name in names if steps.get(name) is None]
    if missing:
        raise FileNotFoundError(f"no finished run in {config.workdir}: nothing of {', '.join(missing)}")
    done: dict[str, Step] = {name: step for name, step in steps.items() if step is not None}
    evaluation = _output(done["Evaluator"], "evaluation")
    blessed = (_output(done["Evaluator"], "blessing") / "BLESSED").exists()
    model_run = _output(done["Trainer"], "model_run")
    pushed = done["Pusher"].properties("pushed_model").get("pushed_destination")
    return Results(
        rows={split: _rows(_output(done["StatisticsGen"], "statistics"), split) for split in SPLITS},
        verdict=read_verdict(evaluation, spec, blessed),
        parity=json.loads((_output(done["Parity"], "blessing") / PARITY_FILE).read_text()),
        history=json.loads((model_run / HISTORY_FILE).read_text()),
        start=Start.from_json(begun.read_text()) if (begun := model_run / START_FILE).exists() else None,
        evaluation=evaluation,
        model=_output(done["Trainer"], "model") / "Format-Serving",
        model_run=model_run,
        transform_graph=_output(done["Transform"], "transform_graph"),
        transformed_examples=_output(done["Transform"], "transformed_examples"),
        test_examples=_output(done["ExampleGen"], "examples") / "Split-test",
        pushed_to=Path(pushed) if pushed else None,
    )


def _last_done(history: History, node: str) -> Step | None:
    return next((step for step in reversed(history.steps(node)) if step.done), None)


def _output(step: Step, key: str) -> Path:
    return Path(step.outputs[key][0])


def _rows(statistics: Path, split: str) -> int:
    data = (statistics / f"Split-{split}" / "FeatureStats.pb").read_bytes()
    return int(statistics_pb2.DatasetFeatureStatisticsList.FromString(data).datasets[0].num_examples)
