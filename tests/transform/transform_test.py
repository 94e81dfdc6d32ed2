"""Every output of the transform against a second, plain implementation, value by value."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from tests.transform.conftest import EVERYTHING, make_log
from tests.transform.oracle import Oracle
from tfctr.transform import TransformOutput, fit_transform

CROSSES = ["left_x_right", "right_x_city", "user_x_item", "places", "cities"]
TIMES = ["hour", "born_on", "week"]
LISTS = ["slots", "weighted", "weights", "views_back", "view_categories"]
IDS = [
    *TIMES,
    *LISTS,
    "user",
    "city",
    "device",
    "item",
    "category",
    "tags",
    "devices",
    "clicks",
    "click_categories",
    *CROSSES,
]


@pytest.fixture(scope="module")
def oracle(train_log: pa.Table) -> Oracle:
    return Oracle(EVERYTHING, train_log.to_pylist())


@pytest.fixture(scope="module", params=["train_log", "new_log"])
def log(request: pytest.FixtureRequest) -> pa.Table:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def tensors(output: TransformOutput, log: pa.Table) -> dict[str, np.ndarray]:
    return output.transform(log)


def test_names_types_and_shapes_are_those_of_the_spec(tensors: dict[str, np.ndarray], log: pa.Table) -> None:
    infos = (*EVERYTHING.inputs(), *EVERYTHING.labels(), *EVERYTHING.meta_tensors())
    assert list(tensors) == [info.name for info in infos]
    for info in infos:
        assert tensors[info.name].dtype.name == info.dtype, info.name
        assert tensors[info.name].shape == (log.num_rows, *info.shape), info.name


@pytest.mark.parametrize("name", IDS)
def test_ids(name: str, tensors: dict[str, np.ndarray], oracle: Oracle, log: pa.Table) -> None:
    wanted = [oracle.ids(name, row) for row in log.to_pylist()]
    np.testing.assert_array_equal(tensors[name], wanted)


def test_ids_lie_inside_their_tables(output: TransformOutput, tensors: dict[str, np.ndarray]) -> None:
    for feature in EVERYTHING.id_features:
        ids = tensors[feature.name]
        assert ids.min() >= (0 if ids.ndim == 2 else 1), feature.name
        assert ids.max() < output.bound_spec.rows_of(feature.name), feature.name


@pytest.mark.parametrize("name", ["price", "views", "filled", "plain", "hours_old"])
def test_numbers(name: str, tensors: dict[str, np.ndarray], oracle: Oracle, log: pa.Table) -> None:
    np.testing.assert_allclose(tensors[name], oracle.numeric(name, log.to_pylist()), rtol=1e-4, atol=1e-5)


def test_times_stand_beside_their_events(tensors: dict[str, np.ndarray], log: pa.Table) -> None:
    for row, times, ids in zip(log.to_pylist(), tensors["clicks__times"], tensors["clicks"], strict=True):
        latest = row["click_times"][-4:]
        assert times.tolist() == latest + [0] * (4 - len(latest))
        assert ((ids > 0) == (times > 0)).all()


def test_vectors(tensors: dict[str, np.ndarray], oracle: Oracle, log: pa.Table) -> None:
    wanted = [oracle.vector("image", row) for row in log.to_pylist()]
    np.testing.assert_allclose(tensors["image"], wanted, rtol=1e-6)


def test_quantile_buckets_are_of_equal_frequency(output: TransformOutput, train_log: pa.Table) -> None:
    ids = output.transform(train_log)
    values = np.array(train_log["age"].to_pylist(), float)
    finite = np.isfinite(values)
    shares = np.bincount(ids["age"][finite], minlength=9)[1:] / finite.sum()
    assert abs(shares - 1 / 8).max() < 0.04  # 62 different ages: a bucket is a whole number of them
    order = np.argsort(values[finite])
    assert (np.diff(ids["age"][finite][order]) >= 0).all()
    mean = values[finite].mean()
    missing = set(ids["age"][~finite])
    assert len(missing) == 1  # all take the bucket of the mean
    assert (values[finite][ids["age"][finite] == missing.pop()] - mean).min() <= 0


def test_a_filled_number_counts_in_its_quantiles(output: TransformOutput, train_log: pa.Table) -> None:
    ids = output.transform(train_log)["wait"]
    missing = ~np.isfinite(np.array(train_log["wait"].to_pylist(), float))
    assert set(ids[missing]) == {2}  # -1 is below all; 20 % of the rows fill bucket 1 and boundary 1 is -1 itself
    assert ids[~missing].min() >= 2


def test_labels_weights_and_masks(tensors: dict[str, np.ndarray], log: pa.Table) -> None:
    rows = log.to_pylist()
    assert tensors["click"].tolist() == [float(row["rating"] >= 4) for row in rows]
    assert tensors["buy"].tolist() == [row["bought"] * row["known"] for row in rows]
    np.testing.assert_allclose(tensors["buy__weight"], [row["paid"] * row["known"] for row in rows])


def test_meta(tensors: dict[str, np.ndarray], log: pa.Table) -> None:
    rows = log.to_pylist()
    assert tensors["meta__time"].tolist() == [row["at"] for row in rows]
    for name, column in (("meta__group", "user_id"), ("meta__domain", "city")):
        texts = [str(row[column]) if row[column] not in (None, "") else "__missing__" for row in rows]
        wanted = tf.bitcast(tf.fingerprint(texts), tf.int64).numpy()
        np.testing.assert_array_equal(tensors[name], wanted)


def test_vocabulary_values_and_counts(output: TransformOutput, oracle: Oracle, train_log: pa.Table) -> None:
    ids = output.transform(train_log)
    tables = {
        "item": ["item", "clicks", "views_back"],
        **{name: [name] for name in ("user", "city", "tags", *CROSSES[:3])},
    }
    for table, features in tables.items():
        rows = output.bound_spec.rows[table]
        counts = output.vocabulary_counts(table)
        values = output.vocabulary(table)
        oov = EVERYTHING.feature(table).effective_vocabulary.oov_buckets
        assert counts.shape == (rows,)
        assert values == [v.replace("\x1f", " ") for v in oracle.ids_of[table]]
        met = sum(np.bincount(ids[name].ravel(), minlength=rows) for name in features)
        assert counts[1 + oov :].tolist() == met[1 + oov :].tolist()
        assert counts[: 1 + oov].sum() == met[1 : 1 + oov].sum()
        assert counts[0] == 0


def test_counts_of_hash_and_quantile_rows_are_even_shares(output: TransformOutput, train_log: pa.Table) -> None:
    assert output.vocabulary_counts("age").tolist() == [0] + [75] * 8
    counts = output.vocabulary_counts("device")
    assert counts[0] == 0
    assert counts[1:].max() - counts[1:].min() <= 1
    in_lists = sum(min(len(v), 2) for v in train_log["devices"].to_pylist() if v)
    assert counts.sum() == train_log.num_rows + in_lists
    with pytest.raises(ValueError, match="no vocabulary"):
        output.vocabulary("age")
    with pytest.raises(KeyError, match="no table 'clicks'"):
        output.vocabulary("clicks")


@pytest.mark.parametrize("rows", [0, 1])
def test_tiny_batches(rows: int, output: TransformOutput, new_log: pa.Table) -> None:
    tensors, whole = output.transform(new_log.slice(5, rows)), output.transform(new_log)
    for name, array in whole.items():
        np.testing.assert_array_equal(tensors[name], array[5 : 5 + rows], err_msg=name)


def test_a_batch_in_which_every_value_is_missing(output: TransformOutput, new_log: pa.Table) -> None:
    features = {column.name for column in EVERYTHING.raw_columns(serving=True)}
    columns = {
        name: pa.nulls(3, column.type) if name in features else column.slice(0, 3)
        for name, column in zip(new_log.column_names, new_log.columns, strict=True)
    }
    tensors = output.transform(pa.table(columns))
    rows = pa.table(columns).to_pylist()
    oracle = Oracle(EVERYTHING, make_log(600, seed=1).to_pylist())
    for name in IDS:
        np.testing.assert_array_equal(tensors[name], [oracle.ids(name, row) for row in rows])
    np.testing.assert_allclose(tensors["price"], 0.0, atol=1e-6)  # the mean
    np.testing.assert_array_equal(tensors["image"], np.zeros((3, 3)))
    assert all(np.isfinite(array).all() for array in tensors.values())


def test_a_transform_draws_no_random_number_of_the_caller(train_log: pa.Table, tmp_path: Path) -> None:
    random.seed(1)
    expected = random.Random(1).random()
    fit_transform(EVERYTHING, train_log, tmp_path / "transform")
    assert random.random() == expected
