"""One tower a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.towers import MLP


@keras.saving.register_keras_serializable(package="tfctr")
class TaskTowers(KernelLayer):
    """End each task in an MLP of its own with one logit.

    Input shape: ``(batch, width)``, the same for all tasks, or ``(batch, tasks, width)``, one vector a task.
    Output: dict of task -> logit ``(batch, 1)``.

    Args:
        tasks: Names of the tasks, in order.
        hidden_units: Widths of a tower's hidden layers; empty makes towers linear.
        batch_norm: Whether each hidden layer normalises before its activation.
        dropout_rate: Share of hidden units dropped in training, in [0, 1).
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When there is no task, or the second axis of three does not count the tasks (at build).

    Example:
        >>> import numpy as np
        >>> logits = TaskTowers(("click", "buy"), (16,))(np.ones((3, 32)))
        >>> print({task: tuple(logit.shape) for task, logit in logits.items()})
        {'click': (3, 1), 'buy': (3, 1)}
    """

    def __init__(
        self,
        tasks: Sequence[str],
        hidden_units: Sequence[int],
        *,
        batch_norm: bool = False,
        dropout_rate: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.tasks = tuple(tasks)
        if not self.tasks:
            raise ValueError("TaskTowers needs at least one task")
        self.hidden_units = tuple(hidden_units)
        self.batch_norm = batch_norm
        self.dropout_rate = dropout_rate

    def build(self, inputs_shape: Shape) -> None:
        if len(inputs_shape) == 3 and inputs_shape[1] != len(self.tasks):
            raise ValueError(
                f"TaskTowers takes (batch, width) or (batch, tasks, width). Received: tasks={self.tasks}, "
                f"shape={tuple(inputs_shape)}"
            )
        self._towers = [
            MLP(
                self.hidden_units,
                output_units=1,
                batch_norm=self.batch_norm,
                dropout_rate=self.dropout_rate,
                **self.part(f"tower_{task}"),
            )
            for task in self.tasks
        ]
        for tower in self._towers:
            tower.build((inputs_shape[0], inputs_shape[-1]))

    def call(self, inputs: Tensor, training: bool | None = None) -> dict[str, Tensor]:
        """Map inputs ``(batch, width)`` or ``(batch, tasks, width)`` to a dict of task -> logit ``(batch, 1)``."""
        own = len(inputs.shape) == 3
        return {
            task: tower(inputs[:, index] if own else inputs, training=training)
            for index, (task, tower) in enumerate(zip(self.tasks, self._towers, strict=True))
        }
