"""Accuracy of models on a data set: mean and spread over seeds, beside the popularity baseline.

A finished trial is kept in the work folder and never trained again with the same settings. So the seeds can be
shared out among processes, and a last call, which finds them all, only writes the table.

Example:
    python -m benchmarks.accuracy movielens_100k --item item_id --models LR,DCNv2,FinalMLP --seeds 3
    python -m benchmarks.accuracy census_income --models SharedBottom,MMoE,PLE --settings benchmarks/multi_task.yaml

    taskset -c 0 python -m benchmarks.accuracy frappe --models DNN --seeds 3 --threads 1 --no-write &
    taskset -c 1 python -m benchmarks.accuracy frappe --models DNN --first-seed 3 --seeds 2 --threads 1 --no-write
    python -m benchmarks.accuracy frappe --models DNN --seeds 5
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Any

import tensorflow as tf
import typer
import yaml
from rich.console import Console

from tfctr.benchmark import (
    Score,
    Splits,
    TrialCache,
    load_splits,
    markdown,
    popularity_trial,
    run_trial,
    settings_of,
    shown_figures,
    summarize,
    write_section,
)
from tfctr.data._locks import locked
from tfctr.spec import load_spec
from tfctr.training import FitConfig

RESULTS = Path(__file__).with_name("RESULTS.md")
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def main(
    spec: Annotated[str, typer.Argument(help="A shipped spec's name or a file.")],
    models: Annotated[str, typer.Option(help="Names of models, or of settings, by commas.")] = "LR,DCNv2,FinalMLP",
    settings: Annotated[
        Path | None, typer.Option(help="YAML: name -> hyper-parameters, fit settings, `model` where it is no model's.")
    ] = None,
    item: Annotated[str, typer.Option(help="Candidate's id feature, for the popularity baseline.")] = "",
    source: Annotated[str, typer.Option(help="Log or data set; the spec's own when left out.")] = "",
    seeds: Annotated[int, typer.Option(help="How many seeds.")] = 3,
    first_seed: Annotated[int, typer.Option(help="The first of them.")] = 0,
    threads: Annotated[int, typer.Option(help="Threads of one operation; 0 takes all cores.")] = 0,
    workdir: Annotated[Path, typer.Option(help="Folder for prepared data and finished trials.")] = Path(
        "work/benchmarks"
    ),
    title: Annotated[str, typer.Option(help="Heading in RESULTS.md, for a second table of one spec.")] = "",
    write: Annotated[bool, typer.Option(help="Put the table into RESULTS.md.")] = True,
) -> None:
    """Train every model with every seed, unless it is done already, and print the table."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    loaded = load_spec(spec)
    chosen = yaml.safe_load(settings.read_text()) if settings else {}
    log = source or loaded.source.dataset or ""
    folder = workdir / loaded.name

    @functools.cache
    def splits() -> Splits:
        with locked(folder):  # another process may prepare the same data
            return load_splits(loaded, log, folder)

    decides = loaded.model_dump(mode="json", exclude={"description", "gates"})
    cache = TrialCache(folder / "trials", {"spec": decides, "log": log})
    scores = [cache.score("popularity", 0, {"item": item}, lambda: popularity_trial(splits(), item))] if item else []
    console = Console()
    for name in models.split(","):
        model_settings = settings_of(chosen, name)
        for seed in range(first_seed, first_seed + seeds):
            trial = functools.partial(_train, splits, name, model_settings, seed)
            with console.status(f"{name}, seed {seed}"):
                score = cache.score(name, seed, model_settings, trial)
            scores.append(score)
            shown = "  ".join(f"{key} {score.figures[key]:.4f}" for key in shown_figures(score.figures))
            console.print(f"{name} seed {seed}: {shown}  best epoch {score.best_epoch}/{score.epochs}")
    table = markdown(summarize(scores))
    console.print(table, soft_wrap=True, highlight=False, markup=False)
    if write:
        options = {"item": item, "models": models, "settings": settings, "seeds": seeds, "first-seed": first_seed}
        arguments = "".join(f" --{name} {value}" for name, value in options.items() if value)
        arguments += f' --title "{title}"' if title else ""
        heading = title or f"Accuracy on {loaded.name}"
        write_section(RESULTS, heading, f"python -m benchmarks.accuracy {spec}{arguments}", table)


def _train(splits: Any, name: str, model_settings: dict[str, Any], seed: int) -> Score:
    """Train one model; what is neither batch size, fit setting nor the model's name is a hyper-parameter."""
    hyperparameters = dict(model_settings)
    batch_size = hyperparameters.pop("batch_size", 1024)
    model = hyperparameters.pop("model", name)
    config = FitConfig(**hyperparameters.pop("fit", {}))
    return run_trial(splits(), model, hyperparameters, config, batch_size=batch_size, seed=seed, label=name)


if __name__ == "__main__":
    app()
