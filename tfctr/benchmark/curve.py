"""What methods keep of a figure at how many bytes: as a picture, and as the size that a figure needs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.typing import ColorType

from tfctr.benchmark.table import deviation
from tfctr.benchmark.trial import Score
from tfctr.data._atomic_write import atomic_write
from tfctr.layers.embedding import format_bytes

MARKS = "osD^vP*Xhp"


def draw_curves(path: Path, lines: Mapping[str, Iterable[Score]], *, size: str, figure: str, title: str) -> None:
    """Write an SVG with a line a method: mean and deviation over seeds against bytes, on a logarithmic scale.

    The same scores give the same file. A method with a single size is a level that crosses the picture.

    Args:
        path: The file; its folder is made.
        lines: Method -> trials; those with the same label are one point.
        size: The figure of a score that holds bytes.
        figure: The figure that is drawn.
        title: What stands above.
    """
    drawn = Figure(figsize=(7.5, 4.2), layout="constrained")
    FigureCanvasSVG(drawn)
    axes = drawn.subplots()
    axes.set_xscale("log")
    levels: list[tuple[float, ColorType]] = []
    for (name, scores), mark in zip(lines.items(), MARKS, strict=False):
        sizes, means, spreads = _points(scores, size, figure)
        bars = axes.errorbar(sizes, means, spreads, marker=mark, markersize=5, capsize=2, linewidth=1.2, label=name)
        levels += [(means[0], bars.lines[0].get_color())] if len(sizes) == 1 else []
    for mean, colour in levels:  # when the axes know how far they reach
        axes.axhline(mean, linestyle=":", linewidth=1, color=colour)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_bytes(int(value))))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="bytes", ylabel=figure, title=title)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": title, "svg.fonttype": "none"}), atomic_write(path) as partial:
        drawn.savefig(partial, format="svg", metadata={"Date": None})


def size_at(scores: Iterable[Score], level: float, *, size: str, figure: str) -> float | None:
    """Return the size at which a method reaches a figure, between two measured sizes by the logarithm of the size.

    Args:
        scores: The trials of one method; those with the same label are one point.
        level: The mean of `figure` that has to be reached; higher is better.
        size: The figure of a score that holds the size.
        figure: The figure that is judged.

    Returns:
        The least such size; the smallest measured one where that is good enough already, `None` where none is.
    """
    sizes, means, _ = _points(scores, size, figure)
    if means[0] >= level:
        return sizes[0]
    for small, large, low, high in zip(sizes, sizes[1:], means, means[1:], strict=False):
        if high >= level:
            return small * math.pow(large / small, (level - low) / (high - low))
    return None


def _points(scores: Iterable[Score], size: str, figure: str) -> tuple[list[float], list[float], list[float]]:
    """Sizes in ascending order, means, deviations."""
    groups: dict[str, list[Score]] = {}
    for score in scores:
        groups.setdefault(score.model, []).append(score)
    points = []
    for group in groups.values():
        values = [score.figures[figure] for score in group]
        points.append((float(np.mean([s.figures[size] for s in group])), float(np.mean(values)), deviation(values)))
    sizes, means, deviations = zip(*sorted(points), strict=True)
    return list(sizes), list(means), list(deviations)
