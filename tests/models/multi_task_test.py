"""Models of several tasks: what they are made of, what they equal when parts are off, what masks and weights do."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.specs import categorical, crossed_rows
from tfctr.models import DNN, ESMM, PLE, CTRModel, MMoE, MultiTaskModel, SharedBottom
from tfctr.spec import BoundSpec, FeatureSpec, SpecError

pytestmark = pytest.mark.usefixtures("seed")

FEATURES, CLICKS = crossed_rows(16, seed=3)
BUYS = CLICKS * (np.arange(16) % 3 == 0)[:, None]
LABELS = {"click": CLICKS, "buy": BUYS}
SMALL = {"embedding_dim": 4}
EXPERTS = {**SMALL, "expert_units": (6,), "tower_units": (5,)}


def spec_of(**buy: Any) -> BoundSpec:
    """Fields a to d, a click, and a purchase after it."""
    spec = FeatureSpec(
        name="toy",
        features=list(map(categorical, "abcd")),
        tasks=[{"name": "click", "label": "clicked"}, {"name": "buy", "label": "bought", "after": "click", **buy}],
        split={"by": "hash", "column": "row"},
    )
    return spec.bind(dict.fromkeys("abcd", 11))


def one_task(task: str = "click") -> BoundSpec:
    whole = spec_of()
    alone = whole.spec.model_copy(update={"tasks": whole.spec.tasks[:1]})
    return alone.bind(whole.rows)


def models() -> list[MultiTaskModel]:
    return [
        SharedBottom(spec_of(), **SMALL, hidden_units=(6,), tower_units=(5,)),
        ESMM(spec_of(), **SMALL, hidden_units=(6,)),
        MMoE(spec_of(), **EXPERTS, num_experts=2),
        PLE(spec_of(), **EXPERTS),
    ]


every_model = pytest.mark.parametrize("model", models(), ids=lambda model: type(model).__name__)


def trained_part(model: CTRModel, part: Any) -> int:
    model.build()
    return sum(int(np.prod(weight.shape)) for weight in part.trainable_weights)


def gradients(model: CTRModel, weights: dict[str, np.ndarray] | None) -> list[np.ndarray]:
    """Gradients of the loss of one batch with these row weights."""
    if not model.built:
        model.build()
    model.compile(optimizer="sgd", jit_compile=False)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(FEATURES, LABELS, model(FEATURES, training=True), weights)
    found = tape.gradient(loss, [w.value for w in model.trainable_weights])
    pairs = zip(model.trainable_weights, found, strict=True)
    return [np.zeros(w.shape) if g is None else tf.convert_to_tensor(g).numpy() for w, g in pairs]


# --- numbers of the papers' comparison card ---------------------------------------------------------------------------


def test_parameters_of_a_shared_bottom_of_128_and_64_on_64_inputs() -> None:
    model = SharedBottom(spec_of(), embedding_dim=16, hidden_units=(128, 64))
    assert trained_part(model, model.bottom) == 16_576


def test_parameters_of_mmoe_with_four_experts_of_32_on_64_inputs() -> None:
    model = MMoE(spec_of(), embedding_dim=16, num_experts=4, expert_units=(32,), tower_units=(16,))
    model.build()
    tables = trained_part(model, model.embedding)
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) - tables == 9_930


# --- parts switched off -----------------------------------------------------------------------------------------------


def test_one_task_gives_a_tensor_and_shared_bottom_is_then_a_dnn() -> None:
    shared = SharedBottom(one_task(), **SMALL, hidden_units=(6,), tower_units=(5,))
    dnn = DNN(one_task(), **SMALL, hidden_units=(6, 5))
    shared.build(), dnn.build()
    dnn.set_weights(shared.get_weights())
    np.testing.assert_allclose(shared(FEATURES), dnn(FEATURES), rtol=1e-6)


def test_mmoe_with_one_expert_is_shared_bottom() -> None:
    mmoe = MMoE(spec_of(), **EXPERTS, num_experts=1)
    shared = SharedBottom(spec_of(), **SMALL, hidden_units=(6,), tower_units=(5,))
    mmoe.build(), shared.build()
    gates = {id(w) for gate in mmoe.gates for w in gate.weights}
    shared.set_weights([w.numpy() for w in mmoe.weights if id(w) not in gates])
    for task in ("click", "buy"):
        np.testing.assert_allclose(mmoe(FEATURES)[task], shared(FEATURES)[task], rtol=1e-6)


def test_ple_of_one_level_without_own_experts_is_mmoe() -> None:
    ple = PLE(spec_of(), **EXPERTS, num_levels=1, own_experts=0, shared_experts=3)
    mmoe = MMoE(spec_of(), **EXPERTS, num_experts=3)
    ple.build(), mmoe.build()
    mmoe.set_weights(ple.get_weights())
    for task in ("click", "buy"):
        np.testing.assert_allclose(ple(FEATURES)[task], mmoe(FEATURES)[task], rtol=1e-6)


@pytest.mark.parametrize(("levels", "reaches"), [(1, False), (2, True)])
def test_a_task_reaches_the_other_s_experts_only_through_a_second_level(levels: int, reaches: bool) -> None:
    model = PLE(spec_of(), **EXPERTS, num_levels=levels)
    model.build()
    others = [w.value for w in model.levels[0]._own[1].trainable_weights]
    with tf.GradientTape() as tape:
        answer = tf.reduce_sum(model(FEATURES)["click"])
    found = tape.gradient(answer, others)
    assert any(g is not None and np.abs(g).max() > 0 for g in found) == reaches


# --- ESMM -------------------------------------------------------------------------------------------------------------


def esmm_of(click_probability: float, conditional: float, **options: Any) -> ESMM:
    """An ESMM whose two factors are these numbers in every row."""
    model = ESMM(spec_of(), **SMALL, hidden_units=(6,), **options)
    model.build()
    for tower, p in zip(model.towers._towers, (click_probability, conditional), strict=True):
        kernel, bias = tower.trainable_weights[-2:]
        kernel.assign(np.zeros(kernel.shape))
        bias.assign([np.log(p / (1 - p))])
    return model


def test_esmm_by_hand() -> None:
    model = esmm_of(0.2, 0.1)
    answers = model(FEATURES)
    np.testing.assert_allclose(answers["click"], np.full((16, 1), 0.2), rtol=1e-6)
    np.testing.assert_allclose(answers["buy"], np.full((16, 1), 0.02), rtol=1e-5)
    np.testing.assert_allclose(model.conditional(FEATURES)["buy"], np.full((16, 1), 0.1), rtol=1e-6)
    model.compile(optimizer="sgd", jit_compile=False)
    nothing = dict.fromkeys(LABELS, np.zeros((16, 1), "float32"))
    only_buys = {"click": np.zeros((16, 1), "float32"), "buy": np.ones((16, 1), "float32")}
    loss = model.compute_loss(FEATURES, nothing, answers, only_buys)
    assert float(loss) == pytest.approx(0.0202027, rel=1e-4)


def test_the_purchase_tower_learns_from_rows_that_were_not_clicked() -> None:
    model = esmm_of(0.2, 0.1)
    model.compile(optimizer="sgd", jit_compile=False)
    nothing = dict.fromkeys(LABELS, np.zeros((16, 1), "float32"))
    bias = model.towers._towers[1].trainable_weights[-1]
    with tf.GradientTape() as tape:
        loss = model.compute_loss(FEATURES, nothing, model(FEATURES, training=True))
    # d/db of -log(1 - P(click) s(b)) = P(click) s(b) (1 - s(b)) / (1 - P(click) s(b))
    assert float(tape.gradient(loss, bias.value)[0]) == pytest.approx(0.02 * 0.9 / 0.98, rel=1e-4)


def test_a_chain_of_three_multiplies_twice() -> None:
    spec = spec_of().spec
    tasks = [*(t.model_dump() for t in spec.tasks), {"name": "return", "label": "returned", "after": "buy"}]
    longer = FeatureSpec.model_validate({**spec.model_dump(), "tasks": tasks[::-1]}).bind(dict.fromkeys("abcd", 11))
    model = ESMM(longer, **SMALL, hidden_units=(6,))
    answers, own = model(FEATURES), model.conditional(FEATURES)
    assert list(answers) == ["return", "buy", "click"]
    product = np.prod([own[task] for task in ("click", "buy", "return")], axis=0)
    np.testing.assert_allclose(answers["return"], product, rtol=1e-5)


def test_esmm_refuses_what_would_not_be_esmm() -> None:
    with pytest.raises(SpecError, match="needs a task that comes after another"):
        ESMM(spec_of(after=None))
    with pytest.raises(SpecError, match="with the mask 'clicked' it would see only"):
        ESMM(spec_of(mask="clicked"))
    assert not ESMM.problems(spec_of(mask="attributed").spec)


# --- masks and weights ------------------------------------------------------------------------------------------------


@every_model
def test_a_task_s_loss_is_the_mean_over_the_rows_that_count(model: MultiTaskModel) -> None:
    model.compile(optimizer="sgd", jit_compile=False)
    counts = (np.arange(16) < 3).astype("float32")[:, None]
    answers = {task: np.full((16, 1), 0.25, "float32") for task in LABELS}
    weights = {"click": np.ones((16, 1), "float32"), "buy": counts}
    loss = float(model.compute_loss(FEATURES, LABELS, answers, weights))

    def mean(labels: np.ndarray) -> float:
        return float(np.mean(np.where(labels > 0, -np.log(0.25), -np.log(0.75))))

    assert loss == pytest.approx(mean(CLICKS) + mean(BUYS[:3]), rel=1e-5)


@every_model
def test_a_task_without_a_row_that_counts_moves_nothing(model: MultiTaskModel) -> None:
    masked = {"click": np.ones((16, 1), "float32"), "buy": np.zeros((16, 1), "float32")}
    found = gradients(model, masked)
    assert all(np.isfinite(gradient).all() for gradient in found)
    own = [np.abs(g).max() for w, g in zip(model.trainable_weights, found, strict=True) if "tower_buy" in w.path]
    assert own
    assert max(own) == 0
    assert any(
        np.abs(g).max() > 0 for w, g in zip(model.trainable_weights, found, strict=True) if "tower_click" in w.path
    )


def test_task_weights_scale_losses_and_survive_saving(tmp_path: Any) -> None:
    answers = {task: np.full((16, 1), 0.25, "float32") for task in LABELS}
    losses = []
    for buy in (0.0, 1.0, 3.0):
        model = SharedBottom(spec_of(), **SMALL, hidden_units=(6,), task_weights={"buy": buy})
        model.build()
        model.compile(optimizer="sgd", jit_compile=False)
        losses.append(float(model.compute_loss(FEATURES, LABELS, answers)))
    assert losses[2] - losses[0] == pytest.approx(3 * (losses[1] - losses[0]), rel=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert float(loaded.compute_loss(FEATURES, LABELS, answers)) == pytest.approx(losses[2], rel=1e-6)


@pytest.mark.parametrize("wrong", [{"bought": 1.0}, {"buy": -1.0}, {"buy": float("nan")}])
def test_unfit_task_weights_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="of click, buy, a number of at least 0"):
        SharedBottom(spec_of(), task_weights=wrong)


def test_gates_tell_what_each_task_listens_to() -> None:
    model = MMoE(spec_of(), **EXPERTS, num_experts=3)
    model.build()
    weights = model.expert_weights(FEATURES)
    assert list(weights) == ["click", "buy"]
    np.testing.assert_allclose(np.sum(weights["buy"], axis=1), np.ones(16), rtol=1e-5)
