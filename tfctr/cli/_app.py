"""All verbs of the `tfctr` command."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Annotated

import typer

from tfctr.cli import _ads as ads
from tfctr.cli import _cluster_ids as cluster_ids
from tfctr.cli import _data as data
from tfctr.cli import _models as models
from tfctr.cli import _rank_features as rank_features
from tfctr.cli import _serving as serving
from tfctr.cli import _spec as spec

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
        "  tfctr run --spec ads.yaml --model DCNv2 --data clicks.csv   (trains, gates and pushes)\n\n"
        "  tfctr serve --model_name ads --model_base_path runs/ads/serving"
    ),
)
app.add_typer(spec.app, name="spec")
app.add_typer(data.app, name="data")
app.add_typer(ads.app, name="ads")
app.command("rank-features", epilog=rank_features.EPILOG)(rank_features.rank_features)
app.command("models")(models.models)
app.command("cluster-ids", epilog=cluster_ids.EPILOG)(cluster_ids.cluster_ids)
app.command("serve", **serving.PASSED_ON)(serving.serve)
app.command("predict", epilog="Example: tfctr predict rows.jsonl --server localhost:8500 --model ads")(serving.predict)


def _add_pipeline_verbs() -> None:
    """Add the pipeline's verbs. The package never imports the pipeline, so it is asked for by name."""
    if importlib.util.find_spec("tfx_pipeline") is not None:
        commands = importlib.import_module("tfx_pipeline.commands")
        app.registered_commands += commands.app.registered_commands


_add_pipeline_verbs()


def _print_version(wanted: bool) -> None:
    if wanted:
        from tfctr._version import __version__

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
    from tfctr.cli.doctor import main as examine

    raise typer.Exit(examine())


def run() -> None:
    """Run the command line of this process."""
    try:
        app(prog_name="tfctr")
    except BrokenPipeError:  # `tfctr ... | head`: the reader has seen enough
        sys.stderr.close()
        sys.exit(141)
