"""The serving room: export a model, serve it, ask it.

- `export`: `export_model`, a SavedModel with the transform inside; its graph is `_serving_module`, what travels with it
  `_model_card` and `_warmup_requests`. `savedmodel`: its signatures called in this process.
- `retrieval_index`: `export_index`, a SavedModel that finds a user's best items among all.
- `_raw_inputs`, `_requests`: raw rows to tensors and messages. `_table_inputs`: those of a table, by columns.
- `server/`: an embedded server with TensorFlow Serving's API. `client`: asks it, or TensorFlow Serving itself.
  `command`: the command that asks.

The names below are imported when they are first used, so that a client loads no model code and a server no transform.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfctr.serving.client import PredictionClient, PredictionError
    from tfctr.serving.command import predict_command
    from tfctr.serving.export import export_model, next_version
    from tfctr.serving.retrieval_index import export_index
    from tfctr.serving.savedmodel import in_process

__all__ = [
    "PredictionClient",
    "PredictionError",
    "export_index",
    "export_model",
    "in_process",
    "next_version",
    "predict_command",
]

_HOMES = {
    "PredictionClient": "tfctr.serving.client",
    "PredictionError": "tfctr.serving.client",
    "export_index": "tfctr.serving.retrieval_index",
    "export_model": "tfctr.serving.export",
    "in_process": "tfctr.serving.savedmodel",
    "next_version": "tfctr.serving.export",
    "predict_command": "tfctr.serving.command",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
