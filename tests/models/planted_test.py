"""Structure that only the mechanism of a paper can find; each test also shows the failure without it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tests.models.specs import auc, crossed_rows, crossed_spec, fitted, history_rows, history_spec
from tfctr.layers.sequence import SumPooling
from tfctr.models import DIN, FM, LR, AutoInt, CTRModel, DCNv2, DeepFM, FinalMLP, WideDeep

pytestmark = pytest.mark.usefixtures("seed")

TRAIN, TEST = crossed_rows(4000, seed=0), crossed_rows(2000, seed=1)
SMALL = {"embedding_dim": 4}


def learned_cross(model: CTRModel, *, epochs: int = 5, learning_rate: float = 0.03) -> float:
    return auc(fitted(model, *TRAIN, epochs=epochs, learning_rate=learning_rate), *TEST)


def test_a_linear_model_cannot_see_a_cross() -> None:
    assert 0.45 < learned_cross(LR(crossed_spec())) < 0.55


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        (FM, {}),
        (WideDeep, {"hidden_units": (16,)}),
        (DeepFM, {"hidden_units": (16,)}),
        (DCNv2, {"hidden_units": (), "num_cross_layers": 2}),
        (DCNv2, {"hidden_units": (), "num_cross_layers": 2, "rank": 4, "num_experts": 2}),
    ],
)
def test_a_cross_is_found(model: type[CTRModel], settings: dict[str, Any]) -> None:
    assert learned_cross(model(crossed_spec(), **SMALL, **settings)) > 0.9


def test_attention_lies_on_the_two_crossed_fields() -> None:
    model = AutoInt(crossed_spec(), **SMALL, num_layers=2, head_dim=8)
    assert learned_cross(model) > 0.9
    attention = np.mean(model.attention_maps(TEST[0])[0], axis=(0, 1))
    np.fill_diagonal(attention, 0)
    largest = {tuple(np.unravel_index(i, (4, 4))) for i in np.argsort(attention, axis=None)[-2:]}
    assert largest == {(0, 1), (1, 0)}  # a looks at b and b at a


def test_bilinear_fusion_crosses_what_the_streams_see_apart() -> None:
    def model(bilinear: bool) -> FinalMLP:
        made = FinalMLP(
            crossed_spec(), embedding_dim=8, hidden_units1=(16,), hidden_units2=(16,), gate_units=(4,), num_heads=2
        )
        made.build()
        for gate, visible in zip(made.gates, (0, 1), strict=True):  # stream 1 sees field a alone, stream 2 field b
            bias = np.full((4, 8), -100.0)
            bias[visible] = 0.0
            gate.trainable_weights[-1].assign(bias.ravel())
            gate.trainable = False
        (product,) = [w for w in made.fusion.weights if w.name == "bilinear"]
        if not bilinear:
            product.assign(np.zeros(product.shape))
            product.trainable = False
        return made

    assert learned_cross(model(bilinear=True), epochs=10, learning_rate=0.05) > 0.9
    assert learned_cross(model(bilinear=False), epochs=10, learning_rate=0.05) < 0.55


class SumOfHistory(DIN):
    """DIN with its attention taken out: every event counts the same."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.attentions = [SumPooling()]


def test_attention_finds_the_one_event_that_matters() -> None:
    train, test = history_rows(6000, seed=0), history_rows(2000, seed=1)
    found = {}
    for model in (DIN, SumOfHistory):
        keras.utils.set_random_seed(1)
        made = model(history_spec(), embedding_dim=6, hidden_units=(16,), attention_units=(16,))
        found[model] = auc(fitted(made, *train, epochs=10, learning_rate=0.02), *test)
    assert found[DIN] > 0.9
    assert found[DIN] - found[SumOfHistory] >= 0.05
