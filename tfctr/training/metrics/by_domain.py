"""Figures of each domain: site, market, placement. One pass over the rows, whatever the number of domains."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tfctr.data._atomic_write import atomic_write
from tfctr.training.metrics._domain_columns import (
    Columns,
    Groups,
    event_columns,
    life_columns,
    number_columns,
    read_lives,
)
from tfctr.training.metrics._number_rows import read_numbers
from tfctr.training.metrics.metric_inputs import Floats, read_rows

DOMAINS_FILE = "domains.json"

COLUMNS = {
    "binary": ("rows", "mean_label", "mean_prediction", "logloss", "auc"),
    "regression": ("rows", "mean_label", "mean_prediction", "rmse", "mae"),
    "survival": ("rows", "event_share", "nll", "c_index"),
}
"""Kind of task -> the figures of a domain, in order."""


@dataclass(frozen=True)
class DomainFigures:
    """The figures of a task in each domain.

    Attributes:
        kind: ``binary``, ``regression`` or ``survival``.
        domains: Names, the largest domain first.
        columns: Figure -> its value in each domain, float64 ``(domains,)``; what is undefined there is NaN.
        mean_auc: Mean of the domains' AUC weighted by their rows (by summed row weights where there are such), over the
            domains that have one; NaN for numbers and durations, and where a prediction is NaN.
    """

    kind: str
    domains: tuple[str, ...]
    columns: dict[str, Floats]
    mean_auc: float

    def rows(self, most: int | None = None) -> Iterator[tuple[str, dict[str, float]]]:
        """Yield name and figures of each domain, the largest first; at most so many."""
        for place, name in enumerate(self.domains[:most]):
            yield name, {figure: float(values[place]) for figure, values in self.columns.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; what is undefined is None."""
        domains = [
            {"domain": name, **{figure: _or_none(value) for figure, value in figures.items()}}
            for name, figures in self.rows()
        ]
        return {"kind": self.kind, "mean_auc": _or_none(self.mean_auc), "domains": domains}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DomainFigures:
        """Return what `to_dict` gave."""
        parts = data["domains"]
        columns = {figure: np.array([part[figure] for part in parts], np.float64) for figure in COLUMNS[data["kind"]]}
        mean = data["mean_auc"]
        return cls(
            data["kind"],
            tuple(part["domain"] for part in parts),
            columns,
            math.nan if mean is None else mean,
        )


def write_domains(folder: Path, domains: Mapping[str, DomainFigures]) -> None:
    """Write the figures of each domain, task by task, as ``domains.json``."""
    with atomic_write(folder / DOMAINS_FILE) as partial:
        text = json.dumps({task: figures.to_dict() for task, figures in domains.items()}, indent=1, ensure_ascii=False)
        partial.write_text(text + "\n", encoding="utf-8")


def read_domains(folder: Path) -> dict[str, DomainFigures]:
    """Return what `write_domains` wrote into a folder; empty where it wrote nothing."""
    path = folder / DOMAINS_FILE
    told = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return {task: DomainFigures.from_dict(data) for task, data in told.items()}


def figures_by_domain(
    labels: ArrayLike,
    predictions: ArrayLike,
    domains: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    kind: str = "binary",
    names: Mapping[Any, str] | None = None,
    cut_points: Sequence[float] = (),
) -> DomainFigures:
    """Return the figures of each domain: what the metrics of all rows give on its rows alone.

    Args:
        labels: 0 or 1, of regression tasks numbers, of survival tasks durations, negative where the event was not seen,
            ``(rows,)``.
        predictions: Probabilities, or numbers, ``(rows,)``; of survival tasks probabilities of lasting beyond each cut
            point, ``(rows, cut points)``.
        domains: Domain of each row, ``(rows,)``: ids or names.
        weights: Row weights, at least 0; None means 1 each. Rows of weight 0 are left out.
        kind: ``binary``, ``regression`` or ``survival``.
        names: Id -> name; an id without one is named by its number, an integer as ``#`` and 16 hexadecimal digits.
        cut_points: Of survival tasks, see `evaluate_survival`.

    Returns:
        Rows, mean label and mean prediction of each domain; logloss and AUC, of regression tasks RMSE and MAE. Of
        survival tasks rows, share of events, negative log-likelihood and C-index.

    Raises:
        ValueError: As `logloss`, `rmse` and `evaluate_survival`; or the number of domains is not that of the rows.

    Example:
        >>> found = figures_by_domain([1, 0, 1, 1], [0.9, 0.2, 0.4, 0.5], ["a", "a", "b", "b"], weights=[1, 1, 1, 0])
        >>> list(found.rows(1))[0][1]["auc"], found.columns["rows"].tolist(), found.mean_auc
        (1.0, [2.0, 1.0], 1.0)
    """
    made: Callable[[Groups], Columns]
    if kind == "survival":
        lives = read_lives(labels, predictions, cut_points, weights)
        weight, made = lives.rows.weights, functools.partial(life_columns, lives)
    else:
        rows = (read_numbers if kind == "regression" else read_rows)(labels, predictions, weights)
        columns_of = number_columns if kind == "regression" else event_columns
        weight, made = rows.weights, functools.partial(columns_of, rows)
    keys = np.asarray(domains).reshape(-1)
    if len(keys) != np.size(labels):
        raise ValueError(f"domains must have one value a row, {np.size(labels)}. Received: {len(keys)}.")
    if weights is not None:
        keys = keys[np.asarray(weights).reshape(-1) > 0]
    found, index = np.unique(keys, return_inverse=True)
    groups = Groups(index, len(found), weight)
    columns = made(groups)
    order = np.argsort(-columns["rows"], kind="stable")
    broken = kind != "binary" or np.isnan(columns["mean_prediction"]).any()
    return DomainFigures(
        kind,
        tuple(_name(found[place], names or {}) for place in order),
        {figure: columns[figure][order] for figure in COLUMNS[kind]},
        math.nan if broken else _mean(columns["auc"], groups.weight()),
    )


def _mean(values: Floats, weights: Floats) -> float:
    known = ~np.isnan(values)
    total = weights[known].sum()
    return float(np.sum(weights[known] * values[known]) / total) if total > 0 else math.nan


def _name(key: Any, names: Mapping[Any, str]) -> str:
    if isinstance(key, np.generic):
        key = key.item()
    if key in names:
        return names[key]
    return f"#{key & (2**64 - 1):016x}" if isinstance(key, int) else str(key)


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
