r"""A small student alone, and taught by five large models: AUC, logloss, numbers, time of an answer, seconds.

The teachers are trained once, each with a seed of its own, and teach together: their logits are averaged. A student is
trained with every seed: by labels alone, and by each way to weigh teachers against labels. All are judged on the test
rows; raw rows are answered one by one, the teachers one after the other. The seconds of a student are its own. A trial
that is finished is kept and not repeated.

Example:
    python -m benchmarks.distil movielens_1m --models DNN,DNN-tenth --settings benchmarks/movielens_1m.yaml --seeds 3
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tensorflow as tf
import typer
from rich.console import Console

from benchmarks.plan_trials import (
    Bench,
    FirstSeedOption,
    SeedsOption,
    SettingsOption,
    SourceOption,
    SpecArgument,
    ThreadsOption,
    WorkdirOption,
    WriteOption,
    as_count,
    as_milliseconds,
    command_of,
    export_anew,
    inputs_of,
    markdown,
    open_bench,
    pairs,
    with_times,
)
from tfctr.benchmark import Score, with_spread, write_section
from tfctr.benchmark.trial import with_objects
from tfctr.data.batches import ArrayPlan
from tfctr.models import MODELS
from tfctr.plans import Distil, Fit, Plan
from tfctr.plans.distil._teacher import joint_logits, labels_of, logits_of
from tfctr.plans.stage import MODEL_FILE, read_model
from tfctr.training import evaluate
from tfctr.training.metrics import evaluate_arrays

RATIOS = "constant:0.5,constant:0.9,wls,ada,tgeo"
RESULTS = Path(__file__).with_name("RESULTS.md")
TOGETHER, ONE, ALONE = "teachers together", "a teacher", "student alone"
COLUMNS = (
    ("AUC", "auc", with_spread),
    ("logloss", "logloss", with_spread),
    ("numbers", "numbers", as_count),
    ("answer, ms", "one", as_milliseconds),
    ("training, s", "seconds", as_count),
    ("mean ratio", "ratio", lambda values: "" if np.isnan(values).all() else f"{values.mean():.2f}"),
)

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def main(
    spec: SpecArgument = "movielens_1m",
    models: Annotated[str, typer.Option(help="Teacher and student, names in the settings.")] = "DNN,DNN-tenth",
    settings: SettingsOption = None,
    ratios: Annotated[str, typer.Option(help="Of Distil, by commas; `constant:0.2` sets alpha.")] = RATIOS,
    members: Annotated[int, typer.Option(help="Teachers.")] = 5,
    plan_sets: Annotated[list[str] | None, typer.Option("--plan-set", help="Distil's setting; repeat.")] = None,
    seeds: SeedsOption = 3,
    first_seed: FirstSeedOption = 0,
    threads: ThreadsOption = 0,
    source: SourceOption = "",
    workdir: WorkdirOption = Path("work/distil"),
    write: WriteOption = True,
) -> None:
    """Train teachers and students, unless it is done already, and print the table."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    teacher, student = (open_bench(spec, name, settings, source, workdir) for name in models.split(","))
    names, console, scores = models.split(","), Console(), []

    def keep(bench: Bench, name: str, label: str, seed: int, told: Mapping[str, Any] | None = None) -> None:
        trial = functools.partial(_trial, bench, name, label, seed, told)
        scores.append(bench.cache.score(label, seed, {"of": name, "members": members, **(told or {})}, trial))
        console.print(label, seed, scores[-1].figures, soft_wrap=True)

    for seed in range(members):
        keep(teacher, names[0], ONE, seed)
    together = teacher.cache.score(TOGETHER, 0, {"members": members}, functools.partial(_together, teacher, members))
    for seed in range(first_seed, first_seed + seeds):
        keep(student, names[1], ALONE, seed)
        for ratio in ratios.split(","):
            told = {**pairs(plan_sets), **_of_row(ratio), "teacher_files": _files(teacher, members)}
            keep(student, names[1], ratio, seed, told)
    timed = with_times(student, sorted(scores, key=lambda score: _place(score.model, ratios)), {"one": 1})
    table = markdown([_sum_of(together, timed[:members]), *timed], COLUMNS)
    console.print(table, soft_wrap=True, highlight=False, markup=False)
    if write:
        args = {"models": models, "settings": settings, "ratios": ratios, "members": members, "seeds": seeds}
        command = command_of("distil", spec, {**args, "first-seed": first_seed, "plan-set": plan_sets})
        write_section(RESULTS, f"A student of {members} teachers on {student.name}", command, table)


def _place(label: str, ratios: str) -> int:
    """Where a label stands in the table."""
    return [ONE, ALONE, *ratios.split(",")].index(label)


def _of_row(ratio: str) -> dict[str, Any]:
    """Settings of Distil for a row such as ``constant:0.2``."""
    name, _, alpha = ratio.partition(":")
    return {"ratio": name, **({"alpha": float(alpha)} if alpha else {})}


def _folder(bench: Bench, label: str, seed: int) -> Path:
    return bench.folder / "runs" / f"{label.replace(' ', '_')}-{seed}"


def _files(bench: Bench, members: int) -> list[str]:
    """The trained teachers."""
    return [str(_folder(bench, ONE, seed) / MODEL_FILE) for seed in range(members)]


def _trial(bench: Bench, name: str, label: str, seed: int, told: Mapping[str, Any] | None) -> Score:
    """Train, judge and export a model: by Distil with its settings, or by labels alone."""
    given = inputs_of(bench, seed)
    arguments = with_objects(given.hyperparameters)
    model_class = MODELS[arguments.pop("model", name)]
    plan: Plan = Fit(model_class, arguments, given.config)
    if told is not None:
        plan = Distil(model_class, arguments, given.config, **told)
    folder = _folder(bench, label, seed)
    model = plan.run(given.rows.spec, given.train, given.valid, folder)
    report = plan.reports(folder)[-1]
    judged = evaluate(model, given.test)
    export_anew(model, given.rows.transform, bench.served(label, seed))
    figures = {
        "auc": judged["auc"],
        "logloss": judged["logloss"],
        "numbers": model.count_params(),
        "seconds": report["seconds"],
        "ratio": report.get("mean_ratio", float("nan")),
    }
    return Score(label, seed, figures, parameters=model.count_params())


def _together(bench: Bench, members: int) -> Score:
    """Judge the teachers as one."""
    given = inputs_of(bench, 0)
    test = ArrayPlan(given.rows.test, given.rows.spec, batch_size=8192)
    logits = joint_logits([logits_of(read_model(Path(file)), test) for file in _files(bench, members)])
    judged = evaluate_arrays(labels_of(test), 1 / (1 + np.exp(-logits.astype(np.float64))))
    return Score(TOGETHER, 0, {"auc": judged["auc"], "logloss": judged["logloss"], "ratio": float("nan")})


def _sum_of(together: Score, each: list[Score]) -> Score:
    """The teachers as one, with what they cost together."""
    costs = {name: sum(score.figures[name] for score in each) for name in ("numbers", "one", "seconds")}
    return replace(together, figures={**together.figures, **costs})


if __name__ == "__main__":
    app()
