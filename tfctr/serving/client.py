"""A client that takes raw rows, of the embedded server and of TensorFlow Serving itself."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeGuard

import grpc
import numpy as np
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tfctr.data.frames import Rows, as_table
from tfctr.serving._requests import Row, column_inputs, example_inputs, predict_request, rank_inputs
from tfctr.serving._table_inputs import match, tensors_of, typed_table
from tfctr.serving.server import _tensors as tensors
from tfctr.serving.server._signatures import DEFAULT_SIGNATURE, Signature
from tfctr.spec import FeatureSpec, RawColumn

_TYPES: dict[str, Literal["string", "int", "float"]] = {"string": "string", "int64": "int", "float": "float"}


TABLE_ROWS = 8_192
"""Rows of a table in one request: below the server's limits on rows and bytes, and enough to cost nothing."""


class PredictionError(Exception):
    """A request that the server refused, or that did not reach it.

    Attributes:
        code: gRPC's status code.
        message: What the server said.
    """

    def __init__(self, address: str, error: grpc.RpcError):
        self.code: grpc.StatusCode = error.code()
        self.message: str = error.details() or ""
        super().__init__(f"{address} answered {self.code.name}: {self.message}")


class VersionStatus(NamedTuple):
    """State of one version of a model: `START`, `LOADING`, `AVAILABLE`, `UNLOADING` or `END`, and why it failed."""

    version: int
    state: str
    error: str


class PredictionClient:
    """Asks a model for probabilities, or for numbers where a task is one of regression.

    Args:
        address: ``host:port`` or ``unix:path``.
        model: Name of the model.
        version: Version to ask; None asks the latest.
        label: Label of the version to ask, instead of its number.
        spec: The model's spec; None learns the columns from the model's own signatures, which suffices unless the name
            of a column is no Python name.
        timeout_seconds: Longest time for one request.
        credentials: TLS credentials; None talks in clear.
        max_message_bytes: Largest message sent or received.

    Raises:
        ValueError: When both a version and a label are given.

    Example:
        >>> with PredictionClient("localhost:8500", "ads") as client:  # doctest: +SKIP
        ...     client.predict_rows([{"user": 7, "item": 11, "site": "news"}])["click"]
    """

    def __init__(
        self,
        address: str,
        model: str = "default",
        *,
        version: int | None = None,
        label: str | None = None,
        spec: FeatureSpec | None = None,
        timeout_seconds: float = 10.0,
        credentials: grpc.ChannelCredentials | None = None,
        max_message_bytes: int = 256 * 2**20,
    ):
        if version is not None and label is not None:
            raise ValueError(f"give a version or a label, received both: {version} and {label!r}")
        self.address = address
        self.model = model
        self._version = version
        self._label = label
        self._timeout_seconds = timeout_seconds
        self._told: set[str] = set()
        self._columns = spec.raw_columns(serving=True) if spec is not None else None
        options = [
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.max_send_message_length", max_message_bytes),
        ]
        if credentials is None:
            self._channel = grpc.insecure_channel(address, options)
        else:
            self._channel = grpc.secure_channel(address, credentials, options)
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._service = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def predict_rows(self, rows: Sequence[Row] | Rows) -> dict[str, np.ndarray]:
        """Return {task: probability or number, float32 (rows, 1)}, asked with serialized examples (`serving_default`).

        Args:
            rows: Raw rows, column -> value; a list for list columns. What is left out or None is missing. Or a data
                frame or table of the log itself (see `tfctr.data.as_table`), which is asked as `predict_columns` says.

        Raises:
            KeyError, TypeError, ValueError, DataError: For a column or a value that does not fit.
            PredictionError: When the server refuses or cannot be reached.
        """
        if _are_dicts(rows):
            return self.predict_tensors(example_inputs(rows, self.columns()))
        return self.predict_columns(rows)

    def predict_columns(self, rows: Sequence[Row] | Rows) -> dict[str, np.ndarray]:
        """Return the same as `predict_rows`, asked with one tensor a column (`predict`): cheaper for many rows.

        Of a list of dicts a column that is no input is an error, for it may be misspelt. A data frame or table is taken
        as the log has it: values are read as those of files, columns that are no inputs are passed over and inputs that
        are not there are missing; a warning names both, once. It is asked `TABLE_ROWS` rows at a time.
        """
        if _are_dicts(rows):
            return self.predict_tensors(column_inputs(rows, self.columns()), "predict")
        table, columns = as_table(rows), self.columns()
        matched = match(table.column_names, columns)
        for sentence in matched.told():
            if sentence not in self._told:
                self._told.add(sentence)
                warnings.warn(sentence, stacklevel=2)
        parts = []
        for start in range(0, max(table.num_rows, 1), TABLE_ROWS):
            typed = typed_table(table.slice(start, TABLE_ROWS), columns, matched, start)
            parts.append(self.predict_tensors(tensors_of(typed, columns), "predict"))
        return {task: np.concatenate([part[task] for part in parts]) for task in parts[0]}

    def rank(self, once: Row, items: Sequence[Row]) -> dict[str, np.ndarray]:
        """Return {task: probability or number, float32 (items, 1)} of many candidates for one user.

        Args:
            once: The user's and the context's columns.
            items: The item's columns of each candidate.

        Raises:
            KeyError, TypeError: For a column or a value that does not fit.
            PredictionError: When the server refuses or cannot be reached.
        """
        return self.predict_tensors(rank_inputs(once, items, self.columns()), "rank")

    def predict_tensors(
        self, inputs: Mapping[str, np.ndarray], signature: str = DEFAULT_SIGNATURE
    ) -> dict[str, np.ndarray]:
        """Return the outputs of any signature, of any model.

        Args:
            inputs: Input -> array; text as bytes in an object array.
            signature: Signature's name.

        Raises:
            PredictionError: When the server refuses or cannot be reached.
        """
        request = predict_request(inputs, model=self.model, signature=signature)
        self._address_version(request.model_spec)
        response: predict_pb2.PredictResponse = self._call(self._prediction.Predict, request)
        return {alias: tensors.decode(proto) for alias, proto in sorted(response.outputs.items())}

    def columns(self) -> tuple[RawColumn, ...]:
        """Return the raw columns a request takes, from the spec or from the model's own signatures.

        Raises:
            PredictionError: When the server refuses or cannot be reached.
            KeyError: When the model was not exported by tfctr and no spec was given.
        """
        if self._columns is None:
            self._columns = _columns_of(self.signatures())
        return self._columns

    def signatures(self) -> dict[str, Signature]:
        """Return the model's signatures by name."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = self.model
        self._address_version(request.model_spec)
        response = self._call(self._prediction.GetModelMetadata, request)
        found = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(found)
        return {name: Signature.from_proto(name, definition) for name, definition in found.signature_def.items()}

    def status(self) -> list[VersionStatus]:
        """Return the state of every version of the model."""
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = self.model
        response = self._call(self._service.GetModelStatus, request)
        states = get_model_status_pb2.ModelVersionStatus.State
        return [
            VersionStatus(entry.version, states.Name(entry.state), entry.status.error_message)
            for entry in response.model_version_status
        ]

    def wait_until_available(self, timeout_seconds: float = 60.0) -> int:
        """Wait until a version answers, and return it.

        Raises:
            TimeoutError: When none does in time; says what was seen last.
        """
        deadline = time.monotonic() + timeout_seconds
        seen = "no answer"
        while True:
            try:
                statuses = self.status()
                available = [status.version for status in statuses if status.state == "AVAILABLE"]
                if available:
                    return max(available)
                seen = ", ".join(f"version {status.version} {status.state} {status.error}" for status in statuses)
            except PredictionError as error:
                seen = str(error)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.model} at {self.address} did not answer in {timeout_seconds:g} s: {seen}")
            time.sleep(0.1)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def __enter__(self) -> PredictionClient:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def _address_version(self, spec: model_pb2.ModelSpec) -> None:
        if self._version is not None:
            spec.version.value = self._version
        elif self._label is not None:
            spec.version_label = self._label

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        try:
            return method(request, timeout=self._timeout_seconds)
        except grpc.RpcError as error:
            raise PredictionError(self.address, error) from error


def _are_dicts(rows: object) -> TypeGuard[Sequence[Row]]:
    return isinstance(rows, list | tuple) and all(isinstance(row, Mapping) for row in rows)


def _columns_of(signatures: Mapping[str, Signature]) -> tuple[RawColumn, ...]:
    """Read the raw columns off the signatures `predict` (types, shapes) and `rank` (which side gives what)."""
    if "predict" not in signatures:
        raise KeyError(f"the model has no signature 'predict' but {sorted(signatures)}; give the client a spec")
    rank = signatures["rank"].inputs if "rank" in signatures else {}
    columns = []
    for alias, endpoint in signatures["predict"].inputs.items():
        shape = endpoint.shape or (-1,)
        kind: Literal["scalar", "list", "vector"] = (
            "scalar" if len(shape) == 1 else "list" if shape[1] < 0 else "vector"
        )
        once = alias in rank and (rank[alias].shape or (-1,))[0] == 1
        columns.append(
            RawColumn(
                alias,
                _TYPES[tensors.dtype_name(endpoint.dtype)],
                kind,
                width=shape[1] if kind == "vector" else 0,
                separator="" if kind == "scalar" else "|",  # the spec's default; the signatures do not tell it
                role="user" if once else "item",
            )
        )
    return tuple(columns)
