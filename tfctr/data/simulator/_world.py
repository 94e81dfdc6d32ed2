"""The hidden truth: what users like, what items are, how domains and devices differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfctr.data.simulator.config import SimulatorConfig

DEVICES = ("phone", "tablet", "desktop")
GENDERS = ("f", "m")
MAX_TAGS = 4


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
    """

    interest_start: np.ndarray
    interest_turned: np.ndarray
    home_domain: np.ndarray
    age: np.ndarray
    gender: np.ndarray
    item_latent: np.ndarray
    category: np.ndarray
    price: np.ndarray
    quality: np.ndarray
    popularity: np.ndarray
    has_tag: np.ndarray
    item_vector: np.ndarray
    domain_category: np.ndarray
    device_category: np.ndarray
    domain_bias: np.ndarray


def draw_world(config: SimulatorConfig, generator: np.random.Generator) -> World:
    """Draw the hidden truth of a config."""
    start, turned = _interests(config, generator)
    category = generator.integers(config.categories, size=config.items)
    centres = generator.normal(size=(config.categories, config.latent_dim))
    latent = _unit(centres[category] + 0.7 * generator.normal(size=(config.items, config.latent_dim)))
    image = generator.normal(size=(config.latent_dim, config.vector_width)) / np.sqrt(config.latent_dim)
    noise = config.vector_noise * generator.normal(size=(config.items, config.vector_width))
    popularity = 1.0 / np.arange(1, config.items + 1) ** 0.8  # a Zipf tail, as in real logs
    return World(
        interest_start=start,
        interest_turned=turned,
        home_domain=generator.integers(config.domains, size=config.users),
        age=generator.integers(16, 80, size=config.users).astype(np.float64),
        gender=generator.integers(len(GENDERS), size=config.users),
        item_latent=latent,
        category=category,
        price=np.round(np.exp(generator.normal(3.0, 0.8, size=config.items)), 2),
        quality=generator.normal(size=config.items),
        popularity=generator.permutation(popularity / popularity.sum()),
        has_tag=_tags(latent, config, generator),
        item_vector=(latent @ image + noise).astype(np.float32),
        domain_category=generator.normal(size=(config.domains, config.categories)),
        device_category=generator.normal(size=(len(DEVICES), config.categories)),
        domain_bias=generator.normal(scale=0.5, size=config.domains),
    )


def _interests(config: SimulatorConfig, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two orthogonal unit vectors a user; in one dimension there is nowhere to turn to but back."""
    start = _unit(generator.normal(size=(config.users, config.latent_dim)))
    turned = generator.normal(size=start.shape)
    if config.latent_dim > 1:
        turned -= (turned * start).sum(axis=1, keepdims=True) * start
        return start, _unit(turned)
    return start, np.zeros_like(start)


def _tags(latent: np.ndarray, config: SimulatorConfig, generator: np.random.Generator) -> np.ndarray:
    """Tags lean towards the item's hidden vector; every item has between 0 and `MAX_TAGS`."""
    directions = generator.normal(size=(config.latent_dim, config.tags))
    appeal = latent @ directions + 0.5 * generator.normal(size=(len(latent), config.tags))
    rank = np.argsort(np.argsort(-appeal, axis=1), axis=1)
    return rank < generator.integers(0, min(MAX_TAGS, config.tags) + 1, size=(len(latent), 1))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
