"""Keras metrics against the exact functions, in a real fit on TensorFlow and, in a child process, on JAX."""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest

from tests import on_jax
from tests.training.metrics import keras_fit
from tfctr.training import metrics
from tfctr.training.metrics import keras_metrics
from tfctr.training.metrics.evaluation_callback import EvaluationCallback

CASES = [
    (keras_metrics.StreamingAUC(), metrics.auc),
    (keras_metrics.NormalizedEntropy(), metrics.normalized_entropy),
    (keras_metrics.ExpectedCalibrationError(bins=10), lambda *a: metrics.expected_calibration_error(*a, bins=10)),
    (keras_metrics.CalibrationRatio(), metrics.calibration_ratio),
]
by_name = pytest.mark.parametrize(("metric", "exact"), CASES, ids=[metric.name for metric, _ in CASES])


@by_name
def test_equals_the_exact_function_over_batches(metric, exact):
    rng = np.random.default_rng(7)
    p = rng.random(1000).astype(np.float32) ** 2
    y, w = rng.random(1000) < p, rng.choice([0.0, 1.0, 2.5], 1000)
    metric.reset_state()
    for part in np.split(np.arange(1000), [300, 301, 301, 800]):
        metric.update_state(y[part][:, None], p[part][:, None], w[part])
    # the AUC is a histogram's: ties inside a bin; the others differ by float32 only
    tolerance = 5e-5 if metric.name == "auc" else 1e-6
    assert float(metric.result()) == pytest.approx(exact(y, p, w), abs=tolerance)
    metric.reset_state()
    metric.update_state(y, p)
    assert float(metric.result()) == pytest.approx(exact(y, p), abs=tolerance)


@by_name
def test_ends_of_the_unit_interval_and_undefined_cases(metric, exact):
    p = np.array([0.0, 1.0, 0.0, 1.0, 0.5], np.float32)
    metric.reset_state()
    metric.update_state([0, 1, 1, 0, 1], p)
    # float32's 1 - 1e-7 is 1 - 1.19e-7: the sure mistake costs a little less
    assert float(metric.result()) == pytest.approx(exact([0, 1, 1, 0, 1], p), rel=0.01)
    metric.reset_state()
    metric.update_state([0, 0], [0.1, 0.2])
    one_class = exact([0, 0], [0.1, 0.2])
    assert float(metric.result()) == pytest.approx(one_class, nan_ok=True)
    metric.update_state([1, 0], [np.nan, 0.2])
    assert np.isnan(float(metric.result()))
    metric.reset_state()
    assert np.isnan(float(metric.result()))


@by_name
def test_rows_of_weight_zero_are_not_there(metric, exact):
    metric.reset_state()
    metric.update_state([1, 0, 0, np.nan], [0.7, 0.4, 0.2, np.nan], [1, 1, 2, 0])
    assert float(metric.result()) == pytest.approx(exact([1, 0, 0], [0.7, 0.4, 0.2], [1, 1, 2]), abs=1e-6)


@by_name
def test_config_makes_the_same_metric(metric, exact):
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert type(again) is type(metric)
    assert again.get_config() == metric.get_config()


def test_sums_keep_counting_where_float32_stops():
    # 2^24 rows of weight 1, then single rows: plain float32 would stay at 16,777,216
    metric = keras_metrics.CalibrationRatio()
    metric.update_state([1.0], [1.0], [float(2**24)])
    for _ in range(64):
        metric.update_state([1.0, 1.0], [0.0, 0.0], [1.0, 0.0])
    assert float(metric.result()) == pytest.approx(2**24 / (2**24 + 64), abs=1e-9)
    total, lost = (float(variable) for variable in metric.variables[2:])
    assert total + lost == 2**24 + 64


@pytest.mark.parametrize("jit", [False, True])
def test_in_fit_and_evaluate_on_tensorflow(jit):
    keras_fit.check(jit_compile=jit)


def test_in_fit_and_evaluate_on_jax():
    child = subprocess.run(
        [sys.executable, "-m", "tests.training.metrics.keras_fit"],
        env=on_jax.environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-3000:]
    assert child.stdout.split() == ["jax", "ok"]


class RowModel(keras.Model):
    """Looks at the group id only to prove that it may be in the features."""

    def __init__(self):
        super().__init__()
        self.head = keras.layers.Dense(1, activation="sigmoid")

    def call(self, features):
        return self.head(features["x"])


def test_callback_puts_gauc_into_the_logs_for_early_stopping():
    import tensorflow as tf

    rng = np.random.default_rng(0)
    x, groups = rng.normal(size=(300, 3)).astype(np.float32), rng.integers(0, 30, 300)
    y = (rng.random((300, 1)) < 1 / (1 + np.exp(-x[:, :1]))).astype(np.float32)
    data = tf.data.Dataset.from_tensor_slices(({"x": x, "meta__group": groups}, y)).batch(70)
    model = RowModel()
    model.compile("sgd", "binary_crossentropy")

    def evaluate(model, dataset):
        p = np.concatenate([model.predict_on_batch(features) for features, _ in dataset])
        return metrics.evaluate_arrays(y, p, groups)

    stop = keras.callbacks.EarlyStopping("val_gauc", mode="max", patience=0, min_delta=1.0)
    callback = EvaluationCallback(data, evaluate=evaluate)
    history = model.fit(data, epochs=5, shuffle=False, callbacks=[callback, stop], verbose=0).history
    assert len(history["val_gauc"]) == 2  # no gain of 1.0: stopped after the second epoch
    expected = metrics.gauc(y, model.predict(data, verbose=0), groups)
    assert history["val_gauc"][-1] == pytest.approx(expected.value, abs=1e-6)
    assert history["val_gauc_skipped_rows_share"][-1] == pytest.approx(expected.skipped_rows_share)


def test_callback_every_second_epoch():
    logs: dict[str, float] = {}
    callback = EvaluationCallback(None, prefix="test_", every=2, evaluate=lambda model, dataset: {"auc": 0.5})
    callback.on_epoch_end(0, logs)
    assert logs == {}
    callback.on_epoch_end(1, logs)
    assert logs == {"test_auc": 0.5}
    with pytest.raises(ValueError, match="every must be at least 1"):
        EvaluationCallback(None, every=0)


@pytest.mark.parametrize("make", [keras_metrics.StreamingAUC, keras_metrics.ExpectedCalibrationError])
def test_bad_bins_are_named(make):
    with pytest.raises(ValueError, match="bins must be at least"):
        make(bins=0)
