"""What one row costs a student: by its label, and by its teacher."""

from __future__ import annotations

from typing import Any

from keras import ops


def label_loss(label: Any, logit: Any) -> Any:
    """Return the logloss of each row, float32 as `label`: ``log(1 + exp(z)) - y z``."""
    return ops.softplus(logit) - label * logit


def teacher_loss(teacher_logit: Any, logit: Any, temperature: float) -> Any:
    """Return ``τ² KL(q ‖ p)`` of each row, with ``q = σ(z_T / τ)`` and ``p = σ(z_S / τ)``.

    The same as that of two-class softmaxes of the logits ``[z, 0]``.
    """
    target, given = teacher_logit / temperature, logit / temperature
    q = ops.sigmoid(target)
    # q log(q / p) + (1 - q) log((1 - q) / (1 - p)), by logits: no logarithm of a rounded 0
    divergence = q * (target - given) + ops.softplus(given) - ops.softplus(target)
    return temperature**2 * divergence


def mean_over(rows: Any, weights: Any) -> Any:
    """Return the mean of what rows cost, each with its weight, as Keras' losses take it: over the rows, not weights."""
    return ops.mean(rows if weights is None else rows * ops.cast(ops.reshape(weights, ops.shape(rows)), rows.dtype))
