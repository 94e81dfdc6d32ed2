"""Plots of an evaluation as matplotlib figures: ROC, calibration of rates and numbers, learning, survival curves.

The figures belong to no window and no global state (matplotlib's Agg canvas), so they can be made in any process and
thread: return one from a notebook's cell, write it with `png_bytes`, or put it into a page with `svg_text`.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from tfctr.training.metrics._auc import auc
from tfctr.training.metrics._evaluate_survival import restricted_life
from tfctr.training.metrics._number_rows import read_numbers
from tfctr.training.metrics._roc import roc_curve
from tfctr.training.metrics.calibration import CalibrationCurve, bucket_sums, calibration_curve
from tfctr.training.metrics.metric_inputs import read_rows
from tfctr.training.metrics.survival_curves import KaplanMeier

__all__ = [
    "calibration_figure",
    "calibrations_figure",
    "learning_figure",
    "numbers_figure",
    "png_bytes",
    "roc_figure",
    "survival_figure",
    "svg_text",
]

INK, _GREY, _GRID = "#2b2b2b", "#8a8a8a", "#d9d9d9"
SERIES = ("#2563eb", "#d9580d", "#14865a", "#9333c9", "#b4820b", "#c2255c")
"""Colours of lines, in order; each is readable on white."""

_UNWANTED = (
    re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL),
    re.compile(r"<style.*?</style>\s*", re.DOTALL),  # holds for the whole page
    re.compile(r' id="[a-z0-9_.]+_\d+"'),  # names of groups, alike in every picture
    re.compile(r" font-family: [^;\"]*;"),  # the page's
)
"""What matplotlib writes into an SVG that has no place inside a page."""

_MARGIN = 1.05
_MOST_POINTS = 300
"""Points of a curve: more than a screen shows, fewer than a page should hold."""


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
        curve = roc_curve(labels, scores, weights, max_points=_MOST_POINTS)
        area = auc(labels, scores, weights)
        axes.plot(curve.false_positive_rate, curve.true_positive_rate, label=f"{name}: AUC {area:.4f}")
    axes.plot([0, 1], [0, 1], linestyle=":", color=_GREY, label="chance")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", title=title, xlim=(0, 1), ylim=(0, 1))
    _legend(axes, loc="lower right")
    return figure


def calibration_figure(
    labels: ArrayLike,
    probabilities: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    buckets: int = 20,
    title: str = "Calibration",
) -> Figure:
    """Observed against predicted rate in equal-mass buckets, and below it how many rows predict what.

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
    figure, (axes, counts) = _figure(2, panel_height=2.1, height_ratios=(3, 1))
    rows = read_rows(labels, probabilities, weights)
    curve = calibration_curve(labels, probabilities, weights, bins=buckets)
    error = np.sqrt(curve.mean_label * (1 - curve.mean_label) / curve.weight)
    highest = max([1e-6, *curve.mean_probability, *(curve.mean_label + error)]) * _MARGIN
    axes.plot([0, highest], [0, highest], linestyle=":", color=_GREY, label="perfect")
    axes.errorbar(curve.mean_probability, curve.mean_label, error, marker="o", capsize=2, label="observed")
    for place in zip(curve.mean_probability, curve.mean_label, curve.weight, strict=True):
        axes.annotate(_count(place[2]), place[:2], (3, -9), textcoords="offset points", fontsize=6, color=_GREY)
    axes.set(ylabel="observed rate", title=title, xlim=(0, highest), ylim=(0, highest))
    _legend(axes, loc="upper left")
    known = ~np.isnan(rows.scores)
    counts.hist(rows.scores[known], bins=50, range=(0, highest), weights=rows.weights[known], color=_GREY)
    counts.set(xlabel="predicted rate", ylabel="rows", xlim=(0, highest))
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
    figure, panels = _figure(len(names), panel_height=max(2.0, 3.2 / len(names)))
    for axes, name in zip(panels, names, strict=True):
        for key, style in ((name, "--"), (f"val_{name}", "-")):
            if key in history:
                values = np.asarray(history[key], np.float64)
                label = "validation" if key.startswith("val_") else "training"
                axes.plot(np.arange(1, len(values) + 1), values, style, marker=".", label=label)
        axes.set_ylabel(name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _legend(axes)
    panels[-1].set_xlabel("epoch")
    panels[0].set_title(title)
    return figure


def calibrations_figure(curves: Mapping[str, CalibrationCurve], *, title: str = "Calibration") -> Figure:
    """Observed against predicted rate of several tasks or groups of rows, on logarithmic axes, for rates far apart.

    Args:
        curves: Name -> what `calibration_curve` gives; buckets with a rate of 0 are left out.
        title: Title of the plot.
    """
    figure, (axes,) = _figure(1)
    places = [np.zeros(0)]
    for name, curve in curves.items():
        known = (curve.mean_probability > 0) & (curve.mean_label > 0)
        predicted, observed = curve.mean_probability[known], curve.mean_label[known]
        axes.loglog(predicted, observed, marker="o", markersize=4, label=name)
        places += [predicted, observed]
    values = np.concatenate(places)
    ends = [values.min() / 1.5, values.max() * 1.5] if len(values) else [1e-3, 1.0]
    axes.plot(ends, ends, linestyle=":", color=_GREY, label="perfect")
    axes.set(xlabel="predicted rate", ylabel="observed rate", title=title, xlim=ends, ylim=ends)
    _legend(axes, loc="upper left")
    return figure


def numbers_figure(
    labels: ArrayLike,
    predictions: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    buckets: int = 20,
    unit: str = "number",
    title: str = "Predicted and observed",
) -> Figure:
    """Mean label against mean prediction in equal-mass buckets; bars hold one standard deviation of the labels.

    Args:
        labels: Finite numbers, `(rows,)` or `(rows, 1)`.
        predictions: Same number of rows, finite.
        weights: Row weights, at least 0; None means 1 each.
        buckets: Number of buckets.
        unit: What the numbers are, for the axes.
        title: Title of the plot.

    Raises:
        ValueError: As `read_numbers`.
    """
    figure, (axes,) = _figure(1)
    rows = read_numbers(labels, predictions, weights)
    weight, predicted, observed = bucket_sums(rows, buckets, "mass")
    squares = bucket_sums(rows._replace(labels=rows.labels**2), buckets, "mass")[2]
    full = weight > 0
    predicted, observed, squares = (values[full] / weight[full] for values in (predicted, observed, squares))
    spread = np.sqrt(np.maximum(squares - observed**2, 0))
    places = np.concatenate([predicted, observed - spread, observed + spread])
    ends = [places.min(), places.max()] if len(places) else [0.0, 1.0]
    axes.plot(ends, ends, linestyle=":", color=_GREY, label="perfect")
    axes.errorbar(predicted, observed, spread, marker="o", capsize=2, label="observed")
    axes.set(xlabel=f"predicted {unit}", ylabel=f"observed {unit}", title=title)
    _legend(axes, loc="upper left")
    return figure


def survival_figure(
    durations: ArrayLike,
    events: ArrayLike,
    curves: ArrayLike,
    cut_points: Sequence[float],
    weights: ArrayLike | None = None,
    *,
    groups: int = 1,
    time: str = "time",
    title: str = "Survival",
) -> Figure:
    """What became of the rows (Kaplan–Meier, lines) and what was predicted of them (mean curve, dots).

    Args:
        durations: Time until the event or until the row was last seen, `(rows,)`.
        events: 1 where the event was seen, else 0, `(rows,)`.
        curves: Predicted probability of lasting beyond each cut point, `(rows, cut points)`.
        cut_points: Upper ends of the intervals, the first of which begins at 0.
        weights: Row weights, at least 0; None means 1 each.
        groups: Equally large groups of rows, by expected life; each has its line.
        time: Label of the axis of time, such as its unit.
        title: Title of the plot.

    Raises:
        ValueError: As `KaplanMeier`.
    """
    figure, (axes,) = _figure(1)
    seen, happened, predicted = np.asarray(durations), np.asarray(events), np.asarray(curves, np.float64)
    weight = np.ones(len(seen)) if weights is None else np.asarray(weights, np.float64)
    order = np.argsort(restricted_life(predicted, cut_points), kind="stable")
    until = float(cut_points[-1]) * _MARGIN
    for number, rows in enumerate(np.array_split(order, groups)):
        if not weight[rows].sum() > 0:
            continue
        observed = KaplanMeier(seen[rows], happened[rows], weight[rows])
        times = np.r_[0.0, observed.times[observed.times < until], until]
        name = "observed" if groups == 1 else f"{_ordinal(number, groups)} expected life"
        (line,) = axes.step(times, observed(times), where="post", label=name)
        mean = np.average(predicted[rows], axis=0, weights=weight[rows])
        axes.plot(cut_points, mean, "o", color=line.get_color(), label="predicted" if groups == 1 else None)
    axes.set(xlabel=time, ylabel="share that lasts", title=title, xlim=(0, until), ylim=(0, 1.02))
    _legend(axes, loc="best")
    return figure


def png_bytes(figure: Figure, *, dots_per_inch: int = 110) -> bytes:
    """The figure as a PNG file's content, for an HTML page or a file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dots_per_inch)
    return buffer.getvalue()


def svg_text(figure: Figure, *, alt: str) -> str:
    """The figure as an SVG element for an HTML page: text stays text, and colours follow the page's.

    Colours become CSS variables (``--plot-ink``, ``--plot-muted``, ``--plot-grid``, ``--plot-1`` to ``--plot-6``) that
    fall back to the figure's own; the background is transparent. So one picture suits a light and a dark page.

    Args:
        figure: What to draw.
        alt: What a reader is told who does not see it.
    """
    buffer = io.StringIO()
    # Ids of markers and clips are made from the salt: two pictures of one page may not share them.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": alt}):
        figure.savefig(buffer, format="svg", transparent=True)
    svg = buffer.getvalue()
    head, _, body = svg[svg.index("<svg") :].partition(">")
    for unwanted in _UNWANTED:
        body = unwanted.sub("", body)
    body = re.sub(r"#[0-9a-f]{6}", lambda match: _variable(match.group()), body).strip()
    namespaces = "".join(re.findall(r' xmlns(?::\w+)?="[^"]*"', head))
    width, height = figure.get_size_inches() * 72
    return f'<svg role="img" aria-label="{html.escape(alt)}" viewBox="0 0 {width:g} {height:g}"{namespaces}>{body}'


def _variable(colour: str) -> str:
    names = {INK: "ink", _GREY: "muted", _GRID: "grid", **{value: str(i) for i, value in enumerate(SERIES, 1)}}
    return f"var(--plot-{names[colour]}, {colour})" if colour in names else colour


def _figure(
    panels: int, *, panel_height: float = 4.2, height_ratios: tuple[float, ...] | None = None
) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(5.6, panel_height * panels), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(panels, squeeze=False, gridspec_kw={"height_ratios": height_ratios})[:, 0]
    for each in axes:
        _style(each)
    return figure, list(axes)


def _style(axes: Axes) -> None:
    """Quiet axes: no box, a light grid behind the lines, one colour for all text."""
    axes.set_prop_cycle(color=SERIES)
    axes.set_axisbelow(True)
    axes.grid(color=_GRID, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_GREY)
    axes.tick_params(which="both", color=_GREY, labelcolor=INK)
    for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
        text.set_color(INK)


def _legend(axes: Axes, loc: str = "best") -> None:
    axes.legend(loc=loc, labelcolor=INK, frameon=False, fontsize=8)


def _ordinal(number: int, groups: int) -> str:
    words = {0: "shortest", groups - 1: "longest"}
    return words.get(number, "middle" if groups == 3 else f"{number + 1}. of {groups}")


def _count(weight: float) -> str:
    return f"{weight / 1000:.1f}k" if weight >= 1000 else f"{weight:.0f}"
