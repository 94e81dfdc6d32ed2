"""How a model leaves Keras: as a SavedModel, or for ONNX Runtime, LiteRT and OpenVINO."""

from __future__ import annotations

import importlib.util
import re
import warnings
from pathlib import Path
from typing import Any

import keras

from tfctr.spec import BoundSpec

LIBRARIES = {"onnx": ("onnx", "tf2onnx"), "openvino": ("openvino",)}
"""Format -> what Keras imports to write it; TensorFlow itself writes the others."""


def export_model(model: keras.Model, spec: BoundSpec, filepath: str | Path, format: str, **options: Any) -> None:
    """Export as Keras does, with the inputs that the spec knows: no call is needed before.

    Raises:
        ModuleNotFoundError: When a library is missing; it names the extra to install.
        ValueError: When the graph has an operation that the format does not know.
    """
    _check_libraries(format)
    if not model.built:
        model.build()
    options["input_signature"] = options.get("input_signature") or [input_signature(spec)]
    tasks = [task.name for task in spec.spec.tasks]
    exported = model if format == "tf_saved_model" else _ByTask(in_float32(model), tasks)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "In the future `np.object`", FutureWarning)  # of Keras' patch of tf2onnx
        keras.Model.export(exported, str(filepath), format=format, **options)
    if format == "onnx":
        _check_onnx(Path(filepath))
    if format == "openvino":
        _drop_leftovers(str(filepath), tasks)
    if format == "litert" and "target_spec" not in options:  # who gives one chose the operations
        _check_litert(Path(filepath))


class _ByTask(keras.Model):
    """A model whose answers have the names of their tasks, so that the outputs of a file have them too."""

    def __init__(self, model: keras.Model, tasks: list[str]) -> None:
        super().__init__(name=model.name)
        self.model = model
        self.tasks = tasks
        self.built = True

    def call(self, features: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        answers = self.model(features, training=training)
        return answers if isinstance(answers, dict) else {self.tasks[0]: answers}


def input_signature(spec: BoundSpec) -> dict[str, keras.InputSpec]:
    """Return the inputs by name, of any batch size."""
    return {
        info.name: keras.InputSpec(dtype=info.dtype, shape=(None, *info.shape), name=info.name)
        for info in spec.spec.inputs()
    }


def in_float32(model: keras.Model) -> keras.Model:
    """Return the model, or one of its weights that computes in float32 where it computes in half precision."""
    if model.dtype_policy.name == "float32":
        return model
    exact = type(model).from_config(_without_half(model.get_config()))
    exact.build()
    exact.set_weights(model.get_weights())
    return exact


def _without_half(config: Any) -> Any:
    """A configuration whose dtype policies are all float32."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return keras.saving.serialize_keras_object(keras.DTypePolicy("float32"))
        return {key: _without_half(value) for key, value in config.items()}
    return [_without_half(value) for value in config] if isinstance(config, list | tuple) else config


def _check_libraries(format: str) -> None:
    missing = [name for name in LIBRARIES.get(format, ()) if importlib.util.find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(f"format={format!r} needs {' and '.join(missing)}: pip install 'tfctr[{format}]'")


def _drop_leftovers(path: str, tasks: list[str]) -> None:
    """Take out the outputs that are no answers: OpenVINO's reader makes one of each tensor that nothing reads."""
    import openvino

    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})  # the weights' file is written again
    graph = core.read_model(path)
    leftovers = [output for output in graph.outputs if not output.get_names() & set(tasks)]
    for output in leftovers:
        graph.remove_result(output.get_node())
    if leftovers:
        openvino.serialize(graph, path)


def _check_onnx(path: Path) -> None:
    """Refuse a file with operations that are none of ONNX': the converter writes them down as TensorFlow calls them."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    versions = {opset.domain: opset.version for opset in model.opset_import}
    unknown = {
        node.op_type
        for node in model.graph.node
        if not onnx.defs.has(node.op_type, versions.get(node.domain, 1), node.domain)
    }
    _refuse(unknown, path, "ONNX")


def _check_litert(path: Path) -> None:
    """Refuse a file that LiteRT runs with TensorFlow's own kernels beside it only, by what it calls them."""
    _refuse({name.decode() for name in re.findall(rb"Flex([A-Z]\w+)", path.read_bytes())}, path, "LiteRT")


def _refuse(operations: set[str], path: Path, runtime: str) -> None:
    if operations:
        path.unlink()
        raise ValueError(
            f"{runtime} has no {', '.join(sorted(operations))} for what the model computes; export it as "
            "tf_saved_model. Tables that hash their ids need such operations: a FullTable does not"
        )
