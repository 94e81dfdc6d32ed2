"""The debug mode of ids: an id outside its vocabulary stops the run and is named.

In production such an id is treated as out-of-vocabulary (`tfctr.layers.embedding.fused_lookup`), since a request
must have an answer. While one looks for a mistake it should stop: ``FitConfig(debug=True)`` does so for every batch
of `fit`; `check_ids` for a batch at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

import numpy as np
import tensorflow as tf

from tfctr.spec import BoundSpec, table_of


class IdOutOfRangeError(ValueError):
    """A batch holds ids that its vocabulary has not; says which feature, row and id."""


def check_ids(features: Mapping[str, Any], spec: BoundSpec) -> None:
    """Look whether every id of a batch lies in its vocabulary.

    Args:
        features: Transformed tensors or arrays by name; others than ids are not looked at.
        spec: Bound spec of the model.

    Raises:
        IdOutOfRangeError: With every feature at fault, and its first ids.

    Example:
        >>> from tfctr.spec import FeatureSpec
        >>> spec = FeatureSpec(
        ...     name="ads",
        ...     features=[{"kind": "categorical", "name": "site", "role": "context"}],
        ...     tasks=[{"name": "click", "label": "clicked"}],
        ...     split={"by": "hash", "column": "site"},
        ... )
        >>> check_ids({"site": np.array([3, 11])}, spec.bind({"site": 20}))
        >>> check_ids({"site": np.array([3, 20])}, spec.bind({"site": 20}))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        tfctr.training.id_check.IdOutOfRangeError: ids outside their vocabularies: site has 20 in row 1 (1 of 2), ...
    """
    faults = [fault for name in id_names(spec) if name in features if (fault := _fault(name, features[name], spec))]
    if faults:
        raise IdOutOfRangeError(
            f"ids outside their vocabularies: {'; '.join(faults)}. The rows were transformed for another model: give "
            "data and model of one transform."
        )


def id_names(spec: BoundSpec) -> list[str]:
    """Names of the transformed tensors that hold ids."""
    return [feature.name for feature in spec.spec.id_features]


def _fault(name: str, ids: Any, spec: BoundSpec) -> str:
    """What is wrong with the ids of one feature; empty when nothing is."""
    array, rows = np.asarray(ids), spec.rows[table_of(spec.spec.feature(name))]
    outside = (array < 0) | (array >= rows)
    if not outside.any():
        return ""
    where = np.argwhere(outside)[:3]
    shown = ", ".join(f"{array[tuple(position)]} in row {position[0]}" for position in where)
    return f"{name} has {shown} ({int(outside.sum())} of {array.size}), allowed are 0..{rows - 1}"


class CheckedBatches:
    """Checks the ids of all batches that pass, and raises what it found instead of TensorFlow's wrapping of it.

    Use it as a function on data sets, and as a context around what runs through them.

    Args:
        spec: Bound spec of the model.
        active: Whether to check at all; else data sets are returned as they are.
    """

    def __init__(self, spec: BoundSpec, *, active: bool = True):
        self._spec = spec
        self._active = active
        self._found: IdOutOfRangeError | None = None

    def __call__(self, dataset: Any) -> Any:
        """Return `dataset` of ``(features, ...)``, checked."""
        if not self._active:
            return dataset
        if isinstance(dataset, tf.data.Dataset):
            return dataset.map(self._checked)
        batches = list(dataset)
        for batch in batches:
            check_ids(batch[0], self._spec)
        return batches

    def _checked(self, features: dict[str, tf.Tensor], *rest: Any) -> tuple[Any, ...]:
        names = [name for name in id_names(self._spec) if name in features]

        def check(*arrays: np.ndarray) -> np.bool_:
            try:
                check_ids(dict(zip(names, arrays, strict=True)), self._spec)
            except IdOutOfRangeError as error:
                self._found = error
                raise
            return np.bool_(True)

        sound = tf.numpy_function(check, [features[name] for name in names], tf.bool)
        with tf.control_dependencies([sound]):
            return {name: tf.identity(values) for name, values in features.items()}, *rest

    def __enter__(self) -> CheckedBatches:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._found is not None and isinstance(error, tf.errors.OpError):
            found, self._found = self._found, None
            raise found from None
