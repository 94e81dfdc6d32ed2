"""ESMM: conversions after clicks, learned from all impressions."""

from __future__ import annotations

from typing import Any, ClassVar

from keras import ops

from tfctr.layers.interaction import flatten_fields
from tfctr.layers.multi_task import product_logit
from tfctr.models._registry import register_model
from tfctr.models.multi_task_model import MultiTaskModel
from tfctr.spec import BoundSpec, FeatureSpec, Problem


@register_model(
    paper="Ma et al., SIGIR 2018",
    label="ESMM (several tasks)",
    small={"embedding_dim": 4, "hidden_units": (6, 5), "batch_norm": True},
)
class ESMM(MultiTaskModel):
    """``P(conversion) = P(click) · P(conversion | click)``, each factor from a tower of its own.

    The towers share the embeddings. Both losses run over all impressions, and there is none on
    ``P(conversion | click)`` itself, which would be learned from clicked rows alone: rows unlike those the model
    is asked about. A task's output is therefore the probability of its event in *any* row shown (CTCVR in the
    paper); `conditional` gives the probability after the earlier event (CVR). Chains may be longer than two, and
    tasks without `after` are plain towers.

    The product is taken on the scale of logits (`product_logit`), in float32. The losses of the tasks are added;
    public code does so or takes their mean, which `task_weights` can restore.

    Args:
        spec: Bound spec in which at least one task comes `after` another.
        hidden_units: Widths of each tower, which stands on the embeddings directly.
        **options: See `MultiTaskModel`.

    Raises:
        SpecError: When no task comes after another, or one counts only in the rows where the earlier one is 1.

    Reference: X. Ma et al., "Entire Space Multi-Task Model: An Effective Approach for Estimating Post-Click
    Conversion Rate", SIGIR 2018, arXiv 1804.07931, Eq. 1-3.
    """

    task_kinds: ClassVar[tuple[str, ...]] = ("binary",)

    def __init__(
        self, spec: BoundSpec | dict[str, Any], *, hidden_units: tuple[int, ...] = (256, 128), **options: Any
    ) -> None:
        super().__init__(spec, **options)
        self.hidden_units = tuple(hidden_units)
        self.embedding = self.make_embedding(name="embedding")
        self.towers = self.make_towers(self.hidden_units)

    @classmethod
    def problems(cls, spec: FeatureSpec) -> list[Problem]:
        found = super().problems(spec)
        tasks = {task.name: task for task in spec.tasks}
        if not any(task.after for task in spec.tasks):
            found.append(
                Problem(f"{cls.__name__} needs a task that comes after another, such as `after: click`", "tasks")
            )
        for index, task in enumerate(spec.tasks):
            if task.after and task.mask in tasks[task.after].label_columns:
                found.append(
                    Problem(
                        f"{cls.__name__} learns {task.name!r} from all rows; with the mask {task.mask!r} it would "
                        f"see only those where {task.after!r} is 1; leave the mask out",
                        f"tasks.{index}.mask",
                    )
                )
        return found

    def task_logits(self, features: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        own = self._own_logits(features, training)
        after = {task.name: task.after for task in self.spec.spec.tasks}
        logits: dict[str, Any] = {}

        def whole(task: str) -> Any:
            if task not in logits:
                earlier = after[task]
                logits[task] = product_logit(whole(earlier), own[task]) if earlier else own[task]
            return logits[task]

        return {task: whole(task) for task in self.tasks}

    def conditional(self, features: dict[str, Any]) -> dict[str, Any]:
        """Return task -> probability that it happens where the earlier task did, float32 ``(batch, 1)``."""
        own = self._own_logits(features, training=False)
        return {task: ops.sigmoid(ops.cast(logit, "float32")) for task, logit in own.items()}

    def _own_logits(self, features: dict[str, Any], training: bool | None) -> dict[str, Any]:
        """Task -> logit given the earlier task."""
        return dict(self.towers(flatten_fields(self.embedding(features).fields), training=training))
