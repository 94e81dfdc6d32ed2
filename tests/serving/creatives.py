"""A log of creatives that last or end, in all kinds of column."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tfctr.spec import FeatureSpec

SPEC = FeatureSpec(
    name="creatives",
    features=[
        {"kind": "categorical", "name": "brand", "role": "item"},
        {"kind": "multi", "name": "text", "role": "item", "hash_buckets": 16, "max_length": 5},
        {"kind": "vector", "name": "image", "role": "item", "width": 2},
        {"kind": "numeric", "name": "price", "role": "context"},
    ],
    tasks=[
        {"kind": "survival", "name": "short", "duration": "days", "event": "stopped", "cut_points": [1, 3, 5, 7]},
        {"kind": "survival", "name": "long", "duration": "days", "event": "stopped", "quantiles": 3, "weight": "ctr"},
    ],
    split={"by": "random"},
)


def make_log(rows: int, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    brand = random.integers(0, 4, rows)
    life, end = random.exponential(1 + 3.0 * brand), random.exponential(12, rows)
    images = [None if random.random() < 0.2 else random.normal(size=2).tolist() for _ in range(rows)]
    return pa.table(
        {
            "brand": [f"b{b}" for b in brand],
            "text": [["buy", "now", "new", "free"][: random.integers(0, 5)] for _ in range(rows)],
            "image": pa.array(images, pa.list_(pa.float32())),
            "price": pa.array(random.exponential(10, rows), pa.float32()),
            "days": pa.array(np.ceil(np.minimum(life, end)), pa.float32()),
            "stopped": pa.array(life <= end, pa.float32()),
            "ctr": pa.array(random.beta(2, 50, rows), pa.float32()),
        }
    )
