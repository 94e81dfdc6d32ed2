"""Every model leaves Keras by `model.export`, and other runtimes answer as Keras does."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tests.conformance import wiring
from tests.conformance.network_table import NETWORKS, RICH
from tfctr.layers.embedding import HashedTable
from tfctr.models import FM, LR
from tfctr.spec import LabelScale
from tfctr.testing._examples import ITEM_ALONE
from tfctr.testing._recipe import Recipe, fill_sequentially, filled

onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
openvino = pytest.importorskip("openvino", reason="needs the extra openvino")
Interpreter = pytest.importorskip("ai_edge_litert.interpreter", reason="needs the extra litert").Interpreter

Answers = dict[str, Any]
"""Name -> tensor."""

MODELS = {descriptor.name: descriptor for descriptor in NETWORKS if descriptor.kind == "model"}
SMALLER = {
    "PLE": {"num_levels": 1, "own_experts": 1, "shared_experts": 1},
    "DHEN": {"num_layers": 1, "modules": ("cross", "attention")},
}
"""Hyper-parameters that make a graph of the same operations, of which there are fewer: conversion takes its time."""

WITH_ALL_FEATURES = ("LR", "CreativeSurvival")
"""Models that are converted with every kind of feature; the others with fewer, for the same reason."""

LEFT_OUT = ("age", "tags", "image", "bought")
"""What the others do without."""

OF_OTHERS_LAYERS = ("FM", "DNN", "WideDeep", "DeepFM", "TargetAttention", "SharedBottom", "MMoE")
"""Models that only put together what others have too: LiteRT converts the others."""

OPENVINO_MODELS = ("DeepFM", "DIN", "MMoE")
"""One family each: OpenVINO reads the same TensorFlow graph, and takes longest."""


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Keras' patch of tf2onnx gives NumPy a name back that it had dropped, for the whole process."""
    yield
    vars(np).pop("object", None)


@functools.cache
def model_of(name: str) -> Any:
    """One filled model for all formats."""
    made = MODELS[name].make()
    spec = made.spec if name in WITH_ALL_FEATURES else wiring.without_features(made.spec, LEFT_OUT)
    model = type(made).from_config({**made.get_config(), **SMALLER.get(name, {}), "spec": spec.to_config()})
    model.build()
    fill_sequentially(model)
    return model


def features_of(descriptor: Recipe, model: Any, batch: int) -> Answers:
    """The inputs that the spec names, and no others."""
    rows = descriptor.inputs(batch)["features"]
    return {info.name: rows[info.name] for info in model.spec.spec.inputs()}


def by_task(model: Any, answers: Any) -> Answers:
    return dict(answers) if isinstance(answers, dict) else {model.spec.spec.tasks[0].name: answers}


def onnx_runtime(path: Path) -> Callable[[Answers], Answers]:
    session = onnxruntime.InferenceSession(str(path))
    read = {entry.name for entry in session.get_inputs()}
    names = [entry.name for entry in session.get_outputs()]
    return lambda features: dict(zip(names, session.run(names, _only(features, read)), strict=True))


def litert(path: Path) -> Callable[[Answers], Answers]:
    runner = Interpreter(str(path)).get_signature_runner()
    return lambda features: runner(**features)


def openvino_runtime(path: Path) -> Callable[[Answers], Answers]:
    compiled = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})  # or bf16 where it is quick
    read = {name for entry in compiled.inputs for name in entry.get_names()}

    def answer(features: Answers) -> Answers:
        values = compiled(_only(features, read))
        return {name: values[entry] for entry in compiled.outputs for name in entry.get_names()}

    return answer


def _only(features: Answers, names: set[str]) -> Answers:
    """What a graph reads; a model need not read every input of its spec."""
    return {name: value for name, value in features.items() if name in names}


FORMATS: dict[str, tuple[str, Callable[[Path], Callable[[Answers], Answers]]]] = {
    "onnx": ("model.onnx", onnx_runtime),
    "litert": ("model.tflite", litert),
    "openvino": ("model.xml", openvino_runtime),
}
WANTED = [(name, "onnx") for name in MODELS]
WANTED += [(name, "litert") for name in MODELS if name not in OF_OTHERS_LAYERS]
WANTED += [(name, "openvino") for name in OPENVINO_MODELS]


@pytest.mark.parametrize(("name", "format"), WANTED)
def test_another_runtime_answers_as_keras(name: str, format: str, tmp_path: Path) -> None:
    descriptor, model = MODELS[name], model_of(name)
    file, runtime = FORMATS[format]
    model.export(tmp_path / file, format=format, verbose=False)
    answer = runtime(tmp_path / file)
    for batch in (1, 4):
        features = features_of(descriptor, model, batch)
        expected, found = by_task(model, model(features)), answer(features)
        assert found.keys() == expected.keys()
        for task, values in expected.items():
            assert found[task].dtype == np.float32
            np.testing.assert_allclose(found[task], values, rtol=0, atol=1e-5)


@pytest.mark.parametrize("format", ["onnx", "litert"])
def test_numbers_leave_in_their_unit(format: str, tmp_path: Path) -> None:
    spec = wiring.as_numbers(ITEM_ALONE)
    spec = spec.spec.bind(dict(spec.rows), {"click": LabelScale(mean=20_000, deviation=900)})
    model = LR(spec)
    model.build()
    fill_sequentially(model)
    file, runtime = FORMATS[format]
    model.export(tmp_path / file, format=format, verbose=False)
    features = {"item": np.array([1, 3, 7])}
    (found,) = runtime(tmp_path / file)(features).values()
    assert np.ptp(found) > 1
    assert abs(found.mean() - 20_000) < 2_000
    np.testing.assert_allclose(found, model(features), rtol=1e-6)


@pytest.mark.parametrize("state", ["made", "built", "called"])
def test_a_saved_model_answers_in_whatever_state_it_left(state: str, tmp_path: Path) -> None:
    descriptor = MODELS["SharedBottom"]
    model = descriptor.make()
    if state == "built":
        model.build()
    if state == "called":
        model(descriptor.inputs(2)["features"])
    model.export(tmp_path, verbose=False)
    served = tf.saved_model.load(str(tmp_path))
    for batch in (1, 4):
        features = features_of(descriptor, model, batch)
        found = served.serve({key: tf.constant(value) for key, value in features.items()})
        for task, values in model(features).items():
            np.testing.assert_allclose(found[task], values, rtol=0, atol=1e-6)


def test_half_precision_leaves_as_float32(tmp_path: Path) -> None:
    exact, descriptor = model_of("LR"), MODELS["LR"]
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = filled(descriptor)
    finally:
        keras.config.set_dtype_policy("float32")
    half.export(tmp_path / "model.onnx", format="onnx", verbose=False)
    features = features_of(descriptor, exact, 4)
    (found,) = onnx_runtime(tmp_path / "model.onnx")(features).values()
    np.testing.assert_allclose(found, exact(features), rtol=0, atol=1e-5)
    assert np.abs(found - half(features)).max() > 1e-5  # the premise: bfloat16 has other digits


class Exotic(LR):
    """A model with an operation that ONNX lacks."""

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        return ops.log1p(ops.exp(super().logits(features, training)))


def test_an_operation_that_onnx_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ONNX has no Log1p"):
        Exotic(RICH).export(tmp_path / "model.onnx", format="onnx", verbose=False)
    assert not (tmp_path / "model.onnx").exists()


def test_an_operation_that_litert_lacks_is_named(tmp_path: Path) -> None:
    hashed = FM(RICH, embedding_dim=4, table=HashedTable(compression=2))
    with pytest.raises(ValueError, match=r"LiteRT has no FloorMod.* FullTable"):
        hashed.export(tmp_path / "model.tflite", format="litert", verbose=False)
    assert not (tmp_path / "model.tflite").exists()


@pytest.mark.parametrize(("library", "format"), [("onnx", "onnx"), ("tf2onnx", "onnx"), ("openvino", "openvino")])
def test_a_missing_library_is_named_with_its_extra(library: str, format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ModuleNotFoundError, match=rf"{library}.*pip install 'tfctr\[{format}\]'"):
        LR(RICH).export("model.xml", format=format)


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Unrecognized format=pmml"):
        LR(RICH).export(tmp_path / "model", format="pmml")
