"""The card that travels with an exported model: what it is, how large, how fast it loads and answers."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfctr._version import __version__
from tfctr.serving._requests import Row
from tfctr.serving._warmup_requests import warmup_inputs
from tfctr.serving.server._saved_model import SavedModel
from tfctr.spec import RawColumn, SurvivalTask

if TYPE_CHECKING:
    from tfctr.models.ctr_model import CTRModel
    from tfctr.transform import TransformOutput

CARD_FILE = Path("assets.extra") / "model_card.json"
_REPEATS = 30
MISSING_RULE = (
    "In predict and rank a missing value, and the padding of a shorter list, is '' for text, -9223372036854775808 for "
    "integers and NaN for numbers. In serialized examples it is a feature that is not there."
)


def model_card(model: CTRModel, transform: TransformOutput, folder: Path, signatures: Sequence[str]) -> dict[str, Any]:
    """Return the card, without its load report, as plain data.

    Args:
        model: The exported model.
        transform: The transform inside.
        folder: Where the SavedModel was written; its files are measured.
        signatures: Names of the signatures.
    """
    config = model.get_config()
    config.pop("spec", None)
    return {
        "name": model.spec.spec.name,
        "model": type(model).__name__,
        "hyperparameters": config,
        "spec": model.spec.spec.model_dump(mode="json"),
        "rows": dict(model.spec.rows),
        "tasks": [task.name for task in model.spec.spec.tasks],
        "cut_points": {task.name: list(task.grid) for task in model.spec.spec.tasks if isinstance(task, SurvivalTask)},
        "signatures": sorted(signatures),
        "missing_values": MISSING_RULE,
        "parameters": int(sum(np.prod(variable.shape) for variable in model.variables)),
        "size_bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        "fingerprint": fingerprint(model, transform),
        "transform_fingerprint": transform.fingerprint,
        "versions": {"tfctr": __version__, "tensorflow": tf.__version__, "keras": keras.__version__},
        "exported_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def fingerprint(model: CTRModel, transform: TransformOutput) -> str:
    """Return the SHA-256 (hex) of transform, class and weights: equal for models that predict alike."""
    digest = hashlib.sha256(f"{transform.fingerprint} {type(model).__name__}".encode())
    for variable in model.variables:
        array = np.ascontiguousarray(variable.numpy())
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def load_report(
    folder: Path, rows: Sequence[Row], columns: Sequence[RawColumn], signatures: Sequence[str]
) -> dict[str, Any]:
    """Load the exported folder as the server does, ask every signature, and say what that took.

    Args:
        folder: Version folder.
        rows: At least one raw row.
        columns: The raw columns of a request.
        signatures: Signatures of the model.

    Returns:
        Seconds to load, resident memory gained in MiB (a swap holds it twice), and for each signature and number of
        rows the p50, p95 and p99 of a call in milliseconds, without the transport.
    """
    before = _resident_mib()
    began = time.perf_counter()
    model = SavedModel(folder)
    load_seconds = time.perf_counter() - began
    try:
        latency = [
            {"signature": signature, "rows": size, **_time_calls(model, signature, inputs)}
            for signature, size, inputs in warmup_inputs(rows, columns, signatures)
        ]
        resident = _resident_mib() - before
    finally:
        model.close()
    return {
        "load_seconds": round(load_seconds, 3),
        "resident_mib": round(resident, 1),
        "resident_mib_during_swap": round(2 * resident, 1),
        "call_milliseconds": latency,
    }


def _time_calls(model: SavedModel, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, float]:
    chosen = model.signatures[signature]
    feeds = [endpoint.tensor for endpoint in chosen.inputs.values()]
    fetches = [endpoint.tensor for endpoint in chosen.outputs.values()]
    values = [inputs[alias] for alias in chosen.inputs]
    model.run(feeds, fetches, values)  # the first call prepares the graph
    times = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        model.run(feeds, fetches, values)
        times.append(1000 * (time.perf_counter() - began))
    return {f"p{point}": round(float(np.percentile(times, point)), 3) for point in (50, 95, 99)}


def _resident_mib() -> float:
    """Return the resident memory of this process in MiB, 0 where the system does not say."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * 4096 / 2**20 if status.exists() else 0.0
