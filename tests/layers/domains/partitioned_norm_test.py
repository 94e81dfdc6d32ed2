"""Each domain is normalised by its own rows, and answers by what they were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tfctr.layers.domains import PartitionedNorm
from tfctr.testing._recipe import fill_sequentially

RNG = np.random.default_rng(0)
GROUPS = np.array([1, 2, 1, 2, 2, 1, 3, 0, 1])
X = (RNG.normal(size=(9, 4)) * (1 + GROUPS[:, None]) + 10 * GROUPS[:, None]).astype("float32")


def normal(rows: np.ndarray, of: np.ndarray) -> np.ndarray:
    return (rows - of.mean(axis=0)) / np.sqrt(of.var(axis=0) + 1e-5)


def test_training_takes_the_rows_of_the_domain() -> None:
    found = np.array(PartitionedNorm(4)(X, GROUPS, training=True))
    for group in (1, 2):
        own = X[group == GROUPS]
        np.testing.assert_allclose(found[group == GROUPS], normal(own, own), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found[GROUPS == 0], normal(X[GROUPS == 0], X), rtol=1e-3, atol=1e-4)  # all rows
    np.testing.assert_allclose(found[GROUPS == 3], X[GROUPS == 3], rtol=1e-4)  # a single one: averages of 0 and 1


def test_factors_and_shifts_of_all_and_of_the_domain() -> None:
    layer = PartitionedNorm(4)
    layer.build(X.shape)
    fill_sequentially(layer)
    gamma, beta, own_gamma, own_beta, mean, variance = (np.array(weight) for weight in layer.weights)
    own_gamma[0], own_beta[0] = 1, 0  # unknown domains have none of their own
    scaled = (X - mean[GROUPS]) / np.sqrt(variance[GROUPS] + 1e-5)
    expected = gamma * own_gamma[GROUPS] * scaled + beta + own_beta[GROUPS]
    np.testing.assert_allclose(layer(X, GROUPS), expected, rtol=1e-4, atol=1e-5)


def test_averages_follow_the_rows_of_their_domain() -> None:
    layer = PartitionedNorm(4, momentum=0.5)
    layer(X, GROUPS, training=True)
    mean, variance = (np.array(weight) for weight in layer.weights[-2:])
    np.testing.assert_allclose(mean[1], 0.5 * X[GROUPS == 1].mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(variance[2], 0.5 + 0.5 * X[GROUPS == 2].var(axis=0), rtol=1e-4)
    np.testing.assert_allclose(mean[0], 0.5 * X.mean(axis=0), rtol=1e-4)
    np.testing.assert_array_equal(mean[3], np.zeros(4))  # one row says nothing of a spread
    for _ in range(30):
        layer(X, GROUPS, training=True)
    answers = np.array(layer(X, GROUPS))
    own = X[GROUPS == 1]
    np.testing.assert_allclose(answers[GROUPS == 1], normal(own, own), rtol=1e-3, atol=1e-3)
    alone = layer(own, GROUPS[GROUPS == 1])
    np.testing.assert_allclose(alone, answers[GROUPS == 1], rtol=1e-6)  # whoever stands beside them


def test_other_domains_change_nothing() -> None:
    other = np.where((GROUPS == 2)[:, None], 7 * X - 3, X)
    for training in (False, True):
        one, two = (np.array(PartitionedNorm(4)(rows, GROUPS, training=training)) for rows in (X, other))
        np.testing.assert_array_equal(one[GROUPS == 1], two[GROUPS == 1])


def test_a_batch_without_rows_of_a_domain_leaves_it_alone() -> None:
    layer = PartitionedNorm(4)
    layer(X[GROUPS == 1], GROUPS[GROUPS == 1], training=True)
    mean, variance = (np.array(weight) for weight in layer.weights[-2:])
    np.testing.assert_array_equal(mean[2:], 0)
    np.testing.assert_array_equal(variance[2:], 1)


@pytest.mark.parametrize("wrong", [{"groups": 0}, {"groups": 2, "momentum": 1.0}, {"groups": 2, "epsilon": 0.0}])
def test_what_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="PartitionedNorm needs"):
        PartitionedNorm(**wrong)
