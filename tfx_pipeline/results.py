"""What came of a run: verdict, parity, push; read back from ML Metadata."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from tfctr.spec import FeatureSpec
from tfctr.transform import TransformOutput
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.explain import History, Step, changes_between
from tfx_pipeline.files import HISTORY_FILE, PARITY_FILE, SPLITS, STAGES_FILE, START_FILE
from tfx_pipeline.run_record import RunRecord
from tfx_pipeline.start import Start
from tfx_pipeline.verdict import Verdict, read_verdict

_PACKAGES = "code.packages."


@dataclass(frozen=True)
class LastBlessed:
    """The model that the run's own was compared with.

    Args:
        model: Name in `tfctr.models.MODELS`.
        trained: When, seconds since 1970.
        changes: What the run's training was given that this one's was not: data, settings, code; a few words each.
    """

    model: str
    trained: float
    changes: tuple[str, ...]


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
        last_blessed: What the model was compared with, None where there was nothing.
        trained: When training was over, seconds since 1970.
        packages: Package -> version that training ran with.
        record: When the run began and what each step took, None where no run came to its end since that is kept.
        stages: What each stage of the plan tells, in order: its name under ``stage``, ``seconds``, figures and words.
        constant_features: Features that were the same in every training row.
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
    last_blessed: LastBlessed | None = None
    trained: float = 0.0
    packages: dict[str, str] = field(default_factory=dict)
    record: RunRecord | None = None
    stages: list[dict[str, Any]] = field(default_factory=list)
    constant_features: tuple[str, ...] = ()

    def constants_told(self) -> str:
        """A sentence about features that say nothing; empty where there is none."""
        if not self.constant_features:
            return ""
        return f"The same in every training row, and so of no use to a model: {', '.join(self.constant_features)}."

    def stages_told(self) -> tuple[tuple[str, str], ...]:
        """What each stage of the plan tells, ``(stage, words)``; empty for a plan that is a single fit."""
        if len(self.stages) < 2:
            return ()
        return tuple(
            (
                str(stage["stage"]),
                ", ".join(
                    f"{name.replace('_', ' ')} {_shown(value)}"
                    for name, value in stage.items()
                    if name not in ("stage", "seconds") and value != ""
                ),
            )
            for stage in self.stages
        )


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if isinstance(value, float) else str(value)


def read_results(config: PipelineConfig, spec: FeatureSpec) -> Results:
    """Return the results of the last run in `config.workdir`.

    Raises:
        FileNotFoundError: When no run in this folder came to its end.
    """
    names = ("ExampleGen", "StatisticsGen", "Transform", "Trainer", "Evaluator", "Parity", "Pusher")
    history = History(config.metadata_path) if config.metadata_path.exists() else None
    all_done = {name: _done(history, name) if history else [] for name in names}
    missing = [name for name, steps in all_done.items() if not steps]
    if missing:
        raise FileNotFoundError(f"no finished run in {config.workdir}: nothing of {', '.join(missing)}")
    done = {name: steps[-1] for name, steps in all_done.items()}
    training = _origin(done["Trainer"], all_done["Trainer"])
    evaluation = _output(done["Evaluator"], "evaluation")
    blessed = (_output(done["Evaluator"], "blessing") / "BLESSED").exists()
    model_run = _output(done["Trainer"], "model_run")
    pushed = done["Pusher"].properties("pushed_model").get("pushed_destination")
    transform_graph = _output(done["Transform"], "transform_graph")
    return Results(
        rows={split: _rows(_output(done["StatisticsGen"], "statistics"), split) for split in SPLITS},
        verdict=read_verdict(evaluation, spec, blessed),
        parity=json.loads((_output(done["Parity"], "blessing") / PARITY_FILE).read_text()),
        history=json.loads((model_run / HISTORY_FILE).read_text()),
        stages=json.loads(told.read_text()) if (told := model_run / STAGES_FILE).exists() else [],
        start=Start.from_json(begun.read_text()) if (begun := model_run / START_FILE).exists() else None,
        evaluation=evaluation,
        model=_output(done["Trainer"], "model") / "Format-Serving",
        model_run=model_run,
        transform_graph=transform_graph,
        constant_features=TransformOutput(transform_graph, spec).constant_features,
        transformed_examples=_output(done["Transform"], "transformed_examples"),
        test_examples=_output(done["ExampleGen"], "examples") / "Split-test",
        pushed_to=Path(pushed) if pushed else None,
        last_blessed=_last_blessed(done["Evaluator"], training, all_done["Trainer"]),
        trained=training.finished,
        packages=_packages(training),
        record=RunRecord.read(config.workdir),
    )


def _done(history: History, node: str) -> list[Step]:
    return [step for step in history.steps(node) if step.done]


def _origin(step: Step, steps: Sequence[Step]) -> Step:
    """The execution that made what the cache gave to `step`; itself where it ran."""
    return next(other for other in steps if other.made == step.made)


def _last_blessed(evaluator: Step, training: Step, trainings: Sequence[Step]) -> LastBlessed | None:
    """Find the training of the evaluator's baseline, and how the run's own differs from it."""
    baseline = set(evaluator.inputs.get("baseline_model", ()))
    found = next((step for step in trainings if baseline & step.made), None)
    if found is None:
        return None
    name = str(found.settings.get("custom_config.model", "?"))
    return LastBlessed(name, found.finished, tuple(changes_between(found, training)))


def _packages(training: Step) -> dict[str, str]:
    found = {name: str(value) for name, value in training.settings.items() if name.startswith(_PACKAGES)}
    return {name.removeprefix(_PACKAGES): version for name, version in sorted(found.items())}


def _output(step: Step, key: str) -> Path:
    return Path(step.outputs[key][0])


def _rows(statistics: Path, split: str) -> int:
    data = (statistics / f"Split-{split}" / "FeatureStats.pb").read_bytes()
    return int(statistics_pb2.DatasetFeatureStatisticsList.FromString(data).datasets[0].num_examples)
