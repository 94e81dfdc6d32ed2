"""Groups and domains that want opposite things of one feature; each test shows the failure of one tower, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from tests.models.specs import auc, categorical, fitted, make_spec
from tfctr.models import DNN, STAR, AdaptDHM, CTRModel, DomainMMoE, DomainSharedBottom, PEPNet, PPNet
from tfctr.spec import BoundSpec

Rows = tuple[dict[str, np.ndarray], np.ndarray]
CONTENT, SIGNS = ("a", "b", "c"), tuple(f"sign_{index}" for index in range(12))
NARROW = {"embedding_dim": 4, "hidden_units": (3,)}
"""Three units are enough for the rows of one group, and too few for all groups in one tower."""


def spec_of(*names: str) -> BoundSpec:
    rows = {**dict.fromkeys(SIGNS, 4), **dict.fromkeys(CONTENT, 11), "domain": 8, "group": 5}
    return make_spec(*map(categorical, names), rows={name: rows[name] for name in names})


def labels(rng: np.random.Generator, logit: np.ndarray) -> np.ndarray:
    return (rng.random(len(logit)) < 1 / (1 + np.exp(-logit))).astype("float32")[:, None]


def content(rng: np.random.Generator, rows: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Three fields of ten values, and the score of each value, which is the same in every log."""
    scores = np.random.default_rng(7).normal(size=(len(CONTENT), 10))
    features = {name: rng.integers(1, 11, rows) for name in CONTENT}
    return features, np.stack([scores[i][features[name] - 1] for i, name in enumerate(CONTENT)], axis=1)


# --- hidden groups ----------------------------------------------------------------------------------------------------

OF_GROUPS = (*SIGNS, *CONTENT, "domain")
PATTERNS = np.array([[1, 1, 1], [-1, 1, -1], [1, -1, -1]])
"""Group by score: whether more is better."""


def grouped_rows(rows: int, seed: int) -> tuple[Rows, np.ndarray]:
    """Rows of three groups, which twelve fields give away, each wrong in 3 of 100 rows; and the group of each.

    The group says in which direction each of three scores counts. The domain says nothing.
    """
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, rows)
    features, score = content(rng, rows)
    for name in SIGNS:
        features[name] = 1 + np.where(rng.random(rows) < 0.05, rng.integers(0, 3, rows), group)
    features |= {"domain": rng.integers(2, 8, rows), "group": group + 2}
    return (features, labels(rng, 1.5 * (score * PATTERNS[group]).sum(axis=1))), group


def learned(
    seed: int, make: Callable[[], CTRModel], train: Rows, test: Rows, *, learning_rate: float = 0.03
) -> tuple[CTRModel, float]:
    keras.utils.set_random_seed(seed)
    model = fitted(make(), *train, epochs=8, learning_rate=learning_rate)
    return model, auc(model, *test)


class InGroups:
    """A model that is traced once and trained anew for each seed, as if it had just been made.

    Vectors start long enough not to turn round in the first steps, before the centres have found anything.
    """

    def __init__(self, model: type[CTRModel], *names: str, **options: Any):
        start = keras.initializers.RandomNormal(stddev=0.3)
        options |= {"embedding_dim": 4, "hidden_units": (6,), "embedding_initializer": start}
        self._make = lambda: model(spec_of(*names), **options)
        self.model: Any = self._make()
        self.model.build()
        self.model.compile(optimizer=keras.optimizers.Adam(0.01), jit_compile=False)
        self.model.optimizer.build(self.model.trainable_variables)
        self._unused = [np.array(variable) for variable in self.model.optimizer.variables]

    def auc(self, seed: int, train: Rows, test: Rows) -> float:
        """The AUC of the model that a seed gives; it stays in `model`."""
        keras.utils.set_random_seed(seed)
        fresh = self._make()
        fresh.build()
        self.model.set_weights(fresh.get_weights())
        for variable, value in zip(self.model.optimizer.variables, self._unused, strict=True):
            variable.assign(value)
        self.model.fit(*train, batch_size=256, epochs=8, verbose=0)
        return auc(self.model, *test)


def assert_groups_are_found(model: AdaptDHM, features: dict[str, np.ndarray], group: np.ndarray) -> None:
    assert adjusted_rand_score(group, model.routed(features).clusters) >= 0.9
    assert np.min(model.routing.usage) > 0.01
    assert np.max(np.array(model.routing.cosines()) - np.eye(3)) < 0.9


def test_groups_that_nobody_named_get_towers_of_their_own() -> None:
    """Found with six seeds; with three of them above one tower as wide, and nearly at the AUC of the true groups."""
    plain = {"domain": "group", "auxiliary_units": (), "partitioned_norm": False}
    hidden = InGroups(AdaptDHM, *OF_GROUPS, clusters=3)
    single, named = InGroups(DNN, *OF_GROUPS), InGroups(STAR, *OF_GROUPS[:-1], "group", **plain)
    gains = []
    for seed in range(6):
        (train, _), (test, group) = grouped_rows(6000, seed), grouped_rows(2000, 100 + seed)
        found = hidden.auc(seed, train, test)
        assert_groups_are_found(hidden.model, test[0], group)
        if seed < 3:
            one, oracle = single.auc(seed, train, test), named.auc(seed, train, test)
            assert found > one, (one, found, oracle)
            assert oracle - found < 0.005, (one, found, oracle)
            gains.append(found - one)
    assert np.mean(gains) > 0.01, gains


def test_groups_are_none_of_the_domains() -> None:
    """Domains in another order, and none at all: the same groups, and the same AUC within 0.01."""
    (train, _), (test, group) = grouped_rows(6000, 0), grouped_rows(2000, 100)
    shuffled = {**train[0], "domain": np.random.default_rng(5).permutation(train[0]["domain"])}
    found = []
    for names, features in ((OF_GROUPS, shuffled), (OF_GROUPS[:-1], train[0])):
        hidden = InGroups(AdaptDHM, *names, clusters=3)
        found.append(hidden.auc(0, (features, train[1]), test))
        assert_groups_are_found(hidden.model, test[0], group)
    assert abs(found[0] - found[1]) < 0.01, found


# --- named domains ----------------------------------------------------------------------------------------------------

OF_DOMAINS = (*CONTENT, "domain")
BY_DOMAIN: dict[str, Callable[[], CTRModel]] = {
    "STAR": lambda: STAR(spec_of(*OF_DOMAINS), domain="domain", auxiliary_units=(4,), **NARROW),
    "DomainSharedBottom": lambda: DomainSharedBottom(spec_of(*OF_DOMAINS), domain="domain", tower_units=(), **NARROW),
    "DomainMMoE": lambda: DomainMMoE(
        spec_of(*OF_DOMAINS), domain="domain", embedding_dim=4, num_experts=3, expert_units=(1,), tower_units=()
    ),
    "PEPNet": lambda: PEPNet(spec_of(*OF_DOMAINS), domain="domain", prior=("a",), **NARROW),
    "PPNet": lambda: PPNet(spec_of(*OF_DOMAINS), prior=("domain",), **NARROW),
}


def flipped_rows(rows: int, seed: int) -> Rows:
    """In each of six domains another score decides, or the same one with the other sign."""
    rng = np.random.default_rng(seed)
    domain = rng.integers(0, 6, rows)
    features, score = content(rng, rows)
    decides = score[np.arange(rows), domain % 3] * np.where(domain < 3, -1, 1)
    return {**features, "domain": domain + 2}, labels(rng, 3 * decides)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_flips_from_domain_to_domain_is_learned(seed: int) -> None:
    """AUC: each is above one tower of the same width, which knows the domain as a field, by 0.02."""
    train, test = flipped_rows(6000, seed), flipped_rows(2000, 100 + seed)
    _, one = learned(seed, lambda: DNN(spec_of(*OF_DOMAINS), **NARROW), train, test)
    tried = BY_DOMAIN if seed == 0 else {name: make for name, make in BY_DOMAIN.items() if name != "PPNet"}
    found = {name: learned(seed, make, train, test)[1] for name, make in tried.items()}
    assert min(found.values()) - one > 0.02, (one, found)


def test_a_domain_that_nobody_saw_is_answered_by_what_holds_for_all() -> None:
    """One score counts everywhere, another by domain; AUC where the domain is unknown, beside a DNN without it.

    Towers that share nothing learn nothing for it unless the domain of some rows is hidden.
    """

    def rows(number: int, seed: int) -> Rows:
        rng = np.random.default_rng(seed)
        features, score = content(rng, number)
        domain = rng.integers(0, 6, number)
        sign = np.where(domain < 3, -1, 1)
        return {**features, "domain": domain + 2}, labels(rng, 3 * score[:, 0] + sign * score[:, 1])

    train, (features, wanted) = rows(6000, 0), rows(2000, 100)
    test = {**features, "domain": np.ones(2000, int)}, wanted  # the out-of-vocabulary id
    _, without = learned(0, lambda: DNN(spec_of(*CONTENT), **NARROW), train, test)
    options: dict[str, Any] = {"domain": "domain", "tower_units": (8,), "embedding_dim": 4}
    found = {
        "STAR": learned(0, BY_DOMAIN["STAR"], train, test)[1],
        "PEPNet": learned(0, BY_DOMAIN["PEPNet"], train, test)[1],
        **{
            rate: learned(
                0,
                lambda rate=rate: DomainSharedBottom(
                    spec_of(*OF_DOMAINS), hidden_units=(4,), unknown_rate=rate, **options
                ),
                train,
                test,
            )[1]
            for rate in (0.05, 0.0)
        },
    }
    assert min(found["STAR"], found["PEPNet"], found[0.05]) > without - 0.02, (without, found)
    assert found[0.0] < without - 0.03, (without, found)
