"""Specs with every kind of feature, and inputs: row i of a batch is the same whatever the batch.

No TensorFlow here: this part also runs on JAX.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfctr.models import CTRModel
from tfctr.spec import BoundSpec, FeatureSpec
from tfctr.testing._recipe import Inputs

# --- inputs: row i of a batch is the same whatever the batch --------------------------------------------------------


def numbers(batch: int, *shape: int, speed: float = 1.7) -> NDArray[np.float32]:
    count = batch * int(np.prod(shape))
    waves: NDArray[np.float32] = np.sin(speed * np.arange(1, count + 1)).reshape(batch, *shape).astype("float32")
    return waves


def ids(batch: int, rows: int, *shape: int, low: int = 1) -> NDArray[np.int64]:
    """Ids in ``[low, rows)``."""
    count = batch * int(np.prod(shape))
    return (low + np.arange(count) * 7 % (rows - low)).reshape(batch, *shape)


def events(batch: int, rows: int, length: int, speed: int = 5) -> NDArray[np.int64]:
    """Ids padded on the right; rows have 0, 1, ... events in turn, the first one all of them."""
    kept = np.arange(length) < ((length - np.arange(batch)) % (length + 1))[:, None]
    return np.where(kept, 1 + np.arange(batch * length).reshape(batch, length) * speed % (rows - 1), 0)


def fields(name: str) -> Any:
    return lambda batch: {name: numbers(batch, 3, 4)}


def history(batch: int) -> Inputs:
    return {
        "target": numbers(batch, 4),
        "sequence": numbers(batch, 5, 4, speed=2.3),
        "mask": events(batch, 9, 5) > 0,
    }


# --- a spec with every kind of feature ------------------------------------------------------------------------------


def spec_of(*features: dict[str, Any], rows: dict[str, int]) -> BoundSpec:
    task = {"name": "click", "label": "clicked"}
    spec = FeatureSpec(name="t", features=list(features), tasks=[task], split={"by": "hash", "column": "row"})
    return spec.bind(rows)


USER = {"kind": "categorical", "name": "user", "role": "user"}
ITEM = {"kind": "categorical", "name": "item", "role": "item"}
SHOP = {"kind": "categorical", "name": "shop", "role": "item", "hash_buckets": 4}
PRICE = {"kind": "numeric", "name": "price", "role": "item"}
AGE = {"kind": "numeric", "name": "age", "role": "user", "scale": "quantile", "buckets": 4}
TAGS = {"kind": "multi", "name": "tags", "role": "item", "max_length": 3}
IMAGE = {"kind": "vector", "name": "image", "role": "item", "width": 2}
CLICKS = {"kind": "sequence", "name": "clicks", "role": "user", "max_length": 4, "shares": "item", "times": "when"}
SHOPS = {**CLICKS, "name": "shops", "shares": "shop", "times": None, "aligned_with": "clicks"}
BOUGHT = {**CLICKS, "name": "bought", "times": None, "max_length": 2}
USER_X_ITEM = {"kind": "cross", "name": "user_x_item", "of": ["user", "item"]}
USER_X_AGE = {"kind": "cross", "name": "user_x_age", "of": ["user", "age"]}
ITEM_X_SHOP = {"kind": "cross", "name": "item_x_shop", "of": ["item", "shop"]}

RICH = spec_of(
    *(USER, ITEM, SHOP, PRICE, AGE, TAGS, IMAGE, CLICKS, SHOPS, BOUGHT),
    rows={"user": 6, "item": 8, "shop": 5, "age": 5, "tags": 7},
)
ACTS = {**CLICKS, "name": "acts", "shares": None, "times": None, "aligned_with": "clicks"}
RICH_TASKS = FeatureSpec(
    name="t",
    features=[*RICH.spec.features, ACTS],
    tasks=[{"name": "click", "label": "clicked"}, {"name": "buy", "label": "bought_it", "after": "click"}],
    split={"by": "hash", "column": "row"},
).bind({**RICH.rows, "acts": 4})
RICH_LIVES = FeatureSpec(
    name="t",
    features=list(RICH.spec.features),
    tasks=[
        {"kind": "survival", "name": "short", "duration": "days", "event": "stopped", "cut_points": [1, 3, 7]},
        {"kind": "survival", "name": "long", "duration": "days", "event": "stopped", "cut_points": [10, 90]},
    ],
    split={"by": "hash", "column": "row"},
).bind(dict(RICH.rows))
RICH_CROSSED = FeatureSpec(
    name="t",
    features=[*RICH.spec.features, USER_X_ITEM, USER_X_AGE, ITEM_X_SHOP],
    tasks=list(RICH.spec.tasks),
    split={"by": "hash", "column": "row"},
).bind({**RICH.rows, "user_x_item": 9, "user_x_age": 7, "item_x_shop": 6})
ITEM_ALONE = spec_of(ITEM, rows={"item": 8})


EXAMPLE_SPECS = (RICH_TASKS, RICH, RICH_LIVES, RICH_CROSSED)
"""Several tasks, one task, survival tasks, crosses."""


def example_spec(model: type[CTRModel]) -> BoundSpec:
    """Return the first example spec that a model accepts.

    Raises:
        ValueError: When it accepts none; give `check_model` a spec of its own then.
    """
    for spec in EXAMPLE_SPECS:
        if not model.problems(spec.spec):
            return spec
    problems = "; ".join(problem.message for spec in EXAMPLE_SPECS for problem in model.problems(spec.spec))
    raise ValueError(f"{model.__name__} accepts no example spec, give one of its own: {problems}")


def example(batch: int) -> Inputs:
    """A transformed example of every example spec, with a meta tensor that models ignore.

    A search of a history by the candidate's shop finds all events but the first; every second image is missing.
    """
    clicks, shop = events(batch, 8, 4), ids(batch, 5)
    shops = np.where(clicks > 0, shop[:, None], 0)
    shops[:, :1] = np.where(clicks[:, :1] > 0, 1 + shop[:, None] % 4, 0)
    return {
        "features": {
            "user": ids(batch, 6),
            "item": ids(batch, 8),
            "shop": shop,
            "price": numbers(batch),
            "age": ids(batch, 5),
            "tags": events(batch, 7, 3),
            "image": holed(numbers(batch, 2)),
            "clicks": clicks,
            "clicks__times": events(batch, 90, 4, speed=11),
            "shops": shops,
            "bought": events(batch, 8, 2),
            "user_x_item": ids(batch, 9),
            "user_x_age": ids(batch, 7),
            "item_x_shop": ids(batch, 6),
            "acts": np.where(clicks > 0, 1 + clicks % 3, 0),
            "meta__group": ids(batch, 1000),
        }
    }


def one_feature(name: str) -> Any:
    def inputs(batch: int) -> Inputs:
        whole = example(batch)["features"]
        return {"features": {key: whole[key] for key in whole if key.startswith(name)}}

    return inputs


def holed(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every second row missing."""
    every_second: NDArray[np.float32] = (np.arange(len(vectors)) % 2)[:, None].astype("float32")
    return np.multiply(vectors, every_second)


def some_ids(batch: int) -> Inputs:
    return {"ids": ids(batch, 8, 3, low=0)}
