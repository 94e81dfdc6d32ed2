"""Crosses in a served model: made of the crossed features' raw columns, anew for each candidate of `rank`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pytest

from tests.serving.ads import FEATURES, SPLIT, make_log
from tfctr.models import LR, SDIM, CTRModel
from tfctr.serving._requests import column_inputs, rank_inputs
from tfctr.serving._serving_module import ServingModule
from tfctr.spec import FeatureSpec
from tfctr.transform import TransformOutput, fit_transform

CROSSES = [
    {"kind": "cross", "name": "user_x_item", "of": ["user", "item"]},
    {"kind": "cross", "name": "age_x_site", "of": ["age", "site"]},
    {"kind": "cross", "name": "item_x_site_x_user", "of": ["item", "site", "user"], "hash_buckets": 500},
]
NAMES = ("user", "site", "item", "clicks", "age")
SPEC = FeatureSpec(
    name="crossed",
    features=[*(feature for feature in FEATURES if feature["name"] in NAMES), *CROSSES],
    tasks=[{"name": "click", "label": "clicked"}],
    split=SPLIT,
)
COLUMNS = SPEC.raw_columns(serving=True)
TABLE = make_log(40, seed=3).select([column.name for column in COLUMNS])
ROWS = TABLE.to_pylist()


@pytest.fixture(scope="module")
def transform(tmp_path_factory: pytest.TempPathFactory) -> TransformOutput:
    return fit_transform(SPEC, make_log(400, seed=1), tmp_path_factory.mktemp("crossed") / "transform")


def made(model: type[CTRModel], transform: TransformOutput, **small: Any) -> CTRModel:
    """A model whose rows are all far apart, so that a wrong id is seen in the answer."""
    keras.utils.set_random_seed(1)
    made = model(transform.bound_spec, **small)
    made.build()
    for weight in made.trainable_weights:
        weight.assign(keras.random.normal(weight.shape, stddev=0.5, seed=len(weight.path)))
    return made


@pytest.mark.parametrize(
    ("model", "small"),
    [(LR, {}), (SDIM, {"embedding_dim": 4, "hidden_units": (8,), "signatures": 6, "bits": 2, "short_length": 3})],
)
def test_raw_columns_and_candidates_answer_as_the_model(
    model: type[CTRModel], small: dict[str, Any], transform: TransformOutput
) -> None:
    """LR ranks all rows together, SDIM by way of the user's state."""
    model_ = made(model, transform, **small)
    signatures = ServingModule(model_, transform).signatures()
    inputs = signatures["predict"].structured_input_signature[1]
    assert set(inputs) == {"user", "the_site", "item", "clicks", "click_times", "age"}

    def expected(table: pa.Table) -> np.ndarray:
        return np.asarray(model_.predict(transform.transform(table), verbose=0))

    answer = signatures["predict"](**column_inputs(ROWS, COLUMNS))["click"]
    np.testing.assert_allclose(answer, expected(TABLE), atol=1e-6)
    for user in ROWS[:4]:
        once = {name: value for name, value in user.items() if name != "item"}
        items = [{"item": row["item"]} for row in ROWS]
        crossed = pa.Table.from_pylist([{**once, **item} for item in items], schema=TABLE.schema)
        ranked = signatures["rank"](**rank_inputs(once, items, COLUMNS))["click"]
        np.testing.assert_allclose(ranked, expected(crossed), atol=1e-6)
    assert signatures["rank"](**rank_inputs(once, [], COLUMNS))["click"].shape == (0, 1)
