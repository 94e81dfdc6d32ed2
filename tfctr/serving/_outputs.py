"""What a served model says of each task, made of what the model returns in training."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfctr.layers.survival import expected_life, hazards, survival_curve
from tfctr.spec import AnyTask, SurvivalTask


def served_outputs(task: AnyTask, output: Any) -> dict[str, Any]:
    """Return the outputs of a task by name, float32.

    Args:
        task: The task.
        output: Of a binary task the probability, of a regression task the number, ``(batch, 1)`` or ``(batch,)``; of a
            survival task the integrated hazards, ``(batch, intervals)``.

    Returns:
        Of a binary or a regression task ``{task: probability or number (batch, 1)}``. Of a survival task, with a column
        for each cut point:
        ``task`` the probability of lasting beyond it (never rising), ``task__ended`` the probability that the event
        came until then, ``task__hazards`` the hazard of the interval that ends there; and the expected life up to the
        last cut point, ``task__life`` ``(batch, 1)``.
    """
    output = tf.cast(output, tf.float32)
    if not isinstance(task, SurvivalTask):
        return {task.name: tf.reshape(output, [-1, 1])}
    curve = survival_curve(output)
    return {
        task.name: curve,
        f"{task.name}__ended": 1 - curve,
        f"{task.name}__hazards": hazards(output),
        f"{task.name}__life": expected_life(output, task.grid),
    }


def scalar_output(task: AnyTask, outputs: dict[str, Any], *, life: bool = False) -> Any:
    """Return a task's one number a row ``(batch, 1)``: itself, for a survival task the probability of ending in time.

    Args:
        task: The task.
        outputs: Of `served_outputs`.
        life: Of a survival task the expected life instead of the probability that the event comes until the last
            cut point.
    """
    if not isinstance(task, SurvivalTask):
        return outputs[task.name]
    return outputs[f"{task.name}__life"] if life else outputs[f"{task.name}__ended"][:, -1:]
