"""Distil's ratios find out in which rows a teacher is right. Steps are traced once for all seeds."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from sklearn.metrics import roc_auc_score

from tests.plans.taught import BOUND, LIKES, SPEC, rows
from tfctr.data.batches import ArrayPlan
from tfctr.models import LR, CTRModel
from tfctr.plans.distil._step import DistilStep
from tfctr.plans.distil._teacher import TEACHER, class_means
from tfctr.plans.distil._triangle_step import TriangleStep, ratio_network
from tfctr.training import FitConfig
from tfctr.training.optimizers import make_optimizer

SEEDS = (0, 1, 2)
EPOCHS, BATCH = 8, 300
JUDGED = rows(20_000, 7)


class Trainer:
    """A student that a step trains, again and again from where it began."""

    def __init__(self, step: DistilStep):
        self.model, self.step = LR(BOUND), step
        self.model.build()
        self.model.compile(make_optimizer(FitConfig(learning_rate=0.03)))
        self.model.optimizer.build(self.model.trainable_variables)
        step.build(self.model)
        self.model.take_step(step)
        self._lasting = [*self.model.variables, *self.model.optimizer.variables, *step.variables]
        self._first = [np.array(variable) for variable in self._lasting]
        self._train = tf.function(lambda *batches: step(self.model, *batches), reduce_retracing=True)

    def train(self, train: ArrayPlan, search: ArrayPlan | None, seed: int, epochs: int = EPOCHS) -> CTRModel:
        for variable, value in zip(self._lasting, self._first, strict=True):
            variable.assign(value)
        if isinstance(self.step, TriangleStep):
            self.step.network.set_weights(ratio_network((32, 16), seed).get_weights())
        for epoch in range(epochs):
            for batches in self.step.batches(train.epoch(epoch), search, epoch, 0):
                self._train(*batches)
        return self.model

    def ratios(self, data: dict[str, np.ndarray], teacher: np.ndarray) -> np.ndarray:
        logit = ops.cast(self.model.logits(data), "float32")
        return np.asarray(self.step.alpha(logit, teacher[:, None], data["click"][:, None]))[:, 0]


def teacher_of(data: dict[str, np.ndarray], *, lies: bool) -> np.ndarray:
    """The true logits; a teacher that lies says the contrary in the second half of the rows."""
    truth = LIKES[data["user"], data["ad"]]
    return np.where((data["half"] == 2) & lies, -truth, truth).astype("float32")


def plan(data: dict[str, np.ndarray], seed: int, *, lies: bool) -> ArrayPlan:
    teacher = teacher_of(data, lies=lies)
    return ArrayPlan(data, SPEC, batch_size=BATCH, seed=seed).with_columns({TEACHER: teacher})


def auc_of(model: CTRModel) -> float:
    return float(roc_auc_score(JUDGED["click"], np.asarray(model.logits(JUDGED))[:, 0]))


@pytest.fixture(scope="module")
def learned() -> Trainer:
    data = rows(9_000, 0)
    optimizer = keras.optimizers.Adam(0.01, epsilon=1e-12, weight_decay=0.05)
    means = class_means(teacher_of(data, lies=True), data["click"])
    network = ratio_network((32, 16), 0)
    return Trainer(TriangleStep(network, optimizer, means, temperature=1.0, steps=0, search=None))


@pytest.fixture(scope="module")
def fixed() -> tuple[Trainer, tf.Variable]:
    """A student at one ratio, which is set from outside."""
    alpha = tf.Variable(0.0)
    return Trainer(DistilStep(lambda student, *_: ops.ones_like(student) * alpha, 1.0, 1)), alpha


def test_a_teacher_that_lies_in_half_of_the_rows_counts_in_the_other_half(
    learned: Trainer, fixed: tuple[Trainer, tf.Variable]
) -> None:
    """Less harm than at a fixed ratio, and more learned than from labels alone."""
    for seed in SEEDS:
        told = plan(rows(9_000, 10 * seed), seed, lies=True)
        train, search = told.split(0.3, seed=seed)
        found = auc_of(learned.train(train, search.with_batch_size(10 * BATCH), seed))
        ratios, wrong = learned.ratios(JUDGED, teacher_of(JUDGED, lies=True)), JUDGED["half"] == 2
        assert ratios[~wrong].mean() > ratios[wrong].mean() + 0.15, seed
        for ratio, margin in ((0.0, 0.001), (0.5, 0.005)):
            fixed[1].assign(ratio)
            assert found > auc_of(fixed[0].train(told, None, seed)) + margin, (seed, ratio)


def test_a_teacher_that_is_right_counts_more_where_labels_are_wrong(learned: Trainer) -> None:
    """Of training rows three labels in ten are wrong, of search rows none."""
    for seed in SEEDS:
        train = plan(rows(3_000, 10 * seed, noise=0.3), seed, lies=False)
        search = plan(rows(3_000, 10 * seed + 1), seed, lies=False).with_batch_size(10 * BATCH)
        before, after = (
            learned.train(train, search, seed, epochs) and learned.ratios(JUDGED, teacher_of(JUDGED, lies=False)).mean()
            for epochs in (0, 4)
        )
        assert after > before + 0.08, seed
