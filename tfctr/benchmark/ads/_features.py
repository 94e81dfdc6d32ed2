"""Which columns models see: of the user, of the ad, of the user's personality; and which of them a split holds out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tfctr.benchmark.ads._study_rows import StudyRows
from tfctr.benchmark.ads.config import Personality, Predicts, SplitKind
from tfctr.data.datasets.ads16.big_five import ITEMS, TRAITS
from tfctr.spec import BoundSpec, FeatureSpec

IDS = {"user_id": "user", "ad_id": "item", "category": "item"}
HELD_OUT: dict[SplitKind, tuple[str, ...]] = {
    "pairs": (),
    "users": ("user_id",),
    "ads": ("ad_id",),
    "categories": ("ad_id", "category"),
}
"""Ids that no row of the test part has in common with a training row: their vectors would be noise."""

NUMBERS = ("age", "weekly_hours")
TEXTS = ("gender", "income", "job", "home_country", "paypal")
LISTS = ("pastimes", "sports", "music", "books", "movies", "tv_programmes", "websites", "countries_visited")
VECTORS = {"ad_vector": "item", "user_vector": "user"}
ANSWERS = tuple(f"answer_{item + 1}" for item in range(ITEMS))
PERSONALITY = (*TRAITS, *ANSWERS)
TASKS = {
    "clicks": {"kind": "binary", "name": "click", "label": "click"},
    "stars": {"kind": "regression", "name": "stars", "label": "rating"},
}
"""What may be predicted; a model is made for one of them."""


def study_spec(rows: StudyRows, split: SplitKind, leave_out: tuple[str, ...] = ()) -> FeatureSpec:
    """Return the spec of everything that models may see under a split: the transform is learned for all at once."""
    features: list[dict[str, Any]] = []
    for name, role in IDS.items():
        if name not in HELD_OUT[split]:
            features.append({"kind": "categorical", "name": name, "role": role})
    features += [{"kind": "numeric", "name": name, "role": "user"} for name in rows.columns((*NUMBERS, *TRAITS))]
    features += [{"kind": "categorical", "name": name, "role": "user"} for name in rows.columns(TEXTS)]
    features += [{"kind": "categorical", "name": name, "role": "user", "type": "int"} for name in rows.columns(ANSWERS)]
    features += [{"kind": "multi", "name": name, "role": "user"} for name in rows.columns(LISTS)]
    for name in rows.columns(tuple(VECTORS)):
        width = pa.compute.list_value_length(rows.table.column(name))[0].as_py()
        features.append({"kind": "vector", "name": name, "role": VECTORS[name], "width": width})
    return FeatureSpec.model_validate(
        {
            "name": f"ads_{split}",
            "features": [feature for feature in features if feature["name"] not in leave_out],
            "tasks": list(TASKS.values()),
            "split": {"by": "hash", "column": "user_id"},
            "meta": {"group": "user_id"},
        }
    )


def seen_by(spec: FeatureSpec, personality: Personality, predicts: Predicts) -> FeatureSpec:
    """Return the spec of a model with or without the questionnaire, which predicts one thing."""
    left_out = PERSONALITY if personality == "without" else ()
    return spec.model_copy(
        update={
            "features": tuple(one for one in spec.features if one.name not in left_out),
            "tasks": tuple(task for task in spec.tasks if task.name == TASKS[predicts]["name"]),
        }
    )


def bound_as(spec: FeatureSpec, whole: BoundSpec) -> BoundSpec:
    """Bind a spec as one that has all its features and tasks, and more."""
    tasks = {task.name for task in spec.tasks}
    scales = {name: scale for name, scale in whole.label_scales.items() if name in tasks}
    return spec.bind({table: whole.rows[table] for table in spec.tables}, scales)


def permuted(
    arrays: Mapping[str, NDArray[Any]], users: NDArray[np.int64], count: int, seed: int
) -> dict[str, NDArray[Any]]:
    """Deal the questionnaires out among users by chance: everybody has somebody's, hardly anybody their own.

    Args:
        arrays: Transformed tensors of all rows by name.
        users: Number of each row's user, ``(rows,)``.
        count: How many users there are.
        seed: Of the permutation.
    """
    first = np.unique(users, return_index=True)[1]  # (users,): a row of each
    other = np.random.default_rng([seed, 5]).permutation(count)
    return {name: values[first[other[users]]] if name in PERSONALITY else values for name, values in arrays.items()}
