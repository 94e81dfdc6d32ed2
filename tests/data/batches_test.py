"""Batches: what they hold, that they can be made again from any step, what is said of unfit tensors."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfctr.data import DataError
from tfctr.data.batches import (
    ArrayPlan,
    BatchPlan,
    FilePlan,
    ParquetPlan,
    array_dataset,
    transformed_dataset,
    write_transformed,
)
from tfctr.spec import FeatureSpec

ROWS = 23


def make_spec(tasks: list[dict] | None = None) -> FeatureSpec:
    return FeatureSpec.model_validate(
        {
            "name": "log",
            "features": [
                {"kind": "categorical", "name": "item", "role": "item"},
                {"kind": "numeric", "name": "price", "role": "item"},
                {"kind": "sequence", "name": "seen", "role": "user", "shares": "item", "max_length": 4},
            ],
            "tasks": tasks or [{"name": "click", "label": "clicked"}],
            "meta": {"time": "time", "group": "user"},
        }
    )


def make_arrays(spec: FeatureSpec, rows: int = ROWS) -> dict[str, np.ndarray]:
    """Every tensor a function of the row number, so that a mixed-up row shows."""
    number = np.arange(rows)
    arrays: dict[str, np.ndarray] = {}
    for info in (*spec.inputs(), *spec.labels(), *spec.meta_tensors()):
        values = np.broadcast_to(number.reshape(-1, *(1 for _ in info.shape)), (rows, *info.shape))
        arrays[info.name] = values.astype(info.dtype) % (2 if info.name in ("click", "buy") else 10**6)
    return arrays


def write_examples(arrays: dict[str, np.ndarray], folder: Path, files: int = 3) -> None:
    folder.mkdir()
    rows = len(next(iter(arrays.values())))
    for part in range(files):
        path = str(folder / f"part-{part}.gz")
        with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
            for row in range(part, rows, files):
                example = tf.train.Example()
                for name, array in arrays.items():
                    feature = example.features.feature[name]
                    values = feature.float_list if array.dtype == np.float32 else feature.int64_list
                    values.value.extend(np.ravel(array[row]).tolist())
                writer.write(example.SerializeToString())


def items(dataset: tf.data.Dataset) -> list[list[int]]:
    return [batch[0]["item"].numpy().tolist() for batch in dataset]


@pytest.fixture
def plans(tmp_path: Path) -> list[BatchPlan]:
    spec = make_spec()
    arrays = make_arrays(spec)
    write_examples(arrays, tmp_path / "examples")
    write_transformed(arrays, tmp_path / "columns", rows_per_file=9, group_rows=4)
    return [
        ArrayPlan(arrays, spec, batch_size=5, seed=1),
        FilePlan(tmp_path / "examples", spec, batch_size=5, seed=1, shuffle_rows=10),
        ParquetPlan(tmp_path / "columns", spec, batch_size=5, seed=1),
        ParquetPlan(tmp_path / "columns", spec, batch_size=5, seed=1, memory_bytes=0, window_groups=2),
    ]


def test_every_row_once_an_epoch_and_rows_stay_whole(plans: list[BatchPlan]) -> None:
    for plan in plans:
        seen = []
        for features, label in plan.epoch(2):
            number = features["item"].numpy()
            assert label.shape == (len(number), 1)
            assert label.dtype == tf.float32
            np.testing.assert_array_equal(label.numpy()[:, 0], number % 2)
            np.testing.assert_array_equal(features["price"].numpy(), number)
            np.testing.assert_array_equal(features["seen"].numpy(), np.repeat(number[:, None], 4, axis=1))
            np.testing.assert_array_equal(features["meta__time"].numpy(), number)
            seen += number.tolist()
        assert sorted(seen) == list(range(ROWS))
        assert seen != sorted(seen)
        assert plan.steps_per_epoch == 5


def test_an_epoch_can_be_made_again_from_any_step(plans: list[BatchPlan]) -> None:
    for plan in plans:
        whole = items(plan.epoch(3))
        assert items(plan.epoch(3)) == whole
        assert items(plan.epoch(3, start_step=2)) == whole[2:]
        assert items(plan.epoch(3, start_step=5)) == []
        assert items(plan.epoch(4)) != whole


def test_seed_decides_the_order() -> None:
    spec = make_spec()
    arrays = make_arrays(spec)
    orders = [items(ArrayPlan(arrays, spec, batch_size=5, seed=seed).epoch(0)) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_datasets_for_fit(tmp_path: Path) -> None:
    spec = make_spec()
    arrays = make_arrays(spec)
    write_examples(arrays, tmp_path / "examples", files=1)
    pattern = str(tmp_path / "examples" / "*.gz")
    for make, source in ((array_dataset, arrays), (transformed_dataset, pattern)):
        in_order = make(source, spec, batch_size=10)
        assert list(chain(*items(in_order))) == list(range(ROWS))
        mixed = make(source, spec, batch_size=10, shuffle=True, seed=4)
        first, second = items(mixed), items(mixed)
        assert first != second
        assert sorted(chain(*first)) == list(range(ROWS))
        again = make(source, spec, batch_size=10, shuffle=True, seed=4)
        assert [items(again), items(again)] == [first, second]
        whole = items(make(source, spec, batch_size=10, drop_remainder=True))
        assert [len(batch) for batch in whole] == [10, 10]


def test_drop_remainder_has_a_static_batch() -> None:
    spec = make_spec()
    dataset = array_dataset(make_arrays(spec), spec, batch_size=10, drop_remainder=True)
    assert dataset.element_spec[0]["item"].shape == (10,)
    assert dataset.cardinality() == 2


def test_several_tasks_and_weights() -> None:
    spec = make_spec(
        [{"name": "click", "label": "clicked"}, {"name": "buy", "label": "bought", "weight": "importance"}]
    )
    arrays = make_arrays(spec)
    features, labels, weights = next(iter(array_dataset(arrays, spec, batch_size=4)))
    assert set(labels) == set(weights) == {"click", "buy"}
    assert labels["buy"].shape == weights["buy"].shape == (4, 1)
    np.testing.assert_array_equal(weights["click"], 1)
    np.testing.assert_array_equal(weights["buy"][:, 0], arrays["buy__weight"][:4])
    assert "buy__weight" not in features


def test_one_weighted_task() -> None:
    spec = make_spec([{"name": "click", "label": "clicked", "mask": "shown"}])
    _, label, weight = next(iter(array_dataset(make_arrays(spec), spec, batch_size=4)))
    assert label.shape == weight.shape == (4, 1)


def test_without_labels_and_without_meta() -> None:
    spec = make_spec()
    arrays = {info.name: make_arrays(spec)[info.name] for info in spec.inputs()}
    (features,) = next(iter(array_dataset(arrays, spec, batch_size=4, labels=False)))
    assert set(features) == {"item", "price", "seen"}


def test_unfit_tensors_are_told() -> None:
    spec = make_spec()
    arrays = make_arrays(spec)
    with pytest.raises(DataError, match="'price'"):
        array_dataset({k: v for k, v in arrays.items() if k != "price"}, spec, batch_size=2)
    with pytest.raises(DataError, match="labels=False"):
        array_dataset({k: v for k, v in arrays.items() if k != "click"}, spec, batch_size=2)
    with pytest.raises(DataError, match=r"'seen' has shape \(23, 3\)"):
        array_dataset({**arrays, "seen": arrays["seen"][:, :3]}, spec, batch_size=2)
    with pytest.raises(DataError, match="'price' has 5 rows, 'item' has 23"):
        array_dataset({**arrays, "price": arrays["price"][:5]}, spec, batch_size=2)
    with pytest.raises(ValueError, match="at least 1, received 0"):
        array_dataset(arrays, spec, batch_size=0)


def test_no_rows_gives_no_batches() -> None:
    spec = make_spec()
    assert items(array_dataset(make_arrays(spec, 0), spec, batch_size=2, shuffle=True)) == []


def test_unfit_files_are_told(tmp_path: Path) -> None:
    spec = make_spec()
    with pytest.raises(DataError, match="no TFRecord file matches"):
        transformed_dataset(str(tmp_path / "*.gz"), spec, batch_size=2)
    with tf.io.TFRecordWriter(str(tmp_path / "empty")):
        pass
    with pytest.raises(DataError, match="no example in 1"):
        transformed_dataset(tmp_path / "empty", spec, batch_size=2)
    (tmp_path / "text").write_text("this is no record file at all")
    with pytest.raises(DataError, match="is no TFRecord file"):
        transformed_dataset(tmp_path / "text", spec, batch_size=2)
    (tmp_path / "empty").unlink()
    (tmp_path / "text").unlink()
    write_examples({k: v for k, v in make_arrays(spec).items() if k != "price"}, tmp_path / "lacking")
    with pytest.raises(DataError, match="'price'"):
        transformed_dataset(tmp_path / "lacking", spec, batch_size=2)
