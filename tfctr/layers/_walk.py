"""The layers that a layer or model is made of, at any depth."""

from __future__ import annotations

from typing import TypeVar

import keras

SomeLayer = TypeVar("SomeLayer", bound=keras.layers.Layer)


def layers_of(network: keras.layers.Layer, kind: type[SomeLayer]) -> list[SomeLayer]:
    """Return the layers of one kind in a network, itself included, each once.

    The order is Keras': a layer before its parts, the parts of a model as they were made, those of a layer backwards.

    Keras lists the layers of a model by ``model.layers``, one level deep; what walks all levels of any layer is a
    method that it keeps to itself. This is the one place that calls it.

    Args:
        network: A layer or model; one that is not built shows those that its constructor made.
        kind: Class of the layers to return; ``keras.layers.Layer`` for all.

    Example:
        >>> from tfctr.layers.towers import MLP
        >>> mlp = MLP((8, 4), output_units=1)
        >>> mlp.build((None, 3))
        >>> sorted(layer.name for layer in layers_of(mlp, keras.layers.Dense))
        ['dense_0', 'dense_1', 'output']
    """
    return [layer for layer in network._flatten_layers() if isinstance(layer, kind)]
