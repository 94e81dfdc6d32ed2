"""Weights of which every group has its own."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfctr.layers._weight_options import KernelLayer

UNKNOWN = 0
"""The group of rows whose domain nobody knows."""


class ByGroup(KernelLayer):
    """Base of layers with weights by group. The first axis of such a weight counts the groups.

    Args:
        groups: Groups, at least 1.
        vocabulary: Name of the vocabulary whose ids the groups are, None when they are no ids. A model that is grown
            to another day's vocabulary takes the weights of its domains along by this.
        **kwargs: See `KernelLayer`.

    Raises:
        ValueError: When there is no group.
    """

    def __init__(self, groups: int, *, vocabulary: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if groups < 1:
            raise ValueError(f"{type(self).__name__} needs groups of at least 1. Received: groups={groups}")
        self.groups = groups
        self.vocabulary = vocabulary
        self.by_group: list[keras.Variable] = []

    def add_by_group(self, name: str, shape: tuple[int, ...], **options: Any) -> keras.Variable:
        """Add a weight ``(groups, *shape)``; `options` are those of Keras' `add_weight`."""
        weight = self.add_weight(name=name, shape=(self.groups, *shape), **options)
        self.by_group.append(weight)
        return weight


class EqualGroups(keras.initializers.Initializer):
    """Draw the weights of one group, for all groups alike: what sets groups apart is then what they have seen."""

    def __init__(self, initializer: Any) -> None:
        self.initializer = keras.initializers.get(initializer)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        one = self.initializer(tuple(shape[1:]), dtype=dtype)
        return ops.tile(ops.expand_dims(one, 0), (shape[0], *(1,) * (len(shape) - 1)))

    def get_config(self) -> dict[str, Any]:
        return {"initializer": keras.saving.serialize_keras_object(self.initializer)}


class AroundOne(keras.regularizers.Regularizer):
    """Hold what a weight differs from 1 by: a factor of 1 leaves what it multiplies alone."""

    def __init__(self, regularizer: keras.regularizers.Regularizer) -> None:
        self.regularizer = regularizer

    def __call__(self, factors: Any) -> Any:
        return self.regularizer(factors - 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"regularizer": keras.saving.serialize_keras_object(self.regularizer)}
