"""Customized gate control: one level of PLE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfctr.layers._base import Shape, Tensor
from tfctr.layers._weight_options import KernelLayer
from tfctr.layers.multi_task.expert_gate import ExpertGate
from tfctr.layers.multi_task.experts import Experts


@keras.saving.register_keras_serializable(package="tfctr")
class CustomizedGateControl(KernelLayer):
    """Give each task experts of its own beside shared ones, and a gate over both.

    Task t mixes its own experts and the shared ones; a level that is not the last also has a shared branch, which
    mixes the experts of all tasks and the shared ones. Experts and gate of a branch see that branch's input alone.

    Without own experts one level is MMoE; without shared ones the tasks have nothing in common.

    Input shape: ``(batch, tasks + 1, width)``, the shared branch last; or ``(batch, 1, width)``, one input for all
        branches, as on the first level.
    Output shape: ``(batch, tasks + 1, hidden_units[-1])``, or ``(batch, tasks, hidden_units[-1])`` when `last`.

    Args:
        tasks: Tasks, at least 1.
        hidden_units: Widths of an expert's layers.
        own_experts: Experts of each task.
        shared_experts: Experts of all tasks.
        last: Whether this is the last level, which has no shared branch going out.
        gate_units: Widths of hidden layers of the gates; none in the paper.
        batch_norm: Whether each layer of an expert normalises before its activation.
        dropout_rate: Share of hidden units dropped in training, in [0, 1).
        **kwargs: See `KernelLayer`: initializers, regularizers and constraints.

    Raises:
        ValueError: When there is no task or no expert, or the branches do not fit (at build).

    Example:
        >>> import numpy as np
        >>> print(CustomizedGateControl(2, (8,), last=True)(np.ones((5, 1, 6))).shape)
        (5, 2, 8)

    Reference: H. Tang et al., "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL) Model for
    Personalized Recommendations", RecSys 2020, Eq. 2-7.
    """

    def __init__(
        self,
        tasks: int,
        hidden_units: Sequence[int],
        *,
        own_experts: int = 1,
        shared_experts: int = 1,
        last: bool = False,
        gate_units: Sequence[int] = (),
        batch_norm: bool = False,
        dropout_rate: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if tasks < 1 or min(own_experts, shared_experts) < 0 or own_experts + shared_experts < 1:
            raise ValueError(
                "CustomizedGateControl needs a task and, own or shared, an expert. "
                f"Received: tasks={tasks}, own_experts={own_experts}, shared_experts={shared_experts}"
            )
        self.tasks = tasks
        self.hidden_units = tuple(hidden_units)
        self.own_experts = own_experts
        self.shared_experts = shared_experts
        self.last = last
        self.gate_units = tuple(gate_units)
        self.batch_norm = batch_norm
        self.dropout_rate = dropout_rate

    def build(self, branches_shape: Shape) -> None:
        if branches_shape[1] not in (1, self.tasks + 1):
            raise ValueError(
                f"branches is (batch, 1, width) or (batch, tasks + 1, width). Received: tasks={self.tasks}, "
                f"shape={tuple(branches_shape)}"
            )
        shape = (branches_shape[0], branches_shape[2])
        with_own = range(self.tasks) if self.own_experts else ()
        self._own = [self._experts(self.own_experts, f"own_{task}", shape) for task in with_own]
        self._shared = self._experts(self.shared_experts, "shared", shape) if self.shared_experts else None
        seen = self.own_experts + self.shared_experts
        self._gates = [self._gate(f"gate_{task}", shape, seen) for task in range(self.tasks)]
        everyone = self.tasks * self.own_experts + self.shared_experts
        self._shared_gate = None if self.last else self._gate("gate_shared", shape, everyone)

    def _experts(self, number: int, name: str, shape: Shape) -> Experts:
        experts = Experts(
            number,
            self.hidden_units,
            batch_norm=self.batch_norm,
            dropout_rate=self.dropout_rate,
            **self.part(name),
        )
        experts.build(shape)
        return experts

    def _gate(self, name: str, shape: Shape, experts: int) -> ExpertGate:
        gate = ExpertGate(self.gate_units, dropout_rate=self.dropout_rate, **self.part(name))
        gate.build(shape, (shape[0], experts, self.hidden_units[-1]))
        return gate

    def call(self, branches: Tensor, training: bool | None = None) -> Tensor:
        """Map branches ``(batch, tasks + 1, width)`` or ``(batch, 1, width)`` to ``(batch, tasks + 1, units)``.

        The last level returns ``(batch, tasks, units)``.
        """
        inputs = [branches[:, 0 if branches.shape[1] == 1 else index] for index in range(self.tasks + 1)]
        # inputs of each branch are (batch, width), outputs of its experts (batch, experts, units)
        own = [experts(inputs[task], training=training) for task, experts in enumerate(self._own)]
        shared = [] if self._shared is None else [self._shared(inputs[-1], training=training)]
        mixed = [
            gate(inputs[task], ops.concatenate([*own[task : task + 1], *shared], axis=1), training=training)
            for task, gate in enumerate(self._gates)
        ]
        if self._shared_gate is not None:
            mixed.append(self._shared_gate(inputs[-1], ops.concatenate([*own, *shared], axis=1), training=training))
        return ops.stack(mixed, axis=1)  # (batch, tasks or tasks + 1, units)

    def compute_output_shape(self, branches_shape: Shape) -> Shape:
        return (branches_shape[0], self.tasks if self.last else self.tasks + 1, self.hidden_units[-1])
