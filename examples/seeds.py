"""How far chance goes: the demo's model and logistic regression, each trained with several seeds.

    python -m examples.seeds --workdir runs/demo --seeds 3

Takes the rows that the demo prepared and transformed; run `python -m examples.demo` first.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from examples.demo import FIT, HYPERPARAMETERS, ITEM, MODEL
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.console import quiet

if TYPE_CHECKING:
    from examples.baselines import Score


def main(
    workdir: Annotated[Path, typer.Option(help="Folder of the demo.")] = Path("runs/demo"),
    seeds: Annotated[int, typer.Option(min=1, help="How many.")] = 3,
) -> None:
    """Print mean and standard deviation of AUC and logloss on the held-out rows."""
    try:
        config = PipelineConfig.read(workdir)
    except FileNotFoundError as error:
        raise typer.BadParameter(f"{error}; run `python -m examples.demo --workdir {workdir}` first") from None
    with quiet(workdir / "logs" / "seeds.log"):
        scores = _train(config, seeds)
    table = Table(title=f"Held-out rows, {seeds} seeds: mean ± standard deviation", title_justify="left")
    for column in ("model", "AUC", "logloss"):
        table.add_column(column, justify="left" if column == "model" else "right")
    for name in dict.fromkeys(score.name for score in scores):
        mine = [score for score in scores if score.name == name]
        table.add_row(name, _spread([score.auc for score in mine]), _spread([score.logloss for score in mine]))
    Console(highlight=False).print(table)


def _train(config: PipelineConfig, seeds: int) -> list[Score]:
    from examples.baselines import logistic_regression, popularity, trained
    from tfctr.data.prepare import load_split
    from tfctr.training import FitConfig
    from tfctr.transform import TransformOutput
    from tfx_pipeline.results import read_results

    spec = config.read_spec()
    results = read_results(config, spec)
    transform = TransformOutput(results.transform_graph, spec=spec)
    rows, test = results.transformed_examples, load_split(config.workdir / "data" / "test")
    scores = [popularity(load_split(config.workdir / "data" / "train"), test, spec, ITEM)]
    for seed in range(seeds):
        settings = FitConfig.model_validate({**FIT, "seed": seed})
        scores.append(logistic_regression(rows, test, transform, seed))
        scores.append(trained(MODEL, HYPERPARAMETERS, settings, rows, test, transform))
    return scores


def _spread(values: list[float]) -> str:
    mean = f"{np.mean(values):.4f}"
    return f"{mean} ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else mean


if __name__ == "__main__":
    typer.run(main)
