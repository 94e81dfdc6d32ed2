"""The figures of an evaluation as plain data, with what each one means: for JSON, tables and the HTML report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import ArrayLike

from tfctr.training.metrics.calibration import calibration_curve
from tfctr.training.metrics.evaluate import evaluate_arrays
from tfctr.training.metrics.metric_inputs import undefined_reason

__all__ = ["Figure", "evaluation_summary", "summary_table"]


@dataclass(frozen=True)
class Figure:
    """What a figure of `evaluate_arrays` is called and how to read it.

    Args:
        title: Name for people.
        better: Which way is good; "" where neither is.
        meaning: One sentence.
    """

    title: str
    better: Literal["higher", "lower", "near 1", "near 0", ""]
    meaning: str


FIGURES: dict[str, Figure] = {
    "rows": Figure("Rows", "", "Rows of weight above 0."),
    "mean_label": Figure("Mean label", "", "Observed click rate."),
    "mean_prediction": Figure("Mean prediction", "", "Predicted click rate."),
    "auc": Figure("AUC", "higher", "Share of (click, no click) pairs in the right order; 0.5 is chance."),
    "logloss": Figure("Logloss", "lower", "Mean cross entropy in nats."),
    "normalized_entropy": Figure(
        "Normalized entropy", "lower", "Logloss over that of always predicting the mean; 1 is no gain."
    ),
    "rig": Figure("RIG", "higher", "Share of the label's entropy explained: 1 - normalized entropy."),
    "brier": Figure("Brier score", "lower", "Mean squared error of the probability."),
    "ece": Figure("ECE, equal width", "lower", "Mean gap between prediction and outcome over 15 equally wide buckets."),
    "ece_mass": Figure("ECE, equal mass", "lower", "The same over 15 equally full buckets."),
    "calibration_ratio": Figure("Calibration ratio", "near 1", "Mean prediction over mean label."),
    "calibration_slope": Figure("Calibration slope", "near 1", "Below 1: predictions too extreme; above 1: too timid."),
    "calibration_intercept": Figure(
        "Calibration intercept", "near 0", "Above 0: predictions too low where they say one half."
    ),
    "gauc": Figure("GAUC", "higher", "AUC inside each group, averaged by impressions."),
    "gauc_skipped_groups_share": Figure("GAUC, groups skipped", "", "Share of groups with one class only."),
    "gauc_skipped_rows_share": Figure("GAUC, rows skipped", "", "Share of rows in those groups."),
}


def evaluation_summary(
    labels: ArrayLike,
    probabilities: ArrayLike,
    groups: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    *,
    ks: Sequence[int] = (),
    buckets: int = 20,
) -> dict[str, Any]:
    """Everything a report says about a set of predictions, ready for `json.dumps`.

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`.
        probabilities: In [0, 1], same number of rows.
        groups: Key of each row's group, for GAUC and ranking.
        weights: Row weights, at least 0; None means 1 each.
        ks: Depths of NDCG, recall and precision, when groups are given.
        buckets: Equal-mass buckets of the calibration curve.

    Returns:
        - "figures": the dict of `evaluate_arrays`, None where a figure is undefined;
        - "undefined": why ranking figures are undefined, None when they are defined;
        - "calibration_curve": lists mean_probability, mean_label and weight by bucket.

    Raises:
        ValueError: As `evaluate_arrays`.

    Example:
        >>> summary = evaluation_summary([0, 0], [0.1, 0.2])
        >>> summary["figures"]["auc"], summary["undefined"]
        (None, 'every label is 0')
    """
    figures = evaluate_arrays(labels, probabilities, groups, weights, ks=ks)
    curve = calibration_curve(labels, probabilities, weights, bins=buckets)
    return {
        "figures": {name: None if math.isnan(value) else value for name, value in figures.items()},
        "undefined": undefined_reason(labels, probabilities, weights),
        "calibration_curve": {name: part.tolist() for name, part in curve._asdict().items()},
    }


def summary_table(figures: Mapping[str, float | None]) -> list[tuple[str, str, str]]:
    """Rows (title, value, meaning) for a table, in the order of the figures.

    Args:
        figures: Names and values as `evaluate_arrays` or `evaluation_summary` gives them.

    Example:
        >>> summary_table({"auc": 0.75})[0][:2]
        ('AUC', '0.750000')
    """
    return [(_figure(name).title, _written(name, value), _figure(name).meaning) for name, value in figures.items()]


def _figure(name: str) -> Figure:
    if name in FIGURES:
        return FIGURES[name]
    kind, _, k = name.partition("@")
    meanings = {
        "ndcg": "Gain of the first {} of each group over the best order's.",
        "recall": "Share of a group's clicks among its first {}.",
        "precision": "Share of clicks among the first {} of each group.",
    }
    titles = {"ndcg": "NDCG", "recall": "Recall", "precision": "Precision"}
    if kind in meanings and k:
        return Figure(f"{titles[kind]} at {k}", "higher", meanings[kind].format(k))
    return Figure(name, "", "")


def _written(name: str, value: float | None) -> str:
    if value is None or math.isnan(value):
        return "undefined"
    return f"{value:,.0f}" if name == "rows" else f"{value:.6f}"
