"""OptEmbed: learn which rows to keep, search how wide each vocabulary is, train again what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import keras
import numpy as np
from pydantic import Field

from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import (
    EmbeddingTable,
    FeatureEmbedding,
    FusedLookup,
    PrunedTable,
    SearchedTable,
    TableL2,
    format_bytes,
    parse_bytes,
)
from tfctr.models import CTRModel
from tfctr.plans._evolution import Evolution, Genes
from tfctr.plans._registry import register_plan
from tfctr.plans._take_over import take_others_over
from tfctr.plans.plan import Plan
from tfctr.plans.stage import Arrays, Stage
from tfctr.spec import FeatureSpec, Problem
from tfctr.spec._base import Frozen
from tfctr.training import predictions
from tfctr.training.config import monitored_figure
from tfctr.training.evaluation import order_of
from tfctr.training.optimizers import LazySGD, Split, make_optimizer

BELOW_ALL = -1.0
"""A threshold that every row is above: norms are at least 0."""


class OptEmbedSettings(Frozen):
    """Numbers of OptEmbed. Defaults are those of the released code.

    Args:
        thresholds: One threshold a vocabulary (``table``) or one a row.
        norm: 1 or 2, which norm of a row its threshold is compared with.
        threshold_rate: Step size of the thresholds' plain SGD. On small data raise it: with the defaults the loss on
            thresholds alone moves them by 1e-7 a step.
        pressure: Strength of the loss ``Σ exp(-t)`` that raises thresholds.
        table_l2: Penalty on whole tables, in search and retraining: what shrinks the rows that are rarely needed. 0
            leaves the model's own `embedding_l2`.
        budget: Most bytes that the tables may take when served, such as ``"2 MB"``; None leaves the widths free, as in
            the paper, where only the validation AUC counts.
        widths: Widths that may be found, such as ``[2, 4, 8]``; None allows all, as in the paper. What is served looks
            up once for each width in use: few widths answer faster.
        generations: Generations of the search after the first.
        population: Candidates of the first generation.
        parents: Best candidates that children come from.
        mutated: Mutations in a generation.
        crossed: Crossings in a generation.
        mutation_rate: Chance that a gene of a mutation is drawn anew.
        search_batches: Validation batches that a candidate is judged on; None takes all.
        initial: Retraining starts from the supernet's weights before training (``supernet``) or from others
            (``fresh``); the released code can do both, and which one the paper's tables used is not known.
    """

    thresholds: Literal["table", "row"] = "table"
    norm: Literal[1, 2] = 1
    threshold_rate: float = Field(default=3e-4, ge=0)
    pressure: float = Field(default=3e-4, ge=0)
    table_l2: float = Field(default=0.0, ge=0)
    budget: str | int | None = None
    widths: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    generations: int = Field(default=30, ge=0)
    population: int = Field(default=20, ge=1)
    parents: int = Field(default=15, ge=1)
    mutated: int = Field(default=10, ge=0)
    crossed: int = Field(default=10, ge=0)
    mutation_rate: float = Field(default=0.1, ge=0, le=1)
    search_batches: int | None = Field(default=None, ge=1)
    initial: Literal["supernet", "fresh"] = "supernet"


@register_plan(
    paper="Lyu et al., CIKM 2022",
    model="FM",
    hyperparameters={"embedding_dim": 4},
    settings={"generations": 1, "population": 3, "mutated": 2, "crossed": 2, "table_l2": 1e-4},
)
class OptEmbed(Plan):
    """Search for the embedding table that is worth its memory, then train the model with it.

    1. ``supernet``: weights, tables and thresholds learn together; every row of data sees a random width of every
       vocabulary (`SearchedTable`).
    2. ``search``: the rows above their thresholds are fixed; an evolution over widths looks for the best validation AUC
       of the supernet's weights, within the budget.
    3. ``retrain``: the model with what is left (`PrunedTable`), from the weights that the supernet began with.

    Rows are left out of a vocabulary only where they take more bytes than it costs to know which id has which row.
    Where the paper has a field there is a vocabulary here: features that share one share its rows and width. Numbers,
    vectors and the weights of a linear part have no widths to search; a linear part loses the pruned rows too, which
    the released code leaves in. Narrow rows are filled up with zeros to the model's width: the output of the masked
    model, exactly. Normalisation over the batch sees other widths in the search than in training; models for this plan
    do better without it.

    Args:
        model, hyperparameters, config: See `Plan`.
        **settings: See `OptEmbedSettings`.

    Reference: Lyu et al., "OptEmbed: Learning Optimal Embedding Table for Click-through Rate Prediction", CIKM 2022,
    arXiv 2208.04482, and its released code, of which these slips are not repeated: mutation of the best candidate in
    place, cuts beyond the last gene, and widths counted one too small.
    """

    STAGES: ClassVar[tuple[str, ...]] = ("supernet", "search", "retrain")
    Settings: ClassVar[type[Frozen]] = OptEmbedSettings
    OWN: ClassVar[tuple[str, ...]] = ("table", "tables")
    settings: OptEmbedSettings

    @classmethod
    def problems(cls, model: type[CTRModel], spec: FeatureSpec) -> list[Problem]:
        problems = []
        if not spec.tables:
            problems.append(Problem("OptEmbed searches tables of ids, and the spec has no feature of ids", "features"))
        if len(spec.tasks) > 1:
            problems.append(Problem("OptEmbed searches by the AUC (R², C-index) of one task; keep one", "tasks"))
        return problems

    def supernet(self, stage: Stage) -> CTRModel:
        """Train all widths at once, and thresholds."""
        model = self._searched_model(stage)
        apart = LazySGD(self.settings.threshold_rate)
        model.compile(Split(make_optimizer(stage.config), apart, ("thresholds",)), jit_compile=stage.config.jit_compile)
        stage.fit(model)
        kept = kept_rows(model)
        stage.note(rows=sum(map(len, kept.values())), kept=sum(int(rows.sum()) for rows in kept.values()))
        return model

    def search(self, stage: Stage) -> Arrays:
        """Find the widths; what is left are these and the rows that are kept."""
        model = stage.trained("supernet")
        keep_all_where_smaller(model)
        kept = kept_rows(model)
        costs = Costs(model, kept, self.settings.budget, self.settings.widths)
        batches = list(stage.valid if self.settings.search_batches is None else stage.valid.take(self._batches))
        task = stage.spec.spec.tasks[0]

        def score(genes: Genes) -> float:
            _set_widths(model, dict(zip(kept, costs.widths_of(genes).tolist(), strict=True)))
            return order_of(task, predictions(model, batches)[task.name])

        numbers = self.settings.model_dump(
            include={"population", "parents", "mutated", "crossed", "mutation_rate", "generations"}
        )
        evolution = Evolution(costs.largest, score, costs.fitted, seed=stage.config.seed, **numbers)
        genes, best, curve = evolution.run(stage)
        widths = costs.widths_of(genes)
        stage.note(**{f"val_{monitored_figure(task.kind, 'auc')}": best})
        stage.note(bytes=format_bytes(costs.total_bytes(genes)), mean_width=float(widths.mean()))
        masks = {f"kept_{name}": rows for name, rows in kept.items()}
        return {"widths": widths, "auc": np.array(best), "curve": np.array(curve), **masks}

    def retrain(self, stage: Stage) -> CTRModel:
        """Train what is left."""
        found, before = stage.arrays("search"), self._searched_model(stage)
        kept = {name: found[f"kept_{name}"] for name in own_tables(before)}
        tables = {
            name: PrunedTable(kept=int(rows.sum()), width=int(width), joint=True)
            for (name, rows), width in zip(kept.items(), found["widths"], strict=True)
        }
        model = stage.model(tables=tables, **self._penalty())
        set_kept_rows(model, before, kept, weights=self.settings.initial == "supernet")
        stage.fit(model)
        tables_left = [lookup.fused_table for lookup in layers_of(model, FusedLookup)]
        stage.note(bytes=format_bytes(sum(table.serving_bytes() for table in tables_left)), lookups=len(tables_left))
        return model

    @property
    def _batches(self) -> int:
        return self.settings.search_batches or 0

    def _penalty(self) -> dict[str, Any]:
        strength = self.settings.table_l2
        return {"embedding_l2": TableL2(strength)} if strength else {}

    def _searched_model(self, stage: Stage) -> CTRModel:
        """The supernet before training: the same weights each time."""
        settings = self.settings
        template = SearchedTable(
            per_row=settings.thresholds == "row",
            norm=settings.norm,
            pressure=settings.pressure,
            seed=stage.config.seed,
            name="searched",
        )
        model = stage.model(tables=dict.fromkeys(stage.spec.rows, template), **self._penalty())
        if not any(isinstance(table, SearchedTable) for tables in own_tables(model).values() for table in tables):
            raise ValueError(f"OptEmbed has nothing to search: {type(model).__name__} has no embedding wider than 1")
        return model


def own_tables(model: CTRModel) -> dict[str, list[EmbeddingTable]]:
    """Return the tables that hold one vocabulary alone, by its name and in the model's order."""
    tables: dict[str, list[EmbeddingTable]] = {}
    for lookup in (lookup for embedding in layers_of(model, FeatureEmbedding) for lookup in embedding.lookups):
        if len(lookup.vocabularies) == 1:
            tables.setdefault(next(iter(lookup.vocabularies)), []).append(lookup.fused_table)
    return tables


def kept_rows(model: CTRModel) -> dict[str, np.ndarray]:
    """Return which rows of each vocabulary any of its searched tables keeps, bool ``(rows,)``."""
    return {
        name: np.any([table.kept_rows() for table in tables if isinstance(table, SearchedTable)], axis=0)
        for name, tables in own_tables(model).items()
    }


def keep_all_where_smaller(model: CTRModel) -> None:
    """Let vocabularies keep all rows where all take, at full width, no more bytes than the pruned ones with indices."""
    kept = kept_rows(model)
    for name, tables in own_tables(model).items():
        width = max(table.size[1] for table in tables)
        whole = np.arange(len(kept[name])) > 0
        if _bytes_of_pruned(tables, whole, width) <= _bytes_of_pruned(tables, kept[name], width):
            for table in tables:
                if isinstance(table, SearchedTable):
                    table.thresholds.assign(np.full(table.thresholds.shape, BELOW_ALL))


def set_kept_rows(model: CTRModel, before: CTRModel, kept: Mapping[str, np.ndarray], *, weights: bool) -> None:
    """Tell the pruned tables of `model` which rows they keep; with `weights` all weights become those of `before`."""
    pairs = zip(layers_of(model, FeatureEmbedding), layers_of(before, FeatureEmbedding), strict=True)
    for embedding, source in pairs:
        searched = {name: lookup.fused_table for lookup in source.lookups for name in lookup.vocabularies}
        for lookup in embedding.lookups:
            table, rows = lookup.fused_table, None
            assert isinstance(table, PrunedTable)
            if weights:
                values = {name: keras.ops.convert_to_numpy(searched[name].embeddings) for name in lookup.vocabularies}
                rows = lookup.fused(values, np.zeros((lookup.rows, embedding.dim), "float32"))
            table.keep(lookup.fused(kept, np.zeros(lookup.rows, bool)), rows)
    if weights:
        take_others_over(model, before)


def _set_widths(model: CTRModel, widths: Mapping[str, int]) -> None:
    for name, tables in own_tables(model).items():
        for table in tables:
            if isinstance(table, SearchedTable):
                table.set_width(widths[name])


class Costs:
    """Bytes of candidates.

    Args:
        model: The supernet.
        kept: Vocabulary -> which rows are kept.
        budget: Most bytes, None for no bound.
        widths: Widths that a vocabulary may have, None for all up to its table's.

    Raises:
        ValueError: When the narrowest candidate is over the budget, or all `widths` are beyond a table's.
    """

    def __init__(
        self,
        model: CTRModel,
        kept: Mapping[str, np.ndarray],
        budget: str | int | None,
        widths: Sequence[int] | None = None,
    ):
        tables = own_tables(model)
        self._rows = np.array([len(rows) for rows in kept.values()])
        self._kept = np.array([int(rows.sum()) for rows in kept.values()])
        places = {name: place for place, name in enumerate(kept)}
        self._parts = [
            (embedding.dim, np.array([places[name] for lookup in embedding.lookups for name in lookup.vocabularies]))
            for embedding in layers_of(model, FeatureEmbedding)
            if embedding.lookups
        ]
        tables_widths = np.array([max(table.size[1] for table in tables[name]) for name in kept])
        self._widths = np.unique(np.arange(1, tables_widths.max() + 1) if widths is None else np.asarray(widths))
        if self._widths[0] > tables_widths.min():
            raise ValueError(f"the least of widths, {self._widths[0]}, is above a table's, {tables_widths.min()}")
        # A vocabulary without a row has nothing to be wide.
        self.largest = np.where(self._kept > 0, np.searchsorted(self._widths, tables_widths, side="right"), 1)
        self._limit = None if budget is None else parse_bytes(budget)
        least = self.total_bytes(np.ones_like(self.largest))
        if self._limit is not None and least > self._limit:
            rows = sum(int(rows.sum()) for rows in kept.values())
            raise ValueError(
                f"no candidate keeps the budget of {format_bytes(self._limit)}: {rows:,} rows are kept, and with "
                f"width {self._widths[0]} they take {format_bytes(least)} ({least} bytes). Give more, or prune more "
                "rows (pressure, threshold_rate, table_l2)."
            )

    def widths_of(self, genes: Genes) -> np.ndarray:
        """Return the widths of vocabularies that genes stand for: 1 is the least one allowed."""
        widths: np.ndarray = self._widths[genes - 1]
        return widths

    def total_bytes(self, genes: Genes) -> int:
        """Bytes of all tables, of which each holds the vocabularies of one width, and of what says who has a row."""
        widths, total = self.widths_of(genes), 0
        for dim, own in self._parts:
            shown = np.minimum(widths[own], dim)
            for width in np.unique(shown).tolist():
                joint = own[shown == width]
                ids, held = (1 + int(numbers.sum()) for numbers in (self._rows[joint] - 1, self._kept[joint]))
                total += PrunedTable.bytes_of(ids, held, width)
        return total

    def fitted(self, genes: Genes, rng: np.random.Generator) -> Genes:
        """Narrow vocabularies at random until the budget is kept, one of many rows the more often.

        Evenly drawn, most would be taken from vocabularies of few rows, where they cost little and tell much.
        """
        genes = genes.copy()
        while self._limit is not None and self.total_bytes(genes) > self._limit:
            weights = np.where(genes > 1, self._kept, 0)
            genes[rng.choice(len(genes), p=weights / weights.sum())] -= 1
        return genes


def _bytes_of_pruned(tables: list[EmbeddingTable], kept: np.ndarray, width: int) -> int:
    template = PrunedTable(kept=int(kept.sum()), width=width)
    return sum(template.sized(*table.size, "size").serving_bytes() for table in tables)
