"""`tfctr cluster-ids`: groups of users and of items that behave alike, for tables with fewer rows than ids."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tfctr.cli._error_messages import report_errors
from tfctr.cli._table import print_table

EPILOG = (
    "Examples:\n\n"
    "  tfctr cluster-ids ads.yaml --data clicks.csv --user user_id --item ad_id -o runs/ads/clusters.parquet\n\n"
    "  tfctr cluster-ids movielens_1m --user user_id --item movie_id --rows 2000 -o clusters.parquet"
)


@report_errors
def cluster_ids(
    spec: Annotated[str, typer.Argument(help="A spec file, or the name of a shipped spec.", show_default=False)],
    user: Annotated[str, typer.Option(help="Categorical feature with the users' ids.", show_default=False)],
    item: Annotated[str, typer.Option(help="Categorical feature with the items' ids.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="Parquet file to write.", show_default=False)],
    data: Annotated[str | None, typer.Option(help="File, folder, glob or data set; else that of the spec.")] = None,
    workdir: Annotated[
        Path | None, typer.Option(help="Where train, valid and test go; runs/NAME/data when left out.")
    ] = None,
    resolution: Annotated[float, typer.Option(min=1e-6, help="Larger gives more and smaller groups.")] = 1.0,
    rows: Annotated[int | None, typer.Option(min=2, help="Most groups, both sides; finds the resolution.")] = None,
    positives_of: Annotated[str | None, typer.Option(help="Task whose positive rows alone count; else all.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of a random split.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Group the ids of users and items by who met whom in the training rows (GraphHash).

    The log is split as for training, and the training part alone is looked at. The groups are written by value;
    `tfctr.training.clustered_tables` makes of them tables in which the ids of a group share a row. In the pipeline the
    plan GraphHash does both.
    """
    if output.exists() and not force:
        print(f"{output} is there already; give --force to write over it", file=sys.stderr)
        raise typer.Exit(1)
    from tfctr.data import load_split
    from tfctr.data import prepare as prepare_log
    from tfctr.data.graph import cluster_ids as grouped
    from tfctr.spec import load_spec

    loaded = load_spec(spec)
    prepared = prepare_log(loaded, data, workdir or Path("runs") / loaded.name / "data", seed=seed)
    clusters = grouped(
        loaded,
        load_split(prepared.train),
        user=user,
        item=item,
        resolution=resolution,
        rows=rows,
        positives_of=positives_of,
    )
    clusters.write(output)
    about = clusters.about
    sides = [(about[side], f"{about[f'{side}s']:,}", f"{about[f'{side}_groups']:,}") for side in ("user", "item")]
    print_table(("ids of", "values", "groups"), sides)
    shrunk = (about["user_groups"] + about["item_groups"]) / (about["users"] + about["items"])
    print(f"{about['edges']:,} edges; modularity {about['modularity']:.4f} at resolution {about['resolution']:.4g}")
    print(f"{100 * shrunk:.1f} % of the rows; {output}")
