"""Feature ranking: what a small model reaches with the fields that a ranking takes, and what ranking costs.

    python -m benchmarks.feature_ranking accuracy
    python -m benchmarks.feature_ranking cost

`accuracy` ranks the fields on the training rows of public data sets, by OutRank, by plain mutual information and at
random, trains a factorization machine on the first k, and tells its AUC on the test rows. `cost` ranks simulated rows
in a process of its own and tells rows a second and peak memory.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer

from benchmarks.peak_memory import peak_bytes
from tfctr.analysis.ranking import RankingConfig, rank_features
from tfctr.spec import FeatureSpec, load_spec

if TYPE_CHECKING:
    from tfctr.benchmark import Splits

RESULTS = Path(__file__).with_name("RESULTS.md")
app = typer.Typer(add_completion=False, rich_markup_mode="markdown", help=__doc__)

WorkdirOption = Annotated[Path, typer.Option(help="Folder for prepared and simulated data.")]
WriteOption = Annotated[bool, typer.Option(help="Put the table into RESULTS.md.")]

PART_ROWS = 1_000_000
RUNS: dict[str, tuple[str, RankingConfig]] = {
    "fields alone": ("`--order 1 --no-redundancy`", RankingConfig(order=1, redundancy=False)),
    "all, every tenth row": ("`--every 10`", RankingConfig(every=10)),
    "all": ("the defaults", RankingConfig()),
}


OURS = {"heuristic": "cc-mi-balanced", "aggregate": "max"}
CHOOSERS = ("OutRank", "OutRank, balanced and max", "mutual information", "random", "all fields")


@app.command()
def accuracy(
    specs: Annotated[str, typer.Option(help="Shipped specs with a data set, by commas.")] = "frappe,criteo,avazu",
    counts: Annotated[str, typer.Option(help="How many fields are taken, by commas.")] = "2,4",
    seeds: Annotated[int, typer.Option(help="Seeds 0, 1, … of ranking, draw and training.")] = 3,
    workdir: WorkdirOption = Path("work/benchmarks"),
    write: WriteOption = True,
) -> None:
    """AUC on the test rows of a factorization machine on the first k fields of each ranking."""
    from tfctr.benchmark import load_splits, with_spread
    from tfctr.data import load_split

    head = ["data", "fields taken", "k", "AUC", "taken with seed 0"]
    lines = [head, ["---"] * len(head)]
    for name in specs.split(","):
        spec = load_spec(name)
        splits = load_splits(spec, spec.source.dataset or "", workdir / name)
        train = load_split(workdir / name / "data" / "train")
        judge = _Judge(splits)
        orders = [_orders(train, spec, seed) for seed in range(seeds)]
        fields = len(orders[0][CHOOSERS[0]])
        for chooser in CHOOSERS:
            for count in [fields] if chooser == "all fields" else [int(text) for text in counts.split(",")]:
                taken = [order[chooser][:count] for order in orders]
                found = [judge(names, seed) for seed, names in enumerate(taken)]
                shown = "" if chooser == "all fields" else ", ".join(taken[0])
                lines.append([name, chooser, str(count), with_spread(found), shown])
                print(lines[-1], flush=True)
    note = (
        "Mean and standard deviation over seeds. Fields are ranked on the training rows alone. FM of width 8, 3 epochs."
    )
    if write:
        command = f"python -m benchmarks.feature_ranking accuracy --specs {specs} --counts {counts} --seeds {seeds}"
        write_section("Feature ranking: fields taken", command, f"{table(lines)}\n\n{note}")


def _orders(train: pa.Table, spec: FeatureSpec, seed: int) -> dict[str, list[str]]:
    """The order in which each chooser takes the fields."""
    paper = rank_features(train, spec, config=RankingConfig(seed=seed))
    ours = rank_features(train, spec, config=RankingConfig.model_validate({"seed": seed, **OURS}))
    names = sorted(one.name for one in paper.fields)
    by_information = sorted(paper.fields, key=lambda one: -one.mutual_information)
    orders = (
        [one.name for one in paper.fields],
        [one.name for one in ours.fields],
        [one.name for one in by_information],
        np.random.default_rng([seed, 1]).permutation(names).tolist(),
        names,
    )
    return dict(zip(CHOOSERS, orders, strict=True))


class _Judge:
    """Trains a small model on some fields and tells its AUC; once for the same fields and seed."""

    def __init__(self, splits: Splits):
        self._splits = splits
        self._known: dict[tuple[frozenset[str], int], float] = {}

    def __call__(self, names: Sequence[str], seed: int) -> float:
        from tfctr.analysis.ranking._reduced_spec import reduced_spec
        from tfctr.benchmark import run_trial
        from tfctr.training import FitConfig

        key = frozenset(names), seed
        if key not in self._known:
            bound = self._splits.spec
            spec = reduced_spec(bound.spec, [feature.name for feature in bound.spec.features], names)
            rows = {table: bound.rows[table] for table in spec.tables}
            splits = dataclasses.replace(self._splits, spec=spec.bind(rows))
            config = FitConfig(epochs=3, optimizer="lazy_adam", learning_rate=5e-3)
            score = run_trial(splits, "FM", {"embedding_dim": 8}, config, batch_size=2_048, seed=seed)
            self._known[key] = score.figures["auc"]
        return self._known[key]


@app.command()
def cost(
    rows: Annotated[int, typer.Option(help="Simulated rows.")] = 10_000_000,
    workdir: WorkdirOption = Path("work/benchmarks"),
    write: WriteOption = True,
) -> None:
    """Rows a second and peak memory on a simulated log in Parquet files of a million rows."""
    folder = simulated(rows, workdir / f"ranking-{rows}")
    head = ["run", "options", "rows/s", "rows/s of a core", "seconds", "peak memory, MiB"]
    lines = [head, ["---"] * len(head)]
    for name, (options, _) in RUNS.items():
        command = [sys.executable, "-m", "benchmarks.feature_ranking", "measure", str(folder), name]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        speeds = (rows / found["seconds"], rows / found["processor_seconds"])
        peaks = f"{found['peak_mib']:,.0f} ({found['imported_mib']:,.0f} before the first row)"
        lines.append([name, options, *(f"{speed:,.0f}" for speed in speeds), f"{found['seconds']:,.1f}", peaks])
        print(lines[-1], flush=True)
    note = (
        "One process. Rows are counted as read, also those passed over. Other work ran on the machine meanwhile: the\n"
    )
    note += "third column is by the processor time of the process, which that moves less."
    fields = f"{rows:,} rows, 11 fields, of 100,000 users and 20,000 items: a million simulated rows in other orders."
    if write:
        body = f"{fields}\n\n{table(lines)}\n\n{note}"
        write_section("Feature ranking: cost", f"python -m benchmarks.feature_ranking cost --rows {rows}", body)


@app.command(hidden=True)
def measure(folder: Path, run: str) -> None:
    """Rank one log in this process and print what it took."""
    imported = peak_bytes() / 2**20
    spec = FeatureSpec.model_validate_json((folder / "spec.json").read_text())
    started, processor = time.perf_counter(), time.process_time()
    ranking = rank_features(str(folder / "log"), spec, config=RUNS[run][1])
    found = {
        "seconds": time.perf_counter() - started,
        "processor_seconds": time.process_time() - processor,
        "peak_mib": peak_bytes() / 2**20,
        "imported_mib": imported,
        "rows": ranking.rows,
    }
    print(json.dumps(found))


def simulated(rows: int, folder: Path) -> Path:
    """Return the folder of a simulated log and its spec, kept from run to run.

    Rows are simulated up to a million; the files behind the first hold the same rows in other orders, so that making
    the log does not take longer than ranking it.
    """
    from tfctr.data.simulator import SimulatorConfig, simulate

    if (folder / "spec.json").exists():
        return folder
    (folder / "log").mkdir(parents=True, exist_ok=True)
    log = simulate(SimulatorConfig(rows=min(rows, PART_ROWS), users=100_000, items=20_000))
    features = [f for f in log.spec.features if f.name not in ("item_vector", "clicked_items")]
    spec = FeatureSpec(name="simulated_ads", features=tuple(features), tasks=log.spec.tasks, meta=log.spec.meta)
    kept = log.table.select([column.name for column in spec.log_columns()])
    for part, start in enumerate(range(0, rows, PART_ROWS)):
        order = np.random.default_rng(part).permutation(kept.num_rows)[: rows - start]
        pq.write_table(kept.take(order), folder / "log" / f"part-{part:05d}.parquet", row_group_size=65_536)
    (folder / "spec.json").write_text(spec.model_dump_json())
    return folder


def table(lines: list[list[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def write_section(title: str, command: str, body: str) -> None:
    """Put a section into RESULTS.md; imported late, for it loads TensorFlow, which ranking does without."""
    from tfctr.benchmark import write_section as write

    write(RESULTS, title, command, body)


if __name__ == "__main__":
    app()
