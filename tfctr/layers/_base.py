"""What every layer and model of tfctr shares: a configuration that follows from the constructor."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import keras

Tensor: TypeAlias = Any
"""A tensor of whichever backend runs, or a symbolic one; the backends share no type."""

Shape: TypeAlias = Any
"""A shape as Keras hands it to `build`: a tuple whose batch axis is None."""

if TYPE_CHECKING:  # a mixin's super() is the Keras class that follows it in the MRO
    _KerasObject: TypeAlias = keras.layers.Layer
else:
    _KerasObject = object


class ConfigFromInit(_KerasObject):
    """Derive ``get_config`` from the constructors, so that it can never disagree with them.

    Every constructor stores each argument under the argument's own name. Nested Keras objects (layers,
    initializers, regularizers) are serialized; constructors take them back through the matching
    ``keras.*.get``. An object with ``to_config`` (a bound spec) is replaced by that.

    A layer that makes layers of its own gives them its dtype policy (``dtype=self.dtype_policy``), so that a
    network keeps its precision where it is rebuilt, whatever Keras' default is there.
    """

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().get_config()
        for name in constructor_arguments(type(self)):
            config[name] = _plain(getattr(self, name))
        return config


def constructor_arguments(cls: type) -> tuple[str, ...]:
    """Return the names of the arguments of `cls` and of its tfctr bases, without catch-alls."""
    names: dict[str, None] = {}
    for base in cls.__mro__:
        if base is ConfigFromInit or base.__module__.split(".")[0] == "keras":
            continue
        init = base.__dict__.get("__init__")
        if init is None:
            continue
        for parameter in inspect.signature(init).parameters.values():
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                names.setdefault(parameter.name)
    keras_owned = ("self", "name", "dtype", "trainable")
    return tuple(name for name in names if name not in keras_owned)


@contextmanager
def dtype_policy(policy: Any) -> Iterator[None]:
    """Make `policy` the default of all layers made in this block; None changes nothing.

    Keras keeps its default by thread: a block in one thread leaves layers made in another alone.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(before if policy is None else keras.dtype_policies.get(policy))
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _plain(value: Any) -> Any:
    if hasattr(value, "to_config"):
        return value.to_config()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return keras.saving.serialize_keras_object(value)


class Layer(ConfigFromInit, keras.layers.Layer):
    """A Keras layer whose configuration follows from its constructor.

    Masks are arguments and never travel attached to tensors: a layer that is given one swallows it.
    """

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        return None


def deserialize_if_config(value: Any) -> Any:
    """Return the Keras object that a serialized form stands for; anything else as it is."""
    if isinstance(value, dict) and "class_name" in value:
        return keras.saving.deserialize_keras_object(value)
    return value
