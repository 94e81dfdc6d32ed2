"""CreativeSurvival: what it recovers, and what it loses when a part of it is off."""

from __future__ import annotations

from functools import cache

import keras
import numpy as np
import pytest

from tests.models.specs import categorical, make_spec
from tests.models.survival_rows import (
    BRAND,
    BRANDS,
    CUTS,
    RATES,
    Creatives,
    brand_rows,
    brand_spec,
    curves,
    figures,
    fitted,
    survival_spec,
)
from tfctr.data import signed_durations
from tfctr.layers.survival import SurvivalLoss
from tfctr.models import DNN, CreativeSurvival
from tfctr.spec import SpecError
from tfctr.training.metrics import concordance_index, life_table, survival_nll

SMALL = {"embedding_dim": 4, "hidden_units": (16,)}
SEEDS = pytest.mark.parametrize("seed", range(3))
TRUE_HAZARDS = 1 - np.exp(-RATES[:, None] * np.diff([0.0, *CUTS]))
EVERY_BRAND = {"brand": np.arange(1, BRANDS + 1)}


@cache
def trained(seed: int, censoring: str = "told") -> CreativeSurvival:
    """A model of each brand's hazards: censored rows told as such, taken for ended, or left out."""
    features, _, durations, events = brand_rows(12_000, seed)
    kept = events if censoring == "dropped" else np.ones(len(events), bool)
    seen = np.ones(len(events), bool) if censoring == "mislabelled" else events
    keras.utils.set_random_seed(seed)
    model = CreativeSurvival(brand_spec(), **SMALL)
    return fitted(model, {"brand": features["brand"][kept]}, durations[kept], seen[kept], epochs=6)


def learned_hazards(model: CreativeSurvival) -> np.ndarray:
    return -np.expm1(-np.asarray(model.predict_on_batch(EVERY_BRAND), np.float64))


def error(model: CreativeSurvival) -> float:
    """Mean relative error of the hazards of brands and intervals that at least some creatives reach."""
    reached = np.exp(-RATES[:, None] * 2 * np.array([0.0, *CUTS[:-1]])) > 0.1
    return float(np.mean(np.abs(learned_hazards(model) / TRUE_HAZARDS - 1)[reached]))


@SEEDS
def test_hazards_are_recovered_under_half_censoring_and_lost_when_it_is_ignored(seed: int) -> None:
    told = error(trained(seed))
    assert told < 0.12
    assert error(trained(seed, "mislabelled")) > 0.3 > 2 * told
    assert error(trained(seed, "dropped")) > 0.3


def plain(seed: int, rows: Creatives, ended: np.ndarray) -> DNN:
    """A model of a yes/no label: did it end? Rows that were lost before count as not ended."""
    keras.utils.set_random_seed(seed)
    model = DNN(make_spec(categorical("brand"), rows={"brand": BRANDS + 1}), **SMALL)
    model.compile(optimizer=keras.optimizers.Adam(0.02), jit_compile=False)
    model.fit(rows[0], ended.astype("float32")[:, None], batch_size=256, epochs=3, verbose=0)
    return model


def lasting_error(ended: np.ndarray, test: Creatives) -> float:
    """Mean squared error of the probability of ending within 4 days, of lives that are all known."""
    return float(np.mean((ended - (test[1] <= 4)) ** 2))


@SEEDS
def test_it_knows_who_ends_in_time_where_a_yes_no_model_takes_the_lost_for_lasting(seed: int) -> None:
    """The margin over the plain model is not there when censored rows are mislabelled or dropped."""
    rows, test = brand_rows(12_000, seed), brand_rows(4_000, 100 + seed)
    stopped = plain(seed, rows, rows[3] & (rows[2] <= 4)).predict_on_batch(test[0])
    baseline = lasting_error(np.asarray(stopped)[:, 0], test)

    def margin(censoring: str) -> float:
        return baseline - lasting_error(1 - curves(trained(seed, censoring), test[0])[:, CUTS.index(4)], test)

    assert margin("told") > 0.04
    assert margin("mislabelled") < 0.025
    assert margin("dropped") < 0.025


@SEEDS
def test_it_orders_lives_that_a_yes_no_model_orders_backwards(seed: int) -> None:
    """Brands that end fast are the new ones, watched for the shortest time: fewer of their ends are seen."""
    lost = 2 * RATES**1.5
    rows, test = brand_rows(12_000, seed, lost), brand_rows(4_000, 100 + seed, lost)
    known = np.ones(len(test[1]))
    baseline = concordance_index(
        test[1], known, -np.asarray(plain(seed, rows, rows[3]).predict_on_batch(test[0]))[:, 0]
    )
    keras.utils.set_random_seed(seed)
    model = fitted(CreativeSurvival(brand_spec(), **SMALL), rows[0], rows[2], rows[3], epochs=3)
    best = concordance_index(test[1], known, -RATES[test[0]["brand"] - 1])
    assert figures(model, test)["c_index"] > max(best - 0.01, baseline + 0.3)


EARLY = {"kind": "numeric", "name": "early", "role": "item", "scale": "none"}
LATE = {"kind": "numeric", "name": "late", "role": "item", "scale": "none"}
SHORT, LONG = (1.0, 2.0, 3.0), (3.0, 10.0, 20.0, 40.0)


def two_causes(count: int, seed: int) -> Creatives:
    """Half of the creatives are bad: they end in days, by `early`; the others last weeks, by `late`."""
    rng = np.random.default_rng(seed)
    early, late, bad = rng.normal(size=count), rng.normal(size=count), rng.random(count) < 0.5
    life = np.where(bad, rng.exponential(np.exp(1.5 * early)), 3 + rng.exponential(10 * np.exp(1.2 * late)))
    end = rng.uniform(0, 60, count)
    features = {"early": early.astype("float32"), "late": late.astype("float32")}
    return features, life, np.minimum(life, end), life <= end


def horizon_c(model: CreativeSurvival, rows: Creatives, task: str, chosen: np.ndarray) -> float:
    """C-index of a head's expected life over the chosen rows."""
    features, life, _, _ = rows
    cuts = next(t.grid for t in model.spec.spec.tasks if t.name == task)
    several = task if len(model.spec.spec.tasks) > 1 else ""
    curve = curves(model, features, several)
    lives = np.column_stack([np.ones(len(life)), curve[:, :-1]]) @ np.diff([0.0, *cuts])
    return concordance_index(life[chosen], np.ones(chosen.sum()), lives[chosen])


@SEEDS
def test_two_heads_serve_both_horizons_where_each_alone_serves_its_own(seed: int) -> None:
    """The long head has one coarse interval for all early ends, the short head none for late ones."""
    test = two_causes(3_000, 100 + seed)
    both = two_causes_model(seed, short=SHORT, long=LONG)
    short, long = two_causes_model(seed, short=SHORT), two_causes_model(seed, long=LONG)
    early_rows, late_rows = test[1] <= SHORT[-1], test[1] > SHORT[-1]
    assert horizon_c(both, test, "short", early_rows) > horizon_c(long, test, "long", early_rows) + 0.03
    assert horizon_c(both, test, "long", late_rows) > horizon_c(short, test, "short", late_rows) + 0.05


def two_causes_model(seed: int, **heads: tuple[float, ...]) -> CreativeSurvival:
    features, _, durations, events = two_causes(6_000, seed)
    keras.utils.set_random_seed(seed)
    model = CreativeSurvival(survival_spec(EARLY, LATE, rows={}, **heads), hidden_units=(16,))
    return fitted(model, features, durations, events, epochs=6)


@SEEDS
def test_weight_on_a_group_lowers_its_loss(seed: int) -> None:
    """Brand alone is seen, of which two kinds last differently: the curve lies between, nearer to the heavier."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, 6_000)
    life = rng.exponential(np.where(kind == 1, 8.0, 2.0))
    features = {"brand": np.ones(len(kind), "int64")}
    seen = np.ones(len(kind), bool)
    losses = []
    for weight in (1.0, 2.0):
        keras.utils.set_random_seed(seed)
        weights = np.where(kind == 1, weight, 1.0).astype("float32")[:, None]
        model = fitted(CreativeSurvival(brand_spec(), **SMALL), features, life, seen, epochs=2, weights=weights)
        mine = kind == 1
        losses.append(survival_nll(life[mine], seen[mine], curves(model, features)[mine], CUTS))
    assert losses[1] < losses[0] - 0.02


def test_weights_of_1_reproduce_the_unweighted_run_bit_for_bit() -> None:
    features, _, durations, events = brand_rows(600, 0)
    answers = []
    for weights in (None, np.ones((600, 1), "float32")):
        keras.utils.set_random_seed(0)
        model = fitted(CreativeSurvival(brand_spec(), **SMALL), features, durations, events, epochs=1, weights=weights)
        answers.append(model.predict_on_batch(EVERY_BRAND))
    np.testing.assert_array_equal(*answers)


IMAGE = {"kind": "vector", "name": "image", "role": "item", "width": 3}
TEXT = {"kind": "multi", "name": "text", "role": "item", "max_length": 4, "hash_buckets": 8}


@pytest.mark.parametrize("signal", ["image", "text"])
def test_each_modality_carries_its_signal(signal: str) -> None:
    """The C-index falls to chance when the modality that holds the signal is mixed up, and not with the other."""
    rng = np.random.default_rng(0)
    features = {"image": rng.normal(size=(4_000, 3)).astype("float32"), "text": rng.integers(1, 9, (4_000, 4))}
    score = features["image"][:, 0] if signal == "image" else (features["text"] <= 2).sum(axis=1) - 1.0
    life = rng.exponential(4 * np.exp(1.2 * score))
    spec = survival_spec(IMAGE, TEXT, rows={"text": 9}, stop=CUTS)
    keras.utils.set_random_seed(0)
    model = fitted(CreativeSurvival(spec, **SMALL), features, life, np.ones(4_000), epochs=6)

    def with_mixed(name: str) -> float:
        mixed = {**features, name: rng.permutation(features[name])}
        return figures(model, (mixed, life, life, life))["c_index"]

    assert with_mixed("text" if signal == "image" else "image") > 0.65
    assert with_mixed(signal) == pytest.approx(0.5, abs=0.03)


def test_a_missing_image_is_one_of_its_own() -> None:
    """Creatives without an image end fast; a model that took zeros for an image would have to bend for them."""
    rng = np.random.default_rng(0)
    image = rng.normal(size=(3_000, 3)).astype("float32")
    gone = rng.random(3_000) < 0.3
    image[gone] = 0
    life = rng.exponential(np.where(gone, 1.0, 8.0))
    spec = survival_spec(IMAGE, rows={}, stop=CUTS)
    keras.utils.set_random_seed(0)
    model = CreativeSurvival(spec, **SMALL)
    fitted(model, {"image": image}, life, np.ones(3_000), epochs=5)
    assert np.abs(np.asarray(model.missing["image"].vector)).max() > 0.1
    lasting = curves(model, {"image": image})[:, 0]
    assert lasting[gone].mean() < lasting[~gone].mean() - 0.3


def test_heads_begin_at_the_hazards_they_are_given_and_the_loss_weights_are_the_shares() -> None:
    features, _, durations, events = two_causes(500, 0)
    spec = survival_spec(EARLY, LATE, rows={}, short=SHORT, long=LONG)
    base = {"short": life_table(durations, events, SHORT)}
    model = CreativeSurvival(spec, hidden_units=(4,), task_weights={"short": 0.3, "long": 0.7}, base_hazards=base)
    model.build()
    hazard = 1 / (1 + np.exp(-np.asarray(model.heads["short"].bias)))
    np.testing.assert_allclose(hazard, base["short"], rtol=1e-5)
    labels = signed_durations(durations, events)[:, None]
    model.compile(jit_compile=False)
    total = model.evaluate(
        features, dict.fromkeys(("short", "long"), labels), batch_size=500, verbose=0, return_dict=True
    )
    answer = model.predict_on_batch(features)
    parts = [float(SurvivalLoss(cuts)(labels, answer[name])) for name, cuts in (("short", SHORT), ("long", LONG))]
    assert total["loss"] == pytest.approx(0.3 * parts[0] + 0.7 * parts[1], rel=1e-5)


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(SpecError, match="CreativeSurvival predicts survival tasks, 'click' is a binary task"):
        CreativeSurvival(make_spec(categorical("brand"), rows={"brand": 3}))
    with pytest.raises(SpecError, match="DNN predicts binary and regression tasks, 'stop' is a survival task"):
        DNN(brand_spec())
    with pytest.raises(ValueError, match="name tasks of the spec, stop"):
        CreativeSurvival(brand_spec(), task_weights={"stp": 1.0})
    open_spec = brand_spec().spec.model_dump()
    open_spec["tasks"][0].update(cut_points=(), quantiles=3)
    with pytest.raises(ValueError, match="3 quantiles and no cut points yet"):
        CreativeSurvival({"spec": open_spec, "rows": {"brand": 3}})


def test_one_feature_alone_will_do() -> None:
    assert BRAND["name"] == "brand"
    model = CreativeSurvival(survival_spec(EARLY, rows={}, stop=CUTS), hidden_units=(4,))
    assert model.predict_on_batch({"early": np.zeros(2, "float32")}).shape == (2, len(CUTS))
