"""Two days of a small log: most values stay, some go, some come, and popularity turns round."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from tfctr.spec import FeatureSpec
from tfctr.transform import TransformOutput, fit_transform

SPEC = FeatureSpec(
    name="days",
    features=[
        {"kind": "categorical", "name": "user", "role": "user"},
        {"kind": "categorical", "name": "item", "role": "item", "vocabulary": {"oov_buckets": 3}},
        {"kind": "sequence", "name": "seen", "role": "user", "shares": "item", "max_length": 3},
        {"kind": "categorical", "name": "site", "role": "context", "hash_buckets": 5},
        {"kind": "numeric", "name": "price", "role": "item", "scale": "none"},
    ],
    tasks=[{"name": "click", "label": "clicked"}],
    meta={"time": "second"},
)
KEPT = [f"i{i}" for i in range(4, 12)]
"""Items of both days; i0..i3 are of the first alone, i12..i16 of the second."""


def day(first: int, last: int, seed: int, rows: int = 400, *, falling: bool = True) -> pa.Table:
    """Rows with items ``i<first> .. i<last - 1>``, the first ones most often when `falling`, else the last ones."""
    rng = np.random.default_rng(seed)
    shares = 1 / (1 + np.arange(last - first))
    shares = (shares if falling else shares[::-1]) / shares.sum()
    items = np.array([f"i{i}" for i in range(first, last)])
    item = np.concatenate([items, rng.choice(items, rows - len(items), p=shares)])  # each at least once
    return pa.table(
        {
            "user": [f"u {i}" for i in rng.integers(first, last, rows)],
            "item": item,
            "seen": [rng.choice(items, rng.integers(0, 4)).tolist() for _ in range(rows)],
            "site": [f"s{i}" for i in rng.integers(0, 9, rows)],
            "price": rng.random(rows).astype(np.float32),
            "clicked": rng.integers(0, 2, rows),
            "second": np.arange(rows),
        }
    )


def transforms(folder: Path) -> tuple[TransformOutput, TransformOutput]:
    """Learn the transform of each day."""
    yesterday = fit_transform(SPEC, day(0, 12, seed=1), folder / "yesterday")
    today = fit_transform(SPEC, day(4, 17, seed=2, falling=False), folder / "today")
    return yesterday, today
