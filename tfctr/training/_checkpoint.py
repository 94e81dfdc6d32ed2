"""The whole state of a training run in one file: what an exact resume needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfctr.training._arrays_file import read_arrays, write_arrays
from tfctr.training._run_callbacks import State


@dataclass
class Progress:
    """Where a run stands, in plain numbers.

    Attributes:
        epoch: Epoch in hand, from 0.
        step: Steps of that epoch already done.
        best: Best validation figure so far, None before the first.
        best_epoch: Epoch of that figure.
        stale_epochs: Epochs since.
        finished: Whether training has ended.
        history: One dict of figures an epoch.
        callbacks: What the caller's callbacks count, see `RunCallbacks.state`.
    """

    epoch: int = 0
    step: int = 0
    best: float | None = None
    best_epoch: int = -1
    stale_epochs: int = 0
    finished: bool = False
    history: list[dict[str, float]] = field(default_factory=list)
    callbacks: State = field(default_factory=dict)


def save_checkpoint(
    path: Path,
    model: keras.Model,
    progress: Progress,
    fingerprint: str,
    others: Sequence[Any] = (),
    *,
    metrics: bool = True,
) -> None:
    """Write weights, optimizer slots, random state, `others`, running metrics and `progress`, atomically.

    Between two epochs nobody needs the running metrics; `metrics=False` leaves them out.
    """
    variables = [*state_variables(model), *others]
    arrays = {f"variable_{i}": keras.ops.convert_to_numpy(variable) for i, variable in enumerate(variables)}
    if metrics:
        arrays |= {f"metric_{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(model.metrics_variables)}
    arrays["progress"] = np.frombuffer(json.dumps(asdict(progress)).encode(), np.uint8)
    arrays["fingerprint"] = np.frombuffer(fingerprint.encode(), np.uint8)
    write_arrays(path, arrays)


def load_checkpoint(
    path: Path, model: keras.Model, fingerprint: str, others: Sequence[Any] = ()
) -> tuple[Progress, list[np.ndarray]]:
    """Put a checkpoint's state into `model` and `others`; return its progress and the values of the running metrics.

    The metrics are handed back because Keras makes and resets them when an epoch begins.

    Raises:
        ValueError: When the file is truncated, or was written by a run with another spec, model or settings.
    """
    arrays = read_arrays(path)
    written_by = arrays.pop("fingerprint", np.zeros(0, np.uint8)).tobytes().decode()
    if written_by != fingerprint:
        raise ValueError(
            f"{path} belongs to a run with another spec, model or settings. Train in another folder, or delete "
            "the file to start anew."
        )
    known = {item.name for item in fields(Progress)}
    progress = {k: v for k, v in json.loads(arrays.pop("progress").tobytes()).items() if k in known}
    metrics = [arrays.pop(name) for name in sorted(arrays, key=_index) if name.startswith("metric_")]
    variables = [*state_variables(model), *others]
    if len(variables) != len(arrays):
        raise ValueError(f"{path} holds {len(arrays)} variables, the model has {len(variables)}; delete it.")
    for index, variable in enumerate(variables):
        variable.assign(arrays[f"variable_{index}"])
    return Progress(**progress), metrics


def _index(name: str) -> int:
    return int(name.rsplit("_", 1)[1])


def state_variables(model: keras.Model) -> list[Any]:
    """Return every variable that lasts from step to step: weights, random state, optimizer slots."""
    optimizer = model.optimizer.variables if model.optimizer is not None else []
    metrics = {id(variable) for variable in model.metrics_variables}
    return [v for v in (*model.variables, *optimizer) if id(v) not in metrics]


def save_weights(path: Path, model: keras.Model) -> None:
    """Write the weights alone, atomically: how the best epoch is kept."""
    write_arrays(path, {f"weight_{i}": keras.ops.convert_to_numpy(w) for i, w in enumerate(model.weights)})


def load_weights(path: Path, model: keras.Model) -> None:
    """Put weights that `save_weights` wrote into `model`."""
    arrays = read_arrays(path)
    for index, weight in enumerate(model.weights):
        weight.assign(arrays[f"weight_{index}"])


def run_fingerprint(model: keras.Model, *settings: Any) -> str:
    """Return a SHA-256 of what must agree between a run and the checkpoint it resumes from."""
    parts = [without_names({"class_name": type(model).__name__, "config": model.get_config()}), *settings]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def without_names(value: Any) -> Any:
    """Return a configuration less the names of Keras objects, which Keras counts up: `full_table`, `full_table_1`."""
    if isinstance(value, dict):
        if {"class_name", "config"} <= value.keys() and isinstance(value["config"], dict):
            config = {key: item for key, item in value["config"].items() if key != "name"}
            return {"class_name": value["class_name"], "config": without_names(config)}
        return {key: without_names(item) for key, item in value.items()}
    return [without_names(item) for item in value] if isinstance(value, list | tuple) else value
