"""TGeo-KD's step: a small network says how much each row's teacher counts, and learns it from validation rows."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tfctr.data.batches import BatchPlan
from tfctr.plans.distil._losses import label_loss, mean_over
from tfctr.plans.distil._running_standard import RunningStandard
from tfctr.plans.distil._step import DistilStep
from tfctr.plans.distil._teacher import TEACHER
from tfctr.training.steps import displaced, gradients_of, norm_of
from tfctr.training.steps.bilevel import PROBE

STATE = 18
"""Numbers that describe a row: four answers and five squared distances, of two classes each."""


def ratio_network(units: tuple[int, ...], seed: int, *, standardize: bool = True) -> keras.Sequential:
    """Return the network from a row's state to its ratio, built: LeakyReLU layers and a sigmoid.

    Args:
        units: Widths of the hidden layers.
        seed: Of its weights.
        standardize: Whether each number of the state loses its running mean and is divided by its running deviation.
            The paper's state goes in as it is. All of it is above 0, so that what the rows of a batch have in common is
            larger than what tells them apart: the ratios of all rows then rise or fall together.
    """
    sizes = [*units, 1]
    layers: list[keras.Layer] = [
        keras.layers.Dense(
            size,
            activation="sigmoid" if place == len(units) else keras.layers.LeakyReLU(0.01),
            kernel_initializer=keras.initializers.GlorotUniform(seed=seed + place),
            dtype="float32",
        )
        for place, size in enumerate(sizes)
    ]
    if standardize:
        layers.insert(0, RunningStandard(dtype="float32", name="standard"))
    network = keras.Sequential(layers, name="fusion_ratio")
    network.build((None, STATE))
    return network


def triangle_state(student: Any, teacher: Any, label: Any, class_means: np.ndarray) -> Any:
    """Return what describes rows, float32 ``(batch, 18)``.

    S, T, G and T̄ as probabilities of both classes, then ``(T̄-S)²``, ``(G-S)²``, ``(T-S)²``, ``(T-G)²``, ``(T̄-G)²``.

    Args:
        student: Logits ``(batch, 1)``.
        teacher: Logits ``(batch, 1)``.
        label: ``(batch, 1)``.
        class_means: Mean probability of the teacher for label 0 and for label 1, ``(2,)``.
    """
    mean = ops.where(label > 0, float(class_means[1]), float(class_means[0]))
    s, t, g, m = (_both(p) for p in (ops.sigmoid(student), ops.sigmoid(teacher), label, mean))
    pairs = ((m, s), (g, s), (t, s), (t, g), (m, g))
    return ops.concatenate([s, t, g, m, *(ops.square(one - other) for one, other in pairs)], axis=-1)


def _both(probability: Any) -> Any:
    return ops.concatenate([probability, 1.0 - probability], axis=-1)


class TriangleStep(DistilStep):
    """A student's step, and every few of them one of the network that says α.

    The upper level is the logloss J of validation rows after one step of the student, ``θ' = θ - η ∇L(θ, α)``. Its
    slope along each α_i is ``-(η / B) ⟨∇J(θ'), ∇(τ² KL_i - CE_i)⟩``, here the difference of ``τ² KL_i - CE_i`` between
    two moved students: two forward passes in place of a gradient a row. These slopes go back through the network.

    Args:
        network: From states to ratios, see `ratio_network`.
        optimizer: The network's.
        class_means: See `triangle_state`.
        temperature, steps: See `DistilStep`.
        search: Validation rows.
        every: Steps of the student for one of the network.
        inner_rate: η; None takes the rate of the student's optimizer. The network's optimizer sees slopes that are
            divided by it: a student whose rate is cut does not slow the network down.
        settings: See `Step.settings`.
    """

    def __init__(
        self,
        network: keras.Sequential,
        optimizer: keras.optimizers.Optimizer,
        class_means: np.ndarray,
        *,
        temperature: float,
        steps: int,
        search: BatchPlan,
        every: int = 1,
        inner_rate: float | None = None,
        settings: dict[str, Any] | None = None,
    ):
        super().__init__(self._of_network, temperature, steps, search, every, settings)
        self.network, self.optimizer, self.class_means = network, optimizer, class_means
        self.every, self.inner_rate = every, inner_rate

    def _of_network(self, student: Any, teacher: Any, label: Any, done: Any) -> Any:
        return self.network(triangle_state(student, teacher, label, self.class_means))

    def build(self, model: Any) -> None:
        super().build(model)
        self.optimizer.build(self.network.trainable_variables)

    @property
    def variables(self) -> list[Any]:
        return [*self.network.variables, *self.optimizer.variables]

    def __call__(self, model: Any, batch: Any, search_batch: Any = None) -> dict[str, Any]:
        """Move the network where it is its turn, then the student."""

        def moved() -> Any:
            slopes, states = self.slopes(model, batch, search_batch)
            self._learn(states, slopes / self._rate(model))
            return tf.constant(True)

        tf.cond(self._done.value % self.every == 0, moved, lambda: tf.constant(False))
        logs: dict[str, Any] = model.plain_step(batch)
        return logs

    def slopes(self, model: Any, batch: Any, search_batch: Any) -> tuple[Any, Any]:
        """Return ``dJ/dα`` of the batch's rows, float32 ``(batch, 1)``, and their states ``(batch, 18)``."""
        features, labels, weights = keras.utils.unpack_x_y_sample_weight(batch)
        label, teacher = ops.cast(labels, "float32"), ops.reshape(features[TEACHER], (-1, 1))
        variables = model.trainable_variables
        rate = self._rate(model)
        _, down = gradients_of(model, batch, variables)
        with displaced(variables, down, -rate):
            along = self._gradients_of_logloss(model, search_batch, variables)
        reach = PROBE / tf.maximum(norm_of(along), 1e-12)

        def costs(by: Any) -> Any:
            with displaced(variables, along, by):
                return self.difference(teacher, _logit(model, features), label)

        rows = ops.cast(ops.shape(label)[0], "float32")
        slopes = -(rate / rows) * (costs(reach) - costs(-reach)) / (2.0 * reach)
        if weights is not None:
            slopes = slopes * ops.cast(weights, "float32")
        return slopes, triangle_state(_logit(model, features), teacher, label, self.class_means)

    def _rate(self, model: Any) -> Any:
        return model.optimizer.learning_rate if self.inner_rate is None else self.inner_rate

    def _gradients_of_logloss(self, model: Any, batch: Any, variables: Any) -> list[Any]:
        """The gradients of the plain logloss of a batch: no teacher, no penalty, no dropout."""
        features, labels, weights = keras.utils.unpack_x_y_sample_weight(batch)
        values = [variable.value for variable in variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            for value in values:
                tape.watch(value)
            loss = mean_over(label_loss(ops.cast(labels, "float32"), _logit(model, features)), weights)
        gradients: list[Any] = tape.gradient(loss, values)
        return gradients

    def _learn(self, states: Any, slopes: Any) -> None:
        """Move the network down the slopes of its answers."""
        with tf.GradientTape() as tape:
            ratios = self.network(states, training=True)  # the running means and deviations move, too
        variables = self.network.trainable_variables
        gradients = tape.gradient(ratios, [v.value for v in variables], output_gradients=slopes)
        self.optimizer.apply(gradients, variables)


def _logit(model: Any, features: Any) -> Any:
    """The student's logit without dropout, float32 ``(batch, 1)``."""
    return ops.cast(model.logits(features, training=False), "float32")
