"""Specs and data with planted structure for the models' tests."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

from tfctr.models import CTRModel
from tfctr.spec import BoundSpec, FeatureSpec


def make_spec(*features: dict[str, Any], rows: dict[str, int], tasks: tuple[str, ...] = ("click",)) -> BoundSpec:
    """A bound spec of these features; split and labels play no part in models."""
    spec = FeatureSpec(
        name="toy",
        features=list(features),
        tasks=[{"name": task, "label": f"{task}_label"} for task in tasks],
        split={"by": "hash", "column": "row"},
    )
    return spec.bind(rows)


def categorical(name: str, role: str = "item") -> dict[str, Any]:
    return {"kind": "categorical", "name": name, "role": role}


def sequence(name: str, shares: str, length: int, **more: Any) -> dict[str, Any]:
    return {"kind": "sequence", "name": name, "role": "user", "shares": shares, "max_length": length, **more}


def fitted(model: CTRModel, features: dict[str, Any], labels: Any, *, epochs: int, learning_rate: float) -> CTRModel:
    """Train without XLA: compiling would cost more than the few hundred steps."""
    model.compile(optimizer=keras.optimizers.Adam(learning_rate), jit_compile=False)
    model.fit(features, labels, batch_size=256, epochs=epochs, verbose=0)
    return model


def auc(model: CTRModel, features: dict[str, Any], labels: Any) -> float:
    return float(roc_auc_score(labels[:, 0], keras.ops.convert_to_numpy(model(features))[:, 0]))


def crossed_rows(rows: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Fields a, b, c, d of 10 values each; the label is a pure cross of a and b.

    Half of the values of a and of b are positive and the label is the sign of the product, so that no field
    alone says anything; c and d are noise.
    """
    rng = np.random.default_rng(seed)
    sign = np.array([1, -1] * 5)
    features = {name: rng.integers(1, 11, rows) for name in "abcd"}
    labels = sign[features["a"] - 1] * sign[features["b"] - 1] > 0
    return features, labels.astype("float32")[:, None]


def crossed_spec() -> BoundSpec:
    return make_spec(*map(categorical, "abcd"), rows=dict.fromkeys("abcd", 11))


def history_rows(rows: int, seed: int, *, clusters: int = 16, length: int = 6) -> tuple[dict[str, np.ndarray], Any]:
    """A candidate and a history; the label says whether any event is of the candidate's cluster of two items.

    Candidates, and events by themselves, are as frequent under both labels.
    """
    rng = np.random.default_rng(seed)
    item, events = rng.integers(0, 2 * clusters, rows), rng.integers(0, 2 * clusters, (rows, length))
    away = 2 * rng.integers(1, clusters, (rows, length))
    events = np.where(events // 2 == item[:, None] // 2, (events + away) % (2 * clusters), events)
    labels, position = rng.integers(0, 2, rows), rng.integers(0, length, rows)
    positive = np.flatnonzero(labels)
    events[positive, position[positive]] = item[positive] // 2 * 2 + rng.integers(0, 2, len(positive))
    kept = np.arange(length) < np.maximum(rng.integers(1, length + 1, rows), position + 1)[:, None]
    return {"item": item + 1, "clicks": np.where(kept, events + 1, 0)}, labels.astype("float32")[:, None]


def history_spec() -> BoundSpec:
    return make_spec(categorical("item"), sequence("clicks", "item", 6), rows={"item": 33})
