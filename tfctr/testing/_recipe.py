"""What a recipe is, and how the suite makes, fills and calls the thing it describes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray

ROWS = 4
"""Rows of a measurement."""

Inputs = dict[str, Any]
"""Argument of the call -> array, or dict of arrays; every array has the batch as its first axis."""


@dataclass(frozen=True, eq=False)
class Recipe:
    """A public layer, model or feature kind, and how to make and call one of it.

    Args:
        cls: The public class.
        make: Returns a fresh, small layer or model. Dropout is off, so that training is reproducible.
        inputs: Rows wanted -> inputs, argument of the call -> array. Row i is the same in every batch.
        kind: What `cls` is. The recipe of a feature kind is a `FeatureEmbedding` of one such feature.
        untrained: End of a weight's path -> why no gradient can reach it.
        by_position: Whether it answers each position of a sequence by itself, padded ones too.
    """

    cls: type
    make: Callable[[], Any]
    inputs: Callable[[int], Inputs]
    kind: Literal["layer", "model", "feature"] = "layer"
    untrained: Mapping[str, str] = field(default_factory=dict)
    by_position: bool = False

    @property
    def name(self) -> str:
        """Name in test ids and of the golden file."""
        return self.cls.__name__

    @cached_property
    def shared(self) -> Any:
        """One filled layer for all checks that only read it."""
        return filled(self)

    @cached_property
    def function(self) -> Any:
        """`shared` as a ``tf.function`` of tensors, for any number of rows; traced once."""
        import tensorflow as tf

        rows = keras.tree.map_structure(tf.convert_to_tensor, self.inputs(2))
        signature = keras.tree.map_structure(lambda t: tf.TensorSpec((None, *t.shape[1:]), t.dtype), rows)
        layer = self.shared
        return tf.function(lambda inputs: keras.tree.flatten(call(layer, inputs)), input_signature=[signature])


@dataclass(frozen=True)
class MetricRecipe:
    """A public metric, and a recipe that turns it into numbers.

    Args:
        public: The public function or class.
        figures: ``(labels, probabilities, groups) -> array`` of whatever the metric says.
        kind: Always ``"metric"``.
        ordered: Whether rows must come sorted by group.
    """

    public: Any
    figures: Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], Any]
    kind: Literal["metric"] = "metric"
    ordered: bool = False

    @property
    def name(self) -> str:
        """Name in test ids; the module tells apart what is called alike."""
        return f"{self.public.__module__.rsplit('.', 1)[-1]}.{self.public.__name__}"


def call(layer: Any, inputs: Inputs, training: bool = False) -> Any:
    """Call a layer with its first argument by position and the others by name."""
    first, others = arguments(layer, inputs, training)
    return layer(first, **others)


def arguments(layer: Any, inputs: Inputs, training: bool) -> tuple[Any, dict[str, Any]]:
    """The first argument of a call, and the others by name; `training` for those that take it."""
    first, *others = inputs
    named = {name: inputs[name] for name in others}
    if "training" in inspect.signature(layer.call).parameters:
        named["training"] = training
    return inputs[first], named


def symbolic(inputs: Inputs) -> Inputs:
    """The same inputs as Keras tensors of unknown batch size: shapes and types without numbers."""
    tensors: Inputs = keras.tree.map_structure(
        lambda array: keras.KerasTensor((None, *array.shape[1:]), dtype=str(array.dtype)), inputs
    )
    return tensors


def floats(outputs: Any) -> list[Any]:
    """The floating-point tensors among the outputs, in order."""
    return [
        t for t in keras.tree.flatten(outputs) if keras.backend.is_float_dtype(keras.backend.standardize_dtype(t.dtype))
    ]


def arrays(outputs: Any) -> list[NDArray[Any]]:
    """All outputs as numpy arrays, in order; half precision as float32."""
    found = []
    for tensor in keras.tree.flatten(outputs):
        half = keras.backend.standardize_dtype(tensor.dtype) in ("float16", "bfloat16")
        found.append(np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32") if half else tensor)))
    return found


def filled(recipe: Recipe) -> Any:
    """A fresh layer or model with sequential weights: no two numbers are alike, so none can be swapped unseen."""
    layer = recipe.make()
    if recipe.kind == "model":
        layer.build()
    else:
        call(layer, symbolic(recipe.inputs(2)))
    fill_sequentially(layer)
    return layer


def fill_sequentially(layer: Any) -> None:
    """Fill the weights, in their order, with the sequence frac(0.37, 0.74, 1.11, ...) - 0.5.

    Weights of whole numbers say places, not strengths: they stay as they are.
    """
    start = 1
    for weight in layer.weights:
        if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(weight.dtype)):
            continue  # places in a table: other numbers would make another layer
        count = int(np.prod(weight.shape))
        values = np.arange(start, start + count) * 0.37 % 1.0 - 0.5
        if weight.name in ("moving_variance", "counts", "pair_temperature"):  # these are above 0
            values = np.abs(values) + 0.5
        weight.assign(values.reshape(weight.shape).astype("float32"))
        start += count


Run = Callable[[Any, Inputs, bool], Any]
"""How a layer is called with inputs, in training or not: `call`, or something that compiles first."""


def measured(recipe: Recipe, run: Run = call, layer: Any = None) -> dict[str, list[NDArray[Any]]]:
    """What a golden file holds: outputs with sequential weights, in inference and then in training.

    Inference comes first: training moves the statistics of normalisations.
    """
    layer, inputs = layer or filled(recipe), recipe.inputs(ROWS)
    modes = {"inference": False, "training": True}
    return {mode: arrays(run(layer, inputs, training)) for mode, training in modes.items()}


def answers(recipe: Recipe, run: Run) -> dict[str, list[NDArray[Any]]]:
    """What two backends must agree on: outputs in both modes, for a model outputs and the weights after a step."""
    if recipe.kind != "model":
        return measured(recipe, run)
    inference = arrays(run(filled(recipe), recipe.inputs(ROWS), False))
    return {"inference": inference, "step": stepped(recipe)}


def stepped(recipe: Recipe) -> list[NDArray[Any]]:
    """The weights of a model after one step of plain gradient descent, losses of penalties included."""
    model = filled(recipe)
    model.compile(optimizer=keras.optimizers.SGD(0.1), jit_compile=keras.backend.backend() == "jax")
    labels = (np.arange(ROWS) % 2).astype("float32")[:, None]
    tasks = [task.name for task in model.spec.spec.tasks]
    model.train_on_batch(recipe.inputs(ROWS)["features"], labels if len(tasks) == 1 else dict.fromkeys(tasks, labels))
    return [np.asarray(weight) for weight in model.get_weights()]
