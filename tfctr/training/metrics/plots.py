"""Plots of an evaluation as matplotlib figures: ROC, calibration, learning curves.

The figures belong to no window and no global state (matplotlib's Agg canvas), so they can be made in any process and
thread: return one from a notebook's cell, or write it with `png_bytes`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from tfctr.training.metrics._auc import auc
from tfctr.training.metrics._roc import roc_curve
from tfctr.training.metrics.calibration import calibration_curve
from tfctr.training.metrics.metric_inputs import read_rows

__all__ = ["calibration_figure", "learning_figure", "png_bytes", "roc_figure"]

_GREY = "0.6"


def roc_figure(
    labels: ArrayLike,
    probabilities: ArrayLike | Mapping[str, ArrayLike],
    weights: ArrayLike | None = None,
    *,
    title: str = "ROC",
) -> Figure:
    """ROC curves with their AUC in the legend.

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`.
        probabilities: Scores of one model, or a dict from a model's name to its scores, on the same rows.
        weights: Row weights, at least 0; None means 1 each.
        title: Title of the plot.

    Raises:
        ValueError: As `auc`.
    """
    figure, (axes,) = _figure(1)
    named = probabilities if isinstance(probabilities, Mapping) else {"model": probabilities}
    for name, scores in named.items():
        curve = roc_curve(labels, scores, weights)
        area = auc(labels, scores, weights)
        axes.plot(curve.false_positive_rate, curve.true_positive_rate, label=f"{name}: AUC {area:.4f}")
    axes.plot([0, 1], [0, 1], linestyle=":", color=_GREY, label="chance")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", title=title, xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="lower right")
    return figure


def calibration_figure(
    labels: ArrayLike,
    probabilities: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    buckets: int = 20,
    title: str = "Calibration",
) -> Figure:
    """Observed against predicted click rate in equal-mass buckets, and below it how many rows predict what.

    Bars show one standard error of the observed rate, `sqrt(rate (1 - rate) / weight)`.

    Args:
        labels: 0 or 1, `(rows,)` or `(rows, 1)`.
        probabilities: In [0, 1], same number of rows.
        weights: Row weights, at least 0; None means 1 each.
        buckets: Number of buckets.
        title: Title of the plot.

    Raises:
        ValueError: As `calibration_curve`.
    """
    figure, (axes, counts) = _figure(2, height_ratios=(3, 1))
    rows = read_rows(labels, probabilities, weights)
    curve = calibration_curve(labels, probabilities, weights, bins=buckets)
    error = np.sqrt(curve.mean_label * (1 - curve.mean_label) / curve.weight)
    highest = max([1e-6, *curve.mean_probability, *(curve.mean_label + error)]) * 1.05
    axes.plot([0, highest], [0, highest], linestyle=":", color=_GREY, label="perfect")
    axes.errorbar(curve.mean_probability, curve.mean_label, error, marker="o", capsize=2, label="observed")
    for place in zip(curve.mean_probability, curve.mean_label, curve.weight, strict=True):
        axes.annotate(_count(place[2]), place[:2], (3, -9), textcoords="offset points", fontsize=6, color=_GREY)
    axes.set(ylabel="observed click rate", title=title, xlim=(0, highest), ylim=(0, highest))
    axes.legend(loc="upper left")
    known = ~np.isnan(rows.scores)
    counts.hist(rows.scores[known], bins=50, range=(0, highest), weights=rows.weights[known], color=_GREY)
    counts.set(xlabel="predicted click rate", ylabel="rows", xlim=(0, highest))
    return figure


def learning_figure(history: Mapping[str, Sequence[float]], *, title: str = "Learning curves") -> Figure:
    """One panel a metric, with its training and validation values by epoch.

    Args:
        history: As `keras.callbacks.History.history`: `val_` before the name for validation.
        title: Title of the plot.

    Raises:
        ValueError: The history is empty.
    """
    names = list(dict.fromkeys(name.removeprefix("val_") for name in history))
    if not names:
        raise ValueError("The history is empty: fit at least one epoch.")
    figure, panels = _figure(len(names), panel_height=2.0)
    for axes, name in zip(panels, names, strict=True):
        for key, style in ((name, "--"), (f"val_{name}", "-")):
            if key in history:
                values = np.asarray(history[key], np.float64)
                label = "validation" if key.startswith("val_") else "training"
                axes.plot(np.arange(1, len(values) + 1), values, style, marker=".", label=label)
        axes.set_ylabel(name)
        axes.legend(fontsize=7)
    panels[-1].set_xlabel("epoch")
    panels[0].set_title(title)
    return figure


def png_bytes(figure: Figure, *, dots_per_inch: int = 110) -> bytes:
    """The figure as a PNG file's content, for an HTML page or a file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dots_per_inch)
    return buffer.getvalue()


def _figure(
    panels: int, *, panel_height: float = 0.0, height_ratios: tuple[float, ...] | None = None
) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(6.0, max(4.8, panel_height * panels)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(panels, squeeze=False, gridspec_kw={"height_ratios": height_ratios})
    return figure, list(axes[:, 0])


def _count(weight: float) -> str:
    return f"{weight / 1000:.1f}k" if weight >= 1000 else f"{weight:.0f}"
