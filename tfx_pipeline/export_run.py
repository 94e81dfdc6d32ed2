"""The model of a run as a file for another runtime, with a description of what its inputs are made of."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import keras

from tfctr._version import __version__
from tfctr.models import CTRModel
from tfctr.spec import AnyTask, RegressionTask, SurvivalTask
from tfctr.transform import TransformOutput, describe_inputs
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.files import KERAS_FILE
from tfx_pipeline.results import read_results

SUFFIXES = {"onnx": ".onnx", "litert": ".tflite", "openvino": ".xml", "keras": ".keras", "tf_saved_model": ""}
"""Format -> how the name of what is written ends; a SavedModel is a folder."""


def export_run(config: PipelineConfig, format: str, output: Path) -> list[Path]:
    """Write the model that the last run trained, pushed or not, behind its transform.

    Beside it, under its name with the suffix ``.json``, stands what one must know to feed it. Nothing takes its name
    before all is written, and nothing that is there is written over.

    Args:
        config: The run's settings.
        format: A key of `SUFFIXES`.
        output: The file, or the folder of a SavedModel.

    Returns:
        The paths written, the model first.

    Raises:
        ValueError: When the format is unknown, the name does not fit it, or the graph has an operation it lacks.
        FileNotFoundError: When no run came to its end.
        FileExistsError: When something to be written is there already.
        ModuleNotFoundError: When a library is missing; it names the extra to install.
    """
    _check(format, output)
    spec = config.read_spec()
    results = read_results(config, spec)
    model = keras.saving.load_model(results.model_run / KERAS_FILE)
    about = _about(model, TransformOutput(results.transform_graph, spec=spec), format)
    about["blessed"] = results.verdict.blessed
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=output.parent) as aside:
        target = Path(aside) / output.name
        if format == "keras":
            model.save(target)
        else:
            model.export(target, format=format, verbose=False)
        target.with_suffix(".json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        others = [path for path in Path(aside).iterdir() if path != target]
        return [_moved(path, output.parent) for path in (*others, target)][::-1]


def _check(format: str, output: Path) -> None:
    if format not in SUFFIXES:
        raise ValueError(f"format is one of {', '.join(SUFFIXES)}. Received: {format!r}")
    suffix = SUFFIXES[format]
    if output.suffix != suffix:
        wanted = f"ends in {suffix}" if suffix else "has no suffix: it is a folder"
        raise ValueError(f"what is written as {format} {wanted}. Received: {output}")
    for path in (output, output.with_suffix(".json"), output.with_suffix(".bin")):
        if path.exists() and (path.suffix != ".bin" or format == "openvino"):
            raise FileExistsError(f"{path} is there already; name another place, or delete it")


def _moved(path: Path, folder: Path) -> Path:
    """Move a whole file or folder to its place, once its bytes are on the disk."""
    for file in [path] if path.is_file() else [found for found in path.rglob("*") if found.is_file()]:
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
    return path.rename(folder / path.name)


def _about(model: CTRModel, transform: TransformOutput, format: str) -> dict[str, Any]:
    """What one must know to ask the model."""
    tasks = model.spec.spec.tasks
    unnamed = format == "tf_saved_model" and len(tasks) == 1
    return {
        "spec": model.spec.spec.name,
        "model": type(model).__name__,
        "format": format,
        "tfctr": __version__,
        "transform_fingerprint": transform.fingerprint,
        "outputs": [{"name": "output_0" if unnamed else task.name, **_answer(task)} for task in tasks],
        **describe_inputs(transform),
    }


def _answer(task: AnyTask) -> dict[str, Any]:
    if isinstance(task, SurvivalTask):
        meaning = "integrated hazard of the interval that ends at each cut point"
        grid = list(task.grid)
        return {"task": task.name, "dtype": "float32", "shape": [None, len(grid)], "is": meaning, "cut_points": grid}
    meaning = f"number in the unit of {task.label!r}" if isinstance(task, RegressionTask) else "probability"
    return {"task": task.name, "dtype": "float32", "shape": [None, 1], "is": meaning}
