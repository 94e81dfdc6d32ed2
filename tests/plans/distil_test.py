"""Distil: losses by hand, ratios that learn from validation rows, and a student that goes out alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tests.plans.taught import BOUND, IDS, LIKES, SPEC, rows
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.models import DNN, FM, LR, CTRModel
from tfctr.plans import Distil
from tfctr.plans.distil._losses import label_loss, teacher_loss
from tfctr.plans.distil._ratios import ada, annealed, constant, wls
from tfctr.plans.distil._running_standard import RunningStandard
from tfctr.plans.distil._step import DistilStep
from tfctr.plans.distil._teacher import TEACHER, class_means, joint_logits, logits_of
from tfctr.plans.distil._triangle_step import TriangleStep, ratio_network, triangle_state
from tfctr.spec import BoundSpec, FeatureSpec
from tfctr.training import FitConfig, fit


@keras.saving.register_keras_serializable(package="tests")
class Oracle(CTRModel):
    """Knows what users like."""

    def __init__(self, spec: BoundSpec | dict[str, Any], **options: Any):
        super().__init__(spec, **options)
        self.known = self.add_weight(
            name="known",
            shape=LIKES.shape,
            initializer=lambda shape, dtype=None: ops.convert_to_tensor(LIKES, dtype),
            trainable=False,
        )

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        flat = ops.reshape(ops.convert_to_tensor(self.known), (-1,))
        return ops.expand_dims(ops.take(flat, features["user"] * LIKES.shape[1] + features["ad"]), 1)


def oracle(folder: Path) -> str:
    model = Oracle(BOUND)
    model.build()
    model.save(folder / "oracle.keras")
    return str(folder / "oracle.keras")


# --- by hand ----------------------------------------------------------------------------------------------------------


def logit(probability: float) -> Any:
    return ops.convert_to_tensor([[np.log(probability / (1 - probability))]], "float32")


def test_the_losses_of_a_row() -> None:
    student, teacher, label = logit(0.7), logit(0.9), ops.ones((1, 1))
    assert float(label_loss(label, student)[0, 0]) == pytest.approx(0.3566749, abs=1e-6)
    assert float(teacher_loss(teacher, student, 2.0)[0, 0]) == pytest.approx(0.1886753, abs=1e-6)
    two_classes = keras.losses.KLDivergence()(
        ops.softmax(ops.concatenate([teacher, 0 * teacher], 1) / 2),
        ops.softmax(ops.concatenate([student, 0 * student], 1) / 2),
    )
    assert 4 * float(two_classes) == pytest.approx(0.1886753, abs=1e-5)
    mixed = 0.3 * teacher_loss(teacher, student, 2.0) + 0.7 * label_loss(label, student)
    assert float(mixed[0, 0]) == pytest.approx(0.3062750, abs=1e-6)
    assert np.isfinite(float(teacher_loss(1e3 + teacher, student - 1e3, 1.0)[0, 0]))


def test_the_state_of_a_row() -> None:
    wanted = [0.7, 0.3, 0.9, 0.1, 1, 0, 0.8, 0.2, 0.01, 0.01, 0.09, 0.09, 0.04, 0.04, 0.01, 0.01, 0.04, 0.04]
    state = triangle_state(logit(0.7), logit(0.9), ops.ones((1, 1)), np.array([0.3, 0.8]))
    np.testing.assert_allclose(state[0], wanted, atol=1e-6)
    other = triangle_state(logit(0.7), logit(0.9), ops.zeros((1, 1)), np.array([0.3, 0.8]))
    np.testing.assert_allclose(other[0, 4:8], [0, 1, 0.3, 0.7], atol=1e-6)


def test_the_simple_ratios() -> None:
    student, teacher = logit(0.7), logit(0.9)
    one, zero = ops.ones((1, 1)), ops.zeros((1, 1))
    assert float(constant(0.3)(student, teacher, one, 0.5)[0, 0]) == pytest.approx(0.3)
    assert float(annealed(1.0)(student, teacher, one, 0.25)[0, 0]) == pytest.approx(0.75)
    assert float(wls(student, teacher, one, 0)[0, 0]) == pytest.approx(1 - np.exp(-np.log(0.7) / np.log(0.9)), abs=1e-5)
    assert float(ada(student, teacher, one, 0)[0, 0]) == pytest.approx(0.8, abs=1e-6)
    assert float(ada(student, teacher, zero, 0)[0, 0]) == 0.0


def test_what_teachers_say_together_and_on_average() -> None:
    np.testing.assert_allclose(joint_logits([np.array([1.0, 2.0]), np.array([3.0, 2.0])]), [2.0, 2.0])
    means = class_means(np.array([0.0, 50.0, -50.0], "float32"), np.array([1.0, 1.0, 0.0]))
    np.testing.assert_allclose(means, [0.0, 0.75], atol=1e-6)
    np.testing.assert_allclose(class_means(np.zeros(2), np.ones(2)), [0.5, 0.5])


LINE = FeatureSpec(
    name="line",
    features=[{"kind": "numeric", "name": "x", "role": "item"}],
    tasks=[{"name": "click", "label": "clicked"}],
    meta={"time": "second"},
).bind({})


class Line(CTRModel):
    """``σ(θ x)``."""

    def __init__(self, spec: BoundSpec, **options: Any):
        super().__init__(spec, **options)
        self.theta = self.add_weight(name="theta", shape=(1, 1), initializer="zeros")

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        return ops.matmul(features["x"][:, None], self.theta)


def line(rate: float = 1.0) -> Line:
    model = Line(LINE)
    model.build()
    model.compile(keras.optimizers.SGD(rate))
    model.optimizer.build(model.trainable_variables)
    return model


def batch(x: Any, y: Any, teacher: Any) -> Any:
    features = {"x": tf.constant(x, tf.float32), TEACHER: tf.constant(teacher, tf.float32)}
    return features, tf.constant(y, tf.float32)[:, None]


def triangle(model: CTRModel, **options: Any) -> TriangleStep:
    step = TriangleStep(
        ratio_network((8, 4), 0),
        keras.optimizers.Adam(0.01, epsilon=1e-12),
        np.array([0.3, 0.7]),
        **{"temperature": 1.0, "steps": 100, "search": None, **options},
    )
    step.build(model)
    model.take_step(step)
    return step


def test_the_slope_along_a_ratio_by_hand() -> None:
    model = line()
    step = triangle(model)
    step.ratio = constant(0.5)
    train, valid = batch([1.0], [1.0], logit(0.9)[0]), batch([1.0], [1.0], [0.0])
    slopes, _ = step.slopes(model, train, valid)
    assert float(slopes[0, 0]) == pytest.approx(0.038936, rel=1e-3)  # the label is the better signal: α should fall
    assert float(model.theta[0, 0]) == 0.0
    model.plain_step(train)
    assert float(model.theta[0, 0]) == pytest.approx(0.45, abs=1e-6)


def test_the_slopes_are_what_the_validation_loss_does_when_the_network_moves() -> None:
    """dJ/dω by the step, and by a second student's step with the network's weights moved."""
    rng = np.random.default_rng(1)
    model = line(5.0)
    model.theta.assign([[0.3]])
    step = triangle(model, temperature=2.0)
    train = batch(rng.normal(size=6), rng.integers(0, 2, 6), 3 * rng.normal(size=6))
    valid = batch(rng.normal(size=6), rng.integers(0, 2, 6), np.zeros(6))
    slopes, states = step.slopes(model, train, valid)
    (kernel, *_) = step.network.trainable_variables
    with tf.GradientTape() as tape:
        ratios = step.network(states)
    gradient = np.asarray(tape.gradient(ratios, kernel.value, output_gradients=slopes))

    def after(moved: np.ndarray) -> float:
        before = [np.array(kernel), np.array(model.theta)]
        kernel.assign(before[0] + moved)
        model.plain_step(train)
        z, y = float(model.theta[0, 0]) * valid[0]["x"].numpy().astype("float64"), valid[1].numpy()[:, 0]
        loss = np.mean(np.logaddexp(0, z) - y * z)
        kernel.assign(before[0])
        model.theta.assign(before[1])
        return float(loss)

    direction = gradient / np.linalg.norm(gradient)
    numerical = (after(0.02 * direction) - after(-0.02 * direction)) / 0.04
    assert numerical == pytest.approx(np.linalg.norm(gradient), rel=1e-3)
    assert after(-1.0 * direction) < after(0 * direction)  # downhill


def test_the_students_step_is_that_of_a_mixture_with_fixed_ratios() -> None:
    rng = np.random.default_rng(2)
    train = batch(rng.normal(size=5), rng.integers(0, 2, 5), rng.normal(size=5))
    mixed, fixed = line(), line()
    step = triangle(mixed)
    start = np.array([[0.4]])
    for model in (mixed, fixed):
        model.theta.assign(start)
    student, teacher = mixed.logits(train[0]), train[0][TEACHER][:, None]
    alpha = np.asarray(step.alpha(student, teacher, train[1]))
    assert alpha.std() > 1e-4
    mixed.plain_step(train)
    with tf.GradientTape() as tape:
        own = fixed.logits(train[0])
        loss = tf.reduce_mean(alpha * teacher_loss(teacher, own, 1.0) + (1 - alpha) * label_loss(train[1], own))
    np.testing.assert_allclose(mixed.theta, start - tape.gradient(loss, fixed.theta.value), rtol=1e-5)


def test_states_are_standardized_by_running_figures_which_the_first_batch_sets() -> None:
    layer = RunningStandard()
    first, second = np.array([[1.0, 5.0], [3.0, 5.0]], "float32"), np.array([[12.0, 5.0], [12.0, 5.0]], "float32")
    np.testing.assert_allclose(layer(first, training=True), [[-1, 0], [1, 0]], atol=1e-3)
    np.testing.assert_allclose(layer(second, training=True)[0, 0], (12 - 3) / np.sqrt(0.9), rtol=1e-3)
    np.testing.assert_allclose(layer(second)[0, 0], (12 - 3) / np.sqrt(0.9), rtol=1e-3)


def test_a_cut_rate_of_the_student_does_not_slow_the_network_down() -> None:
    """Adam goes by what slopes were before: slopes a hundred times smaller would move nothing for a long time."""
    train, valid = batch([1.0, 2.0], [1.0, 0.0], [2.0, 3.0]), batch([1.0], [1.0], [0.0])
    moved = []
    for later in (1.0, 0.01):
        model = line()
        step = triangle(model)
        for number in range(12):
            model.theta.assign([[0.0]])
            model.optimizer.learning_rate = later if number else 1.0
            before = np.array(step.network.trainable_variables[0])
            step(model, train, valid)
        moved.append(np.abs(np.array(step.network.trainable_variables[0]) - before).max())
    assert moved[1] > 0.5 * moved[0]


# --- the plan ---------------------------------------------------------------------------------------------------------


CONFIG = {"epochs": 2, "patience": 2, "learning_rate": 0.01}


def distilled(folder: Path, file: str, **settings: Any) -> tuple[CTRModel, dict[str, Any]]:
    made = Distil(LR, {}, FitConfig(**CONFIG), teacher_files=(file,), temperature=1.0, **settings)
    model = made.run(BOUND, ArrayPlan(rows(500, 0), SPEC, batch_size=50), valid_rows(), folder)
    return model, made.reports(folder)[1]


def valid_rows() -> tf.data.Dataset:
    return array_dataset(rows(500, 1), SPEC, batch_size=500)


class Live:
    """The batches of a plan with a teacher who answers each one anew."""

    def __init__(self, plan: ArrayPlan, teacher: CTRModel):
        self.plan, self.teacher = plan, teacher
        self.batch_size, self.steps_per_epoch = plan.batch_size, plan.steps_per_epoch

    def epoch(self, epoch: int = 0, start_step: int = 0) -> tf.data.Dataset:
        def answered(features: dict[str, Any], labels: Any) -> Any:
            return {**features, TEACHER: self.teacher.logits(features, training=False)[:, 0]}, labels

        return self.plan.epoch(epoch, start_step).map(answered)


def test_answers_that_were_written_down_teach_as_a_teacher_at_hand() -> None:
    teacher = Oracle(BOUND)
    teacher.build()
    plan = ArrayPlan(rows(500, 0), SPEC, batch_size=50, seed=1)
    students = []
    for train in (Live(plan, teacher), plan.with_columns({TEACHER: logits_of(teacher, plan)})):
        keras.utils.set_random_seed(0)
        student = FM(BOUND, embedding_dim=4)
        fit(student, train, valid_rows(), FitConfig(epochs=2), step=DistilStep(constant(0.5), 2.0, 20))
        students.append(student)
    for one, other in zip(*(student.get_weights() for student in students), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_student_goes_out_alone(tmp_path: Path) -> None:
    student, report = distilled(tmp_path / "run", oracle(tmp_path), ratio="wls")
    plain = LR(BOUND)
    plain.build()
    assert [tuple(weight.shape) for weight in student.weights] == [tuple(weight.shape) for weight in plain.weights]
    assert [weight.name for weight in student.weights] == [weight.name for weight in plain.weights]
    assert 0 < report["mean_ratio"] < 1
    assert type(student) is LR
    assert set(student(rows(3, 1)).shape) == {3, 1}  # without a teacher's answer


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    settings = Distil.Settings(teacher="FinalMPL")
    (problem,) = Distil.settings_problems(settings, SPEC)
    assert "did you mean 'FinalMLP'?" in str(problem)
    two = FeatureSpec.model_validate(
        {**SPEC.model_dump(), "tasks": [{"name": "click", "label": "clicked"}, {"name": "buy", "label": "bought"}]}
    )
    (problem,) = Distil.problems(DNN, two)
    assert "one binary task, the spec has click (binary), buy (binary)" in str(problem)
    other = Oracle(SPEC.bind({"user": 1 + IDS, "ad": 1 + IDS, "half": 9}))
    other.build()
    other.save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match="was trained with another spec or other vocabularies"):
        distilled(tmp_path / "run", str(tmp_path / "other.keras"))
