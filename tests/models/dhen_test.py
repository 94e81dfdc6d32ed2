"""DHEN as a model: without histories, with several, its own losses, and what it asks of a spec."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tests.models.specs import categorical, crossed_rows, crossed_spec, sequence
from tfctr.layers.field_blocks import DHENLayer
from tfctr.layers.interaction import flatten_fields
from tfctr.models import DHEN
from tfctr.spec import BoundSpec, FeatureSpec, SpecError

pytestmark = pytest.mark.usefixtures("seed")

SMALL = {"embedding_dim": 4, "tower_units": (), "encoder_layers": 1}
RANDOM = np.random.default_rng(0)
MASK = np.arange(5) < RANDOM.integers(0, 6, 16)[:, None]


def column(rows: int) -> np.ndarray:
    return np.where(MASK, RANDOM.integers(1, rows, (16, 5)), 0)


FEATURES = {
    "item": RANDOM.integers(1, 9, 16),
    "shop": RANDOM.integers(1, 4, 16),
    "seen": column(9),
    "seen_kind": column(5),
    "elsewhere": column(6),
    "elsewhere_shop": column(4),
}


def spec_of(*more: dict[str, Any]) -> BoundSpec:
    """Items seen on the site with the kind of each event, and events elsewhere with the shop of each."""
    aligned = {"kind": "sequence", "role": "user", "max_length": 5}
    histories = more or (
        sequence("seen", "item", 5),
        {**aligned, "name": "seen_kind", "aligned_with": "seen"},
        {**aligned, "name": "elsewhere"},
        {**aligned, "name": "elsewhere_shop", "aligned_with": "elsewhere", "shares": "shop"},
    )
    spec = FeatureSpec(
        name="toy",
        features=[categorical("item"), categorical("shop"), *histories],
        tasks=[{"name": "click", "label": "clicked"}, {"name": "buy", "label": "bought", "mask": "known"}],
        split={"by": "hash", "column": "row"},
    )
    rows = {"item": 9, "shop": 4, "seen_kind": 5, "elsewhere": 6}
    return spec.bind({name: rows[name] for name in spec.tables})


def test_without_histories_it_is_the_first_paper_s_network() -> None:
    features, _ = crossed_rows(16, seed=3)
    model = DHEN(crossed_spec(), embedding_dim=4, tower_units=(5,), modules=("linear", "cross"), num_layers=2)
    model.build()
    assert not model.encoders
    layers = [DHENLayer(("linear", "cross"), 2) for _ in range(2)]
    fields = model.embedding(features).fields
    for layer, trained in zip(layers, model.layers_of_modules, strict=True):
        layer.build(fields.shape)
        layer.set_weights(trained.get_weights())
        fields = layer(fields)
    logit = model.towers(flatten_fields(fields))["click"]
    np.testing.assert_allclose(model.logits(features), logit, rtol=1e-5, atol=1e-6)


def test_every_history_gives_an_embedding_and_predicts_what_has_no_candidate() -> None:
    model = DHEN(spec_of(), **SMALL)
    model.build()
    assert [encoder.name for encoder in model.encoders] == ["encoder_seen", "encoder_elsewhere"]
    assert [encoder.num_actions for encoder in model.encoders] == [(5,), (6,)]
    assert model.layers_of_modules[0].out_embeddings == 2  # two fields and two histories over three modules
    before = model(FEATURES)
    changed = {**FEATURES, "elsewhere": np.where(MASK, FEATURES["elsewhere"] % 5 + 1, 0)}
    moved = np.abs(model(changed)["buy"] - before["buy"])[:, 0] > 1e-7
    np.testing.assert_array_equal(moved, MASK.any(axis=1))


def test_the_auxiliary_losses_are_there_in_training_alone() -> None:
    model = DHEN(spec_of(), **SMALL)
    model(FEATURES, training=False)
    assert not model.losses
    model(FEATURES, training=True)
    assert len(model.losses) == 2
    one = DHEN(spec_of(), **SMALL, auxiliary_weight={"elsewhere": 0.5})
    one(FEATURES, training=True)
    assert len(one.losses) == 1
    none = DHEN(spec_of(), **SMALL, auxiliary_weight=0)
    none(FEATURES, training=True)
    assert not none.losses


def test_the_loss_of_a_step_is_that_of_the_tasks_and_of_the_histories() -> None:
    model = DHEN(spec_of(), **SMALL)
    model.build()
    model.compile(optimizer=keras.optimizers.SGD(0.0), jit_compile=False)
    labels = {task: (RANDOM.random((16, 1)) < 0.5).astype("float32") for task in ("click", "buy")}
    logs = model.train_on_batch(FEATURES, labels, return_dict=True)
    model(FEATURES, training=True)
    auxiliary = sum(float(loss) for loss in model.losses)
    assert auxiliary > 0
    assert logs["loss"] == pytest.approx(logs["click_loss"] + logs["buy_loss"] + auxiliary, rel=1e-4)


def test_what_a_spec_must_have() -> None:
    alone = {"kind": "sequence", "name": "elsewhere", "role": "user", "max_length": 5}
    with pytest.raises(SpecError, match=r"features\.2\.target: DHEN asks what a candidate finds in 'elsewhere'"):
        DHEN(spec_of(alone), **SMALL)
    chained = sequence("again", "item", 5, target="seen")
    with pytest.raises(SpecError, match="'again' is compared with 'seen', which is a sequence itself"):
        DHEN(spec_of(sequence("seen", "item", 5), chained), **SMALL)
    with pytest.raises(ValueError, match=r"auxiliary_weight names \['bought'\]"):
        DHEN(spec_of(), **SMALL, auxiliary_weight={"bought": 0.1})
    with pytest.raises(ValueError, match="num_layers=0"):
        DHEN(spec_of(), num_layers=0)
