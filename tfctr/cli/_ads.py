"""`tfctr ads`: the study of personality in ad recommendation, on the ADS-16 archive."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tfctr.cli._error_messages import report_errors
from tfctr.cli._table import print_table

if TYPE_CHECKING:
    import pyarrow as pa

    from tfctr.benchmark.ads import StudyConfig, StudyResults
    from tfctr.data.datasets.ads16 import Ads16Options

app = typer.Typer(
    no_args_is_help=True,
    help="Does personality help to recommend ads? A study on ADS-16, with all criteria and their intervals.",
)

EPILOG = (
    "Examples:\n\n"
    "  tfctr ads study --demo --out runs/demo   (on generated data: some minutes)\n\n"
    "  tfctr ads study --data ADS16 --out runs/ads\n\n"
    "  tfctr ads study --data ADS16 --out runs/ads --splits users --models logistic-crossed,FM "
    "--personality without,with,permuted --seeds 5"
)

DEMO_USERS = 40
DEMO = {
    "splits": ("users", "pairs"),
    "models": ("popularity", "logistic", "logistic-crossed", "rbf-svr", "FM", "FM-stars"),
    "personality": ("without", "with", "permuted"),
    "folds": 2,
    "seeds": 1,
    "samples": 500,
    "svr_rows": 1_000,
}
"""What a demonstration compares, where nothing else is asked for."""

DEMO_COLUMNS = ("user_id", "ad_id", "category", "rating", "click", "gender", "age", "openness", "extraversion")

Zeros = Literal["missing", "lowest"]
Key = Literal["bfi-10", "tipi"]
ClickAt = Annotated[int, typer.Option(min=2, max=5, help="Stars from which on a rating counts as a click.")]
ZerosOption = Annotated[Zeros, typer.Option(help="Ratings of 0: leave them out, or take them as one star.")]
Vectors = Annotated[Path | None, typer.Option(help="Picture vectors: .npy in order, or Parquet with ids.")]
KeyOption = Annotated[Key, typer.Option(help="Scoring key of the ten answers.")]
AnswersOption = Annotated[str | None, typer.Option(help="Range of the answers, such as 1:7; else found.")]


@app.command("study", epilog=EPILOG)
@report_errors
def study(
    out: Annotated[Path, typer.Option(help="Folder for trials, study.json and study.md.", show_default=False)],
    data: Annotated[Path | None, typer.Option(help="Folder of the archive, or a table of `tfctr ads table`.")] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Generate an archive with a planted effect, and study it.")
    ] = False,
    splits: Annotated[str | None, typer.Option(help="Of pairs, users, ads, categories, by commas; else all.")] = None,
    models: Annotated[str | None, typer.Option(help="Baselines, models as FM or FM-stars, by commas.")] = None,
    personality: Annotated[str | None, typer.Option(help="Of without, with, permuted, by commas.")] = None,
    folds: Annotated[int | None, typer.Option(min=2, help="Parts of each split; 5 when left out.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Trainings of random models; 3 when left out.")] = None,
    leave_out: Annotated[str, typer.Option(help="Columns that no model sees, by commas.")] = "",
    k: Annotated[int, typer.Option(min=1, help="Length of the lists that are judged.")] = 10,
    samples: Annotated[int | None, typer.Option(min=1, help="Resamples of users; 1000 when left out.")] = None,
    settings: Annotated[Path | None, typer.Option(help="YAML: model -> hyper-parameters, batch_size, fit.")] = None,
    click_at: ClickAt = 4,
    zeros: ZerosOption = "missing",
    key: KeyOption = "bfi-10",
    answers: AnswersOption = None,
    ad_vectors: Vectors = None,
    user_vectors: Vectors = None,
) -> None:
    """Compare models with and without personality over four splits, by all criteria, with intervals over users.

    A broken-off study goes on where it was when it is started again in the same folder. Trials that are finished are
    never trained again, so that a further model or split costs no more than itself.
    """
    from tfctr.benchmark.ads import run_study, write_study

    if demo == (data is not None):
        raise typer.BadParameter("give either --data or --demo", param_hint="--data")
    options = _options(click_at, zeros, key, answers, ad_vectors, user_vectors)
    chosen = {
        "splits": _names(splits),
        "models": _names(models),
        "personality": _names(personality),
        "folds": folds,
        "seeds": seeds,
        "samples": samples,
        "leave_out": _names(leave_out),
        "k": k,
        "settings": _settings(settings),
    }
    config = _config({**(DEMO if demo else {}), **{name: value for name, value in chosen.items() if value is not None}})
    table = _demo_table(out / "archive", options) if data is None else _table(data, options)
    with _bar() as tell:
        results = run_study(table, out, config, progress=tell)
    _print(results)
    paths = write_study(results, out)
    print(f"\nAll criteria: {paths[1]}; as data: {paths[0]}")


@app.command("table", epilog="Example: tfctr ads table ADS16 ads16.parquet --zeros lowest")
@report_errors
def table(
    archive: Annotated[Path, typer.Argument(help="Folder with both parts, unpacked.", show_default=False)],
    log: Annotated[Path, typer.Argument(help="The log to write: parquet, csv, tsv, jsonl.", show_default=False)],
    click_at: ClickAt = 4,
    zeros: ZerosOption = "missing",
    key: KeyOption = "bfi-10",
    answers: AnswersOption = None,
    ad_vectors: Vectors = None,
    user_vectors: Vectors = None,
    personal: Annotated[bool, typer.Option("--personal", help="Keep names, zip codes and home towns.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Make a log of an archive: a row a rating, which the shipped spec `ads16` reads."""
    from tfctr.data import write_log
    from tfctr.data.datasets.ads16 import read_ads16

    if log.exists() and not force:
        print(f"{log} is there already; give --force to write over it", file=sys.stderr)
        raise typer.Exit(1)
    options = _options(click_at, zeros, key, answers, ad_vectors, user_vectors)
    read = read_ads16(archive, options.model_copy(update={"personal": personal}))
    log.parent.mkdir(parents=True, exist_ok=True)
    write_log(read.table, log)
    print("\n".join([*read.remarks, f"{log}: {read.table.num_rows:,} rows"]))


@app.command("generate", epilog="Example: tfctr ads generate /tmp/ads16 --users 60 --effect 0.5")
@report_errors
def generate(
    archive: Annotated[Path, typer.Argument(help="Folder that gets both parts.", show_default=False)],
    users: Annotated[int, typer.Option(min=2, help="How many; half of them in each part.")] = 120,
    effect: Annotated[float, typer.Option(min=0, help="Stars by one deviation of openness; 0 plants nothing.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
) -> None:
    """Write an archive of ADS-16's layout, of nobody who is real: ratings depend on openness times category."""
    from tfctr.data.datasets.ads16 import Ads16Config, generate_ads16

    if archive.exists() and any(archive.iterdir()):
        print(f"{archive} is not empty; name another folder", file=sys.stderr)
        raise typer.Exit(1)
    made = generate_ads16(archive, Ads16Config(users=users, effect=effect, seed=seed))
    print(f"{archive}: {made.ratings.size:,} ratings of {users} users, {int((made.ratings == 0).sum()):,} of them 0")


def _names(text: str | None) -> tuple[str, ...] | None:
    """Names by commas, each once; None where nothing was given."""
    return None if text is None else tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))


def _config(chosen: dict[str, object]) -> StudyConfig:
    from pydantic import ValidationError

    from tfctr.benchmark.ads import StudyConfig

    try:
        return StudyConfig.model_validate(chosen)
    except ValidationError as error:
        first = error.errors()[0]
        raise typer.BadParameter(first["msg"], param_hint=f"--{str(first['loc'][0]).replace('_', '-')}") from None


def _options(
    click_at: int, zeros: Zeros, key: Key, answers: str | None, ad_vectors: Path | None, user_vectors: Path | None
) -> Ads16Options:
    from tfctr.data.datasets.ads16 import Ads16Options
    from tfctr.data.datasets.ads16.big_five import KEYS

    scale = None
    if answers is not None:
        try:
            low, high = answers.split(":")
            scale = (float(low), float(high))
        except ValueError:
            raise typer.BadParameter(f"{answers!r}: give lowest:highest, such as 1:7", param_hint="--answers") from None
        if not scale[0] < scale[1]:
            raise typer.BadParameter(f"{answers!r}: the lowest answer comes first", param_hint="--answers")
    return Ads16Options(
        click_at=click_at,
        zeros=zeros,
        key=KEYS[key],
        answer_range=scale,
        ad_vectors=ad_vectors,
        user_vectors=user_vectors,
    )


def _settings(path: Path | None) -> dict[str, object] | None:
    import yaml

    return None if path is None else (yaml.safe_load(path.read_text(encoding="utf-8")) or {})


def _table(data: Path, options: Ads16Options) -> pa.Table:
    """The table of an archive, or one that was made of it before."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tfctr.data import DataError
    from tfctr.data.datasets.ads16 import read_ads16

    if data.is_file():
        try:
            return pq.read_table(data)
        except pa.ArrowInvalid as error:
            raise DataError(f"{data}: no Parquet table ({error}); make one with `tfctr ads table`") from error
    read = read_ads16(data, options)
    for remark in read.remarks:
        print(remark, file=sys.stderr)
    return read.table


def _demo_table(archive: Path, options: Ads16Options) -> pa.Table:
    """Few columns of few people, so that the demonstration takes some minutes."""
    from tfctr.data.datasets.ads16 import Ads16Config, generate_ads16

    if not archive.exists():
        generate_ads16(archive, Ads16Config(users=DEMO_USERS))
    return _table(archive, options).select(list(DEMO_COLUMNS))


def _print(results: StudyResults) -> None:
    from tfctr.benchmark.ads.report import SPLIT_TITLES, gain_table, main_table

    for split in results.config.splits:
        print(f"\n{SPLIT_TITLES[split]}\n")
        print_table(*main_table(results, split, digits=3))
        head, rows = gain_table(results, split, digits=3)
        if rows:
            print("\nWhat personality gains:\n")
            print_table(head, rows)


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on standard error where that is a terminal, else a line a trial."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda label, done, total: print(f"{done}/{total} {label}", file=sys.stderr)
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda label, done, total: bar.update(task, description=label, completed=done, total=total)
