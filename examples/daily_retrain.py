"""A model retrained every day: each morning it goes on from the last blessed one, with that day's vocabularies.

    python -m examples.daily_retrain --workdir runs/daily

Simulates a log of three days in which items come and go, and runs the whole pipeline with ``warm_start`` for each.
Prints what became of the items overnight, and what the warm start was worth: AUC on the day's latest rows beside that
of the same model trained from scratch on the same rows.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # TFX's libraries want tf.keras to be Keras 2
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.table import Table

from tfctr.data.simulator import SimulatorConfig, simulate
from tfctr.spec import Gates, dump_spec
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.console import quiet
from tfx_pipeline.start import Start

if TYPE_CHECKING:
    from examples.baselines import Score
    from tfx_pipeline.results import Results

MODEL, ITEM, ITEMS = "FM", "item_id", 240
HYPERPARAMETERS: dict[str, object] = {"embedding_dim": 8, "embedding_l2": 1e-4}
FIT: dict[str, object] = {"epochs": 4, "learning_rate": 2e-3, "monitor": "logloss"}
BATCH_SIZE = 256
DAYS, SHOWN, TURNOVER = 3, 0.7, 0.15
"""Days; share of all items that a day shows; share that goes overnight, as many come."""


@dataclass(frozen=True)
class Day:
    """What came of a day's run.

    Attributes:
        start: What its training began from, and what became of the vocabularies.
        blessed: Whether the gate let its model pass, so that the next day goes on from it.
        retrained: Its figures on the day's latest rows.
        scratch: Those of the same model trained from scratch on the same rows.
    """

    start: Start
    blessed: bool
    retrained: Score
    scratch: Score


def retrain(workdir: Path, *, rows: int = 36_000, days: int = DAYS, seed: int = 0) -> Iterator[Day]:
    """Run the pipeline for one day after another.

    Args:
        workdir: Folder for everything this makes.
        rows: Impressions of all days together, those of items that a day does not show included.
        days: How many.
        seed: Of the log, the weights and the order of rows.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    logs = simulated_days(workdir, rows, days, seed)
    with quiet(workdir / "logs" / "import.log"):
        from tfx_pipeline.runner import run
    for log in logs:
        config = PipelineConfig(
            spec=workdir / "spec.yaml", data=str(log), workdir=workdir / "pipeline", model=MODEL,
            hyperparameters=HYPERPARAMETERS, fit=FIT, batch_size=BATCH_SIZE, seed=seed, warm_start=True,
        )  # fmt: skip
        results = run(config).results
        assert results is not None
        assert results.start is not None
        with quiet(workdir / "logs" / "scratch.log"):
            yield Day(results.start, results.verdict.blessed, *_scores(config, results))


def simulated_days(folder: Path, rows: int, days: int, seed: int) -> list[Path]:
    """Write a spec, and a log a day; each day shows other items, so that some come and go."""
    log = simulate(SimulatorConfig(rows=rows, days=days, users=300, items=ITEMS, affinity=2.0, seed=seed))
    _, rank = np.unique(np.asarray(log.table[ITEM]), return_inverse=True)
    share = rank / (rank.max() + 1)
    order = np.argsort(np.asarray(log.table["time"]), kind="stable")
    paths = []
    for day, members in enumerate(np.array_split(order, days)):
        shown = (share[members] >= day * TURNOVER) & (share[members] < day * TURNOVER + SHOWN)
        paths.append(folder / f"day{day + 1}.parquet")
        pq.write_table(log.table.take(pa.array(members[shown])), paths[-1])
    gates = Gates(calibration_min=0.5, calibration_max=2.0)  # the days are small: wide bounds
    (folder / "spec.yaml").write_text(dump_spec(log.spec.model_copy(update={"gates": gates})))
    return paths


def _scores(config: PipelineConfig, results: Results) -> tuple[Score, Score]:
    """Score the day's model, and the same trained from scratch, on the test rows."""
    from examples.baselines import from_scratch, score
    from tfctr.data._prepare import load_split
    from tfctr.training import FitConfig
    from tfctr.transform import TransformOutput
    from tfx_pipeline.rescore import rescore

    spec = config.read_spec()
    rows = rescore(results.model, results.test_examples, spec)[spec.tasks[0].name]
    scratch = from_scratch(
        MODEL, HYPERPARAMETERS, FitConfig(**{**FIT, "seed": config.seed}), BATCH_SIZE, results.transformed_examples,
        load_split(config.workdir / "data" / "test"), TransformOutput(results.transform_graph, spec=spec),
    )  # fmt: skip
    return score(MODEL, rows.labels, rows.predictions), scratch


def main(
    workdir: Annotated[Path, typer.Option(help="Folder for everything this makes.")] = Path("runs/daily"),
    rows: Annotated[int, typer.Option(help="Impressions of all days together.")] = 36_000,
    seed: Annotated[int, typer.Option(help="Of the log, the weights and the order of rows.")] = 0,
) -> None:
    """Run the example and print what a warm start is worth."""
    table = Table("day", "start", "items kept", "new", "dropped", "AUC retrained", "AUC from scratch", "gate")
    for number, day in enumerate(retrain(workdir, rows=rows, seed=seed), start=1):
        counts = day.start.vocabularies.get(ITEM, {})
        table.add_row(
            str(number), "warm" if day.start.warm else "cold",
            *(str(counts.get(what, "")) for what in ("kept", "new", "dropped")),
            f"{day.retrained.auc:.4f}", f"{day.scratch.auc:.4f}", "blessed" if day.blessed else "not blessed",
        )  # fmt: skip
    Console(highlight=False).print(table)


if __name__ == "__main__":
    typer.run(main)
