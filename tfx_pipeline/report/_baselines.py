"""What needs no model: the figures that a model has to beat, on the same test rows.

They read the prepared rows, labels and weights as the evaluator has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from tfctr.spec import AnyTask, BinaryTask, CategoricalFeature, FeatureSpec, RegressionTask, SurvivalTask
from tfctr.training.metrics import evaluate_arrays, evaluate_regression, evaluate_survival, life_table
from tfx_pipeline.components.outcomes import Outcome

PRIOR_ROWS = 10.0
"""Rows of the mean rate or number that each item's own rows are added to: an item seen once is not a sure thing."""

Figures = dict[str, dict[str, float]]
"""Name of a baseline -> its figures, named as `evaluate_arrays` or `evaluate_survival` name them."""


MOST_ROWS = 2_000_000
"""Training rows, evenly spread, that a life table is made of."""

_LOOKED_AT = 1_000_000
"""Training rows that tell which column names items."""

_PARTIAL_SUMS = 100
"""Batches of which the sums by item are held before they are added up."""


class _Part(NamedTuple):
    """Rows: label and weight, float64 ``(rows,)``, and the item of each."""

    labels: np.ndarray
    weights: np.ndarray
    items: pa.ChunkedArray | None = None


def baselines(spec: FeatureSpec, prepared: Path) -> dict[str, Figures]:
    """Return task -> baseline -> figures on the test rows.

    - One rate for every row: that of the training rows, and that of the test rows themselves, which no constant beats.
    - The rate of each item among the training rows (popularity), where an item has a name.
    - Of regression tasks means in place of rates.
    - Of survival tasks: the life table of the training rows for every row.

    Training rows are streamed; test rows are held, label, weight and item of each.

    Args:
        spec: The spec, with cut points where a task had quantiles.
        prepared: Folder with the splits that `tfctr.data.prepare` wrote.
    """
    if not (prepared / "test").is_dir() or not (prepared / "train").is_dir():
        return {}
    item = _item_column(spec, prepared / "train")
    return {
        task.name: _survival(task, prepared) if isinstance(task, SurvivalTask) else _means(task, item, prepared)
        for task in spec.tasks
    }


def _means(task: BinaryTask | RegressionTask, item: str | None, prepared: Path) -> Figures:
    """Rates of a yes/no task, means of a number."""
    train, test = _sums(task, item, prepared / "train"), _read(task, item, prepared / "test")
    weight, label = (float(pc.sum(train.column(name)).as_py() or 0) for name in ("weight", "label"))
    if not weight > 0 or not test.weights.sum() > 0:
        return {}
    mean, own_mean = label / weight, float(np.average(test.labels, weights=test.weights))
    numbers = isinstance(task, RegressionTask)
    word, leader = ("mean", "means by item") if numbers else ("rate", "popularity")
    predictions = {}
    if test.items is not None:
        predictions[f"{leader}: {word} of each {item} in training"] = _by_item_mean(train, test.items, mean)
    predictions[f"constant: {word} of the training rows, {mean:.4g}"] = np.full(len(test.labels), mean)
    predictions[f"constant: {word} of these rows, {own_mean:.4g}"] = np.full(len(test.labels), own_mean)
    if numbers:
        return {name: evaluate_regression(test.labels, means, test.weights) for name, means in predictions.items()}
    return {name: evaluate_arrays(test.labels, rates, None, test.weights) for name, rates in predictions.items()}


def _sums(task: AnyTask, item: str | None, folder: Path) -> pa.Table:
    """Weight and weighted label of each item among the rows of a split: columns item, weight, label."""
    parts: list[pa.Table] = []
    for part in _parts(task, item, folder):
        items = pa.nulls(len(part.labels), pa.int64()) if part.items is None else part.items
        columns = {"item": items, "weight": part.weights, "label": part.weights * part.labels}
        parts.append(_by_item(pa.table(columns)))
        if len(parts) == _PARTIAL_SUMS:
            parts = [_by_item(pa.concat_tables(parts))]
    return _by_item(pa.concat_tables(parts))


def _by_item(rows: pa.Table) -> pa.Table:
    sums = rows.group_by("item").aggregate([("weight", "sum"), ("label", "sum")])
    return pa.table({"item": sums["item"], "weight": sums["weight_sum"], "label": sums["label_sum"]})


def _by_item_mean(train: pa.Table, items: pa.ChunkedArray, mean: float) -> np.ndarray:
    """The mean label of each row's item among the training rows, drawn to the mean of all by `PRIOR_ROWS`."""
    weight, label = (train.column(name).to_numpy() for name in ("weight", "label"))
    means = (label + PRIOR_ROWS * mean) / (weight + PRIOR_ROWS)
    place = pc.index_in(items, train.column("item").combine_chunks())
    known = place.is_valid().to_numpy(zero_copy_only=False)
    return np.where(known, means[pc.fill_null(place, 0).to_numpy()], mean)


def _survival(task: SurvivalTask, prepared: Path) -> Figures:
    train, test = _read(task, None, prepared / "train"), _read(task, None, prepared / "test")
    some = slice(None, None, max(1, len(train.labels) // MOST_ROWS))
    durations, events = np.abs(train.labels[some]), train.labels[some] > 0
    hazards = life_table(durations, events, task.grid, train.weights[some])
    curves = np.tile(np.cumprod(1 - np.nan_to_num(hazards)), (len(test.labels), 1))
    figures = evaluate_survival(np.abs(test.labels), test.labels > 0, curves, task.grid, test.weights)
    return {"life table of the training rows": figures}


def _read(task: AnyTask, item: str | None, folder: Path) -> _Part:
    """Hold all rows of a split."""
    parts = list(_parts(task, item, folder))
    labels, weights = (np.concatenate([part[index] for part in parts]) for index in (0, 1))
    items = [chunk for part in parts if part.items is not None for chunk in part.items.chunks]
    return _Part(labels, weights, pa.chunked_array(items) if items else None)


def _parts(task: AnyTask, item: str | None, folder: Path) -> Iterator[_Part]:
    """Stream a split; rows without a label are left out."""
    outcome = Outcome(task)
    wanted = [*task.label_columns, *filter(None, (task.weight, task.mask, item))]
    for batch in ds.dataset(folder, format="parquet").to_batches(columns=list(dict.fromkeys(wanted))):
        values = outcome.values(batch)
        label = values[outcome.label_column]
        kept = label.is_valid()
        labels = label.filter(kept).to_numpy(zero_copy_only=False).astype(np.float64)
        weights = np.ones(len(labels))
        if outcome.weight_column:
            weights = values[outcome.weight_column].filter(kept).to_numpy(zero_copy_only=False).astype(np.float64)
        yield _Part(labels, weights, pa.chunked_array([batch.column(item).filter(kept)]) if item else None)


def _item_column(spec: FeatureSpec, folder: Path) -> str | None:
    """The column that tells items apart best: of the items' categorical ones that with the most values."""
    names = [f.column for f in spec.features if isinstance(f, CategoricalFeature) and f.role == "item" and f.column]
    if len(names) < 2:
        return names[0] if names else None
    table = ds.dataset(folder, format="parquet").head(_LOOKED_AT, columns=names)
    return max(names, key=lambda name: pc.count_distinct(table.column(name)).as_py())
