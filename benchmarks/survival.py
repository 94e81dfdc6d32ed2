"""Survival on SUPPORT2: the two-horizon network beside Cox, Kaplan–Meier and a plain DNN on a yes/no label.

    python -m benchmarks.survival --seeds 3

Each seed cuts the rows anew into train, valid and test. Everyone learns from the same training rows and is judged on
the same test rows, at both horizons of the spec: C-index of the expected life up to the last cut point, integrated
Brier score, and Brier score at the last cut point. The DNN learns "dead until the last cut point", where patients lost
before count as alive, one network a horizon: it ranks by that probability and has a Brier score at that time alone.
Finished trials are kept in the work folder, so that a run that was broken off goes on.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import keras
import numpy as np
import pandas as pd
import typer
from lifelines import CoxPHFitter

from benchmarks.accuracy import RESULTS
from tfctr.benchmark import Score, TrialCache, with_spread, write_section
from tfctr.data import prepare_table
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.data.datasets import DATASETS
from tfctr.models import DNN, CreativeSurvival
from tfctr.spec import BoundSpec, FeatureSpec, SurvivalTask, load_spec
from tfctr.training import FitConfig, evaluate, fit
from tfctr.training.metrics import KaplanMeier, concordance_index, evaluate_survival, survival_brier
from tfctr.transform import TransformOutput, fit_transform

Arrays = dict[str, np.ndarray]
Figures = dict[str, float]
SPEC = "support2"
FIT = FitConfig(epochs=30, learning_rate=1e-3, patience=3, monitor="logloss")
BATCH = 128
TOWER: dict[str, Any] = {"hidden_units": (128, 64), "dropout_rate": 0.2}
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


class Data(NamedTuple):
    """One cut of the rows.

    Attributes:
        spec: Bound spec.
        parts: Split -> transformed tensors.
    """

    spec: BoundSpec
    parts: dict[str, Arrays]

    @property
    def tasks(self) -> tuple[SurvivalTask, ...]:
        return tuple(task for task in self.spec.spec.tasks if isinstance(task, SurvivalTask))

    def truth(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Durations and events; both tasks ask for the same."""
        labels = self.parts[part][self.tasks[0].name]
        return np.abs(labels), labels > 0

    def matrix(self, part: str) -> np.ndarray:
        """The features side by side."""
        return np.column_stack([self.parts[part][info.name] for info in self.spec.spec.inputs()])


def load(seed: int) -> Data:
    """Cut, fit the transform on the training rows, transform."""
    spec = load_spec(SPEC)
    tables = prepare_table(DATASETS[SPEC].load(), spec, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        output: TransformOutput = fit_transform(spec, tables["train"], Path(folder) / "transform")
        return Data(output.bound_spec, {name: output.transform(table) for name, table in tables.items()})


def figures_of(data: Data, curves: dict[str, np.ndarray]) -> Figures:
    """Figures at both horizons of probabilities of lasting, ``(rows, cut points)`` by task."""
    found: Figures = {}
    for task in data.tasks:
        all_figures = evaluate_survival(*data.truth("test"), curves[task.name], task.grid)
        last = f"brier@{task.grid[-1]:g}"
        found |= {f"{task.name} {name}": all_figures[name] for name in ("c_index", "brier", last)}
    return found


def kaplan_meier(data: Data, config: FitConfig, seed: int) -> Figures:
    """The same curve for everybody: what features are worth is what others gain over it."""
    curve = KaplanMeier(*data.truth("train"))
    rows = len(data.truth("test")[0])
    return figures_of(data, {task.name: np.tile(curve(task.grid), (rows, 1)) for task in data.tasks})


def cox(data: Data, config: FitConfig, seed: int) -> Figures:
    """Proportional hazards on the transformed numbers, as the networks see them; a slight ridge, for groups add up."""
    durations, events = data.truth("train")
    frame = pd.DataFrame(data.matrix("train")).assign(duration=durations, event=events)
    model = CoxPHFitter(penalizer=1e-3).fit(frame, "duration", "event")
    test = pd.DataFrame(data.matrix("test"))
    return figures_of(
        data, {t.name: model.predict_survival_function(test, times=t.grid).T.to_numpy() for t in data.tasks}
    )


def network(data: Data, config: FitConfig, seed: int) -> Figures:
    """The two heads on one tower."""
    keras.utils.set_random_seed(seed)
    model = CreativeSurvival(data.spec, **TOWER)
    plan = ArrayPlan(data.parts["train"], data.spec, batch_size=BATCH, seed=seed)
    model.build()
    fit(model, plan, array_dataset(data.parts["valid"], data.spec, batch_size=4096), config)
    found = evaluate(model, array_dataset(data.parts["test"], data.spec, batch_size=4096))
    names = {t.name: ("c_index", "brier", f"brier@{t.grid[-1]:g}") for t in data.tasks}
    return {f"{task} {name}": found[f"{task}_{name}"] for task, wanted in names.items() for name in wanted}


def yes_no(data: Data, config: FitConfig, seed: int) -> Figures:
    """A DNN a horizon on the label "dead until the last cut point"."""
    found: Figures = {}
    for task in data.tasks:
        binary = _binary(data, task)
        parts = {name: {**arrays, "dead": _dead(arrays, task)} for name, arrays in data.parts.items()}
        keras.utils.set_random_seed(seed)
        model = DNN(binary, **TOWER)
        model.build()
        plan = ArrayPlan(parts["train"], binary, batch_size=BATCH, seed=seed)
        fit(model, plan, array_dataset(parts["valid"], binary, batch_size=4096), config)
        inputs = {info.name: parts["test"][info.name] for info in binary.spec.inputs()}
        dead = np.asarray(model.predict_on_batch(inputs), np.float64)[:, 0]
        durations, events = data.truth("test")
        last = task.grid[-1]
        found[f"{task.name} c_index"] = concordance_index(durations, events, -dead)
        found[f"{task.name} brier@{last:g}"] = survival_brier(durations, events, 1 - dead[:, None], [last])[0]
    return found


def _binary(data: Data, task: SurvivalTask) -> BoundSpec:
    plain = data.spec.spec.model_dump()
    return FeatureSpec.model_validate({**plain, "tasks": [{"name": "dead", "label": task.event}]}).bind(data.spec.rows)


def _dead(arrays: Arrays, task: SurvivalTask) -> np.ndarray:
    label = arrays[task.name]
    return ((label > 0) & (label <= task.grid[-1])).astype(np.float32)


Measure = Callable[[Data, FitConfig, int], Figures]
MODELS: dict[str, Measure] = {
    "Kaplan–Meier": kaplan_meier,
    "DNN on yes or no": yes_no,
    "Cox (lifelines)": cox,
    "CreativeSurvival": network,
}


def table(scores: dict[str, list[Figures]]) -> str:
    """Mean ± standard deviation over seeds, as Markdown."""
    names = list(dict.fromkeys(name for many in scores.values() for figures in many for name in figures))
    lines = ["| model | seeds | " + " | ".join(names) + " |", "| --- " * (len(names) + 2) + "|"]
    for model, many in scores.items():
        cells = []
        for name in names:
            values = [figures[name] for figures in many if name in figures]
            cells.append(with_spread(values) if values else "-")
        lines.append(f"| {model} | {len(many)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


@app.command()
def main(
    seeds: Annotated[int, typer.Option(help="How many cuts of the rows.")] = 3,
    epochs: Annotated[int, typer.Option(help="Most epochs of a network.")] = FIT.epochs,
    workdir: Annotated[Path, typer.Option(help="Folder for finished trials.")] = Path("work/benchmarks"),
    write: Annotated[bool, typer.Option(help="Put the table into RESULTS.md.")] = True,
) -> None:
    """Measure every model with every seed, unless it is done already, and print the table."""
    config = FIT.model_copy(update={"epochs": epochs})
    decides = load_spec(SPEC).model_dump(mode="json", exclude={"description", "gates"})
    settings = {"fit": config.model_dump(mode="json"), "batch_size": BATCH, **TOWER}
    folder = workdir / "survival" / "trials"
    folder.mkdir(parents=True, exist_ok=True)
    cache = TrialCache(folder, {"spec": decides})
    scores: dict[str, list[Figures]] = {name: [] for name in MODELS}
    for seed in range(seeds):
        data = functools.cache(functools.partial(load, seed))
        for name, measure in MODELS.items():
            trial = functools.partial(_measured, measure, data, config, name, seed)
            scores[name].append(cache.score(name, seed, settings, trial).figures)
            print(f"{name}, seed {seed}: {scores[name][-1]}", flush=True)
    text = table(scores)
    print(text)
    if write:
        arguments = f"--seeds {seeds}" + (f" --epochs {epochs}" if epochs != FIT.epochs else "")
        write_section(RESULTS, "Survival on support2", f"python -m benchmarks.survival {arguments}", text)


def _measured(measure: Measure, data: Callable[[], Data], config: FitConfig, name: str, seed: int) -> Score:
    return Score(name, seed, measure(data(), config, seed))


if __name__ == "__main__":
    app()
