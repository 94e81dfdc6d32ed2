"""Each model is what its figure says: parts switched off give the simpler model."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.models.specs import categorical, crossed_rows, crossed_spec, make_spec
from tfctr.layers.interaction import FactorizationMachine
from tfctr.models import FM, LR, AutoInt, CTRModel, DCNv2, DeepFM, FinalMLP, WideDeep
from tfctr.spec import SpecError

pytestmark = pytest.mark.usefixtures("seed")

FEATURES, _ = crossed_rows(16, seed=3)
DEEP = {"embedding_dim": 4, "hidden_units": (5,)}


def logit(model: CTRModel) -> np.ndarray:
    return keras.ops.convert_to_numpy(model.logits(FEATURES, training=False))


def built(model: CTRModel, *, scale: float = 20.0) -> CTRModel:
    """Build, with embeddings large enough that every part of the logit shows."""
    model.build()
    for weight in model.trainable_weights:
        if weight.name == "embeddings":
            weight.assign(scale * weight.value)
    return model


def copy_weights(source: CTRModel, target: CTRModel) -> None:
    """Copy what both have, by the path below the model."""
    below = {w.path.split("/", 1)[1]: w for w in source.weights}
    for weight in target.weights:
        path = weight.path.split("/", 1)[1]
        if path in below:
            weight.assign(below[path].value)


def test_deepfm_is_wide_and_deep_plus_the_pairs() -> None:
    deepfm, wide_deep = built(DeepFM(crossed_spec(), **DEEP)), built(WideDeep(crossed_spec(), **DEEP))
    copy_weights(deepfm, wide_deep)
    pairs = FactorizationMachine()(deepfm.embedding(FEATURES).fields)
    assert np.abs(pairs).max() > 0.01
    np.testing.assert_allclose(logit(deepfm), logit(wide_deep) + pairs, rtol=1e-4, atol=1e-6)


def test_fm_is_lr_plus_the_pairs() -> None:
    fm, lr = built(FM(crossed_spec(), embedding_dim=4)), built(LR(crossed_spec()))
    copy_weights(fm, lr)
    pairs = FactorizationMachine()(fm.embedding(FEATURES).fields)
    np.testing.assert_allclose(logit(fm), logit(lr) + pairs, rtol=1e-4, atol=1e-6)


def test_autoint_plus_with_a_silent_mlp_is_autoint() -> None:
    plus = built(AutoInt(crossed_spec(), **DEEP, head_dim=3))
    plain = built(AutoInt(crossed_spec(), embedding_dim=4, head_dim=3))
    copy_weights(plus, plain)
    assert not np.allclose(logit(plus), logit(plain))
    (kernel,) = [w for w in plus.deep.weights if w.path.endswith("output/kernel")]
    kernel.assign(np.zeros(kernel.shape))
    np.testing.assert_allclose(logit(plus), logit(plain), rtol=1e-5, atol=1e-6)


def test_autoint_shows_its_attention_and_predicts_the_same() -> None:
    model = built(AutoInt(crossed_spec(), embedding_dim=4, num_layers=2, head_dim=3, variant="reference"))
    before = logit(model)
    maps = model.attention_maps(FEATURES)
    assert [tuple(m.shape) for m in maps] == [(16, 2, 4, 4)] * 2
    np.testing.assert_allclose(np.sum(maps[1], axis=-1), 1, rtol=1e-5)
    assert np.array_equal(before, logit(model))
    # The mean over a data set does not depend on how it is cut into batches.
    parts = [{name: column[rows] for name, column in FEATURES.items()} for rows in (slice(5), slice(5, 16))]
    expected = np.mean(maps, axis=(1, 2))
    np.testing.assert_allclose(model.mean_attention(parts), expected, rtol=1e-5)


def test_stacked_and_parallel_are_different_functions_of_one_cross() -> None:
    models = {s: built(DCNv2(crossed_spec(), **DEEP, structure=s)) for s in ("parallel", "stacked")}
    # parallel: head on crosses (16) and MLP (5); stacked: on the MLP alone.
    assert {s: m.head.count_params() for s, m in models.items()} == {"parallel": 16 + 5 + 1, "stacked": 5 + 1}
    stacked = models["stacked"]
    crossed = stacked.cross(stacked.embedding(FEATURES).fields)
    np.testing.assert_allclose(logit(stacked), stacked.head(stacked.deep(crossed)), rtol=1e-5)


def test_neutral_gates_leave_two_plain_streams() -> None:
    settings = {"embedding_dim": 4, "hidden_units1": (6,), "hidden_units2": (4,)}
    gated = built(FinalMLP(crossed_spec(), **settings, gate_units=(3,)))
    plain = built(FinalMLP(crossed_spec(), **settings, gate_units=()))
    copy_weights(gated, plain)
    assert not np.array_equal(logit(gated), logit(plain))
    for gate in gated.gates:
        (kernel,) = [w for w in gate.weights if w.path.endswith("output/kernel")]
        kernel.assign(np.zeros(kernel.shape))
    assert np.array_equal(logit(gated), logit(plain))


def test_a_closed_gate_silences_its_own_stream_alone() -> None:
    model = built(FinalMLP(crossed_spec(), embedding_dim=4, hidden_units1=(6,), hidden_units2=(4,), gate_units=(3,)))
    model.gates[0].trainable_weights[-1].assign(np.full(16, -100.0))
    fields = model.embedding(FEATURES).fields
    first, second = (keras.ops.convert_to_numpy(gate(fields)) for gate in model.gates)
    np.testing.assert_allclose(first, 0, atol=1e-30)
    assert np.abs(second).min() > 0


def test_only_the_context_feature_moves_its_gate() -> None:
    model = built(FinalMLP(crossed_spec(), embedding_dim=4, gate_units=(3,), context1=("a",), context2=("b", "c")))

    def gates(features: dict) -> list[np.ndarray]:
        fields = model.embedding(features).fields
        contexts = [e(features).fields for e in model.context_embeddings]
        return [
            gate.gate(fields, keras.ops.reshape(context, (16, -1))).numpy()
            for gate, context in zip(model.gates, contexts, strict=True)
        ]

    start = gates(FEATURES)
    for changed, moves in (("a", (True, False)), ("b", (False, True)), ("d", (False, False))):
        after = gates({**FEATURES, changed: FEATURES[changed] % 10 + 1})
        assert tuple(not np.array_equal(x, y) for x, y in zip(start, after, strict=True)) == moves
    tables = [w for w in model.weights if w.name == "embeddings"]
    assert sorted(int(w.shape[0]) for w in tables) == [11, 21, 41]  # contexts have tables of their own


@pytest.mark.parametrize(
    ("model", "wrong", "message"),
    [
        (DCNv2, {"structure": "both"}, "structure='both'"),
        (AutoInt, {"variant": "papers"}, "variant='papers'"),
        (FinalMLP, {"context1": ("z",)}, r"\['z'\]"),
    ],
)
def test_unknown_choices_are_refused(model: type[CTRModel], wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model(crossed_spec(), **wrong)


def test_a_second_task_is_refused_by_models_with_one_answer() -> None:
    two = make_spec(categorical("a"), rows={"a": 11}, tasks=("click", "buy"))
    assert [p.key for p in LR.problems(two.spec)] == ["tasks"]
    with pytest.raises(SpecError, match="LR predicts one task, the spec has 2: click, buy"):
        LR(two)
