"""A log of which a teacher knows more than few labels tell: users and ads, each with a level of its own."""

from __future__ import annotations

import numpy as np

from tfctr.spec import FeatureSpec

IDS = 150
SPEC = FeatureSpec(
    name="taught",
    features=[{"kind": "categorical", "name": name, "role": "item"} for name in ("user", "ad", "half")],
    tasks=[{"name": "click", "label": "clicked"}],
    split={"by": "hash", "column": "row"},
)
BOUND = SPEC.bind({"user": 1 + IDS, "ad": 1 + IDS, "half": 3})
WORLD = np.random.default_rng(4)
LIKES = WORLD.normal(scale=1.6, size=(1 + IDS, 1)) + WORLD.normal(scale=1.2, size=(1, 1 + IDS))
LIKES -= LIKES[1:, 1:].mean()  # half of all rows are clicks: no bias to be learned
"""The true logit of a click, by user and ad."""


def rows(count: int, seed: int, noise: float = 0.0) -> dict[str, np.ndarray]:
    """Transformed rows; `half` says nothing of clicks, and `noise` is the share of wrong labels."""
    rng = np.random.default_rng(seed)
    user, ad, half = rng.integers(1, 1 + IDS, count), rng.integers(1, 1 + IDS, count), rng.integers(1, 3, count)
    click = rng.random(count) < 1 / (1 + np.exp(-LIKES[user, ad]))
    flipped = rng.random(count) < noise
    return {"user": user, "ad": ad, "half": half, "click": (click ^ flipped).astype("float32")}
