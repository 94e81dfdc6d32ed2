"""A teacher's answers, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfctr.data.batches import SeededPlan
from tfctr.models import CTRModel

TEACHER = "teacher__logit"
"""The feature in which a batch carries the teacher's logit, float32 ``(batch,)``."""


def logits_of(model: CTRModel, rows: SeededPlan) -> np.ndarray:
    """Return the logits of a model for all rows of a plan's source, float32 ``(rows,)``, in their order."""

    @tf.function(reduce_retracing=True)
    def answer(features: dict[str, Any]) -> Any:
        return tf.reshape(tf.cast(model.logits(features, training=False), tf.float32), [-1])

    batches = [np.asarray(answer(features)) for features, *_ in rows.in_order().epoch(0)]
    return np.concatenate(batches)


def labels_of(rows: SeededPlan) -> np.ndarray:
    """Return the labels of all rows of a plan's source, float32 ``(rows,)``, in their order."""
    return np.concatenate([np.ravel(labels) for _, labels, *_ in rows.in_order().epoch(0)])


def joint_logits(members: Sequence[np.ndarray]) -> np.ndarray:
    """Return the logits of an ensemble: the mean of its members', ``(rows,)``."""
    return np.mean(np.stack(members), axis=0, dtype=np.float64).astype("float32")


def class_means(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the teacher's mean probability for label 0 and for 1, float32 ``(2,)``; 0.5 where no row has the label."""
    probability = 1 / (1 + np.exp(-logits.astype(np.float64)))
    kinds = (labels <= 0, labels > 0)
    return np.array([probability[kind].mean() if kind.any() else 0.5 for kind in kinds], "float32")
