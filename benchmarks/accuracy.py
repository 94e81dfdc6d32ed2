"""Accuracy of models on a data set: mean and spread over seeds, beside the popularity baseline.

Example:
    python -m benchmarks.accuracy movielens_100k --item item_id --models LR,DCNv2,FinalMLP --seeds 3
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console

from tfctr.benchmark import load_splits, markdown, popularity_trial, run_trial, summarize, write_section
from tfctr.spec import load_spec
from tfctr.training import FitConfig

RESULTS = Path(__file__).with_name("RESULTS.md")
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def main(
    spec: Annotated[str, typer.Argument(help="A shipped spec's name or a file.")],
    models: Annotated[str, typer.Option(help="Names of models, by commas.")] = "LR,DCNv2,FinalMLP",
    settings: Annotated[Path | None, typer.Option(help="YAML: model -> hyper-parameters and fit settings.")] = None,
    item: Annotated[str, typer.Option(help="Candidate's id feature, for the popularity baseline.")] = "",
    source: Annotated[str, typer.Option(help="Log or data set; the spec's own when left out.")] = "",
    seeds: Annotated[int, typer.Option(help="Seeds 0, 1, …")] = 3,
    workdir: Annotated[Path, typer.Option(help="Folder for prepared data.")] = Path("work/benchmarks"),
    write: Annotated[bool, typer.Option(help="Put the table into RESULTS.md.")] = True,
) -> None:
    """Train every model with every seed and print the table."""
    loaded = load_spec(spec)
    chosen = yaml.safe_load(settings.read_text()) if settings else {}
    splits = load_splits(loaded, source or loaded.source.dataset or "", workdir / loaded.name)
    console = Console()
    scores = [popularity_trial(splits, item)] if item else []
    for name in models.split(","):
        hyperparameters = {**chosen.get("all", {}), **chosen.get(name, {})}
        batch_size = hyperparameters.pop("batch_size", 1024)
        config = FitConfig(**hyperparameters.pop("fit", {}))
        for seed in range(seeds):
            with console.status(f"{name}, seed {seed}"):
                score = run_trial(splits, name, hyperparameters, config, batch_size=batch_size, seed=seed)
            scores.append(score)
            shown = "  ".join(f"{key} {score.figures[key]:.4f}" for key in ("auc", "logloss"))
            console.print(f"{name} seed {seed}: {shown}  best epoch {score.best_epoch}/{score.epochs}")
    table = markdown(summarize(scores))
    console.print(table, soft_wrap=True, highlight=False, markup=False)
    if write:
        item_option = f" --item {item}" if item else ""
        settings_option = f" --settings {settings}" if settings else ""
        command = (
            f"python -m benchmarks.accuracy {spec}{item_option} --models {models}{settings_option} --seeds {seeds}"
        )
        write_section(RESULTS, f"Accuracy on {loaded.name}", command, table)


if __name__ == "__main__":
    app()
