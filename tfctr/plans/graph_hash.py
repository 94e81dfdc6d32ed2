"""GraphHash: group ids by who met whom, then fit a model in which the ids of a group share a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from tfctr.data.graph import (
    InteractionGraph,
    cluster,
    cluster_within,
    reserved_ids,
    side_problem,
    vocabulary_of,
)
from tfctr.models import CTRModel
from tfctr.plans._registry import register_plan
from tfctr.plans.plan import Plan
from tfctr.plans.stage import Arrays, Stage
from tfctr.spec import BinaryTask, FeatureSpec, Problem, SpecError, suggest
from tfctr.spec._base import Frozen
from tfctr.training._clustered_tables import mapped_table
from tfctr.training.config import FitConfig

_BUDGET = "embedding_budget"


class GraphHashSettings(Frozen):
    """Which graph, how many groups, how many codes an id.

    Args:
        user: Categorical feature, one side of the graph.
        item: Categorical feature, the other side.
        resolution: Larger gives more and smaller groups; the authors take 5 for rankings of MovieLens-1M and Frappe.
        rows: Most groups, both sides together; the resolution is then searched for. None takes `resolution`.
        positives_of: Binary task whose positive rows alone make edges; None takes all training rows, as the authors do
            for click models.
        doubled: Add a hashed row of the same table to each id's (DoubleGraphHash).
    """

    user: str
    item: str
    resolution: float = Field(default=1.0, gt=0)
    rows: int | None = Field(default=None, ge=2)
    positives_of: str | None = None
    doubled: bool = False


@register_plan(
    paper="Wu et al., WWW 2025",
    hyperparameters={"hidden_units": (8,)},
    settings={"user": "user", "item": "item", "doubled": True},
)
class GraphHash(Plan):
    """Group the ids of users and items by the training rows; fit the model with a row for each group.

    The first stage leaves the group of each id, the second fits the model on tables that share rows by them; see
    `MappedTable` for the tables and `cluster` for the groups. Any model takes it.

    Reference: Wu et al., "GraphHash: Graph Clustering Enables Parameter Efficiency in Recommender Systems", WWW 2025,
    arXiv 2412.17245, section 4.

    Example:
        >>> from tfctr.models import DeepFM
        >>> plan = GraphHash(DeepFM, user="user_id", item="movie_id", resolution=5.0, doubled=True)
        >>> plan.STAGES
        ('cluster', 'fit')
    """

    STAGES: ClassVar[tuple[str, ...]] = ("cluster", "fit")
    Settings: ClassVar[type[Frozen]] = GraphHashSettings

    def __init__(
        self,
        model: type[CTRModel],
        hyperparameters: Mapping[str, Any] | None = None,
        config: FitConfig | None = None,
        **settings: Any,
    ):
        super().__init__(model, hyperparameters, config, **settings)
        if self.hyperparameters.get(_BUDGET) is not None:
            message = "GraphHash chooses the tables itself; give it a number of `rows` in place of a budget"
            raise SpecError([Problem(message, f"hyperparameters.{_BUDGET}")])

    @classmethod
    def settings_problems(cls, settings: Any, spec: FeatureSpec) -> list[Problem]:
        problems = [
            Problem(message, f"plan_settings.{side}")
            for side in ("user", "item")
            if (message := side_problem(spec, getattr(settings, side)))
        ]
        if not problems and vocabulary_of(spec, settings.user) == vocabulary_of(spec, settings.item):
            message = f"{settings.user!r} and {settings.item!r} have the ids of one vocabulary"
            problems.append(Problem(message, "plan_settings.item"))
        tasks = [task.name for task in spec.tasks if isinstance(task, BinaryTask)]
        if settings.positives_of not in (None, *tasks):
            message = f"there is no binary task {settings.positives_of!r}{suggest(settings.positives_of, tasks)}"
            problems.append(Problem(message, "plan_settings.positives_of"))
        return problems

    def cluster(self, stage: Stage) -> Arrays:
        """Leave the group of each id of the two vocabularies; -1 for ids without an edge."""
        spec = stage.spec.spec
        if problems := self.settings_problems(self.settings, spec):
            raise SpecError(problems)
        sides = (self.settings.user, self.settings.item)
        reserved = [reserved_ids(spec, side) for side in sides]
        sizes = [stage.spec.rows_of(side) - before for side, before in zip(sides, reserved, strict=True)]
        nodes = [ids - before for ids, before in zip(self._edges(stage), reserved, strict=True)]
        known = np.all([(side >= 0) & (side < size) for side, size in zip(nodes, sizes, strict=True)], axis=0)
        graph = InteractionGraph.from_pairs(nodes[0][known], nodes[1][known], (sizes[0], sizes[1]))
        rows = self.settings.rows
        found = cluster(graph, self.settings.resolution) if rows is None else cluster_within(graph, rows)
        stage.note(edges=graph.edges, modularity=found.modularity, resolution=found.resolution)
        stage.note(**{f"{side}_groups": str(size) for side, size in zip(("user", "item"), found.sizes, strict=True)})
        groups = {"user": found.users, "item": found.items}
        return {side: np.r_[np.full(n, -1), groups[side]] for side, n in zip(groups, reserved, strict=True)}

    def fit(self, stage: Stage) -> CTRModel:
        """Train with a row for each group and keep the best epoch."""
        groups, spec = stage.arrays("cluster"), stage.spec.spec
        tables = dict(self.hyperparameters.get("tables") or {})
        for side in ("user", "item"):
            name = getattr(self.settings, side)
            shared = mapped_table(groups[side], reserved=reserved_ids(spec, name), doubled=self.settings.doubled)
            tables[vocabulary_of(spec, name)] = shared
        model = stage.model(tables=tables)
        stage.fit(model)
        return model

    def _edges(self, stage: Stage) -> list[np.ndarray]:
        """Return the ids of both sides, row by row, of the training rows that make edges."""
        users, items = [], []
        for features, labels, *_ in stage.train.epoch(0):
            chosen = slice(None)
            if self.settings.positives_of is not None:
                truth = labels[self.settings.positives_of] if isinstance(labels, dict) else labels
                chosen = truth.numpy()[:, 0] > 0
            users.append(features[self.settings.user].numpy()[chosen])
            items.append(features[self.settings.item].numpy()[chosen])
        return [np.concatenate(users), np.concatenate(items)]
