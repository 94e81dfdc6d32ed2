"""The `tfctr` command: thin. Every command is a few lines in `tfctr.commands`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tfctr.commands import cluster_ids, data, rank_features, serving, spec

app = typer.Typer(
    name="tfctr",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
    help="Click-through-rate estimation in production, with TensorFlow and Keras.",
    epilog=(
        "From a log to a served model:\n\n"
        "  tfctr spec infer clicks.csv -o ads.yaml\n\n"
        "  tfctr rank-features clicks.csv --spec ads.yaml --write-spec ads_small.yaml\n\n"
        "  tfctr spec check ads.yaml --data clicks.csv --model DCNv2\n\n"
        "  python -m tfx_pipeline run --spec ads.yaml --model DCNv2 --data clicks.csv   (trains, gates and pushes)\n\n"
        "  tfctr serve --model_name ads --model_base_path runs/ads/serving"
    ),
)
app.add_typer(spec.app, name="spec")
app.add_typer(data.app, name="data")
app.command("rank-features", epilog=rank_features.EPILOG)(rank_features.rank_features)
app.command("cluster-ids", epilog=cluster_ids.EPILOG)(cluster_ids.cluster_ids)
app.command("serve", **serving.PASSED_ON)(serving.serve)
app.command("predict", epilog="Example: tfctr predict rows.jsonl --server localhost:8500 --model ads")(serving.predict)


def _print_version(wanted: bool) -> None:
    if wanted:
        from tfctr.version import __version__

        print(f"tfctr {__version__}")
        raise typer.Exit


@app.callback()
def tfctr(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of `tfctr` itself."""


@app.command()
def doctor() -> None:
    """Look the machine and the installation over, and say how to mend what is wrong."""
    from tfctr.doctor import main as examine

    raise typer.Exit(examine())


def main() -> None:
    """Run the command line of this process."""
    try:
        app(prog_name="tfctr")
    except BrokenPipeError:  # `tfctr ... | head`: the reader has seen enough
        sys.stderr.close()
        sys.exit(141)


if __name__ == "__main__":
    main()
