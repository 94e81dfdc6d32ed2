"""A user's state, kept by the caller between two requests: what goes with it so that it is never misread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from tfctr.serving._model_card import fingerprint

if TYPE_CHECKING:
    from tfctr.models.ctr_model import CTRModel
    from tfctr.transform import TransformOutput

STATE_VERSION = "state_version"
"""Name of the tensor, int64 ``(users,)``, that goes with every state."""


def state_version(model: CTRModel, transform: TransformOutput) -> int:
    """Return the number of the states of a model: equal for models of the same weights and transform."""
    return int(fingerprint(model, transform)[:15], 16)


def with_version(state: dict[str, tf.Tensor], version: int) -> dict[str, tf.Tensor]:
    """Return the state with its version beside it."""
    users = tf.shape(next(iter(state.values())))[:1]
    return state | {STATE_VERSION: tf.fill(users, tf.constant(version, tf.int64))}


def check_version(state: dict[str, tf.Tensor], given: tf.Tensor, version: int) -> dict[str, tf.Tensor]:
    """Return the state, refused in the graph unless each of its users comes with this version of the model."""
    users = tf.shape(next(iter(state.values())))[0]
    same = tf.logical_and(tf.equal(tf.size(given), users), tf.reduce_all(given == version))
    message = "the state was made by another version of the model; encode the user anew. Versions given, and served"
    with tf.control_dependencies([tf.Assert(same, [message, given, version], summarize=3)]):
        return {name: tf.identity(tensor) for name, tensor in state.items()}
