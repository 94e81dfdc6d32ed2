"""Training in another precision than float32."""

from __future__ import annotations

import keras
import pytest

from tests.training.planted import bound, train_plan, valid_data
from tfctr.models.dnn import DNN
from tfctr.training import FitConfig, fit


def test_a_model_made_in_bfloat16_learns_and_keeps_its_weights_in_float32() -> None:
    config = FitConfig(epochs=8, learning_rate=0.02, precision="mixed_bfloat16")
    keras.utils.set_random_seed(3)
    model = DNN(bound(), embedding_dim=4, hidden_units=(16,), dtype=config.precision)
    result = fit(model, train_plan(), valid_data(), config)
    assert result.best["val_auc"] > 0.65
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    assert model.mlp.compute_dtype == "bfloat16"


def test_another_precision_than_the_models_is_refused() -> None:
    model = DNN(bound(), embedding_dim=4, hidden_units=(16,))
    with pytest.raises(ValueError, match="made with 'float32'"):
        fit(model, train_plan(), valid_data(), FitConfig(precision="mixed_bfloat16"))
