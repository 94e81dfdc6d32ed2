"""What each rank is worth: how far the model's outputs move when one part alone is cut to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np

from tfctr.models import CTRModel
from tfctr.plans.low_rank._factorable import FactorableMap, FactorableTable, Part, lookups_of, rows_of_vocabulary
from tfctr.plans.low_rank._factors import Method, table_factors
from tfctr.training.evaluation import predictions

TRIED = 16
"""Most ranks of one part that are tried; between them the change is taken to be straight."""

SURE = 1e-7
"""Probabilities nearer than this to 0 or 1 are taken for as near: float32 tells no more."""


def output_changes(
    model: CTRModel, parts: Iterable[Part], statistics: Mapping[str, np.ndarray], rows: Iterable[Any], method: Method
) -> dict[str, np.ndarray]:
    """Return part -> change of the outputs with each of its options; the last, the plain part, changes nothing.

    The change is the mean Kullback–Leibler divergence, in nats, of the cut model's probabilities from the whole one's,
    over rows, of survival tasks over cut points too, added up over the tasks; of regression tasks that of normal
    distributions about the answers, one deviation of the label wide. The share of variance that a rank keeps
    does not say this: half the variance of one table can be worth nothing and a tenth of another's a lot. Nor does the
    loss: a cut that only makes a model less sure of itself can lower it, and bytes would be left unused. Parts are
    tried one at a time, so what two cuts do together is not seen.

    Args:
        model: Built and trained; its weights are changed for the trials and given back.
        parts: What can be cut.
        statistics: What `output_statistics` returned for the model.
        rows: Batches of ``(features, labels[, weights])``, all held in memory; labels and weights are not looked at.
        method: How parts are cut.

    Raises:
        ValueError: When there are no rows, or the model predicts no number for one.
    """
    batches = list(rows)
    if not batches:
        raise ValueError("ranks are judged on predictions for some rows, and none were given")
    before = _outputs(model, batches)
    if not all(np.isfinite(outputs).all() for outputs in before):
        raise ValueError(f"the {type(model).__name__} predicts no number for some of the rows that ranks are judged on")
    changes = {}
    for part in parts:
        last = len(part.options()) - 1
        ranks = np.unique(np.round(np.geomspace(1, last, min(last, TRIED))).astype(int))
        if isinstance(part, FactorableMap):
            cuts = _map_cuts(part, ranks, statistics, method)
        else:
            cuts = _table_cuts(model, part, ranks, statistics, method)
        found = [_change_with(model, cut, batches, before) for cut in cuts]
        changes[part.key] = np.append(np.interp(np.arange(1, last + 1), ranks, found), 0.0)
    return changes


Cut = Sequence[tuple[keras.Variable, np.ndarray]]
"""Weights and the values that they have when their part is cut."""


def _map_cuts(
    part: FactorableMap, ranks: np.ndarray, statistics: Mapping[str, np.ndarray], method: Method
) -> Iterator[Cut]:
    for rank in ranks:
        inner, inner_bias, outer, outer_bias = part.factors(int(rank), statistics, method)
        yield [(part.layer.kernel, inner @ outer), (part.layer.bias, inner_bias @ outer + outer_bias)]


def _table_cuts(
    model: CTRModel, part: FactorableTable, ranks: np.ndarray, statistics: Mapping[str, np.ndarray], method: Method
) -> Iterator[Cut]:
    counts, name = statistics[f"{part.key}.counts"], part.vocabulary
    tables = [(lookup.fused_table.embeddings, rows_of_vocabulary(lookup, name)[1:])
              for lookup in lookups_of(model) if name in lookup.vocabularies and lookup.dim > 1]  # fmt: skip
    whole = [table_factors(rows, counts, rows.shape[1], method) for rows in part.rows]
    for rank in ranks:
        cut = []
        for (weight, rows), (codes, expansion, mean) in zip(tables, whole, strict=True):
            values = np.array(weight)
            values[rows] = codes[1:, :rank] @ expansion[:rank] + mean  # (ids, rank) · (rank, dim)
            cut.append((weight, values))
        yield cut


def _change_with(model: CTRModel, cut: Cut, batches: list[Any], before: list[np.ndarray]) -> float:
    with _assigned(cut):
        after = _outputs(model, batches)
    measures = zip(_measures(model), before, after, strict=True)
    return sum(float(measure(whole, thin).mean()) for measure, whole, thin in measures)


def _outputs(model: CTRModel, batches: list[Any]) -> list[np.ndarray]:
    """The probabilities, or numbers, of each task."""
    return [found.probabilities for found in predictions(model, batches).values()]


def _measures(model: CTRModel) -> list[Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """How the change of each task's outputs is measured."""
    scales = model.spec.label_scales
    names = [task.name for task in model.spec.spec.tasks]
    return [partial(shift, deviation=scales[name].deviation) if name in scales else divergence for name in names]


def shift(whole: np.ndarray, thin: np.ndarray, deviation: float) -> np.ndarray:
    """Return the Kullback–Leibler divergence between normal distributions about these means, in nats.

    Example:
        >>> shift(np.array([3.0, 3.0]), np.array([3.0, 5.0]), deviation=2.0).tolist()
        [0.0, 0.5]
    """
    moved: np.ndarray = (whole - thin) / deviation
    return moved**2 / 2


def divergence(whole: np.ndarray, thin: np.ndarray) -> np.ndarray:
    """Return the Kullback–Leibler divergence of each probability in `thin` from that in `whole`, in nats.

    Example:
        >>> divergence(np.array([0.5, 0.5]), np.array([0.5, 0.25])).round(4).tolist()
        [0.0, 0.1438]
    """
    p, q = (np.clip(values.astype(np.float64), SURE, 1 - SURE) for values in (whole, thin))
    return p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))


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
