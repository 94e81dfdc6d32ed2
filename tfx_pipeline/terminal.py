"""What a person sees while the pipeline runs and when it is done."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

from rich.console import Console
from rich.table import Table

from tfctr.training.metrics import DomainFigures
from tfx_pipeline.components.anomaly_gate import AnomaliesFound
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.domains import print_domains
from tfx_pipeline.results import Results
from tfx_pipeline.verdict import Check, Verdict

_STYLES = {True: "green", False: "bold red", None: "yellow"}


def headline(console: Console, name: str, config: PipelineConfig) -> None:
    """Say what is about to run, and where."""
    console.print(f"[bold]{name}[/] with [bold]{config.model}[/] in {config.workdir}")


def working(console: Console, step: str) -> AbstractContextManager[object]:
    """Show, on a terminal, that a step is at work."""
    return console.status(f"{step} ...", spinner="dots")


def step_line(console: Console, step: str, cached: bool, seconds: float, why: str) -> None:
    """One line a step: what it did, how long it took, why."""
    word = "[dim]cached[/]" if cached else "ran   "
    console.print(f"  {step:<18} {word} {seconds:6.1f} s  ", end="")
    console.print(why, style="dim", markup=False, soft_wrap=True)


def outcome(console: Console, results: Results, domains: Mapping[str, DomainFigures], column: str | None) -> None:
    """The gate's verdict, the largest domains, the parity, and where the model went."""
    verdict = results.verdict
    console.print()
    if results.start is not None:
        console.print(f"Training made a {results.start}", markup=False)
    for stage, told in results.stages_told():
        console.print(f"{stage}: {told}", markup=False, highlight=False)
    if told := results.constants_told():
        console.print(told, markup=False, highlight=False)
    console.print(verdict_table(verdict))
    print_domains(console, domains, column or "", "the report has all")
    if not verdict.compared:
        console.print("No model was blessed before: nothing to compare with.", style="dim")
    parity = results.parity
    compared = ", ".join(f"{c['signature']} ({c['rows']:,} rows)" for c in parity["comparisons"])
    word = "equal to" if parity["passed"] else "[bold red]DIFFERENT[/] from"
    console.print(
        f"Served predictions are {word} training's: largest difference {parity['largest']:.2g}, allowed "
        f"{parity['tolerance']:g}; {compared}"
    )
    if results.pushed_to is not None:
        console.print(f"[bold green]Blessed and pushed[/] to {results.pushed_to}")
    else:
        console.print("[bold red]Not pushed.[/]")
        for reason in not_pushed_reasons(results):
            console.print(f"  - {reason}", markup=False)


def not_pushed_reasons(results: Results) -> tuple[str, ...]:
    """Why a model was not pushed, one sentence each."""
    parity = results.parity
    apart = () if parity["passed"] else (f"served predictions differ from training: {parity['reason']}",)
    return (*results.verdict.reasons, *apart)


def verdict_table(verdict: Verdict) -> Table:
    """Return the gate's checks as a table."""
    table = Table(title=f"Gate: {'blessed' if verdict.blessed else 'not blessed'}", title_justify="left")
    for column in ("task", "check", "value", "bound", "slice", "rows", "", "why"):
        table.add_column(column, justify="right" if column in ("value", "rows") else "left")
    for check in verdict.checks:
        table.add_row(*check_cells(check), style=None if check.passed else _STYLES[check.passed])
    return table


def check_cells(check: Check) -> tuple[str, ...]:
    """Return a check as texts: task, name, value, bound, slice, rows, word, note."""
    rows = f"{check.rows:,}" if check.rows >= 0 else ""
    return (check.task, check.name, f"{check.value:.5g}", check.bound, check.slice, rows, check.word, check.note)


def anomalies_table(error: AnomaliesFound) -> Table:
    """Return anomalies as a table."""
    table = Table(title="The data does not fit the spec", title_justify="left")
    for column in ("split", "column", "problem", "detail"):
        table.add_column(column)
    for found in error.anomalies:
        table.add_row(found.split, found.column, found.problem, found.detail)
    return table
