"""Models that know the domain: which feature it is, what they equal with parts off, what unknown domains get."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.specs import categorical, crossed_rows
from tfctr.models import DNN, STAR, AdaptDHM, CTRModel, DomainMMoE, DomainModel, DomainSharedBottom, PEPNet, PPNet
from tfctr.spec import BoundSpec, FeatureSpec, SpecError
from tfctr.testing._recipe import fill_sequentially

pytestmark = pytest.mark.usefixtures("seed")

ROWS, DOMAINS = 24, 6
FEATURES: dict[str, np.ndarray] = {**crossed_rows(ROWS, seed=3)[0], "site": 2 + np.arange(ROWS) % 4}
SMALL: dict[str, Any] = {"embedding_dim": 4}


def spec_of(*, meta: dict[str, str] | None = None, site: dict[str, Any] | None = None, tasks: int = 1) -> BoundSpec:
    """Fields a to d and a site, which is the domain: padding, an unknown id, four known ones."""
    spec = FeatureSpec(
        name="toy",
        features=[
            categorical("a", "user"),
            *map(categorical, "bcd"),
            {**categorical("site", "context"), "column": "where", **(site or {})},
            {"kind": "numeric", "name": "price", "role": "item"},
        ],
        tasks=[{"name": name, "label": f"{name}_label"} for name in ("click", "buy")[:tasks]],
        split={"by": "hash", "column": "row"},
        meta={"domain": "where"} if meta is None else meta,
    )
    return spec.bind({name: DOMAINS if name == "site" else 11 for name in spec.tables})


def features(**changed: Any) -> dict[str, Any]:
    price = np.linspace(-1, 1, ROWS).astype("float32")
    return {"price": price, **FEATURES, **{name: np.full(ROWS, value) for name, value in changed.items()}}


def made(model: type[CTRModel], *, fill: bool = True, spec: BoundSpec | None = None, **options: Any) -> Any:
    built = model(spec or spec_of(), **SMALL, **options)
    built.build()
    if fill:
        fill_sequentially(built)
    return built


STAR_OPTIONS = {"hidden_units": (6, 3), "auxiliary_units": (4,)}
BOTTOM = {"hidden_units": (6,), "tower_units": (5,)}
EXPERTS = {"expert_units": (6,), "tower_units": (5,)}
BY_DOMAIN = [(STAR, STAR_OPTIONS), (DomainSharedBottom, BOTTOM), (DomainMMoE, {**EXPERTS, "num_experts": 2})]


def values(model: keras.Model, *parts: str) -> list[np.ndarray]:
    return [np.array(weight) for weight in model.weights if any(part in weight.path for part in parts)]


def trained_numbers(*weights: Any) -> int:
    return sum(int(np.prod(weight.shape)) for weight in weights)


# --- which feature is the domain --------------------------------------------------------------------------------------


def test_the_domain_is_the_feature_of_the_spec_s_column_or_the_one_that_is_named() -> None:
    assert made(STAR).domain == "site"
    assert made(STAR, domain="b").domain == "b"
    assert made(PEPNet).domain == "site"
    model = made(STAR, spec=spec_of(meta={}), domain="site")
    assert STAR.from_config(model.get_config()).domain == "site"


@pytest.mark.parametrize("model", [STAR, DomainSharedBottom, DomainMMoE, PEPNet])
def test_without_a_domain_it_is_said_what_to_do(model: type[CTRModel]) -> None:
    for meta in ({}, {"domain": "zone"}, {"domain": "price"}):
        with pytest.raises(
            SpecError, match=f"{model.__name__} must know the domain.*hyper-parameter `domain`.*a, b, c"
        ):
            model(spec_of(meta=meta))
    with pytest.raises(SpecError, match=r"domain is 'sit', no categorical feature of the spec.*site"):
        model(spec_of(), domain="sit")
    assert [problem.key for problem in model.option_problems(spec_of(meta={}).spec, {})] == ["meta.domain"]
    assert model.option_problems(spec_of(meta={}).spec, {"domain": "site"}) == []
    assert [p.key for p in model.option_problems(spec_of().spec, {"domain": "price"})] == ["hyperparameters.domain"]


def test_models_that_find_their_own_domains_need_none() -> None:
    assert made(AdaptDHM, spec=spec_of(meta={}), hidden_units=(4,)).option_problems(spec_of(meta={}).spec, {}) == []


@pytest.mark.parametrize(
    ("site", "first"),
    [({}, 2), ({"vocabulary": {"oov_buckets": 3}}, 4), ({"hash_buckets": 5}, 1), ({"shares": "a"}, 2)],
)
def test_known_ids_begin_behind_those_for_unknown_values(site: dict[str, Any], first: int) -> None:
    spec = spec_of(site=site).spec
    model = STAR(spec.bind({name: DOMAINS if name == "site" else 11 for name in spec.tables}), **SMALL)
    assert model.domains.vocabulary == site.get("shares", "site")
    assert model.domains.first == first
    groups = np.array(model.groups({"site": np.arange(12)}))
    known = np.arange(first, model.domains.rows)
    np.testing.assert_array_equal(groups, np.where(np.isin(np.arange(12), known), np.arange(12), 0))


# --- unknown domains --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "options"), BY_DOMAIN)
def test_all_unknown_domains_are_alike_and_unlike_the_known(model: type[DomainModel], options: dict[str, Any]) -> None:
    built = made(model, **options)
    table = next(weight for weight in built.weights if weight.name == "embeddings")
    table.assign(np.repeat(np.array(table)[:1], table.shape[0], axis=0))  # the field says nothing: weights alone do
    unknown = [np.array(built.logits(features(site=site))) for site in (1, 77, -3)]
    for other in unknown[1:]:
        np.testing.assert_allclose(other, unknown[0], rtol=1e-5, atol=1e-6)
    known = [np.array(built.logits(features(site=site))) for site in (2, 3)]
    assert np.abs(known[0] - unknown[0]).max() > 1e-3
    assert np.abs(known[0] - known[1]).max() > 1e-3


def test_star_answers_an_unknown_domain_by_the_shared_weights_alone() -> None:
    model = made(STAR, hidden_units=(6,), auxiliary_units=(), partitioned_norm=False)
    dnn = made(DNN, hidden_units=(6,))
    embedding = values(model, "/embedding")
    names = [f"shared_{kind}_{index}" for index in (0, 1) for kind in ("kernel", "bias")]
    dnn.set_weights([*embedding, *(array for name in names for array in values(model, name))])
    np.testing.assert_allclose(model.logits(features(site=1)), dnn.logits(features(site=1)), rtol=1e-4, atol=1e-5)
    assert np.abs(np.array(model.logits(features(site=2)) - dnn.logits(features(site=2)))).max() > 1e-3


# --- STAR -------------------------------------------------------------------------------------------------------------


def test_star_begins_as_one_tower_for_all() -> None:
    """Factors of 1, shifts of 0: only the field of the domain sets domains apart, and then nothing."""
    model = made(STAR, fill=False, **STAR_OPTIONS)
    table = next(weight for weight in model.weights if weight.name == "embeddings")
    table.assign(np.repeat(np.random.default_rng(0).normal(size=(1, 4)), table.shape[0], axis=0))
    answers = [np.array(model.logits(features(site=site))) for site in (1, 2, 5)]
    np.testing.assert_allclose(answers[1], answers[0], rtol=1e-6)
    np.testing.assert_allclose(answers[2], answers[0], rtol=1e-6)


@pytest.mark.parametrize(("model", "options"), BY_DOMAIN)
def test_rows_of_other_domains_change_nothing(model: type[CTRModel], options: dict[str, Any]) -> None:
    built = made(model, **options)
    mixed = np.array(built.logits(features()))
    own = FEATURES["site"] == 3
    alone = built.logits({name: column[own] for name, column in features().items()})
    np.testing.assert_allclose(alone, mixed[own], rtol=1e-5, atol=1e-6)
    others = {name: np.where(own, column, np.roll(column, 5)) for name, column in FEATURES.items() if name != "site"}
    np.testing.assert_allclose(built.logits({**features(), **others})[own], mixed[own], rtol=1e-5, atol=1e-6)


def test_parameters_of_star() -> None:
    model = made(STAR, **STAR_OPTIONS)
    width = 6 * 4
    tower = width * 6 + 6 + 6 * 3 + 3 + 3 + 1
    expected = {
        "/towers": (DOMAINS + 1) * tower,
        "/norm": (DOMAINS + 1) * 2 * width,
        "/auxiliary": width * 4 + 4 + 4 + 1,
    }
    for part, numbers in expected.items():
        assert trained_numbers(*[w for w in model.trainable_weights if part in w.path]) == numbers, part


def test_a_new_domain_trains_beside_others_that_stay_as_they_are() -> None:
    """With everything shared held still, rows of one domain move the weights of that domain alone."""
    model = made(STAR, **STAR_OPTIONS)
    model.embedding.trainable = model.auxiliary.trainable = False
    for weight in model.weights:
        weight.trainable = weight.trainable and weight.name.startswith("own_")
    model.compile(optimizer=keras.optimizers.Adam(0.05), jit_compile=False, run_eagerly=True)
    before = {site: np.array(model.logits(features(site=site))) for site in (1, 2, 3, 4)}
    for _ in range(3):
        model.train_on_batch(features(site=4), np.ones((ROWS, 1)))
    after = {site: np.array(model.logits(features(site=site))) for site in (1, 2, 3, 4)}
    for site in (2, 3):
        np.testing.assert_array_equal(after[site], before[site])
    assert after[4].mean() > before[4].mean() + 0.1


# --- a domain in place of a task --------------------------------------------------------------------------------------


def test_domain_mmoe_with_one_expert_is_domain_shared_bottom() -> None:
    mmoe, bottom = made(DomainMMoE, **EXPERTS, num_experts=1), made(DomainSharedBottom, **BOTTOM)
    bottom.set_weights(values(mmoe, "/embedding", "/experts", "/towers"))
    np.testing.assert_allclose(mmoe(features()), bottom(features()), rtol=1e-5)
    np.testing.assert_array_equal(mmoe.expert_weights(features()), np.ones((ROWS, 1)))


def test_domain_shared_bottom_in_one_domain_is_a_dnn() -> None:
    bottom, dnn = made(DomainSharedBottom, **BOTTOM), made(DNN, hidden_units=(6, 5))
    towers = [array[3] for array in values(bottom, "/towers")]
    dnn.set_weights([*values(bottom, "/embedding", "/bottom"), *towers])
    np.testing.assert_allclose(bottom(features(site=3)), dnn(features(site=3)), rtol=1e-5)


def test_parameters_of_towers_and_gates_by_domain() -> None:
    model = made(DomainMMoE, num_experts=4, expert_units=(32,), tower_units=(16,))
    width = 6 * 4
    expected = {
        "/experts": 4 * (width * 32 + 32),
        "/gates": DOMAINS * (width * 4 + 4),
        "/towers": DOMAINS * (32 * 16 + 16 + 16 + 1),
    }
    for part, numbers in expected.items():
        assert trained_numbers(*[w for w in model.trainable_weights if part in w.path]) == numbers, part
    np.testing.assert_allclose(np.sum(model.expert_weights(features()), axis=1), np.ones(ROWS), rtol=1e-5)


def test_hidden_domains_train_the_weights_for_unknown_ones() -> None:
    for rate in (0.0, 0.5):
        model = made(DomainSharedBottom, **BOTTOM, unknown_rate=rate)
        before = [array[0] for array in values(model, "/towers")]
        model.compile(optimizer=keras.optimizers.SGD(1.0), jit_compile=False, run_eagerly=True)
        model.train_on_batch(features(), np.ones((ROWS, 1)))
        moved = [np.abs(a[0] - b).max() for a, b in zip(values(model, "/towers"), before, strict=True)]
        assert (max(moved) > 0) == (rate > 0)


# --- PPNet and PEPNet -------------------------------------------------------------------------------------------------


def neutral(model: Any) -> Any:
    """The model with gates that end in zeros."""
    for weight in model.weights:
        if "gate" in weight.path and "/output/" in weight.path:
            weight.assign(np.zeros(weight.shape))
    return model


@pytest.mark.parametrize("model", [PPNet, PEPNet])
@pytest.mark.parametrize("gated", ["input", "output"])
def test_with_gates_of_one_it_is_a_dnn(model: type[PPNet], gated: str) -> None:
    built, dnn = neutral(made(model, hidden_units=(6, 5), gated=gated)), made(DNN, hidden_units=(6, 5))
    dnn.set_weights(values(built, "/embedding/", "/layer_"))
    np.testing.assert_allclose(built(features()), dnn(features()), rtol=1e-5)


@pytest.mark.parametrize("model", [PPNet, PEPNet])
def test_no_gradient_goes_from_a_gate_into_the_fields(model: type[PPNet]) -> None:
    """With a tower that sees no input, all that moves the answer is gates."""
    built = made(model, hidden_units=(6,), gated="input")
    for weight in built.weights:
        if "/layer_0/" in weight.path and weight.path.endswith("kernel"):
            weight.assign(np.zeros(weight.shape))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(built.logits(features()))
    weights = [w for w in built.trainable_weights if w.name == "embeddings"]
    found = tape.gradient(total, [w.value for w in weights])
    gradients = zip(weights, found, strict=True)
    reached = {w.path.split("/")[1]: g is not None and float(np.abs(g.values).max()) > 0 for w, g in gradients}
    assert reached == {"embedding": False, "prior": True, **({"domain": False} if model is PEPNet else {})}


def test_the_gate_of_the_domain_is_a_constant_to_the_fields() -> None:
    """The gradient of ``gate ∘ e`` is the gate."""
    model = made(PEPNet, hidden_units=(6,))
    (table,) = [w for w in model.embedding.weights if w.name == "embeddings"]
    table.assign(np.random.default_rng(0).normal(size=table.shape))
    with tf.GradientTape() as tape:
        gated = model.inputs(features())
    fields = np.reshape(model.embedding(features()).fields, (ROWS, -1))[:, : 5 * 4]  # the price is no row of the table
    gate = np.array(gated)[:, : 5 * 4] / fields
    assert gate.std() > 0.01
    assert float(np.sum(tape.gradient(gated, table.value).values)) == pytest.approx(float(gate.sum()), rel=1e-4)


def test_who_and_what_a_row_is_about() -> None:
    assert made(PPNet).prior == ("a", "b")  # the first of the user's side and of the item's
    model = made(PPNet, prior=("c", "price"), hidden_units=(6,))
    assert model.prior_embedding.field_names == ("c", "price")
    with pytest.raises(ValueError, match=r"\['z'\]"):
        PPNet(spec_of(), prior=("z",))
    spec = FeatureSpec(
        name="t",
        features=[{"kind": "numeric", "name": "price", "role": "item"}],
        tasks=[{"name": "click", "label": "clicked"}],
        split={"by": "hash", "column": "row"},
    )
    with pytest.raises(SpecError, match="PPNet gates by who the user or what the item is"):
        PPNet(spec.bind({}))


def test_each_task_has_a_tower_and_gates_of_its_own() -> None:
    model = made(PEPNet, spec=spec_of(tasks=2), hidden_units=(6,), gate_units=3)
    answers = model(features())
    assert set(answers) == {"click", "buy"}
    width, prior, domain = 6 * 4, 2 * 4, 4
    gates = [3 * (prior + width) + 3 + 3 * gated + gated for gated in (width, 6)]
    tower = width * 6 + 6 + 6 + 1 + sum(gates)
    expected = {"/tower_": 2 * tower, "/domain_gate": (domain + width) * 3 + 3 + 3 * width + width}
    for part, numbers in expected.items():
        assert trained_numbers(*[w for w in model.trainable_weights if part in w.path]) == numbers, part
