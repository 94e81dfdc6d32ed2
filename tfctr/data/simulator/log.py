"""Rows, labels and the spec of a simulated log."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tfctr.data.histories import add_histories
from tfctr.data.simulator import oracle
from tfctr.data.simulator._world import DEVICES, GENDERS, Floats, Numbers, World, apart, draw_world, zipf
from tfctr.data.simulator.config import SimulatorConfig
from tfctr.spec import FeatureSpec

START = 1_700_000_000
DAY = 86_400

TRUE_CROSSES = (("device", "category"), ("domain", "category"))
"""Pairs of features that have an effect together."""


@dataclass(frozen=True)
class SimulatedLog:
    """A log in order of time, the spec that reads it, and the truth behind it.

    Args:
        config: What was simulated.
        table: The raw log with its history columns, the columns of `spec` and no more hidden ones.
        spec: Reads the table; one task, or two with `config.conversion`.
        probability: True click probability, float64 ``(rows,)``.
        conversion_probability: True probability of a conversion, given a click, float64 ``(rows,)``.
        world: The hidden truth.
    """

    config: SimulatorConfig
    table: pa.Table
    spec: FeatureSpec
    probability: Floats
    conversion_probability: Floats
    world: World

    def oracle_auc(self, rows: np.ndarray | slice = slice(None)) -> float:
        """Return the AUC of the true click probability on the drawn clicks of these rows."""
        return oracle.auc(self._labels("clicked")[rows], self.probability[rows])

    def oracle_logloss(self, rows: np.ndarray | slice = slice(None)) -> float:
        """Return the logloss (nats) of the true click probability on the drawn clicks of these rows."""
        return oracle.logloss(self._labels("clicked")[rows], self.probability[rows])

    def _labels(self, column: str) -> Numbers:
        return np.asarray(self.table.column(column), np.int64)


@dataclass(frozen=True)
class _Impressions:
    """Who saw what, where and when; ``(rows,)`` each."""

    time: Numbers
    user: Numbers
    item: Numbers
    domain: Numbers
    device: Numbers
    position: Numbers
    noise: Numbers

    @property
    def hour(self) -> Numbers:
        return self.time % DAY // 3600


def simulate(config: SimulatorConfig | None = None) -> SimulatedLog:
    """Simulate an ad log with a known click probability.

    The logit of a click is the sum of: the user's drifting interest times the item, the item's quality,
    position bias, a daily rhythm, the domain's own level, and crosses of device, domain, age with category and
    price. What is shown is drawn without regard to the user, so the log has no selection bias.

    Args:
        config: Sizes, rates, effects and seed; None takes the defaults.

    Example:
        >>> log = simulate(SimulatorConfig(rows=1000, users=50, items=30))
        >>> log.table.num_rows, round(float(log.probability.mean()), 3)
        (1000, 0.2)
    """
    config = config or SimulatorConfig()
    generator = np.random.default_rng([config.seed, 20_230_501])
    world = draw_world(config, generator)
    shown = _draw_impressions(config, world, generator)
    affinity = _affinity(config, world, shown)
    probability = _at_rate(_click_logit(config, world, shown, affinity), config.click_rate)
    clicked = generator.random(config.rows) < probability
    price = _standard(np.log(world.price))[shown.item]
    conversion_probability = _at_rate(1.0 * affinity - 0.5 * price, config.conversion_rate)
    converted = clicked & (generator.random(config.rows) < conversion_probability)
    table = _table(config, world, shown, generator)
    table = table.append_column("clicked", pa.array(clicked.astype(np.float32)))
    table = table.append_column("converted", pa.array(converted.astype(np.float32)))
    spec = simulator_spec(config)
    return SimulatedLog(config, add_histories(table, spec), spec, probability, conversion_probability, world)


def simulator_spec(config: SimulatorConfig) -> FeatureSpec:
    """Return the spec that reads a simulated log."""
    tasks = [{"name": "click", "label": "clicked"}]
    if config.conversion:
        tasks.append({"name": "conversion", "label": "converted", "after": "click"})
    features = [
        {"kind": "categorical", "name": "user_id", "role": "user", "type": "int"},
        {"kind": "categorical", "name": "gender", "role": "user"},
        {"kind": "numeric", "name": "age", "role": "user"},
        {
            "kind": "sequence",
            "name": "clicked_items",
            "role": "user",
            "type": "int",
            "shares": "item_id",
            "max_length": config.history_length,
            "times": "clicked_times",
        },
        {"kind": "categorical", "name": "item_id", "role": "item", "type": "int"},
        {"kind": "categorical", "name": "category", "role": "item"},
        {"kind": "multi", "name": "tags", "role": "item", "max_length": 4},
        {"kind": "numeric", "name": "price", "role": "item", "scale": "log"},
        {"kind": "vector", "name": "item_vector", "role": "item", "width": config.vector_width},
        {"kind": "categorical", "name": "domain", "role": "context"},
        {"kind": "categorical", "name": "device", "role": "context"},
        {"kind": "categorical", "name": "hour", "role": "context", "type": "int"},
        {"kind": "categorical", "name": "position", "role": "context", "type": "int"},
    ]
    if config.noise_values:
        features.append({"kind": "categorical", "name": "noise", "role": "context", "type": "int"})
    history = {
        "name": "clicked_items",
        "of": "item_id",
        "by": "user_id",
        "positives_of": "click",
        "max_length": config.history_length,
        "times": "clicked_times",
    }
    spec = FeatureSpec.model_validate(
        {
            "name": "simulated_ads",
            "description": "A simulated ad log with a known true click probability.",
            "history": [history],
            "features": features,
            "tasks": tasks,
            "meta": {"group": "user_id", "time": "time", "domain": "domain"},
        }
    )
    return spec.with_crosses(pairs=TRUE_CROSSES) if config.cross_features else spec


def _draw_impressions(config: SimulatorConfig, world: World, generator: np.random.Generator) -> _Impressions:
    user = generator.integers(config.users, size=config.rows)
    at_home = generator.random(config.rows) < 0.7
    elsewhere = generator.integers(config.domains, size=config.rows)
    return _Impressions(
        time=START + np.sort(generator.integers(config.days * DAY, size=config.rows)),
        user=user,
        item=generator.choice(config.items, p=world.popularity, size=config.rows),
        domain=np.where(at_home, world.home_domain[user], elsewhere),
        device=generator.choice(len(DEVICES), p=(0.6, 0.1, 0.3), size=config.rows),
        position=1 + generator.integers(config.positions, size=config.rows),
        noise=_noise(config),
    )


def _noise(config: SimulatorConfig) -> Numbers:
    """Values that say nothing; without any, zeros that no column shows."""
    if not config.noise_values:
        return np.zeros(config.rows, np.int64)
    return 1 + apart(config, 2).choice(config.noise_values, p=zipf(config.noise_values), size=config.rows)


def _affinity(config: SimulatorConfig, world: World, shown: _Impressions) -> Floats:
    """Interest of the user at the time of the row, times the item; standard deviation about 1."""
    angle = (config.drift * (shown.time - START) / (config.days * DAY))[:, None]
    interest = np.cos(angle) * world.interest_start[shown.user] + np.sin(angle) * world.interest_turned[shown.user]
    affinity: Floats = np.sqrt(config.latent_dim) * (interest * world.item_latent[shown.item]).sum(axis=1)
    return affinity * ~(world.idle_user[shown.user] | world.idle_item[shown.item])


def _click_logit(config: SimulatorConfig, world: World, shown: _Impressions, affinity: Floats) -> Floats:
    """The logit up to its intercept."""
    category = world.category[shown.item]
    young = -_standard(world.age)[shown.user]
    price = _standard(np.log(world.price))[shown.item]
    crosses = world.device_category[shown.device, category] + world.domain_category[shown.domain, category]
    logit: Floats = (
        config.affinity * affinity
        + config.quality * (world.quality * ~world.idle_item)[shown.item]
        + config.crosses * (crosses - young * price)
        - config.position_bias * np.log(shown.position)
        + world.domain_bias[shown.domain]
        + 0.3 * np.sin(2 * np.pi * (shown.hour - 14) / 24)  # clicks peak in the evening
    )
    return logit


def _at_rate(logit: Floats, rate: float) -> Floats:
    """Return probabilities of `logit` plus the intercept that makes their mean `rate`, by bisection."""
    low, high = -60.0 - logit.max(), 60.0 - logit.min()
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _sigmoid(logit + middle).mean() < rate else (low, middle)
    return _sigmoid(logit + (low + high) / 2)


def _table(config: SimulatorConfig, world: World, shown: _Impressions, generator: np.random.Generator) -> pa.Table:
    """The visible columns, labels and histories aside."""
    users = np.arange(config.users)
    lost_age = generator.random(config.users) < config.missing_share
    lost_gender = generator.random(config.users) < config.missing_share
    tag_item, tag = np.nonzero(world.has_tag)
    tag_bounds = np.searchsorted(tag_item, np.arange(config.items + 1))
    tags = pa.ListArray.from_arrays(pa.array(tag_bounds, pa.int32()), _names("tag", tag))
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(world.item_vector.ravel()), config.vector_width)
    of_user = pa.table(
        {
            "user_id": pa.array(1 + users),
            "gender": pa.array(np.array(GENDERS)[world.gender], mask=lost_gender),
            "age": pa.array(world.age.astype(np.float32), mask=lost_age),
        }
    ).take(pa.array(shown.user))
    of_item = pa.table(
        {
            "item_id": pa.array(1 + np.arange(config.items)),
            "category": _names("category", world.category),
            "tags": tags,
            "price": pa.array(world.price.astype(np.float32)),
            "item_vector": vectors.cast(pa.list_(pa.float32())),
        }
    ).take(pa.array(shown.item))
    of_row = pa.table(
        {
            "domain": _names("domain", shown.domain),
            "device": pa.array(np.array(DEVICES)[shown.device]),
            "hour": pa.array(shown.hour),
            "position": pa.array(shown.position),
            "time": pa.array(shown.time),
        }
    )
    if config.noise_values:
        of_row = of_row.append_column("noise", pa.array(shown.noise))
    columns = {name: part.column(name) for part in (of_user, of_item, of_row) for name in part.column_names}
    return pa.table(columns)


def _names(kind: str, numbers: Numbers) -> pa.Array:
    """Return ``kind_number`` texts."""
    distinct, codes = np.unique(numbers, return_inverse=True)
    texts = pa.array([f"{kind}_{number}" for number in distinct], pa.string())
    return texts.take(pa.array(codes))


def _standard(values: Floats) -> Floats:
    standard: Floats = (values - values.mean()) / max(float(values.std()), 1e-12)
    return standard


def _sigmoid(logit: Floats) -> Floats:
    return 0.5 * (1 + np.tanh(0.5 * logit))
