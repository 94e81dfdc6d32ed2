"""`tfctr rank-features`: which fields of a log tell something about its label, before any model."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tfctr.cli._error_messages import report_errors
from tfctr.cli._output import write_text
from tfctr.cli._table import print_table

if TYPE_CHECKING:
    from tfctr.analysis.ranking import FeatureRanking
    from tfctr.spec import FeatureSpec

EPILOG = (
    "Examples:\n\n"
    "  tfctr rank-features clicks.csv\n\n"
    "  tfctr rank-features clicks.parquet --spec ads.yaml --every 10 --out ranking --write-spec ads_small.yaml\n\n"
    "  tfctr rank-features frappe --spec frappe --json"
)

Heuristic = Literal["cc-mi", "cc-mi-balanced", "mi"]
Aggregate = Literal["median", "mean", "sum", "max"]


@report_errors
def rank_features(
    log: Annotated[str, typer.Argument(help="File, folder, glob or public data set.", show_default=False)],
    spec: Annotated[str | None, typer.Option(help="A spec file or a shipped spec; guessed when left out.")] = None,
    label: Annotated[str | None, typer.Option(help="Without --spec: the label column; else looked for.")] = None,
    task: Annotated[str | None, typer.Option(help="With --spec: the task to rank for; else its first.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for JSON, tables (csv) and a picture (png).")] = None,
    write_spec: Annotated[Path | None, typer.Option(help="Write a spec with the suggested fields here.")] = None,
    keep: Annotated[int | None, typer.Option(min=1, help="Suggest the first so many; else all above noise.")] = None,
    order: Annotated[int, typer.Option(min=1, max=3, help="Most fields crossed into one; 1 crosses none.")] = 2,
    heuristic: Annotated[Heuristic, typer.Option(help="cc-mi: the paper; balanced: less noise; mi: plain.")] = "cc-mi",
    every: Annotated[int, typer.Option(min=1, help="Take every so many-th row.")] = 1,
    batch_rows: Annotated[int, typer.Option(min=1_024, max=1_000_000, help="Rows of a mini-batch.")] = 16_384,
    redundancy: Annotated[bool, typer.Option(help="Score fields against each other.")] = True,
    aggregate: Annotated[Aggregate, typer.Option(help="Of 3MR; max keeps copies late among many fields.")] = "median",
    max_pairs: Annotated[int, typer.Option(min=1, help="Pairs and crosses scored in a mini-batch.")] = 4_096,
    transforms: Annotated[bool, typer.Option("--transforms", help="Try numbers as roots and logarithms.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of row order, noise and ties.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a spec that is there.")] = False,
) -> None:
    """Rank the fields of a log by what they tell about its label, and suggest which to keep.

    One pass in bounded memory, without TensorFlow. A field counts for what it tells beyond noise of the same
    cardinality; fields that copy others come late, fields that tell something only together are found by crossing
    them. Columns that are constant, empty, different in every row, or give the label away are reported.
    """
    from tfctr.analysis.ranking import RankingConfig
    from tfctr.analysis.ranking import rank_features as rank
    from tfctr.analysis.ranking._report import write_ranking

    if write_spec is not None and write_spec.exists() and not force:
        print(f"{write_spec} is there already; give --force to write over it", file=sys.stderr)
        raise typer.Exit(1)
    loaded, left_out = _spec_of(log, spec, label)
    config = RankingConfig(
        heuristic=heuristic,
        order=order,
        batch_rows=batch_rows,
        every=every,
        redundancy=redundancy,
        aggregate=aggregate,
        max_pairs=max_pairs,
        transforms=transforms,
        seed=seed,
    )
    with _bar(log) as advance:
        ranking = rank(log, loaded, task=task, config=config, left_out=left_out, progress=advance)
    if as_json:
        print(json.dumps(ranking.to_dict(), indent=2, ensure_ascii=False))
    else:
        _print(ranking, keep)
    if out is not None:
        written = write_ranking(ranking, out)
        print(f"{out}: {', '.join(path.name for path in written)}", file=sys.stderr)
    if write_spec is not None:
        _write_spec(loaded, ranking, keep, write_spec, force=force)


def _spec_of(log: str, spec: str | None, label: str | None) -> tuple[FeatureSpec, dict[str, str]]:
    """The spec given, or one guessed from the first rows with the columns that are no features."""
    from tfctr.analysis import infer_spec
    from tfctr.data.errors import DataError
    from tfctr.spec import load_spec

    if spec is not None:
        if label is not None:
            raise typer.BadParameter("a spec names its labels; choose one with --task", param_hint="--label")
        return load_spec(spec), {}
    if not Path(log).exists():
        raise DataError(f"{log}: no such file or folder; a glob or a public data set needs a --spec to be read by")
    found = infer_spec(log, label=label)
    columns = {name for task in found.spec.tasks for name in task.label_columns}
    if label is None and any("no column looks like a label" in doubt for doubt in found.doubts):
        raise DataError(f"{log}: no column looks like a label (0/1, or a rating); name it with --label")
    for doubt in found.doubts:
        print(f"look at this: {doubt}", file=sys.stderr)
    print(f"no --spec: guessed the columns, label {', '.join(sorted(columns))!r}", file=sys.stderr)
    return found.spec, found.left_out


def _print(ranking: FeatureRanking, keep: int | None) -> None:
    from tfctr.analysis.ranking._report import HEAD, field_rows, interaction_rows

    rate = 100 * ranking.label_rate
    print(f"{ranking.rows:,} rows in {ranking.batches:,} batches; {ranking.task} in {rate:.2f} % of them.")
    print(f"Scores in thousandths of a nat; the label has {1e3 * ranking.label_entropy:.1f}.\n")
    print_table(HEAD, field_rows(ranking))
    if crossed := interaction_rows(ranking):
        print("\nTell more together than alone:")
        print_table(("cross", "score", "synergy"), crossed)
    if ranking.anomalies:
        print("\nLook at this:")
        print_table(("kind", "field", "what"), [(one.kind, one.field, one.message) for one in ranking.anomalies])
    names = ranking.suggested(keep)
    print(f"\nKeep {len(names)} of {len(ranking.fields)}: {', '.join(names) or 'none tells more than noise'}")


def _write_spec(spec: FeatureSpec, ranking: FeatureRanking, keep: int | None, path: Path, *, force: bool) -> None:
    from tfctr.analysis.ranking._reduced_spec import reduced_spec
    from tfctr.spec import dump_spec

    reduced = reduced_spec(spec, [one.name for one in ranking.fields], ranking.suggested(keep))
    write_text(dump_spec(reduced), path, force=force)
    print(f"{path}: {len(reduced.features)} of {len(spec.features)} features", file=sys.stderr)


@contextmanager
def _bar(log: str) -> Iterator[Callable[[int], None] | None]:
    """A bar on standard error where that is a terminal: rows so far, of how many where it is known, rows a second."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("ranking"), BarColumn(), TextColumn("{task.completed:,.0f} rows"), TimeElapsedColumn())
    speed = TextColumn("{task.fields[speed]}")
    with Progress(*columns, speed, console=console, transient=True) as bar:
        task = bar.add_task("", total=_rows_of(log), speed="")

        def advance(rows: int) -> None:
            bar.advance(task, rows)
            per_second = bar.tasks[0].completed / max(bar.tasks[0].elapsed or 0.0, 1e-9)
            bar.update(task, speed=f"{per_second:,.0f} rows/s")

        yield advance


def _rows_of(log: str) -> int | None:
    """Rows of a log that tells them beforehand: Parquet, or a public data set; None for others."""
    import pyarrow.parquet as pq

    from tfctr.data._readers.files import find_files
    from tfctr.data.datasets import DATASETS

    if not Path(log).exists() and log in DATASETS:
        return DATASETS[log].rows
    files = find_files(log)
    if any(file.format != "parquet" for file in files):
        return None
    return sum(int(pq.read_metadata(file.path).num_rows) for file in files)
