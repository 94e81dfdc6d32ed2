"""`tfctr data`: public data sets, logs cut into parts, simulated logs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tfctr.cli._error_messages import report_errors
from tfctr.cli._output import write_text

app = typer.Typer(no_args_is_help=True, help="Public data sets, logs cut into parts, simulated logs.")

SeedOption = Annotated[int, typer.Option(min=0, help="Of everything random.")]


@app.command("list")
@report_errors
def list_datasets() -> None:
    """List the public data sets that can be fetched, with their licences."""
    from tfctr.data.datasets import DATASETS

    for name, one in DATASETS.items():
        print(f"{name}  ({one.rows:,} rows)\n  {one.title}\n  licence: {one.licence}\n  home: {one.home}")


@app.command("fetch", epilog="Example: tfctr data fetch movielens-100k")
@report_errors
def fetch(name: Annotated[str, typer.Argument(help="See `tfctr data list`.", show_default=False)]) -> None:
    """Fetch a public data set into the cache, checksums compared; a look-up when it is there."""
    from tfctr.data.datasets import DATASETS
    from tfctr.spec import suggest

    if name not in DATASETS:
        print(f"there is no data set {name!r}{suggest(name, DATASETS)}", file=sys.stderr)
        raise typer.Exit(1)
    print(DATASETS[name].fetch(progress=True))


@app.command("prepare", epilog="Example: tfctr data prepare ads.yaml --data clicks.csv --workdir runs/ads/data")
@report_errors
def prepare(
    spec: Annotated[str, typer.Argument(help="A spec file, or the name of a shipped spec.", show_default=False)],
    data: Annotated[str | None, typer.Option(help="File, folder, glob or data set; else that of the spec.")] = None,
    workdir: Annotated[
        Path | None, typer.Option(help="Where the parts and a report go; runs/NAME/data when left out.")
    ] = None,
    seed: SeedOption = 0,
) -> None:
    """Read a log, build its histories, and cut it into train, valid and test.

    Rows that cannot be read are set aside and reported. Nothing is done when the parts of this log are there already.
    """
    from tfctr.data import prepare as prepare_log
    from tfctr.spec import load_spec

    loaded = load_spec(spec)
    print(prepare_log(loaded, data, workdir or Path("runs") / loaded.name / "data", seed=seed).summary())


@app.command(
    "simulate", epilog="Example: tfctr data simulate clicks.csv --rows 50000 --set users=10000 --spec ads.yaml"
)
@report_errors
def simulate(
    log: Annotated[Path, typer.Argument(help="The log to write: csv, tsv, jsonl or parquet.", show_default=False)],
    rows: Annotated[int, typer.Option(min=1, help="Impressions.")] = 20_000,
    spec: Annotated[Path | None, typer.Option(help="Write the spec of the log here, too.")] = None,
    conversion: Annotated[bool, typer.Option("--conversion", help="A second task: conversion after click.")] = False,
    crosses: Annotated[bool, typer.Option("--crosses", help="Features that are crossed in the truth, too.")] = False,
    more: Annotated[
        list[str] | None, typer.Option("--set", help="Any other setting of SimulatorConfig, name=value; repeat.")
    ] = None,
    seed: SeedOption = 0,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
) -> None:
    """Write a simulated ad log whose true click probability is known, and tell the best AUC there can be."""
    from pydantic import ValidationError

    from tfctr.data import write_log
    from tfctr.data.simulator import SimulatorConfig
    from tfctr.data.simulator import simulate as draw
    from tfctr.spec import dump_spec

    if log.exists() and not force:
        print(f"{log} is there already; give --force to write over it", file=sys.stderr)
        raise typer.Exit(1)
    named = {"rows": rows, "conversion": conversion, "cross_features": crosses, "seed": seed}
    try:
        config = SimulatorConfig.model_validate({**dict(text.partition("=")[::2] for text in more or []), **named})
    except ValidationError as error:
        raise typer.BadParameter(str(error), param_hint="--set") from None
    simulated = draw(config)
    log.parent.mkdir(parents=True, exist_ok=True)
    write_log(simulated.table, log)
    if spec is not None:
        write_text(dump_spec(simulated.spec), spec, force=force)
    print(f"{log}: {rows:,} rows; oracle AUC {simulated.oracle_auc():.4f}, logloss {simulated.oracle_logloss():.4f}")
