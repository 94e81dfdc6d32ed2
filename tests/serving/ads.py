"""A small log with every kind of raw column, and models of one and of two tasks on it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pyarrow as pa

from tfctr.models.ctr_model import CTRModel
from tfctr.spec import FeatureSpec, Problem

FEATURES = [
    {"kind": "categorical", "name": "user", "role": "user", "type": "int"},
    {"kind": "categorical", "name": "site", "role": "context", "column": "the site"},
    {"kind": "categorical", "name": "item", "role": "item", "type": "int"},
    {"kind": "multi", "name": "tags", "role": "item", "max_length": 4},
    {
        "kind": "sequence", "name": "clicks", "role": "user", "shares": "item", "type": "int", "max_length": 5,
        "times": "click_times",
    },
    {"kind": "numeric", "name": "price", "role": "item"},
    {"kind": "numeric", "name": "age", "role": "user", "scale": "quantile", "buckets": 4},
    {"kind": "vector", "name": "image", "role": "item", "width": 3},
]  # fmt: skip
SPLIT = {"by": "hash", "column": "user"}
ADS = FeatureSpec(name="ads", features=FEATURES, tasks=[{"name": "click", "label": "clicked"}], split=SPLIT)
TWO_TASKS = FeatureSpec(
    name="shop",
    features=FEATURES,
    tasks=[{"name": "click", "label": "clicked"}, {"name": "buy", "label": "bought"}],
    split=SPLIT,
)


def make_log(rows: int, seed: int) -> pa.Table:
    """A raw log; about a tenth of all values is missing, and some ids are met once only."""
    random = np.random.default_rng(seed)

    def gaps(values: list[Any]) -> list[Any]:
        return [None if random.random() < 0.1 else value for value in values]

    clicks = gaps([random.integers(0, 30, n).tolist() for n in random.integers(0, 8, rows)])
    times = [None if events is None else list(range(len(events))) for events in clicks]
    return pa.table(
        {
            "user": pa.array(gaps(random.integers(0, 50, rows).tolist()), pa.int64()),
            "the site": pa.array(gaps([f"site {i}" for i in random.integers(0, 5, rows)]), pa.string()),
            "item": pa.array(random.integers(0, 30, rows), pa.int64()),
            "tags": pa.array(
                gaps([["a", "b", "c", "ü"][:n] for n in random.integers(0, 5, rows)]), pa.list_(pa.string())
            ),
            "clicks": pa.array(clicks, pa.list_(pa.int64())),
            "click_times": pa.array(times, pa.list_(pa.int64())),
            "price": pa.array(gaps(random.exponential(10, rows).tolist()), pa.float32()),
            "age": pa.array(gaps(random.integers(18, 80, rows).tolist()), pa.float32()),
            "image": pa.array(gaps(random.normal(size=(rows, 3)).tolist()), pa.list_(pa.float32())),
            "clicked": pa.array(random.integers(0, 2, rows), pa.float32()),
            "bought": pa.array(random.integers(0, 2, rows), pa.float32()),
        }
    )


@keras.saving.register_keras_serializable(package="tfctr_tests")
class TwoTowers(CTRModel):
    """Answers two tasks, each by a dense layer on the embedded fields."""

    @classmethod
    def problems(cls, spec: FeatureSpec) -> list[Problem]:
        return []

    def __init__(self, spec: Any, **kwargs: Any):
        super().__init__(spec, embedding_dim=4, **kwargs)
        self.embedding = self.make_embedding()
        self.heads = {task.name: keras.layers.Dense(1, name=task.name) for task in self.spec.spec.tasks}

    def logits(self, features: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        fields = self.embedding(features).fields
        flat = keras.ops.reshape(fields, (-1, len(self.embedding.field_names) * 4))
        return {name: head(flat) for name, head in self.heads.items()}
