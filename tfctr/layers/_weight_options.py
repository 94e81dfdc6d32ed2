"""How kernels and biases start and what holds them: Keras' own arguments, handed down to every part of a layer."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from tfctr.layers._base import Layer, Shape

_GETTERS = {
    "kernel_initializer": keras.initializers.get,
    "bias_initializer": keras.initializers.get,
    "kernel_regularizer": keras.regularizers.get,
    "bias_regularizer": keras.regularizers.get,
    "kernel_constraint": keras.constraints.get,
    "bias_constraint": keras.constraints.get,
}


class WeightOptions:
    """Keeps the options of kernels and biases as Keras' objects, and hands them to the parts that have the weights.

    An option that is None, or that a class does not have, leaves each part its own default.
    """

    dtype_policy: Any  # of the layer or model that this stands before

    def keep_weight_options(self, **identifiers: Any) -> None:
        """Store each option under its name: an object, the name of one, a configuration, or None."""
        with _undrawn():
            for option, identifier in identifiers.items():
                setattr(self, option, _GETTERS[option](identifier))

    def part(self, name: str) -> dict[str, Any]:
        """Return the arguments to make the part `name`, a tfctr layer: its name, dtype policy and weight options."""
        with _undrawn():  # what a part is given draws nothing: the part's weights do
            return self.keras_part(name)

    def keras_part(self, name: str) -> dict[str, Any]:
        """The same for a layer of Keras, which takes what it is given for its weight and makes no copy."""
        return {"name": name, "dtype": self.dtype_policy, **self._weight_options(name)}

    def _weight_options(self, name: str) -> dict[str, Any]:
        given = {option: getattr(self, option, None) for option in _GETTERS}
        return {
            option: clone_initializer(value, name) if option.endswith("initializer") else value
            for option, value in given.items()
            if value is not None
        }


class KernelLayer(WeightOptions, Layer):
    """A layer with kernels and biases, its own or those of its parts.

    Args:
        kernel_initializer: Keras initializer of all kernels: an object, a name or a configuration. No two weights
            share numbers: each takes a copy, with a seed of its own where the given one has a seed. None leaves
            each part its own default.
        bias_initializer: The same for biases.
        kernel_regularizer: Keras regularizer of all kernels, None for none. Its loss enters training as with any
            Keras layer.
        bias_regularizer: The same for biases.
        kernel_constraint: Keras constraint of all kernels, applied after each step; None for none. Optimizers of
            `tfctr.training.optimizers` apply it too.
        bias_constraint: The same for biases.
    """

    def __init__(
        self,
        *,
        kernel_initializer: Any = "glorot_normal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.keep_weight_options(
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )

    def make_dense(self, units: int, name: str, shape: Shape, **options: Any) -> keras.layers.Dense:
        """Return a linear map, built for inputs of `shape`; `options` are those of `keras.layers.Dense`."""
        dense = keras.layers.Dense(units, **self.keras_part(name), **options)
        dense.build(shape)
        return dense

    def add_kernel(self, name: str, shape: tuple[int, ...], initializer: Any = None) -> keras.Variable:
        """Add a weight with the options of kernels; an `initializer` goes before the layer's."""
        return self._add("kernel", name, shape, initializer)

    def add_bias(self, name: str, shape: tuple[int, ...], initializer: Any = None) -> keras.Variable:
        """Add a weight with the options of biases; an `initializer` goes before the layer's."""
        return self._add("bias", name, shape, initializer)

    def _add(self, kind: str, name: str, shape: tuple[int, ...], initializer: Any) -> keras.Variable:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer or clone_initializer(getattr(self, f"{kind}_initializer"), name),
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
        )


def initializer_of(identifier: Any) -> Any:
    """Return Keras' initializer for an object, a name or a configuration; it stands for copies, so it draws nothing."""
    with _undrawn():
        return keras.initializers.get(identifier)


def clone_initializer(initializer: Any, name: str) -> Any:
    """Return an initializer like this one that draws other numbers, for the weight or part `name`.

    Two weights that share an initializer start equal, which makes them learn the same. A seed becomes another one that
    follows from it and the name. What draws anew at each call, as a `keras.random.SeedGenerator` makes it, and plain
    functions are returned as they are.
    """
    seed = getattr(initializer, "seed", None)
    if not isinstance(initializer, keras.initializers.Initializer) or isinstance(seed, keras.random.SeedGenerator):
        return initializer
    config = initializer.get_config()
    if is_seeded(initializer):
        config["seed"] = zlib.crc32(f"{config['seed']}/{name}".encode()) // 2
    return type(initializer).from_config(config)


def is_seeded(initializer: Any) -> bool:
    """Whether an initializer draws the same numbers wherever it is made."""
    config = initializer.get_config() if isinstance(initializer, keras.initializers.Initializer) else {}
    return isinstance(config.get("seed"), int)


def handed_down(initializer: Any, name: str) -> Any:
    """`clone_initializer` for a part that clones once more for each weight: no number of Python's stream is drawn."""
    with _undrawn():
        return clone_initializer(initializer, name)


@contextmanager
def _undrawn() -> Iterator[None]:
    """Leave Python's random stream as it is: an initializer without a seed takes one as soon as it is made.

    So a seeded run starts from the same weights, however many layers stand between a model and its kernels.
    """
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)
