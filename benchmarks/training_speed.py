"""Training speed and memory beside FuxiCTR and DeepCTR: the same model, the same rows, one machine, by turns.

Each contender is a process of its own that trains a burst of steps when its turn comes; the bursts of all contenders
alternate, and medians over the rounds are shown. The peers' environments are made by `make peers`.

Examples:
    python -m benchmarks.training_speed
    python -m benchmarks.training_speed --sizes 100_000 --contenders tfctr,fuxictr --rounds 3 --no-write
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.peers.child import Answer, Child, peer_python
from benchmarks.peers.workload import BATCH, DIM, make_rows
from tfctr.benchmark import table_line, write_section
from tfctr.layers.embedding.memory import free_memory

RESULTS = Path(__file__).with_name("RESULTS.md")
ENVIRONMENT = {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""}
PROCESS_BYTES = 1.3e9  # libraries, rows, activations
OURS = "tfctr"
PEER = "fuxictr"
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")
console = Console()


@dataclass(frozen=True)
class Contender:
    """Something that trains.

    Attributes:
        title: What tables call it.
        peer: Name of its environment; empty for tfctr's own.
        arguments: Module and options.
        copies: Arrays of a table's size that it needs at its peak, for the check of memory.
    """

    title: str
    peer: str
    arguments: tuple[str, ...]
    copies: int

    def command(self, rows: Path, threads: int) -> list[str]:
        """The command line of its process."""
        python = str(peer_python(self.peer)) if self.peer else sys.executable
        return [python, "-m", *self.arguments, str(rows), "--threads", str(threads)]


CONTENDERS = {
    OURS: Contender("tfctr, lazy Adam (the default)", "", ("benchmarks.peers.train_tfctr",), 3),
    "tfctr-adam": Contender(
        "tfctr, Adam on whole tables", "", ("benchmarks.peers.train_tfctr", "--optimizer", "adam"), 6
    ),
    "tfctr-bfloat16": Contender(
        "tfctr, lazy Adam, bfloat16", "", ("benchmarks.peers.train_tfctr", "--precision", "mixed_bfloat16"), 3
    ),
    PEER: Contender("FuxiCTR, batches cut beforehand", "fuxictr", ("benchmarks.peers.train_fuxictr",), 6),
    "fuxictr-loader": Contender(
        "FuxiCTR, its NpzDataLoader", "fuxictr", ("benchmarks.peers.train_fuxictr", "--source", "loader"), 6
    ),
    "deepctr": Contender("DeepCTR", "deepctr", ("benchmarks.peers.train_deepctr",), 6),
}


@dataclass
class Lane:
    """A contender at work on tables of one size.

    Attributes:
        name: Of the contender.
        table_rows: Rows of all tables.
        child: Its process.
        steps: Steps of a burst.
        answers: Of the bursts that count.
    """

    name: str
    table_rows: int
    child: Child
    steps: int
    answers: list[Answer]

    @property
    def step_seconds(self) -> float:
        """Median over the bursts of the mean seconds of a step."""
        return statistics.median(answer.seconds / answer.steps for answer in self.answers)


@dataclass(frozen=True)
class Measured:
    """What a lane came to; plain numbers, kept in the work folder."""

    name: str
    table_rows: int
    step_seconds: float
    fastest: float
    slowest: float
    peak_bytes: int
    loss: float
    trained_steps: int

    @property
    def speed(self) -> float:
        """Examples a second."""
        return BATCH / self.step_seconds


@dataclass(frozen=True)
class Setting:
    """How to measure."""

    rounds: int
    burst_seconds: float
    threads: int
    batches: int
    workdir: Path


@app.command()
def main(
    sizes: Annotated[
        str, typer.Option(help="Rows of all tables together, by commas.")
    ] = "100_000,1_000_000,10_000_000",
    contenders: Annotated[str, typer.Option(help="By commas.")] = ",".join(CONTENDERS),
    rounds: Annotated[int, typer.Option(help="Bursts of each contender.")] = 7,
    burst_seconds: Annotated[float, typer.Option(help="A burst's aim; at least 3 steps.")] = 4.0,
    threads: Annotated[int, typer.Option(help="Of every contender.")] = 2,
    batches: Annotated[int, typer.Option(help="Different batches to train on.")] = 64,
    workdir: Annotated[Path, typer.Option(help="Folder for rows and logs.")] = Path("work/training_speed"),
    write: Annotated[bool, typer.Option(help="Put the tables into RESULTS.md.")] = True,
) -> None:
    """Measure all contenders at all sizes, then tfctr's own step across the sizes."""
    names = contenders.split(",")
    if unknown := [name for name in names if name not in CONTENDERS]:
        raise typer.BadParameter(f"unknown: {', '.join(unknown)}; there are {', '.join(CONTENDERS)}")
    table_rows = [int(float(size)) for size in sizes.split(",")]
    setting = Setting(rounds, burst_seconds, threads, batches, workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    found: list[Measured] = []
    left_out: list[tuple[str, int]] = []
    for size in table_rows:
        taken = that_fit(names, size)
        left_out += [(name, size) for name in names if name not in taken]
        found += measure([(name, size) for name in taken], setting)
    across = measure([(OURS, size) for size in table_rows], setting) if len(table_rows) > 1 else []
    body = report(found, across, setting, left_out)
    console.print(body, soft_wrap=True, highlight=False, markup=False)
    if write:
        options = f" --sizes {sizes} --contenders {contenders} --rounds {rounds} --burst-seconds {burst_seconds:g}"
        title = "Training speed beside FuxiCTR and DeepCTR"
        write_section(RESULTS, title, f"python -m benchmarks.training_speed{options} --threads {threads}", body)


def measure(lanes: Sequence[tuple[str, int]], setting: Setting) -> list[Measured]:
    """Let the given contenders train by turns, each on tables of its size.

    Raises:
        MemoryError: When the machine has not the memory to hold them all at once.
        ChildError: When one of them fails.
    """
    check_memory(lanes)
    with ExitStack() as stack:
        running = [stack.enter_context(started(name, size, setting)) for name, size in lanes]
        ready = [warmed_up(child, lane, setting) for child, lane in zip(running, lanes, strict=True)]
        for number in range(setting.rounds):
            turn = number % len(ready)  # nobody always comes after the same neighbour
            for lane in ready[turn:] + ready[:turn]:
                lane.answers.append(lane.child.burst(lane.steps))
            shown = "  ".join(f"{lane.name} {BATCH * lane.steps / lane.answers[-1].seconds:,.0f}" for lane in ready)
            console.print(f"round {number + 1}/{setting.rounds}: {shown}", soft_wrap=True, highlight=False)
        found = [summed_up(lane) for lane in ready]
    with (setting.workdir / "measured.jsonl").open("a") as file:
        file.writelines(json.dumps(vars(one)) + "\n" for one in found)
    return found


def that_fit(names: Sequence[str], size: int) -> list[str]:
    """Return the contenders, from the first on, that memory holds side by side; the first in any case."""
    taken = [names[0]]
    for name in names[1:]:
        if bytes_of([(one, size) for one in (*taken, name)]) <= free_memory():
            taken.append(name)
    return taken


def check_memory(lanes: Sequence[tuple[str, int]]) -> None:
    """Refuse before anything is allocated what would drive the machine out of memory."""
    needed, free = bytes_of(lanes), free_memory()
    if needed > free:
        raise MemoryError(
            f"{len(lanes)} processes side by side need about {needed / 2**30:.1f} GiB, of which "
            f"{free / 2**30:.1f} are free; name fewer --contenders"
        )


def bytes_of(lanes: Sequence[tuple[str, int]]) -> float:
    """Memory that contenders need at their peak, side by side."""
    return sum(PROCESS_BYTES + CONTENDERS[name].copies * size * DIM * 4 for name, size in lanes)


def started(name: str, size: int, setting: Setting) -> Child:
    """Start a contender; the rows it trains on are drawn when they are not there yet."""
    rows = setting.workdir / f"rows-{size}-{setting.batches}.npz"
    if not rows.exists():
        make_rows(setting.batches * BATCH, size).save(rows)
    command = CONTENDERS[name].command(rows.resolve(), setting.threads)
    threads = {"OMP_NUM_THREADS": str(setting.threads), "MKL_NUM_THREADS": str(setting.threads)}
    console.print(f"{name} at {size:,} rows…", highlight=False)
    return Child(command, log=setting.workdir / f"{name}-{size}.log", env={**ENVIRONMENT, **threads})


def warmed_up(child: Child, lane: tuple[str, int], setting: Setting) -> Lane:
    """Let a contender trace and allocate, and find how many steps make a burst."""
    child.burst(2)
    trial = child.burst(3)
    steps = round(setting.burst_seconds * trial.steps / trial.seconds)
    return Lane(*lane, child, min(max(steps, 3), setting.batches), [])


def summed_up(lane: Lane) -> Measured:
    """Return the figures of a lane."""
    seconds = [answer.seconds / answer.steps for answer in lane.answers]
    last = lane.answers[-1].loss
    total = 5 + lane.steps * len(lane.answers)
    peak = lane.child.peak_bytes
    return Measured(lane.name, lane.table_rows, lane.step_seconds, min(seconds), max(seconds), peak, last, total)


def report(
    found: Sequence[Measured],
    across: Sequence[Measured],
    setting: Setting,
    left_out: Sequence[tuple[str, int]] = (),
) -> str:
    """Return the tables as Markdown."""
    parts = [
        f"26 fields, width {DIM}, perceptron 3 × 400, batch {BATCH:,}, logloss, Adam 0.001, float32 unless said "
        f"otherwise, {setting.threads} threads each; ids as skewed as 1/rank. Medians of {setting.rounds} bursts of "
        f"about {setting.burst_seconds:g} s, taken by turns; tfctr's and DeepCTR's figures contain their input path.",
        "",
        "| rows of tables | | examples/s | slowest – fastest | step | tfctr is | peak memory | loss after steps |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_line(one, found) for one in found),
    ]
    if left_out:
        named = ", ".join(f"{CONTENDERS[name].title} at {size:,} rows" for name, size in left_out)
        parts += ["", f"Left out, for memory does not hold all side by side: {named}."]
    own = {one.table_rows: one.step_seconds for one in across}
    if own:
        small, large = min(own), max(own)
        parts += [
            "",
            "tfctr's own step, the sizes by turns: "
            + ", ".join(f"{seconds * 1e3:.1f} ms at {size:,} rows" for size, seconds in own.items())
            + f"; {large:,} rows cost {own[large] / own[small]:.2f} × {small:,} rows.",
        ]
    return "\n".join(parts)


def _line(one: Measured, found: Sequence[Measured]) -> str:
    ours = [other for other in found if (other.name, other.table_rows) == (OURS, one.table_rows)]
    ratio = f"{one.step_seconds / ours[0].step_seconds:.2f} × as fast" if ours and one.name != OURS else ""
    cells = [
        f"{one.table_rows:,}",
        CONTENDERS[one.name].title,
        f"{one.speed:,.0f}",
        f"{BATCH / one.slowest:,.0f} – {BATCH / one.fastest:,.0f}",
        f"{one.step_seconds * 1e3:.1f} ms",
        ratio,
        f"{one.peak_bytes / 2**20:,.0f} MiB",
        f"{one.loss:.4f} after {one.trained_steps:,}",
    ]
    return table_line(cells)


if __name__ == "__main__":
    app()
