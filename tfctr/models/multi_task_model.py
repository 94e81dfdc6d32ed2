"""What models of several tasks share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfctr.layers.multi_task import TaskTowers
from tfctr.models.ctr_model import CTRModel
from tfctr.spec import BoundSpec, FeatureSpec, Problem


class MultiTaskModel(CTRModel):
    """Base of the models that predict every task of a spec. A subclass says in `task_logits` how.

    The loss is ``sum_t β_t sum_b w_tb loss_t(y_tb, p_tb) / sum_b w_tb``, the logloss for yes/no tasks and the error in
    deviations of the label for regression tasks, both of the order of 1. Each task's mean runs over the rows that count
    for it, so that a task known for few rows is not shrunk by the others. A batch without such rows adds nothing.

    Args:
        spec: Bound spec, of one task or several.
        dropout_rate: Share of hidden units dropped in training, everywhere in the model.
        batch_norm: Whether each hidden layer normalises before its activation; gates never do.
        task_weights: Task -> β, at least 0; 1 for tasks that are not named.
        **options: See `CTRModel`.

    Raises:
        ValueError: When `task_weights` names an unknown task or holds a negative number.
    """

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        dropout_rate: float = 0.0,
        batch_norm: bool = False,
        task_weights: Mapping[str, float] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        self.dropout_rate = dropout_rate
        self.batch_norm = batch_norm
        self.task_weights = dict(task_weights or {})
        self.tasks = tuple(task.name for task in self.spec.spec.tasks)
        wrong = {name: beta for name, beta in self.task_weights.items() if name not in self.tasks or not beta >= 0}
        if wrong:
            raise ValueError(
                f"task_weights gives tasks, of {', '.join(self.tasks)}, a number of at least 0. Received: {wrong}"
            )

    @classmethod
    def problems(cls, spec: FeatureSpec) -> list[Problem]:
        """Return the tasks of kinds that it does not predict; one task is fine, so are several."""
        return cls.kind_problems(spec)

    def task_logits(self, features: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        """Return task -> logit ``(batch, 1)``."""
        raise NotImplementedError

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        found = self.task_logits(features, training=training)
        return found if len(found) > 1 else next(iter(found.values()))

    def compile(self, optimizer: Any = "adam", loss: Any = None, **kwargs: Any) -> None:
        """Compile as Keras does; without a loss of the caller's the tasks' losses are weighted by `task_weights`."""
        if loss is None and self.task_weights:
            weights = {task: float(self.task_weights.get(task, 1.0)) for task in self.tasks}
            kwargs.setdefault("loss_weights", weights if len(weights) > 1 else weights[self.tasks[0]])
        super().compile(optimizer=optimizer, loss=loss, **kwargs)

    def make_towers(self, hidden_units: tuple[int, ...]) -> TaskTowers:
        """Return a tower for each task, with this model's dropout and normalisation."""
        return TaskTowers(
            self.tasks,
            hidden_units,
            dropout_rate=self.dropout_rate,
            batch_norm=self.batch_norm,
            **self.part("towers"),
        )
