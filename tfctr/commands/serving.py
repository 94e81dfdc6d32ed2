"""`tfctr serve` and `tfctr predict`: the server and the client read their own flags, TensorFlow Serving's names."""

from __future__ import annotations

from typing import Any

import typer

PASSED_ON: dict[str, Any] = {
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    "add_help_option": False,
}
"""Everything behind the command's name goes on as it was typed, `--help` too."""


def serve(context: typer.Context) -> None:
    """Serve SavedModels over gRPC and REST, with TensorFlow Serving's API and flags (see `tfctr serve --help`)."""
    from tfctr.serving.server.main import main

    raise typer.Exit(main(context.args))


def predict(context: typer.Context) -> None:
    """Ask a running server, ours or TensorFlow Serving (see `tfctr predict --help`)."""
    from tfctr.serving.client.main import main

    raise typer.Exit(main(context.args))
