"""What one pass over the data tells of the outputs of a model: their means and covariances, and how often ids occur."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

import numpy as np
import tensorflow as tf

from tfctr.models import CTRModel
from tfctr.models._tower_ranks import towers_of
from tfctr.plans.low_rank._factorable import FactorableMap, factorable_parts
from tfctr.spec import BoundSpec, table_of

OOV = 1
"""Id that one outside its vocabulary is taken for."""


def output_statistics(model: CTRModel, batches: Iterable[Any]) -> dict[str, np.ndarray]:
    """Return what `compress` needs to know of a model's outputs.

    Outputs of linear maps are taken before BatchNorm and activation, over all positions that the map is applied to, and
    summed in float64. Of a table no outputs are needed: its rows and how often each occurs say the same.

    Args:
        model: Built model.
        batches: ``(features, …)`` of the training rows.

    Returns:
        ``<tower>.<map>.mean (units,)`` and ``….covariance (units, units)`` float64, ``table.<vocabulary>.counts``
        int64 ``(rows,)``, padding not counted.

    Raises:
        ValueError: When there is no batch.
    """
    maps = [part for part in factorable_parts(model) if isinstance(part, FactorableMap)]
    counts = {name: np.zeros(rows, np.int64) for name, rows in model.spec.rows.items()}
    sums: dict[str, list[np.ndarray]] = {}
    moments = _moments_of(model, maps)
    for features, *_ in batches:
        _count(features, model.spec, counts)
        for key, found in moments(features).items():
            parts = [part.numpy() for part in found]
            sums[key] = [a + b for a, b in zip(sums[key], parts, strict=True)] if key in sums else parts
    if not any(map(np.any, counts.values())) and not sums:
        raise ValueError("there is no batch to take statistics of")
    arrays = {f"table.{name}.counts": values for name, values in counts.items()}
    for key, (count, total, products) in sums.items():
        mean = total / count
        arrays[f"{key}.mean"] = mean
        arrays[f"{key}.covariance"] = products / count - np.outer(mean, mean)
    return arrays


def _moments_of(model: CTRModel, maps: list[FactorableMap]) -> Any:
    """A compiled function: features -> {part: [count, sum ``(units,)``, products ``(units, units)``]} of outputs."""
    towers = towers_of(model)

    @tf.function(reduce_retracing=True)
    def moments(features: dict[str, tf.Tensor]) -> dict[str, list[tf.Tensor]]:
        with ExitStack() as stack:
            recorded = {name: stack.enter_context(tower.recording_outputs()) for name, tower in towers.items()}
            model(features, training=False)
        return {part.key: _sums(recorded[part.tower][part.name]) for part in maps}

    return moments


def _sums(outputs: tf.Tensor) -> list[tf.Tensor]:
    rows = tf.reshape(tf.cast(outputs, tf.float64), (-1, outputs.shape[-1]))  # (positions, units)
    return [
        tf.cast(tf.shape(rows)[0], tf.float64),
        tf.reduce_sum(rows, axis=0),
        tf.matmul(rows, rows, transpose_a=True),  # (units, units)
    ]


def _count(features: dict[str, Any], spec: BoundSpec, counts: dict[str, np.ndarray]) -> None:
    """Add how often each id occurs in a batch, in whatever feature of its vocabulary."""
    for feature in spec.spec.features:
        if (name := table_of(feature)) in counts:
            ids = np.asarray(features[feature.name]).reshape(-1)
            ids = np.where((ids < 0) | (ids >= len(counts[name])), OOV, ids)
            counts[name] += np.bincount(ids[ids > 0], minlength=len(counts[name]))
