"""A generated log with every kind of feature and every kind of trouble, and transforms learned from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tfctr.spec import FeatureSpec
from tfctr.transform import TransformOutput, fit_transform

EVERYTHING = FeatureSpec(
    name="everything",
    features=[
        {
            "kind": "categorical",
            "name": "user",
            "role": "user",
            "column": "user_id",
            "type": "int",
            "vocabulary": {"min_count": 3, "oov_buckets": 4},
        },
        {"kind": "categorical", "name": "city", "role": "context", "vocabulary": {"max_size": 5}},
        {"kind": "categorical", "name": "device", "role": "context", "hash_buckets": 11},
        {"kind": "categorical", "name": "item", "role": "item", "type": "int"},
        {"kind": "categorical", "name": "category", "role": "item"},
        {"kind": "multi", "name": "tags", "role": "item", "max_length": 3},
        {"kind": "multi", "name": "devices", "role": "user", "max_length": 2, "shares": "device"},
        {
            "kind": "sequence",
            "name": "clicks",
            "role": "user",
            "type": "int",
            "shares": "item",
            "max_length": 4,
            "times": "click_times",
        },
        {
            "kind": "sequence",
            "name": "click_categories",
            "role": "user",
            "shares": "category",
            "max_length": 4,
            "aligned_with": "clicks",
        },
        {"kind": "numeric", "name": "price", "role": "item"},
        {"kind": "numeric", "name": "views", "role": "item", "scale": "log"},
        {"kind": "numeric", "name": "filled", "role": "item", "scale": "log", "fill": 0.0},
        {"kind": "numeric", "name": "plain", "role": "item", "scale": "none"},
        {"kind": "numeric", "name": "age", "role": "user", "scale": "quantile", "buckets": 8},
        {"kind": "numeric", "name": "wait", "role": "user", "scale": "quantile", "buckets": 8, "fill": -1.0},
        {"kind": "vector", "name": "image", "role": "item", "width": 3},
        {
            "kind": "categorical",
            "name": "hour",
            "role": "context",
            "from_time": {"part": "hour_of_day", "zone": "Europe/Paris"},
        },
        {
            "kind": "categorical",
            "name": "born_on",
            "role": "item",
            "from_time": {"part": "weekday", "of": {"column": "published", "zone": "America/New_York"}},
        },
        {"kind": "categorical", "name": "week", "role": "user", "from_time": {"part": "hour_of_week"}},
        {
            "kind": "numeric",
            "name": "hours_old",
            "role": "item",
            "from_time": {
                "part": "hours_since",
                "earlier": {"column": "published", "zone": "America/New_York"},
            },
        },
        {"kind": "multi", "name": "slots", "role": "context", "columns": ["slot_1", "slot_2", "slot_3"], "padding": 0},
        {"kind": "multi", "name": "weighted", "role": "item", "inner_separator": ":", "max_length": 3},
        {"kind": "multi", "name": "weights", "role": "item", "column": "weighted", "inner_separator": ":", "part": 2},
        {
            "kind": "sequence",
            "name": "views_back",
            "role": "user",
            "type": "int",
            "shares": "item",
            "max_length": 4,
            "times": "view_times",
            "padding": 0,
            "order": "newest_first",
        },
        {
            "kind": "sequence",
            "name": "view_categories",
            "role": "user",
            "shares": "category",
            "max_length": 4,
            "aligned_with": "views_back",
        },
        {"kind": "categorical", "name": "left", "role": "context"},
        {"kind": "categorical", "name": "right", "role": "context"},
        {"kind": "cross", "name": "left_x_right", "of": ["left", "right"]},
        {"kind": "cross", "name": "right_x_city", "of": ["right", "city"], "vocabulary": {"max_size": 9}},
        {
            "kind": "cross",
            "name": "user_x_item",
            "of": ["user", "item"],
            "vocabulary": {"min_count": 2, "oov_buckets": 3},
        },
        {"kind": "cross", "name": "places", "of": ["device", "city", "left"], "hash_buckets": 13},
        {"kind": "cross", "name": "cities", "of": ["city", "left"], "hash_buckets": 13},
    ],
    tasks=[
        {"name": "click", "label": "rating", "at_least": 4},
        {"name": "buy", "label": "bought", "weight": "paid", "mask": "known", "after": "click"},
    ],
    meta={"group": "user_id", "time": "at", "domain": "city"},
    gates={"slices": [["weekday"]]},
)
"""Every kind of feature, every scale, shared tables, side columns, two tasks, all meta columns."""

AWKWARD = ["a", "b", "a|b", "a|", "|b", "|", "\\", "a\\", "\\|", "a\\|b", "", " |\n"]
"""Values that would collide with each other when they are crossed by a plain join."""

CITIES = ["New York", "Zürich", "東京", "", "a\tb", "two\nlines", "naïve", "Ünter den", "x" * 500]


def _times_and_lists(rows: int, seed: int) -> dict[str, Any]:
    """The columns of what is made of times, and of lists as logs bring them."""
    random = np.random.default_rng([seed, 1])

    def gaps(values: list) -> list:
        return [None if random.random() < 0.15 else value for value in values]

    views = [(random.zipf(1.5, n) % 40 * random.integers(0, 2, n)).tolist() for n in random.integers(0, 9, rows)]
    return {
        "published": pa.array(gaps(random.integers(1_600_000_000, 1_750_000_000, rows).tolist()), pa.int64()),
        **{f"slot_{i}": gaps([str(v) for v in random.integers(0, 5, rows)]) for i in (1, 2, 3)},
        "weighted": pa.array(
            gaps([[f"w{i}:{i % 3}", f"{i}", ":1:2"][: i % 4] for i in random.integers(0, 20, rows)]),
            pa.list_(pa.string()),
        ),
        "views_back": pa.array(views, pa.list_(pa.int64())),
        "view_times": pa.array([list(range(900, 900 - len(v), -1)) for v in views], pa.list_(pa.int64())),
        "view_categories": pa.array([[f"c{i % 6}" for i in v] for v in views], pa.list_(pa.string())),
    }


def make_log(rows: int, seed: int, *, unknown: int = 0) -> pa.Table:
    """Return a raw log for `EVERYTHING`; ids are shifted by `unknown`, so that some were never seen."""
    random = np.random.default_rng(seed)

    def gaps(values: list) -> list:
        return [None if random.random() < 0.15 else value for value in values]

    def numbers(values: np.ndarray) -> pa.Array:
        bad = random.random(rows)
        values = np.where(bad < 0.05, np.nan, np.where(bad < 0.08, np.inf, values))
        return pa.array(gaps(values.tolist()), pa.float32())

    lengths = random.integers(0, 9, rows)
    clicks = [(random.zipf(1.5, n) % 40 + unknown).tolist() for n in lengths]
    images = random.normal(size=(rows, 3)).tolist()
    return pa.table(
        {
            "user_id": pa.array(gaps((random.integers(0, rows // 4 + 1, rows) + unknown).tolist()), pa.int64()),
            "city": gaps([CITIES[i] for i in random.integers(0, len(CITIES), rows)]),
            "device": gaps([f"device {i + unknown}" for i in random.integers(0, 30, rows)]),
            "item": pa.array(gaps((random.zipf(1.5, rows) % 40 + unknown).tolist()), pa.int64()),
            "category": gaps([f"c{i + unknown}" for i in random.integers(0, 6, rows)]),
            "tags": pa.array(
                gaps([list("abcdefg"[: i % 7]) for i in random.integers(0, 20, rows)]), pa.list_(pa.string())
            ),
            "devices": pa.array(
                gaps([[f"device {i}"] * int(i % 4) for i in random.integers(0, 30, rows)]), pa.list_(pa.string())
            ),
            "clicks": pa.array(clicks, pa.list_(pa.int64())),
            "click_times": pa.array([list(range(100, 100 + len(c))) for c in clicks], pa.list_(pa.int64())),
            "click_categories": pa.array([[f"c{i % 6}" for i in c] for c in clicks], pa.list_(pa.string())),
            "price": numbers(random.normal(100, 20, rows)),
            "views": numbers(random.zipf(1.3, rows).clip(0, 1e6).astype(float)),
            "filled": numbers(random.exponential(50, rows)),
            "plain": numbers(random.normal(size=rows)),
            "age": numbers(random.integers(18, 80, rows).astype(float)),
            "wait": numbers(random.exponential(3, rows)),
            "image": pa.array(gaps(images), pa.list_(pa.float32())),
            "rating": pa.array(random.integers(1, 6, rows), pa.int64()),
            "bought": random.integers(0, 2, rows).astype(np.float32),
            "paid": random.random(rows).astype(np.float32),
            "known": random.integers(0, 2, rows).astype(np.float32),
            "at": random.integers(1_700_000_000, 1_800_000_000, rows),
            "left": gaps([AWKWARD[i] for i in random.integers(0, len(AWKWARD), rows)]),
            "right": gaps([AWKWARD[i] for i in random.integers(0, len(AWKWARD), rows)]),
            **_times_and_lists(rows, seed),
        }
    )


@pytest.fixture(scope="session")
def train_log() -> pa.Table:
    """600 rows."""
    return make_log(600, seed=1)


@pytest.fixture(scope="session")
def new_log() -> pa.Table:
    """Rows with ids that training never saw."""
    return make_log(257, seed=2, unknown=20)


@pytest.fixture(scope="session")
def output(train_log: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> TransformOutput:
    """What was learned from `train_log`."""
    return fit_transform(EVERYTHING, train_log, tmp_path_factory.mktemp("everything") / "transform")


@pytest.fixture(scope="session")
def reopened(output: TransformOutput, tmp_path_factory: pytest.TempPathFactory) -> TransformOutput:
    """The same folder, moved elsewhere and opened by its name alone."""
    import shutil

    target = Path(tmp_path_factory.mktemp("moved")) / "transform"
    shutil.copytree(output.directory, target)
    return TransformOutput(target)
