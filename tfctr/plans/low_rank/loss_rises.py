"""What each rank is worth: how much the loss rises when one part of a model alone is cut to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from tfctr.models import CTRModel
from tfctr.plans.low_rank.factors import Method, table_factors
from tfctr.plans.low_rank.sites import MapSite, Site, TableSite, lookups_of, places_of
from tfctr.spec import SurvivalTask
from tfctr.training.config import SURVIVAL_FIGURES
from tfctr.training.evaluation import figures_of, predictions

TRIED = 16
"""Most ranks of one part that are tried; between them the rise is taken to be straight."""


def loss_rises(
    model: CTRModel, sites: Iterable[Site], statistics: Mapping[str, np.ndarray], rows: Iterable[Any], method: Method
) -> dict[str, np.ndarray]:
    """Return part -> rise of the loss with each of its options, the last of which, the plain part, costs nothing.

    The share of variance that a rank keeps does not say this: half the variance of one table can be worth nothing and
    a tenth of another's a lot, and only what the whole model answers can tell. Parts are tried one at a time, so what
    two cuts do together is not seen.

    Args:
        model: Built and trained; its weights are changed for the trials and given back.
        sites: What can be cut.
        statistics: What `output_statistics` returned for the model.
        rows: Batches of ``(features, labels[, weights])``, all held in memory.
        method: How parts are cut.

    Raises:
        ValueError: When the loss of the model is not a number on these rows, such as when there are none.
    """
    batches = list(rows)
    before = _loss(model, batches)
    if not np.isfinite(before):
        raise ValueError(
            f"the loss of the {type(model).__name__} on the rows that ranks are judged on is {before}; give rows "
            "with labels that count"
        )
    rises = {}
    for site in sites:
        last = len(site.options()) - 1
        ranks = np.unique(np.round(np.geomspace(1, last, min(last, TRIED))).astype(int))
        if isinstance(site, MapSite):
            cuts = _map_cuts(site, ranks, statistics, method)
        else:
            cuts = _table_cuts(model, site, ranks, statistics, method)
        found = [_loss_with(model, cut, batches) - before for cut in cuts]
        rises[site.key] = np.append(np.interp(np.arange(1, last + 1), ranks, found), 0.0)
    return rises


Cut = Sequence[tuple[keras.Variable, np.ndarray]]
"""Weights and the values that they have when their part is cut."""


def _map_cuts(site: MapSite, ranks: np.ndarray, statistics: Mapping[str, np.ndarray], method: Method) -> Iterator[Cut]:
    for rank in ranks:
        inner, inner_bias, outer, outer_bias = site.factors(int(rank), statistics, method)
        yield [(site.layer.kernel, inner @ outer), (site.layer.bias, inner_bias @ outer + outer_bias)]


def _table_cuts(
    model: CTRModel, site: TableSite, ranks: np.ndarray, statistics: Mapping[str, np.ndarray], method: Method
) -> Iterator[Cut]:
    counts, name = statistics[f"{site.key}.counts"], site.vocabulary
    tables = [(lookup.fused_table.embeddings, places_of(lookup, name)[1:])
              for lookup in lookups_of(model) if name in lookup.vocabularies and lookup.dim > 1]  # fmt: skip
    whole = [table_factors(rows, counts, rows.shape[1], method) for rows in site.rows]
    for rank in ranks:
        cut = []
        for (weight, places), (codes, expansion, mean) in zip(tables, whole, strict=True):
            values = np.array(weight)
            values[places] = codes[1:, :rank] @ expansion[:rank] + mean
            cut.append((weight, values))
        yield cut


def _loss_with(model: CTRModel, cut: Cut, batches: list[Any]) -> float:
    with _assigned(cut):
        return _loss(model, batches)


@contextmanager
def _assigned(cut: Cut) -> Iterator[None]:
    """Give weights other values for a while."""
    before = [np.array(weight) for weight, _ in cut]
    try:
        for weight, values in cut:
            weight.assign(values)
        yield
    finally:
        for (weight, _), values in zip(cut, before, strict=True):
            weight.assign(values)


def _loss(model: CTRModel, batches: list[Any]) -> float:
    """Sum of the tasks' losses; a task that no row knows of adds nothing."""
    found = predictions(model, batches)
    losses = []
    for task in model.spec.spec.tasks:
        figures = figures_of(task, found[task.name])
        losses.append(figures[SURVIVAL_FIGURES["logloss"] if isinstance(task, SurvivalTask) else "logloss"])
    return float("nan") if np.isnan(losses).all() else float(np.nansum(losses))
