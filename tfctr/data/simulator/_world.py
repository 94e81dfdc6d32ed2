"""The hidden truth: what users like, what items are, how domains and devices differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tfctr.data.simulator.config import SimulatorConfig

DEVICES = ("phone", "tablet", "desktop")
GENDERS = ("f", "m")
MAX_TAGS = 4
Floats: TypeAlias = NDArray[np.float64]
Numbers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class World:
    """Everything a simulated log depends on and does not show. Rows of the arrays are users or items.

    Args:
        interest_start, interest_turned: Where a user's interest points at first and after a quarter turn,
            unit vectors, float64 ``(users, latent_dim)``.
        home_domain, age, gender: Of the users, ``(users,)``; ages in years.
        item_latent: Unit vectors, ``(items, latent_dim)``.
        category, price, quality, popularity: Of the items, ``(items,)``; prices in euros; popularities add up to 1.
        has_tag: ``(items, tags)`` bool, at most `MAX_TAGS` a row.
        item_vector: What the log shows of `item_latent`, float32 ``(items, vector_width)``.
        domain_category, device_category: Crosses, ``(domains or devices, categories)``.
        domain_bias: ``(domains,)``.
        idle_user, idle_item: Whose ids tell nothing, bool ``(users,)`` and ``(items,)``.
    """

    interest_start: Floats
    interest_turned: Floats
    home_domain: Numbers
    age: Floats
    gender: Numbers
    item_latent: Floats
    category: Numbers
    price: Floats
    quality: Floats
    popularity: Floats
    has_tag: NDArray[np.bool_]
    item_vector: NDArray[np.float32]
    domain_category: Floats
    device_category: Floats
    domain_bias: Floats
    idle_user: NDArray[np.bool_]
    idle_item: NDArray[np.bool_]


def draw_world(config: SimulatorConfig, generator: np.random.Generator) -> World:
    """Draw the hidden truth of a config."""
    start, turned = _interests(config, generator)
    category = generator.integers(config.categories, size=config.items)
    centres = generator.normal(size=(config.categories, config.latent_dim))
    latent = _unit(centres[category] + 0.7 * generator.normal(size=(config.items, config.latent_dim)))
    image = generator.normal(size=(config.latent_dim, config.vector_width)) / np.sqrt(config.latent_dim)
    noise = config.vector_noise * generator.normal(size=(config.items, config.vector_width))
    popularity = zipf(config.items)
    idle = apart(config, 1)
    return World(
        interest_start=start,
        interest_turned=turned,
        home_domain=generator.integers(config.domains, size=config.users),
        age=generator.integers(16, 80, size=config.users).astype(np.float64),
        gender=generator.integers(len(GENDERS), size=config.users),
        item_latent=latent,
        category=category,
        price=np.exp(generator.normal(3.0, 0.8, size=config.items)).round(2),
        quality=generator.normal(size=config.items),
        popularity=generator.permutation(popularity),
        has_tag=_tags(latent, config, generator),
        item_vector=(latent @ image + noise).astype(np.float32),
        domain_category=generator.normal(size=(config.domains, config.categories)),
        device_category=generator.normal(size=(len(DEVICES), config.categories)),
        domain_bias=generator.normal(scale=0.5, size=config.domains),
        idle_user=idle.random(config.users) < config.idle_share,
        idle_item=idle.random(config.items) < config.idle_share,
    )


def zipf(values: int) -> Floats:
    """Return shares of values that add up to 1: a Zipf tail, as in real logs."""
    weights = 1.0 / np.arange(1, values + 1) ** 0.8
    shares: Floats = weights / weights.sum()
    return shares


def apart(config: SimulatorConfig, number: int) -> np.random.Generator:
    """Return a generator for what an option adds: all other draws stay those of a log without it."""
    return np.random.default_rng([config.seed, 20_230_501, number])


def _interests(config: SimulatorConfig, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Two orthogonal unit vectors a user; in one dimension there is nowhere to turn to but back."""
    start = _unit(generator.normal(size=(config.users, config.latent_dim)))
    turned = generator.normal(size=start.shape)
    if config.latent_dim > 1:
        turned -= (turned * start).sum(axis=1, keepdims=True) * start
        return start, _unit(turned)
    return start, np.zeros_like(start)


def _tags(latent: Floats, config: SimulatorConfig, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Tags lean towards the item's hidden vector; every item has between 0 and `MAX_TAGS`."""
    directions = generator.normal(size=(config.latent_dim, config.tags))
    appeal = latent @ directions + 0.5 * generator.normal(size=(len(latent), config.tags))
    rank = np.argsort(np.argsort(-appeal, axis=1), axis=1)
    return rank < generator.integers(0, min(MAX_TAGS, config.tags) + 1, size=(len(latent), 1))


def _unit(vectors: Floats) -> Floats:
    unit: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
