"""A small fit with every Keras metric, run by the tests on each backend."""

from __future__ import annotations

import keras
import numpy as np

from tfctr.training import metrics
from tfctr.training.metrics import keras_metrics


def check(jit_compile: bool | str = "auto") -> None:
    """Fit and evaluate with weights; the metrics must equal the exact ones on the same predictions."""
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2000, 4)).astype(np.float32)
    y = (rng.random((2000, 1)) < 1 / (1 + np.exp(1 - 2 * x[:, :1]))).astype(np.float32)
    w = rng.choice([0.0, 1.0, 2.0], 2000).astype(np.float32)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(
        keras.optimizers.Adam(0.05),
        "binary_crossentropy",
        weighted_metrics=[
            keras_metrics.StreamingAUC(),
            keras_metrics.NormalizedEntropy(),
            keras_metrics.ExpectedCalibrationError(),
            keras_metrics.CalibrationRatio(),
        ],
        jit_compile=jit_compile,
    )
    history = model.fit(x, y, sample_weight=w, epochs=3, batch_size=128, verbose=0).history
    assert history["auc"][-1] > history["auc"][0]
    assert history["normalized_entropy"][-1] < history["normalized_entropy"][0]

    found = model.evaluate(x, y, sample_weight=w, batch_size=300, verbose=0, return_dict=True)
    exact = metrics.evaluate_arrays(y, model.predict(x, verbose=0), weights=w)
    for name in ("auc", "normalized_entropy", "ece", "calibration_ratio"):
        tolerance = 5e-5 if name == "auc" else 1e-5  # the AUC's bins; float32
        assert abs(found[name] - exact[name]) < tolerance, (name, found[name], exact[name])


if __name__ == "__main__":
    check()
    print(keras.backend.backend(), "ok")
