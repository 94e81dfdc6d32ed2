"""How much a row's teacher counts beside its label, by simple rules: in [0, 1], of shape ``(batch, 1)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from keras import ops

from tfctr.plans.distil._losses import label_loss

Ratio: TypeAlias = Callable[[Any, Any, Any, Any], Any]
"""``(student logit, teacher logit, label, share of the training done) -> ratio``; the first three ``(batch, 1)``."""


def constant(alpha: float) -> Ratio:
    """The same for all rows."""
    return lambda student, teacher, label, done: ops.full_like(student, alpha)


def annealed(alpha: float) -> Ratio:
    """From `alpha` down to 0, evenly over the training."""
    return lambda student, teacher, label, done: ops.full_like(student, alpha) * (1.0 - done)


def wls(student: Any, teacher: Any, label: Any, done: Any) -> Any:
    """``1 - exp(-CE_student / CE_teacher)``: where the student is behind its teacher.

    Zhou et al., "Rethinking Soft Labels for Knowledge Distillation", ICLR 2021.
    """
    own, other = label_loss(label, student), label_loss(label, teacher)
    return 1.0 - ops.exp(-own / ops.maximum(other, 1e-7))


def ada(student: Any, teacher: Any, label: Any, done: Any) -> Any:
    """``max(0, T_y - T_other)``: as sure as the teacher is of the label, 0 where it is wrong.

    Lukasik et al., "Teacher's pet: understanding and mitigating biases in distillation", TMLR 2022.
    """
    of_label = ops.sigmoid(ops.where(label > 0, teacher, -teacher))
    return ops.maximum(0.0, 2.0 * of_label - 1.0)
