"""Figures of a model on a data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfctr.spec import AnyTask, BinaryTask, RegressionTask, SurvivalTask
from tfctr.spec.feature_spec import DOMAIN_NAME, GROUP_NAME
from tfctr.spec.survival_task import SHORTEST
from tfctr.training.config import monitored_figure
from tfctr.training.metrics import (
    DomainFigures,
    auc,
    evaluate_arrays,
    evaluate_regression,
    evaluate_survival,
    figures_by_domain,
)
from tfctr.training.strategy import strategy_of


@dataclass(frozen=True)
class Predictions:
    """Answers of a model for one task, row by row.

    Attributes:
        labels, probabilities, weights: float64 ``(rows,)``. Of a regression task the probabilities are the predicted
            numbers. Of a survival task the labels are signed durations, and the probabilities, of lasting beyond each
            cut point, ``(rows, intervals)``.
        groups, domains: int64 ``(rows,)``, None when the rows have no group, or no domain.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    weights: np.ndarray
    groups: np.ndarray | None
    domains: np.ndarray | None = None


class Evaluation(dict[str, float]):
    """Figures by name, and those of each domain where the rows have domains.

    Attributes:
        domains: Task -> figures of each domain.
    """

    def __init__(self, figures: Mapping[str, float], domains: Mapping[str, DomainFigures] | None = None):
        super().__init__(figures)
        self.domains = dict(domains or {})


def predictions(model: keras.Model, dataset: Any) -> dict[str, Predictions]:
    """Return the predictions for each task of a data set of ``(features, labels[, weights])``, in its order.

    Probabilities are the model's corrected ones; when the log itself was sampled (`log_is_sampled` of a task), each
    negative row stands for ``1 / negative_rate`` of them in the weights. Under a `tf.distribute` strategy every worker
    predicts all rows, on its first device.
    """
    predict = _predict_function(model)
    tasks = model.spec.spec.tasks
    columns: dict[str, list[tuple[np.ndarray, ...]]] = {task.name: [] for task in tasks}
    meta: dict[str, list[np.ndarray]] = {GROUP_NAME: [], DOMAIN_NAME: []}
    for features, labels, *rest in dataset:
        outputs = predict(features)
        for name in meta.keys() & features.keys():
            meta[name].append(np.asarray(features[name]))
        for task in tasks:
            label = _flat(_of_task(labels, task.name))
            weight = _flat(_of_task(rest[0], task.name)) if rest else np.ones_like(label)
            if task.log_is_sampled:
                weight = np.where(label > 0, weight, weight / task.negative_rate)
            predicted = _of_task(outputs, task.name)
            columns[task.name].append(
                (label, _curves(predicted) if isinstance(task, SurvivalTask) else _flat(predicted), weight)
            )
    groups, domains = (np.concatenate(parts) if parts else None for parts in meta.values())
    return {task: Predictions(*_stack(parts), groups, domains) for task, parts in columns.items()}


def evaluate(model: keras.Model, dataset: Any, *, domain_names: Mapping[int, str] | None = None) -> Evaluation:
    """Return the figures of `evaluate_arrays`, of other kinds of task `evaluate_regression` and `evaluate_survival`.

    With several tasks each name is led by ``<task>_``.

    A task that comes `after` another and counts in all rows has a second set, ``<task>_given_<earlier>_…``: on the rows
    where the earlier event happened, of the probability given that event, ``p(task) / p(earlier)``.

    Where the spec has a `meta.domain`, the result's `domains` holds the figures of each domain (`figures_by_domain`),
    and ``domain_auc`` is the mean of the domains' AUC weighted by their rows: a model that only tells good domains from
    bad ones has an AUC above it.

    Figures of a task without a row that counts are NaN.

    Args:
        model: A built model.
        dataset: Finite data set of ``(features, labels[, weights])``.
        domain_names: Id of a domain -> its name, such as `TransformOutput.domain_names`; others are named by their id.
    """
    tasks = {task.name: task for task in model.spec.spec.tasks}
    found = predictions(model, dataset)
    figures: dict[str, float] = {}
    domains: dict[str, DomainFigures] = {}
    for task, rows in found.items():
        prefix = f"{task}_" if len(found) > 1 else ""
        values = figures_of(tasks[task], rows)
        figures.update({f"{prefix}{name}": float(value) for name, value in values.items()})
        if by_domain := _by_domain(tasks[task], rows, domain_names):
            domains[task] = by_domain
            if isinstance(tasks[task], BinaryTask):
                figures[f"{prefix}domain_auc"] = by_domain.mean_auc
    for task in model.spec.spec.tasks:
        if task.after is not None and task.mask is None:
            figures |= _given(task.name, task.after, found)
    return Evaluation(figures, domains)


def _by_domain(task: AnyTask, rows: Predictions, names: Mapping[int, str] | None) -> DomainFigures | None:
    """The figures of each domain; None where rows have none."""
    if rows.domains is None:
        return None
    columns = (rows.labels, rows.probabilities, rows.domains, rows.weights)
    cut_points = task.grid if isinstance(task, SurvivalTask) else ()
    return figures_by_domain(*columns, kind=task.kind, names=names, cut_points=cut_points)


def _given(task: str, earlier: str, found: dict[str, Predictions]) -> dict[str, float]:
    """Figures of a task on the rows where an earlier event happened and is known of."""
    later, before = found[task], found[earlier]
    kept = (before.labels > 0) & (before.weights > 0)
    share = later.probabilities[kept] / np.maximum(before.probabilities[kept], 1e-30)
    values = evaluate_arrays(
        later.labels[kept],
        np.where(np.isnan(share), np.nan, np.minimum(share, 1.0)),
        groups=None if later.groups is None else later.groups[kept],
        weights=later.weights[kept],
    )
    return {f"{task}_given_{earlier}_{name}": float(value) for name, value in values.items()}


def figures_of(task: AnyTask, rows: Predictions) -> dict[str, float]:
    """Return the figures of one task's predictions by name."""
    if isinstance(task, RegressionTask):
        return evaluate_regression(rows.labels, rows.probabilities, rows.weights)
    if not isinstance(task, SurvivalTask):
        return evaluate_arrays(rows.labels, rows.probabilities, groups=rows.groups, weights=rows.weights)
    durations = np.abs(rows.labels)
    durations[durations <= np.float32(SHORTEST)] = 0.0
    return evaluate_survival(durations, rows.labels > 0, rows.probabilities, task.grid, rows.weights)


def order_of(task: AnyTask, rows: Predictions) -> float:
    """Return the figure that ``monitor="auc"`` stands for: AUC, R² or C-index; higher is better."""
    name = monitored_figure(task.kind, "auc")
    if name == "auc":  # alone: it is a small part of the work for all figures
        return float(auc(rows.labels, rows.probabilities, weights=rows.weights))
    return figures_of(task, rows)[name]


def _predict_function(model: keras.Model) -> Callable[[Any], Any]:
    """Return what gives the probabilities of one batch; under a strategy Keras would compute it once a replica."""
    if strategy_of(model).num_replicas_in_sync == 1:
        answering: Callable[[Any], Any] = model.predict_on_batch
    else:
        answering = tf.function(lambda features: model(features, training=False), reduce_retracing=True)
    return answering


def _of_task(values: Any, task: str) -> Any:
    return values[task] if isinstance(values, dict) else values


def _curves(integrated: Any) -> np.ndarray:
    """Integrated hazards as probabilities of lasting, in float64, where they differ from 1 and 0 as far as they go."""
    return np.exp(-np.cumsum(np.asarray(integrated, np.float64), axis=1))


def _flat(values: Any) -> np.ndarray:
    return np.asarray(values, np.float64).reshape(-1)


def _stack(parts: list[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not parts:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    labels, probabilities, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    return labels, probabilities, weights
