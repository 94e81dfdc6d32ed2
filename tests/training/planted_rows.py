"""A tiny log whose clicks follow a hidden match of users and items, transformed already; needs no TensorFlow."""

from __future__ import annotations

import numpy as np

from tfctr.spec import BoundSpec, FeatureSpec

USERS, ITEMS = 120, 60

SPEC = FeatureSpec(
    name="planted",
    features=[
        {"kind": "categorical", "name": "user", "role": "user"},
        {"kind": "categorical", "name": "item", "role": "item"},
        {"kind": "numeric", "name": "price", "role": "item"},
    ],
    tasks=[{"name": "click", "label": "clicked"}],
    meta={"time": "second", "group": "user"},
)


def bound() -> BoundSpec:
    """Return the spec with its sizes."""
    return SPEC.bind({"user": USERS, "item": ITEMS})


def arrays(rows: int = 2400, seed: int = 0) -> dict[str, np.ndarray]:
    """Return transformed rows with a learnable click."""
    rng = np.random.default_rng(seed)
    taste, kind = np.random.default_rng(7).normal(size=(USERS, 2)), np.random.default_rng(8).normal(size=(ITEMS, 2))
    user, item = rng.integers(1, USERS, rows), rng.integers(1, ITEMS, rows)
    logit = 1.5 * (taste[user] * kind[item]).sum(1)
    return {
        "user": user,
        "item": item,
        "price": rng.normal(size=rows).astype(np.float32),
        "click": (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.float32),
        "meta__group": user,
        "meta__time": np.arange(rows),
    }
