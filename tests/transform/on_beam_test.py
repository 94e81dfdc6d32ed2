"""Learning on Beam gives what learning in memory gives, in however many bundles; so do transformed rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that

from tests.transform.conftest import EVERYTHING
from tfctr.spec import FeatureSpec
from tfctr.transform import TransformOutput, _on_beam, example_batches, fit_transform
from tfctr.transform._on_beam import TransformRows, learn_on_beam, local_copy
from tfctr.transform._write_graph import write_graph

pytestmark = pytest.mark.filterwarnings("ignore")  # of Beam and TFT

BUCKETS = FeatureSpec.model_validate(
    {
        "name": "buckets",
        "features": [
            {"kind": "numeric", "name": "age", "role": "user", "scale": "quantile", "buckets": 4},
            {"kind": "categorical", "name": "city", "role": "context"},
            {"kind": "cross", "name": "age_x_city", "of": ["age", "city"]},
            {"kind": "numeric", "name": "price", "role": "item"},
        ],
        "tasks": [{"name": "rating", "kind": "regression", "label": "rating"}],
        "split": {"by": "random"},
    }
)
"""Bounds of buckets go into a cross, so that rows are read twice; and a label has a scale."""


def pipeline() -> beam.Pipeline:
    return beam.Pipeline(runner=FnApiRunner())


def learned_on_beam(spec: FeatureSpec, table: pa.Table, folder: Path, rows: int) -> TransformOutput:
    """A transform learned of batches that come in bundles of their own."""
    batches = list(example_batches(table, spec, optional=["weekday"], batch_rows=rows))

    def read(running: beam.Pipeline) -> beam.PCollection:
        return running | beam.Create(batches) | beam.Reshuffle()

    local = folder / "local"
    local.mkdir()
    learned = learn_on_beam(spec, read, pipeline, str(folder / "shared"), local)
    write_graph(spec, table.column_names, learned, folder / "output")
    return TransformOutput(folder / "output", spec=spec)


@pytest.fixture(scope="module")
def both(train_log: pa.Table, output: TransformOutput, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Of each spec, what was learned on Beam and in memory, and the log."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_on_beam, "MOST_VALUES", 50)  # counts leave in the middle of a bundle, too
        everything = learned_on_beam(EVERYTHING, train_log, tmp_path_factory.mktemp("everything"), rows=97)
    folder = tmp_path_factory.mktemp("buckets")
    table = train_log.select(["age", "city", "price", "rating"])
    buckets = learned_on_beam(BUCKETS, table, folder, rows=150)
    in_memory = fit_transform(BUCKETS, table, folder / "in_memory")
    return {"everything": (everything, output, train_log), "buckets": (buckets, in_memory, table)}


@pytest.mark.parametrize("name", ["everything", "buckets"])
def test_files_are_the_same_to_the_byte(name: str, both: Any) -> None:
    on_beam_files, in_memory_files = (
        {path.name: path.read_bytes() for path in (learned.directory / "transform_fn" / "assets").iterdir()}
        for learned in both[name][:2]
    )
    assert on_beam_files.keys() == in_memory_files.keys()
    for file, content in in_memory_files.items():
        if file != "tfctr_label_scales":  # summed in another order
            assert on_beam_files[file] == content, file


@pytest.mark.parametrize("name", ["everything", "buckets"])
def test_rows_are_the_same(name: str, both: Any) -> None:
    learned, in_memory, table = both[name]
    assert learned.bound_spec.rows == in_memory.bound_spec.rows
    found, wanted = learned.transform(table), in_memory.transform(table)
    for column, array in wanted.items():
        tolerance = 0 if array.dtype == np.int64 else 1e-5
        np.testing.assert_allclose(found[column], array, rtol=tolerance, atol=tolerance, err_msg=column)


def test_scales_of_labels_are_the_same(both: Any) -> None:
    learned, in_memory, _ = both["buckets"]
    for task, scale in in_memory.bound_spec.label_scales.items():
        found = learned.bound_spec.label_scales[task]
        assert (found.mean, found.deviation) == pytest.approx((scale.mean, scale.deviation), rel=1e-6)


def test_transformed_rows_become_examples(both: Any) -> None:
    """The graph lies in a storage, as a worker far away finds it."""
    learned, _, table = both["everything"]
    storage = f"file://{learned.directory}"
    batches = list(example_batches(table.slice(0, 60), EVERYTHING, optional=["weekday"]))
    wanted = learned.transform(table.slice(0, 60))
    infos = (*EVERYTHING.inputs(), *EVERYTHING.labels(), *EVERYTHING.meta_tensors())
    parsing = {info.name: tf.io.FixedLenFeature(info.shape, info.dtype) for info in infos}

    def check(examples: list[bytes]) -> None:
        found = tf.io.parse_example(examples, parsing)
        assert found.keys() == wanted.keys()
        for name, array in wanted.items():
            np.testing.assert_array_equal(found[name], array, err_msg=name)

    with pipeline() as running:
        rows = running | beam.Create(batches) | beam.ParDo(TransformRows(storage, EVERYTHING.model_dump_json()))
        assert_that(rows, check)


def test_a_local_folder_is_read_where_it_is(tmp_path: Path) -> None:
    assert local_copy(str(tmp_path), tmp_path / "copy") == tmp_path


def test_no_rows_teach_nothing(train_log: pa.Table, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot learn the transform of spec 'everything' from 0 rows"):
        learned_on_beam(EVERYTHING, train_log.slice(0, 0), tmp_path, rows=10)
