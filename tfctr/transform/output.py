"""`TransformOutput`: what a transform leaves behind, and how everything downstream reads it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.tfxio.tensor_adapter import TensorAdapter, TensorAdapterConfig

from tfctr.data.frames import Rows
from tfctr.spec import MISSING, NO_DOMAIN, BoundSpec, CategoricalFeature, FeatureSpec, RawColumn
from tfctr.transform._graph import TransformGraph
from tfctr.transform._label_scales import read_label_scales
from tfctr.transform._probes import constant_features
from tfctr.transform._tasks import fingerprints
from tfctr.transform._vocabulary_files import VocabularyFiles
from tfctr.transform.columns import RAW_DTYPES, RawTensor, as_sparse
from tfctr.transform.examples import example_batches
from tfctr.transform.schema import raw_feature_spec, raw_schema, sources, unread_columns

SPEC_FILE = "spec.json"
TRANSFORM_ROWS = 65_536
"""Rows transformed in one call: large enough that the calls cost nothing, small beside a training batch's memory."""


class TransformOutput:
    """The output of `fit_transform` or of a TFX Transform component, opened for reading.

    Args:
        directory: Folder with ``transform_fn`` and ``transformed_metadata``.
        spec: The spec it was made from; None reads ``spec.json`` in the folder, which `fit_transform` writes.

    Attributes:
        directory: The folder.
        spec: The spec.

    Raises:
        FileNotFoundError: When the folder holds no transform output, or no spec and none was given.
    """

    def __init__(self, directory: str | Path, spec: FeatureSpec | None = None):
        self.directory = Path(directory)
        if not (self.directory / "transform_fn").is_dir():
            raise FileNotFoundError(
                f"{self.directory} holds no transform output (no folder `transform_fn`). Give the folder that "
                "fit_transform wrote, or the `transform_graph` artifact of a pipeline."
            )
        self.spec = spec if spec is not None else _read_spec(self.directory)

    @property
    def _assets(self) -> Path:
        return self.directory / "transform_fn" / "assets"

    @cached_property
    def _files(self) -> VocabularyFiles:
        return VocabularyFiles(self._assets, self.spec)

    @cached_property
    def bound_spec(self) -> BoundSpec:
        """The spec with the rows of every table, and the scale of every regression task's label."""
        return self.spec.bind(self._files.rows(), read_label_scales(self._assets, self.spec))

    @cached_property
    def schema(self) -> schema_pb2.Schema:
        """The schema of raw examples, labels included; see `raw_schema`."""
        return raw_schema(self.spec)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of spec, vocabularies, graph and its constants.

        Two outputs of one fingerprint transform alike; learning twice from the same rows gives one fingerprint.
        """
        folder = self.directory / "transform_fn"
        digest = hashlib.sha256(_canonical(self.spec).encode())
        for path in sorted(self._assets.glob("*")):
            digest.update(path.name.encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        for part in _graph_parts(folder / "saved_model.pb"):
            digest.update(hashlib.sha256(part).digest())
        return digest.hexdigest()

    def vocabulary(self, table: str) -> list[str]:
        """Return the values of a table, most frequent first; value i has the id ``1 + oov_buckets + i``.

        Raises:
            KeyError: For an unknown table.
            ValueError: For a table of hash or quantile buckets.
        """
        return list(self._files.learned(table).values)

    def vocabulary_counts(self, table: str) -> np.ndarray:
        """Return how often each row of a table was met in the training data, int64 (rows,).

        Exact for the values of a vocabulary, and in sum for its out-of-vocabulary rows, among which the sum is
        divided evenly (TFT does not keep what it cut). Rows of hash and quantile buckets get even shares too.
        Padding has 0.
        """
        return self._files.counts(table)

    @cached_property
    def constant_features(self) -> tuple[str, ...]:
        """Features that are the same in every training row, and so tell a model nothing.

        Numbers under a scale that learns, ids of a vocabulary, and crosses; of hash buckets, lists, vectors and numbers
        of scale `none` the transform knows nothing.
        """
        return constant_features(self)

    @cached_property
    def domain_names(self) -> dict[int, str]:
        """Fingerprint in `DOMAIN_NAME` -> name, of the domains whose values the transform has kept.

        These are the values of a vocabulary that was learned from the spec's column `meta.domain`; without a feature
        of that column no name is kept but that of rows without a domain.
        """
        known = {MISSING: NO_DOMAIN}
        for feature in self.spec.features:
            if isinstance(feature, CategoricalFeature) and feature.column == self.spec.meta.domain:
                learned = self.vocabulary(feature.table) if feature.hash_buckets is None else ()
                known |= {value: value for value in learned if value != MISSING}
        ids = fingerprints(tf.constant([name.encode("utf-8", "surrogateescape") for name in known]))
        return dict(zip(ids.numpy().tolist(), known.values(), strict=True))

    def raw_feature_spec(self, serving: bool = False) -> dict[str, tf.io.VarLenFeature]:
        """Return the parsing spec of raw examples for `tf.io.parse_example`."""
        return raw_feature_spec(self.spec, serving)

    @cached_property
    def graph(self) -> TransformGraph:
        """The transform as a function.

        A `tf.Module` that is to be saved must hold it as an attribute, or its tables are not saved with it.
        """
        return TransformGraph(self.directory / "transform_fn")

    def transform_raw(self, raw: Mapping[str, RawTensor], *, partial: bool = False) -> dict[str, tf.Tensor]:
        """Transform raw columns; works eagerly and inside a `tf.function`.

        Args:
            raw: Raw columns by name, each sparse, ragged or dense (see `tfctr.transform.columns.as_sparse`).
                Label, weight, mask and meta columns may be there or not: what can be made of the given columns is.
            partial: Take feature columns that are not given as missing in every row, and leave the tensors made
                of them out of the result, instead of raising.

        Returns:
            The tensors of ``spec.inputs()``, and of ``spec.labels()`` and ``spec.meta_tensors()`` as far as
            their columns are given. All dense.

        Raises:
            KeyError: When a column is unknown, or a feature column is not given.
            TypeError: When a column has the wrong dtype.
        """
        columns = {column.name: column for column in self.spec.raw_columns()}
        unknown = [name for name in raw if name not in columns]
        if unknown:
            raise KeyError(f"unknown raw columns {unknown}; columns of spec {self.spec.name!r}: {list(columns)}")
        needed = [column for column in self.spec.raw_columns(serving=True) if column.name not in raw]
        if needed and (not partial or not raw):
            raise KeyError(f"raw columns {[c.name for c in needed]} of spec {self.spec.name!r} are not given")
        unread = unread_columns(self.spec)
        given = {name: as_sparse(tensor, columns[name]) for name, tensor in raw.items() if name not in unread}
        if needed:
            rows = next(iter(given.values())).dense_shape[0]
            given |= {column.name: _all_missing(column, rows) for column in needed}
        outputs = self.graph(given)
        made_of = sources(self.spec)
        order = (*self.spec.inputs(), *self.spec.labels(), *self.spec.meta_tensors())
        return {info.name: outputs[info.name] for info in order if raw.keys() >= set(made_of[info.name])}

    def transform(self, table: Rows) -> dict[str, np.ndarray]:
        """Transform a raw log in memory with the very graph that is served, in large batches, without Beam.

        Args:
            table: Raw log, see `as_table`. Columns of labels, weights, masks and meta may all be there or be lacking.

        Returns:
            Inputs, and labels, weights and meta tensors as far as their columns are there: numpy arrays with
            one row a row of the table.

        Raises:
            KeyError, TypeError, ValueError, DataError: When the table does not fit the spec.
            tf.errors.InvalidArgumentError: For a label or a vector that is not what the spec says.
        """
        features = {column.name for column in self.spec.raw_columns(serving=True)}
        optional = [column.name for column in self.spec.raw_columns() if column.name not in features]
        parts: dict[str, list[np.ndarray]] = {}
        for batch in example_batches(table, self.spec, optional=optional, batch_rows=TRANSFORM_ROWS):
            for name, array in self.transform_batch(batch).items():
                parts.setdefault(name, []).append(array)
        return {name: np.concatenate(arrays) if len(arrays) > 1 else arrays[0] for name, arrays in parts.items()}

    def transform_batch(self, batch: pa.RecordBatch) -> dict[str, np.ndarray]:
        """Transform a batch in the form of `example_batches`, which TFX's readers give; else as `transform`."""
        tensors = raw_tensors(self.spec, batch)
        any_size = {name: tf.SparseTensorSpec([None, None], tensor.dtype) for name, tensor in tensors.items()}
        function = self._function.get_concrete_function(any_size)
        return {name: tensor.numpy() for name, tensor in function(tensors).items()}

    @cached_property
    def _function(self) -> Any:
        """`transform_raw` as a graph, for raw columns by name."""
        return tf.function(lambda raw: self.transform_raw(raw), autograph=False)


def raw_tensors(spec: FeatureSpec, batch: pa.RecordBatch) -> dict[str, tf.SparseTensor]:
    """Return the raw columns in a batch in the form of `example_batches`; columns that the spec lacks are left out."""
    names = [column.name for column in spec.raw_columns() if column.name in batch.schema.names]
    read = batch.select(names)
    tensors: dict[str, tf.SparseTensor] = TensorAdapter(adapter_config(read.schema)).ToBatchTensors(read)
    return tensors


def adapter_config(schema: pa.Schema) -> TensorAdapterConfig:
    """Return how TFX turns record batches into tensors: every column into a sparse one."""
    representations = {}
    for name in schema.names:
        representations[name] = schema_pb2.TensorRepresentation()
        representations[name].varlen_sparse_tensor.column_name = name
    return TensorAdapterConfig(schema, representations)


def _all_missing(column: RawColumn, rows: tf.Tensor) -> tf.SparseTensor:
    shape = tf.stack([rows, tf.zeros([], tf.int64)])
    return tf.SparseTensor(tf.zeros([0, 2], tf.int64), tf.zeros([0], RAW_DTYPES[column.type]), shape)


def _graph_parts(path: Path) -> list[bytes]:
    """Name, operation and constant of every node, sorted: what stays the same when a graph is written again.

    The file itself holds names of temporary folders and running numbers of functions.
    """
    model = SavedModel.FromString(path.read_bytes())
    parts = []
    for function in model.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            constant = node.attr["value"].tensor.SerializeToString(deterministic=True) if node.op == "Const" else b""
            parts.append(f"{node.name} {node.op} ".encode() + constant)
    return sorted(parts)


def _canonical(spec: FeatureSpec) -> str:
    return json.dumps(spec.model_dump(mode="json"), sort_keys=True)


def write_spec(directory: Path, spec: FeatureSpec) -> None:
    """Write the spec beside a transform output."""
    (directory / SPEC_FILE).write_text(_canonical(spec), encoding="utf-8")


def _read_spec(directory: Path) -> FeatureSpec:
    path = directory / SPEC_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{directory} holds no {SPEC_FILE}. A transform output of a pipeline does not carry its spec: "
            "give it, TransformOutput(directory, spec=spec)."
        )
    return FeatureSpec.model_validate_json(path.read_text(encoding="utf-8"))
