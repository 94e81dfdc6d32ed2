"""One definition, three ways: Beam's full path, the graph in memory, the graph inside a served model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from tests.transform.conftest import EVERYTHING
from tfctr.transform import TransformOutput, make_preprocessing_fn, raw_schema, table_to_examples

pytestmark = pytest.mark.filterwarnings("ignore")  # TFX's own, on the full path; ours are errors elsewhere


@pytest.fixture(scope="module")
def beam_result(train_log: pa.Table, new_log: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a pipeline does: TFRecords of raw examples in, transform graph and transformed TFRecords out."""
    import apache_beam as beam
    import tensorflow_transform.beam as tft_beam
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from tfx_bsl.public import tfxio

    folder = tmp_path_factory.mktemp("beam")
    for name, table in {"train": train_log, "new": new_log}.items():
        with tf.io.TFRecordWriter(str(folder / name)) as writer:
            for example in table_to_examples(table, EVERYTHING, optional=["weekday"]):
                writer.write(example)
    schema = raw_schema(EVERYTHING)
    source = {
        name: tfxio.TFExampleRecord(str(folder / name), schema=schema, telemetry_descriptors=["test"])
        for name in ("train", "new")
    }
    with beam.Pipeline(runner=FnApiRunner()) as pipeline, tft_beam.Context(str(folder / "temporary")):
        train = (pipeline | "Train" >> source["train"].BeamSource(100), source["train"].TensorAdapterConfig())
        (transformed, _), transform_fn = train | tft_beam.AnalyzeAndTransformDataset(
            make_preprocessing_fn(EVERYTHING), output_record_batches=True
        )
        new = (pipeline | "New" >> source["new"].BeamSource(64), source["new"].TensorAdapterConfig())
        transformed_new, _ = (new, transform_fn) | tft_beam.TransformDataset(output_record_batches=True)
        encoder = tfxio.RecordBatchToExamplesEncoder()
        for name, batches in {"train": transformed, "new": transformed_new}.items():
            examples = batches | f"Encode {name}" >> beam.FlatMapTuple(lambda batch, _: encoder.encode(batch))
            path = str(folder / f"transformed-{name}")
            examples | f"Write {name}" >> beam.io.WriteToTFRecord(path, file_name_suffix=".gz", num_shards=1)
        transform_fn | tft_beam.WriteTransformFn(str(folder / "transform"))
    return folder


def read_transformed(folder: Path, name: str) -> dict[str, np.ndarray]:
    (path,) = folder.glob(f"transformed-{name}*.gz")
    infos = (*EVERYTHING.inputs(), *EVERYTHING.labels(), *EVERYTHING.meta_tensors())
    parsing = {info.name: tf.io.FixedLenFeature(info.shape, info.dtype) for info in infos}
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(path), compression_type="GZIP")]
    return {key: value.numpy() for key, value in tf.io.parse_example(records, parsing).items()}


def assert_same_rows(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray], tolerance: float = 1e-6) -> None:
    """Ids exactly; numbers to the last bit or two, for vector and scalar instructions round a logarithm apart."""
    assert set(found) == set(wanted)
    for name, array in wanted.items():
        if array.dtype == np.int64:
            np.testing.assert_array_equal(found[name], array, err_msg=name)
        else:
            np.testing.assert_allclose(found[name], array, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("log", ["train", "new"])
def test_beam_and_memory_give_the_same_rows(
    log: str, beam_result: Path, output: TransformOutput, request: pytest.FixtureRequest
) -> None:
    table = request.getfixturevalue(f"{log}_log")
    in_memory = output.transform(table)
    on_beam = read_transformed(beam_result, log)
    assert_same_rows(on_beam, in_memory, tolerance=1e-5)  # means were summed in another order
    pipeline_output = TransformOutput(beam_result / "transform", spec=EVERYTHING)
    assert_same_rows(on_beam, pipeline_output.transform(table))


def test_beam_and_memory_learn_the_same_tables(beam_result: Path, output: TransformOutput) -> None:
    pipeline_output = TransformOutput(beam_result / "transform", spec=EVERYTHING)
    assert pipeline_output.bound_spec == output.bound_spec
    for table in EVERYTHING.tables:
        np.testing.assert_array_equal(pipeline_output.vocabulary_counts(table), output.vocabulary_counts(table))


class Served(tf.Module):
    """What an export does: parse raw examples, transform, answer the tensors."""

    def __init__(self, output: TransformOutput):
        super().__init__()
        self.graph = output.graph  # kept, so that its tables are saved
        self._output = output

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def parse(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        raw = tf.io.parse_example(examples, self._output.raw_feature_spec(serving=True))
        return self._output.transform_raw(raw)


@pytest.fixture(scope="module")
def served(output: TransformOutput, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    module = Served(output)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.parse})
    return folder


@pytest.mark.parametrize("log", ["train", "new"])
def test_the_served_graph_gives_the_same_rows(
    log: str, served: Path, output: TransformOutput, request: pytest.FixtureRequest
) -> None:
    table = request.getfixturevalue(f"{log}_log")
    signature = tf.saved_model.load(str(served)).signatures["serving_default"]
    examples = list(table_to_examples(table, EVERYTHING, serving=True))
    found = {name: tensor.numpy() for name, tensor in signature(examples=tf.constant(examples)).items()}
    wanted = output.transform(table)
    inputs = {info.name for info in EVERYTHING.inputs()}
    meta = {"meta__group", "meta__domain", "meta__time"}  # made of feature columns, so a request has them too
    assert_same_rows(found, {name: wanted[name] for name in inputs | meta})
    for row in (0, 3):  # one row a call, as most requests come
        one = signature(examples=tf.constant(examples[row : row + 1]))
        assert_same_rows({k: v.numpy() for k, v in one.items()}, {k: v[row : row + 1] for k, v in found.items()})


def test_an_empty_request_and_an_empty_example(served: Path) -> None:
    signature = tf.saved_model.load(str(served)).signatures["serving_default"]
    for info in EVERYTHING.inputs():
        shape = signature(examples=tf.constant([], tf.string))[info.name].shape
        assert shape == (0, *info.shape)
    empty = signature(examples=tf.constant([tf.train.Example().SerializeToString()] * 2))
    assert all(np.isfinite(tensor.numpy()).all() for tensor in empty.values())
    assert (empty["item"].numpy() >= 1).all()  # "no value" is a value
    assert (empty["clicks"].numpy() == 0).all()


def test_the_served_graph_stands_alone(served: Path, new_log: pa.Table, output: TransformOutput) -> None:
    """A server has only TensorFlow: no tfctr, no TFT, and the training folder is gone."""
    code = """
import json, sys
for name in ("tensorflow_transform", "apache_beam", "tfctr"):
    sys.modules[name] = None
import tensorflow as tf
signature = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
found = signature(examples=tf.constant([bytes.fromhex(line) for line in json.load(sys.stdin)]))
print(json.dumps({name: tensor.numpy().tolist() for name, tensor in found.items()}))
"""
    examples = [example.hex() for example in table_to_examples(new_log.slice(0, 20), EVERYTHING, serving=True)]
    done = subprocess.run(
        [sys.executable, "-c", code, str(served)],
        input=json.dumps(examples),
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    found = {name: np.array(values) for name, values in json.loads(done.stdout).items()}
    wanted = output.transform(new_log.slice(0, 20))
    for info in EVERYTHING.inputs():
        np.testing.assert_allclose(found[info.name], wanted[info.name], rtol=1e-6, err_msg=info.name)


def test_raw_tensors_of_every_form_give_the_same_rows(output: TransformOutput, new_log: pa.Table) -> None:
    """Dense and ragged raw tensors, as callers send them, against the sparse ones of the transform."""
    wanted = output.transform(new_log)
    dense: dict[str, tf.Tensor] = {}
    ragged: dict[str, tf.RaggedTensor] = {}
    for column in EVERYTHING.raw_columns(serving=True):
        dtype = {"string": tf.string, "int": tf.int64, "float": tf.float32}[column.type]
        gap = {"string": "", "int": -(2**63), "float": float("nan")}[column.type]
        values = new_log[column.name].to_pylist()
        if column.shape == "scalar":
            dense[column.name] = tf.constant([gap if v is None else v for v in values], dtype)
            rows = [[] if v is None else [v] for v in values]
        else:
            rows = [v or [] for v in values]
            width = max(len(v) for v in rows)
            dense[column.name] = tf.constant([v + [gap] * (width - len(v)) for v in rows], dtype)
        ragged[column.name] = tf.ragged.constant(rows, dtype, ragged_rank=1)
    for raw in (dense, ragged):
        found = {name: tensor.numpy() for name, tensor in output.transform_raw(raw).items()}
        assert_same_rows(found, {name: wanted[name] for name in found})
        assert {info.name for info in EVERYTHING.inputs()} <= set(found)
