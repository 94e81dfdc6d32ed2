"""The simulator's truth: rates, oracle figures, effects, and the spec that reads its log."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from tfctr.data import add_histories
from tfctr.data.simulator import SimulatedLog, SimulatorConfig, auc, expected_auc, expected_logloss, simulate

CONFIG = SimulatorConfig(rows=20_000, users=300, items=100, conversion=True, seed=7)


@pytest.fixture(scope="module")
def log() -> SimulatedLog:
    return simulate(CONFIG)


def test_same_seed_same_log_other_seed_other_log(log: SimulatedLog) -> None:
    assert simulate(CONFIG).table == log.table
    assert simulate(CONFIG.model_copy(update={"seed": 8})).table != log.table


def test_labels_are_drawn_from_the_probability(log: SimulatedLog) -> None:
    clicks = log.table.column("clicked").to_numpy()
    assert log.probability.mean() == pytest.approx(CONFIG.click_rate, abs=1e-9)
    deviation = np.sqrt((log.probability * (1 - log.probability)).sum())
    assert abs(clicks.sum() - log.probability.sum()) < 4 * deviation
    for low, high in ((0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 1)):  # calibrated everywhere
        rows = (log.probability >= low) & (log.probability < high)
        error = np.sqrt((log.probability * (1 - log.probability))[rows].sum())
        assert abs(clicks[rows].sum() - log.probability[rows].sum()) < 4 * error


def test_conversions_come_after_clicks(log: SimulatedLog) -> None:
    clicks, conversions = (log.table.column(name).to_numpy() for name in ("clicked", "converted"))
    assert np.all(conversions <= clicks)
    rate = log.conversion_probability[clicks == 1].mean()
    assert conversions[clicks == 1].mean() == pytest.approx(rate, abs=0.03)


def test_oracle_figures_equal_sklearn_and_their_expectation(log: SimulatedLog) -> None:
    clicks = log.table.column("clicked").to_numpy()
    assert log.oracle_auc() == pytest.approx(roc_auc_score(clicks, log.probability), abs=1e-9)
    assert log.oracle_logloss() == pytest.approx(log_loss(clicks, log.probability), abs=1e-9)
    assert log.oracle_auc() == pytest.approx(expected_auc(log.probability), abs=0.01)
    assert log.oracle_logloss() == pytest.approx(expected_logloss(log.probability), abs=0.01)


def test_no_other_ranking_beats_the_truth(log: SimulatedLog) -> None:
    clicks = log.table.column("clicked").to_numpy()
    generator = np.random.default_rng(0)
    logit = np.log(log.probability / (1 - log.probability))
    for noise in (0.3, 1.0, 3.0):
        assert auc(clicks, logit + noise * generator.normal(size=len(logit))) < log.oracle_auc()
    assert np.isnan(auc(np.zeros(3), np.arange(3)))


def test_history_tells_the_drifting_interest() -> None:
    """At the end of the log the latest clicks point to the interest of then, not to that of the start."""
    log = simulate(SimulatorConfig(rows=20_000, users=100, items=200, drift=np.pi / 2, affinity=3))
    latest = {}
    for user, clicked in zip(
        *(log.table.column(name).to_pylist() for name in ("user_id", "clicked_items")), strict=True
    ):
        latest[user] = clicked[-5:]
    at_end, at_start = [], []
    for user, clicked in latest.items():
        direction = log.world.item_latent[np.array(clicked) - 1].mean(axis=0)
        at_end.append(direction @ log.world.interest_turned[user - 1])
        at_start.append(direction @ log.world.interest_start[user - 1])
    assert np.mean(at_end) > np.mean(at_start) + 0.2


def test_effects_can_be_switched_off() -> None:
    off = {"affinity": 0, "quality": 0, "crosses": 0, "position_bias": 0, "domains": 1}
    flat = simulate(SimulatorConfig(rows=2000, **off))
    assert flat.probability.std() < 0.05  # the daily rhythm is left
    biased = simulate(SimulatorConfig(rows=2000, **{**off, "position_bias": 2.0}))
    position = biased.table.column("position").to_numpy()
    means = [biased.probability[position == place].mean() for place in range(1, 6)]
    assert means == sorted(means, reverse=True)


def test_the_spec_reads_the_table(log: SimulatedLog) -> None:
    columns = {column.name for column in log.spec.raw_columns()}
    assert columns == set(log.table.column_names)
    assert [task.name for task in log.spec.tasks] == ["click", "conversion"]
    assert [task.name for task in simulate(SimulatorConfig(rows=10)).spec.tasks] == ["click"]
    assert add_histories(log.table, log.spec) == log.table
    assert log.table.column("age").null_count > 0


def test_the_spec_can_have_the_crosses_of_the_truth(log: SimulatedLog) -> None:
    crossed = simulate(CONFIG.model_copy(update={"cross_features": True}))
    assert crossed.table == log.table
    assert [f.of for f in crossed.spec.features if f.kind == "cross"] == [
        ("device", "category"),
        ("domain", "category"),
    ]


def test_ids_and_a_field_that_say_nothing_can_be_planted(log: SimulatedLog) -> None:
    planted = simulate(CONFIG.model_copy(update={"idle_share": 0.5, "noise_values": 40}))
    shown = [name for name in log.table.column_names if not name.startswith(("click", "convert"))]
    assert planted.table.select(shown) == log.table.select(shown)  # all other draws stay
    assert planted.spec.feature("noise").kind == "categorical"
    columns = {name: planted.table.column(name).to_numpy() for name in ("user_id", "item_id", "noise")}
    assert set(columns["noise"]) == set(range(1, 41))
    of_noise = [planted.probability[columns["noise"] == value].mean() for value in range(1, 6)]
    assert np.ptp(of_noise) < 0.05
    idle = planted.world.idle_item
    assert 0.3 < idle.mean() < 0.7
    means = np.array([planted.probability[columns["item_id"] == 1 + item].mean() for item in range(CONFIG.items)])
    assert means[idle].std() < 0.8 * means[~idle].std()  # quality is gone, category and price are left
    alike = ~planted.world.idle_user[columns["user_id"] - 1] & ~idle[columns["item_id"] - 1]
    assert planted.probability[~alike].std() < 0.7 * planted.probability[alike].std()


def test_all_ids_may_be_idle() -> None:
    config = SimulatorConfig(rows=2000, users=50, items=20, idle_share=1.0, crosses=0, position_bias=0, domains=1)
    assert simulate(config).probability.std() < 0.05  # the daily rhythm is left


@pytest.mark.parametrize("sizes", [{"users": 1, "items": 1, "categories": 1, "tags": 1, "domains": 1, "positions": 1}])
def test_smallest_world(sizes: dict) -> None:
    assert simulate(SimulatorConfig(rows=1, latent_dim=1, vector_width=1, **sizes)).table.num_rows == 1
