"""Gates of values: their numbers, who shares them, and what Adam does to those that are never seen."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfctr.layers.embedding import FeatureEmbedding, FeatureGates, FirstOrder
from tfctr.models import ENTRIES, FM, MODELS
from tfctr.testing._examples import RICH, RICH_TASKS, example, example_spec, spec_of
from tfctr.training.optimizers import DenseAdam

LOGITS = (-0.1, -0.01, 0.0, 0.01, 0.1, 0.5)
SPEC = spec_of(
    {"kind": "categorical", "name": "item", "role": "item"},
    {"kind": "multi", "name": "tags", "role": "item", "max_length": 3},
    {"kind": "numeric", "name": "price", "role": "item"},
    rows={"item": 6, "tags": 5},
)
ROWS: dict[str, Any] = {
    "item": np.array([2, 3, 99, 0]),
    "tags": np.array([[1, 2, 0], [3, 0, 0], [4, 4, 4], [0, 0, 0]]),
    "price": np.array([1.0, -2.0, 0.5, 0.0], "float32"),
}


def gates(**options: Any) -> FeatureGates:
    made = FeatureGates(SPEC, **options)
    made.build()
    return made


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [
        (1.0, (0.763135, 0.799249, 0.803265, 0.807282, 0.843395, 1.0)),
        (10.0, (0.432063, 0.763135, 0.803265, 0.843395, 1.174468, 1.595778)),
        (100.0, (7.3e-5, 0.432063, 0.803265, 1.174468, 1.606458, 1.606531)),
    ],
)
def test_soft_gates_harden_with_the_temperature(temperature: float, expected: tuple[float, ...]) -> None:
    layer = gates()
    layer.temperature.assign(temperature)
    np.testing.assert_allclose(layer.opened(np.array(LOGITS, "float32")), expected, atol=1e-6)


def test_all_gates_begin_at_one() -> None:
    found = gates()(ROWS)
    assert {name: tuple(gate.shape) for name, gate in found.items()} == {
        "item": (4, 1, 1), "tags": (4, 3, 1), "price": (4, 1, 1)
    }  # fmt: skip
    for gate in found.values():
        np.testing.assert_allclose(gate, 1.0, atol=1e-7)


def test_the_loss_falls_with_the_gates_as_its_formula_says() -> None:
    layer = gates(strength=3.0)
    for temperature, slope in ((1.0, 0.2350), (4.0, 0.4200), (10.0, 0.0665)):
        layer.temperature.assign(temperature)
        with tf.GradientTape() as tape:
            (loss,) = layer.losses
        np.testing.assert_allclose(tape.gradient(loss, layer.gates.value), 3.0 * slope, atol=3e-4)


def test_the_loss_counts_once_however_many_layers_look_up() -> None:
    layer = gates(strength=1.0)
    both = FeatureEmbedding(SPEC, 4, value_gates=layer), FirstOrder(SPEC, value_gates=layer)
    for user in both:
        user(ROWS)
    assert [len(user.losses) for user in both] == [1, 1]
    assert len(layer.trainable_weights) == 1
    model = FM(SPEC, embedding_dim=4, value_gates=FeatureGates(SPEC, strength=1.0))
    model.build()
    assert len(model.losses) == 1
    assert sum(weight.name == "gates" for weight in model.weights) == 1


def test_an_id_out_of_range_has_the_gate_of_unknown_ids() -> None:
    layer = gates(hard=True)
    logits = np.ones(layer.size)
    logits[1] = -1  # item 1, what stands for unknown items
    layer.gates.assign(logits)
    np.testing.assert_array_equal(np.asarray(layer.of_ids(ROWS, ["item"]))[:, 0, 0], [1, 1, 0, 1])


@pytest.mark.parametrize("width", [4, 1])
def test_what_is_dropped_counts_for_nothing(width: int) -> None:
    """Vectors of closed gates may be overwritten: bags, numbers and the linear part take no notice."""
    layer = gates(hard=True)
    logits = np.ones(layer.size)
    logits[[2, 6 + 3, layer.size - 1]] = -1  # item 2, tag 3, price
    layer.gates.assign(logits)
    user = FeatureEmbedding(SPEC, width, value_gates=layer) if width > 1 else FirstOrder(SPEC, value_gates=layer)
    embedding = user if isinstance(user, FeatureEmbedding) else user.weights_of_features

    def answer() -> Any:
        outputs = user(ROWS)
        return np.asarray(outputs.fields if width > 1 else outputs)

    before = answer()
    table = embedding.lookups[0].fused_table.embeddings
    noise = np.asarray(table).copy()
    noise[[2, 5 + 3]] = 7.0  # rows of item 2 and of tag 3 in the fused table
    table.assign(noise)
    embedding.number_vectors.assign(np.full(embedding.number_vectors.shape, 9.0))
    np.testing.assert_array_equal(answer(), before)
    noise[3] = 7.0  # item 3 is kept
    table.assign(noise)
    assert np.any(answer() != before)


def test_bags_are_gated_before_they_are_pooled() -> None:
    layer = gates(hard=True)
    logits = np.ones(layer.size)
    logits[6 + 2] = -1  # tag 2
    layer.gates.assign(logits)
    gated, plain = FeatureEmbedding(SPEC, 4, value_gates=layer), FeatureEmbedding(SPEC, 4)
    gated(ROWS), plain(ROWS)
    plain.set_weights([weight for weight in gated.get_weights() if weight.ndim == 2])
    field = gated.field_index("tags")
    alone = plain({**ROWS, "tags": np.array([[1, 0, 0], [3, 0, 0], [4, 4, 4], [0, 0, 0]])}).fields[:, field]
    # The mean still counts the dropped tag: it is there, and says nothing.
    np.testing.assert_allclose(gated(ROWS).fields[0, field], alone[0] / 2, atol=1e-7)


def test_every_model_has_one_set_of_gates_and_comes_back_with_it(tmp_path: Any) -> None:
    model = FM(RICH, embedding_dim=4, value_gates=FeatureGates(RICH, strength=0.1))
    model.build()
    drawn = np.random.default_rng(0).normal(size=model.value_gates.size)
    model.value_gates.gates.assign(drawn)
    answer = np.asarray(model(example(4)["features"]))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.value_gates.gates, model.value_gates.gates)
    np.testing.assert_array_equal(np.asarray(again(example(4)["features"])), answer)
    again.value_gates.gates.assign(-drawn)
    assert np.any(np.asarray(again(example(4)["features"])) != answer)


@pytest.mark.parametrize("name", MODELS)
def test_any_model_is_gated(name: str) -> None:
    spec = example_spec(MODELS[name])
    model = MODELS[name](spec, **ENTRIES[name].small, value_gates=FeatureGates(spec))
    model.build()
    assert sum(weight.name == "gates" for weight in model.weights) == 1
    for weight in model.trainable_weights:
        if weight.name != "gates":
            weight.assign(np.random.default_rng(len(weight.shape)).uniform(0.0, 0.3, weight.shape))

    def answer() -> list[Any]:
        return [np.asarray(output) for output in keras.tree.flatten(model(example(4)["features"]))]

    before = answer()
    model.value_gates.gates.assign(np.full(model.value_gates.size, -50.0))
    assert any(np.any(left != right) for left, right in zip(before, answer(), strict=True))


@tf.function
def unseen(logit: tf.Variable, optimizer: Any, steps: tf.Tensor, temperature: tf.Tensor, strength: tf.Tensor) -> None:
    """Steps of a gate that no batch has: the loss on gates alone moves it."""
    for _ in tf.range(steps):
        open_ = tf.sigmoid(temperature * logit)
        optimizer.apply([strength * temperature * open_ * (1 - open_)], [logit])


@pytest.mark.parametrize(("epsilon", "ends"), [(1e-8, (0.3854, 0.1414)), (1e-7, (0.48, 0.46))])
def test_a_value_that_is_never_seen_falls_only_where_adam_s_epsilon_is_small(
    epsilon: float, ends: tuple[float, float]
) -> None:
    """The gradient is 5e-10: with Keras' epsilon of 1e-7 a gate that nothing speaks for would stay open."""
    logit = keras.Variable(0.5)
    optimizer = DenseAdam(3e-4, epsilon=epsilon)
    optimizer.build([logit])
    for epoch, end in enumerate(ends):
        temperature = tf.constant(1000.0 ** (epoch / 9), tf.float32)
        unseen(logit.value, optimizer, tf.constant(9_000), temperature, tf.constant(2e-9))
        assert float(logit) == pytest.approx(end, abs=2e-3 if epsilon == 1e-8 else 0.03)


def test_mistakes_are_said() -> None:
    with pytest.raises(ValueError, match="initial is above 0"):
        FeatureGates(SPEC, initial=0.0)
    with pytest.raises(ValueError, match="strength is at least 0"):
        FeatureGates(SPEC, strength=-1.0)
    with pytest.raises(ValueError, match="no numbers and no vectors"):
        FeatureGates(spec_of({"kind": "categorical", "name": "item", "role": "item"}, rows={"item": 6}), ids=False)
    assert FeatureGates(RICH_TASKS).size > 0
