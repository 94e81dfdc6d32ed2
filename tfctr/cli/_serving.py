"""`tfctr serve` and `tfctr predict`: a server of SavedModels, and a client for it and for TensorFlow Serving."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tfctr.cli._error_messages import report_errors

PASSED_ON: dict[str, Any] = {
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    "add_help_option": False,
}
"""Everything behind the command's name goes on as it was typed, `--help` too."""


def serve(context: typer.Context) -> None:
    """Serve SavedModels over gRPC and REST, with TensorFlow Serving's API and flags (see `tfctr serve --help`)."""
    from tfctr.serving.server._main import main

    raise typer.Exit(main(context.args))


@report_errors
def predict(
    rows: Annotated[
        Path | None, typer.Argument(help="A log of any format; JSON lines from standard input when left out.")
    ] = None,
    server: Annotated[str, typer.Option(help="Address, host:port.")] = "localhost:8500",
    model: Annotated[str, typer.Option(help="Name of the model.")] = "default",
    signature: Annotated[str, typer.Option(help="predict, serving_default or rank.")] = "predict",
    version: Annotated[int | None, typer.Option(help="Version to ask; the latest when left out.")] = None,
    label: Annotated[str | None, typer.Option(help="Label of the version to ask.")] = None,
    spec: Annotated[
        str | None,
        typer.Option(help="The model's spec, for how the log is read; without it the server is asked."),
    ] = None,
    timeout_seconds: Annotated[float, typer.Option(min=0.001, help="Longest time for one request.")] = 10.0,
    batch_rows: Annotated[int, typer.Option(min=1, help="Rows in one request.")] = 1_000,
) -> None:
    """Ask a running server, ours or TensorFlow Serving, about the rows of a log; one line of JSON answers each.

    Columns that are no inputs of the model are passed over, inputs that are not there are missing; both are told.

    For `rank` a line is {"once": {...}, "items": [{...}, ...]}: one user, many candidates.
    """
    from tfctr.serving.command import predict_command
    from tfctr.spec import load_spec

    status = predict_command(
        rows,
        server=server,
        model=model,
        signature=signature,
        version=version,
        label=label,
        spec=None if spec is None else load_spec(spec),
        timeout_seconds=timeout_seconds,
        batch_rows=batch_rows,
    )
    raise typer.Exit(status)
