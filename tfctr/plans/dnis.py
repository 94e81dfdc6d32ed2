"""DNIS: learn by validation rows which numbers of which vectors are worth keeping, and cut the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import keras
import numpy as np
import tensorflow as tf
from pydantic import Field, model_validator

from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import FusedLookup, SoftSelectionTable, SparseTable, format_bytes, parse_bytes
from tfctr.layers.embedding.soft_selection_table import Granularity
from tfctr.models import CTRModel
from tfctr.plans._registry import register_plan
from tfctr.plans._take_over import other_weights, take_others_over
from tfctr.plans.plan import Plan
from tfctr.plans.stage import Arrays, Stage
from tfctr.spec import FeatureSpec, Problem
from tfctr.spec._base import Frozen
from tfctr.training.optimizers import make_optimizer
from tfctr.training.steps import BilevelStep

_SMALL = 1e-8
"""Added to the mean size of a block's gradient before it is divided by; that of the released code."""


class DNISSettings(Frozen):
    """Numbers of DNIS. Defaults are those of the released code, unless said otherwise.

    Args:
        blocks: Sizes of the blocks of ids by frequency, but the last one: shares of the ids, or numbers of them.
        granularity: What has a number of its own, see `SoftSelectionTable`.
        search_epochs: Epochs of the search; the paper's code takes 50 to 100.
        selection_rate: Rate of the gradient descent on α; with normalised gradients α moves by about this much a step.
        normalize: Whether the gradients of a block are divided by their mean size. Without it blocks of rare ids, whose
            gradients are smaller by orders of magnitude, never move.
        order: 1, or 2 with the second-order part, see `BilevelStep`.
        selection_l1: Strength of ``Σ α`` in the loss that α descends on.
        search_share: Share of the training rows that α learns from and the weights do not; all rows train what is left.
        weights: What learns beside α: ``all``, as in the paper, or ``embeddings`` alone, as in the released code.
        keep: Share of the embeddings' numbers that is kept, unless `budget` is given.
        budget: Bytes of all tables together, such as ``1 MB``.
    """

    blocks: tuple[float, ...] = (0.1, 0.2, 0.2, 0.2)
    granularity: Granularity = "free"
    search_epochs: int = Field(default=20, ge=1)
    selection_rate: float = Field(default=1e-2, gt=0)
    normalize: bool = True
    order: Literal[1, 2] = 1
    selection_l1: float = Field(default=0.0, ge=0)
    search_share: float = Field(default=0.2, gt=0, lt=1)
    weights: Literal["all", "embeddings"] = "all"
    keep: float = Field(default=0.1, gt=0, le=1)
    budget: str | int | None = None

    @model_validator(mode="after")
    def _sound(self) -> DNISSettings:
        SoftSelectionTable(blocks=self.blocks)
        if self.budget is not None:
            parse_bytes(self.budget)
        return self


@register_plan(
    paper="Cheng et al., 2020; Kong et al., TKDE 2023",
    model="FM",
    hyperparameters={"embedding_dim": 4},
    settings={"search_epochs": 2, "keep": 0.4},
)
class DNIS(Plan):
    """Differentiable neural input search: which numbers of which ids' vectors to keep, within a budget.

    1. ``warm``: the model is trained as it is, with α at 1 (`SoftSelectionTable`).
    2. ``search``: each step moves the weights by a training batch and α by a batch of rows held out from training
       (`BilevelStep`), from where the warm model stands.
    3. ``retrain``: ``α ∘ E`` is cut to its largest numbers, over all vocabularies alike, as many as `keep` or `budget`
       say. The model with these numbers alone (`SparseTable`) is trained from where the search left it.

    Works with every model and any number of tasks. Linear parts stay whole. In a model with several embeddings of one
    vocabulary a number is kept in all of them where any needs it.

    A normalisation right behind the embedding (`BatchNormalization` over fields) takes α's scale out again.

    Args:
        model, hyperparameters, config: See `Plan`.
        **settings: See `DNISSettings`.

    Reference: Cheng, Shen, Huang, "Differentiable Neural Input Search for Recommender Systems", arXiv 2006.04466, and
    its successor's released code (Kong et al., "AutoSrh", TKDE 2023). There only embeddings learn in the search, and
    rows that the search learned from are not trained on again.
    """

    STAGES: ClassVar[tuple[str, ...]] = ("warm", "search", "retrain")
    Settings: ClassVar[type[Frozen]] = DNISSettings
    OWN: ClassVar[tuple[str, ...]] = ("table", "tables")
    settings: DNISSettings

    @classmethod
    def problems(cls, model: type[CTRModel], spec: FeatureSpec) -> list[Problem]:
        if spec.tables:
            return []
        return [Problem("DNIS cuts the vectors of ids, and the spec has no feature of ids", "features")]

    def warm(self, stage: Stage) -> CTRModel:
        """Train the model as it is, on the rows that the weights learn from."""
        model = self._supernet(stage)
        stage.fit(model, train=stage.train_and_search(self.settings.search_share)[0])
        return model

    def search(self, stage: Stage) -> Arrays:
        """Let α learn beside the weights; what is left is what the best epoch shows of each number."""
        settings, model = self.settings, stage.trained("warm")
        train, search = stage.train_and_search(settings.search_share)
        if settings.weights == "embeddings":
            for weight in other_weights(model):
                weight.trainable = False
        model.compile(make_optimizer(stage.config), jit_compile=stage.config.jit_compile)
        step = BilevelStep(
            search,
            selections,
            keras.optimizers.SGD(settings.selection_rate),
            order=settings.order,
            transform=self._gradients,
            settings={"normalize": settings.normalize, "selection_l1": settings.selection_l1},
        )
        epochs = settings.search_epochs
        config = stage.config.model_copy(update={"epochs": epochs, "patience": epochs})
        stage.fit(model, train=train, config=config, step=step)
        shown = np.concatenate([np.ravel(table.shown()) for table in _selected_tables(model)])
        stage.note(shown=float(shown.mean()), closed=float((shown < 0.5).mean()))
        return {f"weight_{place}": np.asarray(weight) for place, weight in enumerate(model.weights)}

    def retrain(self, stage: Stage) -> CTRModel:
        """Cut, and train what is left."""
        found, before = stage.arrays("search"), self._supernet(stage)
        for place, weight in enumerate(before.weights):
            weight.assign(found[f"weight_{place}"])
        masks = kept_numbers(before, self._bytes_or_share())
        template = SparseTable(
            entries={name: int(mask.sum()) for name, mask in masks.items()},
            kept={name: int(mask.any(axis=1).sum()) for name, mask in masks.items()},
        )
        model = stage.model(table=template)
        take_over(model, before, masks)
        stage.fit(model)
        tables = [lookup.fused_table for lookup in layers_of(model, FusedLookup)]
        stage.note(
            kept=sum(int(mask.sum()) for mask in masks.values()),
            kept_rows=sum(int(mask.any(axis=1).sum()) for mask in masks.values()),
            bytes=format_bytes(sum(table.serving_bytes() for table in tables)),
        )
        return model

    def _supernet(self, stage: Stage) -> CTRModel:
        settings = self.settings
        model = stage.model(table=SoftSelectionTable(blocks=settings.blocks, granularity=settings.granularity))
        model.set_counts(stage.counts())
        return model

    def _gradients(self, gradients: list[Any], weights: Sequence[Any]) -> list[Any]:
        """The gradients that α descends on: its own penalty's too, each block's brought to one size."""
        settings = self.settings
        moved = [gradient + settings.selection_l1 for gradient in gradients]
        if not settings.normalize or settings.granularity != "free":
            return moved
        return [gradient / (tf.reduce_mean(tf.abs(gradient), axis=1, keepdims=True) + _SMALL) for gradient in moved]

    def _bytes_or_share(self) -> int | float:
        return self.settings.keep if self.settings.budget is None else parse_bytes(self.settings.budget)


def selections(model: CTRModel) -> list[Any]:
    """Return the weights α of a model's tables."""
    return [table.selection for table in _selected_tables(model)]


def _selected_tables(model: CTRModel) -> list[SoftSelectionTable]:
    tables = [lookup.fused_table for lookup in layers_of(model, FusedLookup)]
    return [table for table in tables if isinstance(table, SoftSelectionTable)]


def kept_numbers(model: CTRModel, limit: int | float) -> dict[str, np.ndarray]:
    """Return which numbers of a searched model's vectors are kept: the largest of ``|α ∘ E|``, of all ids together.

    Args:
        model: With `SoftSelectionTable`s.
        limit: Bytes of all tables together, linear parts included, as an integer; else the share of the numbers.

    Returns:
        Vocabulary -> bool ``(rows, dim)``, the same for all embeddings of the vocabulary.

    Raises:
        ValueError: When the budget cannot be kept with a single number; says the least possible.
    """
    sizes: dict[str, np.ndarray] = {}
    for lookup in layers_of(model, FusedLookup):
        if isinstance(lookup.fused_table, SoftSelectionTable):
            numbers = np.abs(lookup.fused_table.selected())
            for name, part in _by_vocabulary(lookup, numbers).items():
                sizes[name] = np.maximum(sizes[name], part) if name in sizes else part
    ordered = np.sort(np.concatenate([part.ravel() for part in sizes.values()]))[::-1]
    ordered = ordered[ordered > 0]

    def masks(count: int) -> dict[str, np.ndarray]:
        least = ordered[count - 1]
        return {name: part >= least for name, part in sizes.items()}

    if isinstance(limit, float):
        total = sum(part.size - part.shape[1] for part in sizes.values())
        return masks(int(np.clip(round(limit * total), 1, len(ordered))))
    low, high = 0, len(ordered)
    while low < high:  # bytes rise with the numbers kept
        middle = (low + high + 1) // 2
        low, high = (middle, high) if tables_bytes(model, masks(middle)) <= limit else (low, middle - 1)
    if not low:
        raise ValueError(
            f"a budget of {format_bytes(limit)} cannot be kept: with one number an embedding the tables take "
            f"{format_bytes(tables_bytes(model, masks(1)))}, linear parts and directories included"
        )
    return masks(low)


def tables_bytes(model: CTRModel, masks: Mapping[str, np.ndarray]) -> int:
    """Return the bytes of all tables when each keeps the numbers of its mask."""
    total = 0
    for lookup in layers_of(model, FusedLookup):
        table = lookup.fused_table
        if not isinstance(table, SoftSelectionTable):
            total += table.serving_bytes()
            continue
        own = [masks[name] for name in lookup.vocabularies]
        entries, kept = (sum(int(count(mask)) for mask in own) for count in (np.sum, lambda m: m.any(axis=1).sum()))
        total += SparseTable(*table.size, entries=entries, kept=kept).serving_bytes()
    return total


def _by_vocabulary(lookup: FusedLookup, fused: np.ndarray) -> dict[str, np.ndarray]:
    """The rows of each vocabulary of a fused table, ``(rows, dim)``; row 0 is the padding."""
    return {
        name: np.concatenate([fused[:1], fused[1 + start : start + lookup.vocabularies[name]]])
        for name, start in lookup.offsets.items()
    }


def take_over(model: CTRModel, before: CTRModel, masks: Mapping[str, np.ndarray]) -> None:
    """Give a model with `SparseTable`s what one with `SoftSelectionTable`s shows, and all other weights."""
    for target, source in zip(layers_of(model, FusedLookup), layers_of(before, FusedLookup), strict=True):
        table, selected = target.fused_table, source.fused_table
        if isinstance(table, SparseTable) and isinstance(selected, SoftSelectionTable):
            rows = selected.selected()
            table.keep(target.fused(masks, np.zeros(rows.shape, bool)), rows)
        else:
            for weight, value in zip(table.weights, selected.weights, strict=True):
                weight.assign(value)
    take_others_over(model, before)
