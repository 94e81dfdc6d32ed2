"""Simulated creatives whose hazards are known."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tfctr.data import signed_durations
from tfctr.models import CreativeSurvival
from tfctr.spec import BoundSpec, FeatureSpec
from tfctr.training.metrics import evaluate_survival

CUTS = (1.0, 2.0, 4.0, 7.0, 11.0)
BRANDS = 6
RATES = np.geomspace(0.04, 0.6, BRANDS)
"""Daily rate at which creatives of each brand end."""


def survival_spec(*features: dict[str, Any], rows: dict[str, int], **tasks: tuple[float, ...]) -> BoundSpec:
    """A bound spec of these features; `tasks` are names and cut points."""
    return FeatureSpec(
        name="toy",
        features=list(features),
        tasks=[
            {"kind": "survival", "name": name, "duration": "days", "event": "stopped", "cut_points": cuts}
            for name, cuts in tasks.items()
        ],
        split={"by": "hash", "column": "row"},
    ).bind(rows)


BRAND = {"kind": "categorical", "name": "brand", "role": "item"}


def brand_spec() -> BoundSpec:
    return survival_spec(BRAND, rows={"brand": BRANDS + 1}, stop=CUTS)


Creatives = tuple[dict[str, NDArray[Any]], NDArray[Any], NDArray[Any], NDArray[Any]]


def brand_rows(count: int, seed: int, lost: NDArray[np.float64] = RATES) -> Creatives:
    """Brands, true lives, durations seen and events: exponential lives, censored at the daily rates `lost` of brands.

    By default as fast as they end, so that half of the rows of each brand are censored.
    """
    rng = np.random.default_rng(seed)
    brand = rng.integers(0, BRANDS, count)
    life = rng.exponential(1 / RATES[brand])
    end = rng.exponential(1 / lost[brand])
    return {"brand": brand + 1}, life, np.minimum(life, end), life <= end


def fitted(
    model: CreativeSurvival,
    features: dict[str, Any],
    durations: NDArray[Any],
    events: NDArray[Any],
    *,
    epochs: int,
    learning_rate: float = 0.02,
    weights: NDArray[Any] | None = None,
) -> CreativeSurvival:
    """Train without XLA on the tasks of the model, which all ask for the same durations."""
    labels = signed_durations(durations, events)[:, None]
    tasks = [task.name for task in model.spec.spec.tasks]
    several = len(tasks) > 1
    model.compile(optimizer=keras.optimizers.Adam(learning_rate), jit_compile=False)
    model.fit(
        features,
        dict.fromkeys(tasks, labels) if several else labels,
        sample_weight=dict.fromkeys(tasks, weights) if several and weights is not None else weights,
        batch_size=256,
        epochs=epochs,
        verbose=0,
    )
    return model


def curves(model: CreativeSurvival, features: dict[str, Any], task: str = "") -> NDArray[np.float64]:
    """Probability of lasting beyond each cut point, ``(rows, cut points)``."""
    answer = model.predict_on_batch(features)
    return np.exp(-np.cumsum(np.asarray(answer[task] if task else answer, np.float64), axis=1))


def figures(model: CreativeSurvival, rows: Creatives, task: str = "") -> dict[str, float]:
    """Figures on creatives whose lives are all known."""
    features, life, _, _ = rows
    cuts = next(t.grid for t in model.spec.spec.tasks if not task or t.name == task)
    return evaluate_survival(life, np.ones(len(life)), curves(model, features, task), cuts)
