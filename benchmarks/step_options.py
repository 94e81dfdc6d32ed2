"""What the settings of training are worth on this machine: the reasons for the defaults of `FitConfig` and `Prefetch`.

The same model as in `training_speed` (26 fields, width 16, perceptron 3 × 400, batch 4096) trains by `model.fit` with
each setting in turn; medians over rounds, and the ratio to the defaults.

Examples:
    python -m benchmarks.step_options
    python -m benchmarks.step_options --rounds 3 --steps 8 --no-write
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.peers.train_tfctr import make_model, make_plan, use_threads
from benchmarks.peers.workload import BATCH, Rows, make_rows
from tfctr.benchmark import write_section
from tfctr.data.batches.prefetch import DEFAULT_PREFETCH, Prefetch
from tfctr.layers._base import dtype_policy

RESULTS = Path(__file__).with_name("RESULTS.md")
DEFAULTS = "the defaults"
OPTIONS: dict[str, dict[str, Any]] = {
    DEFAULTS: {},
    "steps_per_execution=8": {"steps_per_execution": 8},
    "jit_compile=True": {"jit_compile": True},
    "precision=mixed_bfloat16": {"precision": "mixed_bfloat16"},
    "mixed_bfloat16, steps_per_execution=8": {"precision": "mixed_bfloat16", "steps_per_execution": 8},
    "optimizer=adam": {"optimizer": "adam"},
    "Prefetch(batches=1)": {"prefetch": Prefetch(batches=1)},
    "Prefetch(threads=1)": {"prefetch": Prefetch(threads=1)},
    "Prefetch(autotune=True)": {"prefetch": Prefetch(autotune=True)},
}
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def main(
    table_rows: Annotated[int, typer.Option(help="Rows of all tables together.")] = 100_000,
    rounds: Annotated[int, typer.Option(help="Turns of each setting.")] = 7,
    steps: Annotated[int, typer.Option(help="Steps of a turn; a multiple of 8.")] = 16,
    threads: Annotated[int, typer.Option(help="Threads.")] = 2,
    write: Annotated[bool, typer.Option(help="Put the table into RESULTS.md.")] = True,
) -> None:
    """Train with each setting by turns and print the table."""
    use_threads(threads)
    rows = make_rows(BATCH * steps, table_rows)
    runs = {name: _trainer(rows, options) for name, options in OPTIONS.items()}
    for run in runs.values():  # the first turn compiles
        run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds):
        names = [*runs][turn % len(runs) :] + [*runs][: turn % len(runs)]  # so that none always follows the same one
        for name in names:
            started = time.perf_counter()
            runs[name]()
            seconds[name].append((time.perf_counter() - started) / steps)
    table = _table({name: statistics.median(values) for name, values in seconds.items()})
    Console().print(table, soft_wrap=True, highlight=False, markup=False)
    if write:
        write_section(
            RESULTS, "Settings of a training step", f"python -m benchmarks.step_options --rounds {rounds}", table
        )


def _trainer(rows: Rows, options: dict[str, Any]) -> Callable[[], Any]:
    """Return what trains one epoch with these settings."""
    plan = make_plan(rows, options.get("prefetch", DEFAULT_PREFETCH))
    with dtype_policy(options.get("precision", "float32")):
        model = make_model(plan, rows.field_rows, options.get("optimizer", "lazy_adam"))
    model.compile(
        model.optimizer,
        jit_compile=options.get("jit_compile", False),
        steps_per_execution=options.get("steps_per_execution", 1),
    )
    epochs = itertools.count()
    return lambda: model.fit(plan.epoch(next(epochs)), shuffle=False, verbose=0)


def _table(seconds: dict[str, float]) -> str:
    lines = ["| setting | examples/s | against the defaults |", "| --- | --- | --- |"]
    lines += [f"| {name} | {BATCH / value:,.0f} | {seconds[DEFAULTS] / value:.2f} |" for name, value in seconds.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    app()
