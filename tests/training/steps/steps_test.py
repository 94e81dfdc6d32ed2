"""A step of a plan's own: its two batches, its state in the checkpoint, its derivatives."""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.models import DNN, FM, CTRModel
from tfctr.spec import BoundSpec, FeatureSpec
from tfctr.training import FitConfig, fit
from tfctr.training.steps import BilevelStep, Step, displaced, gradients_of, loss_of, norm_of

SPEC = FeatureSpec(
    name="steps",
    features=[
        {"kind": "categorical", "name": "site", "role": "context"},
        {"kind": "numeric", "name": "price", "role": "item"},
    ],
    tasks=[{"name": "click", "label": "clicked"}],
    split={"by": "hash", "column": "site"},
)
BOUND = SPEC.bind({"site": 9})


def rows(count: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    site, price = rng.integers(1, 9, count), rng.normal(size=count).astype("float32")
    return {"site": site, "price": price, "click": (price + site > 4.5).astype("float32")}


def plan(count: int, seed: int, batch_size: int = 20) -> ArrayPlan:
    return ArrayPlan(rows(count, seed), SPEC, batch_size=batch_size, seed=seed)


def first(batches: ArrayPlan) -> Any:
    return next(iter(batches.epoch(0)))


class Scaled(FM):
    """An FM whose logit is multiplied by an architecture weight of two numbers."""

    def __init__(self, spec: BoundSpec | dict[str, Any], **kwargs: Any):
        super().__init__(spec, **kwargs)
        self.scale = self.add_weight(name="scale", shape=(2,), initializer="ones", trainable=False)

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        logit = super().logits(features, training=training)
        return logit * ops.sum(ops.convert_to_tensor(self.scale)) / 2 + self.scale[1] - 1.0


def scaled(rate: float = 0.1) -> Scaled:
    keras.utils.set_random_seed(1)
    model = Scaled(BOUND, embedding_dim=4, embedding_initializer=keras.initializers.RandomNormal(stddev=0.3, seed=0))
    model.build()
    model.compile(keras.optimizers.SGD(rate))
    model.optimizer.build(model.trainable_variables)
    return model


def bilevel(search: ArrayPlan, **options: Any) -> BilevelStep:
    return BilevelStep(search, lambda model: [model.scale], keras.optimizers.SGD(0.5), **options)


def search_loss_after_a_step(model: Scaled, scale: np.ndarray, train: Any, search: Any) -> float:
    """The upper loss as the lower level's step makes it, by brute force."""
    before = [weight.numpy() for weight in model.weights]
    model.scale.assign(scale)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(train[0], train[1], model(train[0], training=True), None)
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_variables])
    for weight, gradient in zip(model.trainable_variables, gradients, strict=True):
        weight.assign_sub(0.1 * tf.convert_to_tensor(gradient))
    after = float(model.compute_loss(search[0], search[1], model(search[0], training=True), None))
    for weight, value in zip(model.weights, before, strict=True):
        weight.assign(value)
    return after


def test_the_second_order_gradient_is_the_derivative_through_the_weights_step() -> None:
    model, train, search = scaled(), first(plan(40, 1, 40)), first(plan(40, 2, 40))
    scale, probe = np.array([1.3, 0.6], "float32"), 5e-3
    model.scale.assign(scale)
    wanted = [
        (
            search_loss_after_a_step(model, scale + probe * unit, train, search)
            - search_loss_after_a_step(model, scale - probe * unit, train, search)
        )
        / (2 * probe)
        for unit in np.eye(2, dtype="float32")
    ]
    step = bilevel(plan(40, 2, 40), order=2, inner_rate=0.1)
    step.build(model)
    (_, [second]), (_, [first_order]) = (
        step.hypergradients(model, train, search),
        gradients_of(model, search, [model.scale]),
    )
    np.testing.assert_allclose(second, wanted, rtol=2e-3)
    assert np.abs(first_order - wanted).max() > 5 * np.abs(second - wanted).max()


def test_an_evaluation_and_a_displacement_leave_no_trace() -> None:
    model = DNN(
        BOUND, hidden_units=(4,), dropout_rate=0.5, batch_norm=True, kernel_regularizer=keras.regularizers.L2(0.1)
    )
    model.build()
    model.compile("sgd")
    batch, before = first(plan(40, 1)), [np.array(weight) for weight in model.variables]
    losses = [float(loss_of(model, batch)) for _ in range(2)]
    assert losses[0] == losses[1]  # the same dropout
    weights = model.trainable_variables
    _, gradients = gradients_of(model, batch, weights)
    assert any(isinstance(gradient, tf.IndexedSlices) for gradient in gradients)
    with displaced(weights, gradients, -0.1):
        assert float(loss_of(model, batch)) < losses[0]
    for weight, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_the_loss_is_keras_own_with_penalties() -> None:
    model = DNN(BOUND, hidden_units=(4,), embedding_l2=0.1, kernel_regularizer=keras.regularizers.L2(0.1))
    model.build()
    model.compile("sgd")
    features, labels = first(plan(40, 1))
    assert float(loss_of(model, (features, labels))) == pytest.approx(
        float(model.compute_loss(features, labels, model(features, training=True), None)), rel=1e-6
    )


def test_a_length_counts_a_row_that_stands_twice_once() -> None:
    slices = tf.IndexedSlices(tf.constant([[1.0], [2.0], [4.0]]), tf.constant([0, 0, 1]), tf.constant([3, 1]))
    assert float(norm_of([slices, None, tf.constant([12.0])])) == pytest.approx(13.0)


def test_weights_learn_from_training_rows_and_the_architecture_from_search_rows() -> None:
    """Each level sees its own rows alone: where one's rows change, the other's first step stays."""

    def moved(train: ArrayPlan, search: ArrayPlan) -> tuple[np.ndarray, list[np.ndarray]]:
        model, step = scaled(), bilevel(search)
        step.build(model)
        step(model, first(train), first(search))
        return np.array(model.scale), [np.array(weight) for weight in model.trainable_variables]

    scale, _ = moved(plan(20, 1), plan(20, 2))
    scale_too, _ = moved(plan(20, 3), plan(20, 2))
    other_scale, _ = moved(plan(20, 1), plan(20, 4))
    np.testing.assert_array_equal(scale, scale_too)
    assert np.abs(scale - other_scale).max() > 1e-4
    model = scaled()
    fit(model, plan(60, 1), plan(20, 2).epoch(0), FitConfig(epochs=1))
    np.testing.assert_array_equal(model.scale, [1.0, 1.0])  # no business of the optimizer of the weights


class Killed(keras.callbacks.Callback):
    """Stops a run in the middle of its second epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.steps += 1
        if self.steps == 8:
            raise KeyboardInterrupt


@pytest.mark.parametrize("order", [1, 2])
def test_a_killed_run_ends_with_the_same_weights_and_architecture(order: Any, tmp_path: Path) -> None:
    """The search plan has fewer batches than the training plan, and momentum of the architecture's optimizer counts."""

    def run(folder: Path, killed: bool = False) -> Scaled:
        model, config = scaled(), FitConfig(epochs=3, checkpoint_seconds=0)
        optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
        step = BilevelStep(plan(60, 2), lambda model: [model.scale], optimizer, order=order)
        valid = array_dataset(rows(50, 3), SPEC, batch_size=50)
        with contextlib.suppress(KeyboardInterrupt):
            fit(model, plan(100, 1), valid, config, folder, (Killed(),) if killed else (), step=step, keep="last")
        return model

    whole = run(tmp_path / "whole")
    run(tmp_path / "cut", killed=True)
    for one, other in zip(run(tmp_path / "cut").weights, whole.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.abs(np.array(whole.scale) - 1).max() > 1e-3


def test_a_checkpoint_of_another_step_is_refused(tmp_path: Path) -> None:
    valid = array_dataset(rows(50, 3), SPEC, batch_size=50)
    for order, message in ((1, None), (2, "belongs to a run with another")):
        check = pytest.raises(ValueError, match=message) if message else contextlib.nullcontext()
        with check:
            fit(scaled(), plan(60, 1), valid, FitConfig(epochs=1), tmp_path, step=bilevel(plan(60, 2), order=order))


class Guided(Step):
    """A loss that pulls logits to a number that stands beside the features."""

    def extra_loss(self, features: Any, labels: Any, weights: Any, logits: Any) -> Any:
        return ops.mean(ops.square(logits - 3.0 * features["price"][:, None]))


def test_a_loss_of_labels_and_logits_enters_training_alone(tmp_path: Path) -> None:
    valid = array_dataset(rows(50, 3), SPEC, batch_size=50)

    def trained(step: Step | None) -> CTRModel:
        keras.utils.set_random_seed(0)
        model = DNN(BOUND, hidden_units=(8,), embedding_dim=4)
        fit(model, plan(400, 1), valid, FitConfig(epochs=4, learning_rate=0.05), step=step)
        return model

    guided, plain = trained(Guided()), trained(None)
    features = rows(200, 5)

    def distance(model: CTRModel) -> float:
        return float(ops.mean(ops.square(model.logits(features) - 3.0 * features["price"][:, None])))

    assert distance(guided) < 0.3 * distance(plain)
    labels = features["click"][:, None]
    loss = guided.evaluate(features, labels, verbose=0)
    probability = guided.predict_on_batch(features)
    assert loss == pytest.approx(float(keras.losses.BinaryCrossentropy()(labels, probability)), rel=1e-5)


class Asking(DNN):
    """A model whose loss looks at the labels, as a subclass writes it."""

    def extra_loss(self, features: Any, labels: Any, weights: Any, logits: Any) -> Any:
        return 100.0 * ops.mean(labels) + 0.0 * ops.mean(logits)


def test_a_subclass_may_write_the_loss() -> None:
    model, data = Asking(BOUND, hidden_units=(4,)), rows(40, 1)
    model.compile("sgd")
    labels = data["click"][:, None]
    loss = model.fit(data, labels, batch_size=40, verbose=0).history["loss"][0]
    assert loss == pytest.approx(100 * labels.mean() + 0.69, abs=0.3)
    assert model.evaluate(data, labels, verbose=0) < 2


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ValueError, match=r"order is 1 or 2\. Received: 3"):
        bilevel(plan(20, 1), order=3)  # type: ignore[arg-type]
    empty = ArrayPlan(rows(5, 1), SPEC, batch_size=20, drop_remainder=True)
    with pytest.raises(ValueError, match="the search plan has no batch"):
        fit(scaled(), plan(40, 1), plan(20, 2).epoch(0), FitConfig(epochs=1), step=bilevel(empty))


def test_a_search_batch_that_is_held_is_the_same_for_some_steps_wherever_an_epoch_goes_on() -> None:
    train, search = plan(140, 1), plan(60, 2)

    def seen(first_step: int) -> list[np.ndarray]:
        batches = Step(search, hold=2).batches(train.epoch(3, first_step), search, 3, first_step)
        return [np.array(found[0]["price"]) for _, found in batches]

    whole = seen(0)
    assert [np.array_equal(one, other) for one, other in itertools.pairwise(whole)] == [True, False] * 3
    np.testing.assert_array_equal(whole[6], whole[0])  # three batches: the fourth is the first again
    for first_step in (1, 2, 5):
        np.testing.assert_array_equal(seen(first_step), whole[first_step:])
