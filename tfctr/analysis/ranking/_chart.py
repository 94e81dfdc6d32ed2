"""A ranking as a picture: what fields tell beyond noise, beside what plain mutual information says of them."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tfctr.analysis.ranking.result import FeatureRanking, RankedField

SHOWN = 40
"""Fields in the picture, those with the largest scores."""

_KEPT, _DROPPED, _NOISE = "#2a78b5", "#b8bec4", "#c0392b"


def draw(ranking: FeatureRanking, path: Path) -> None:
    """Write the picture, a png.

    Left: the score of each field, largest on top, kept ones in colour, a mark where noise of its cardinality
    ends. Right: plain
    mutual information of the same fields, which grows with the number of their values.
    """
    shown = ranking.by_score()[:SHOWN][::-1]
    figure = Figure(figsize=(11, 1.6 + 0.3 * len(shown)), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    _bars(left, shown, [one.score for one in shown])
    positions = range(len(shown))
    left.scatter([one.noise for one in shown], positions, marker="|", s=120, color=_NOISE, label="noise ends here")
    left.set_yticks(positions, [one.title() for one in shown], fontsize=8)
    left.set_xlabel("nats beyond noise of the same cardinality")
    left.legend(loc="lower right", fontsize=8)
    _bars(right, shown, [one.mutual_information for one in shown])
    right.set_xlabel("nats, plain mutual information")
    figure.suptitle(f"{ranking.spec}: what each field tells about {ranking.task} ({ranking.rows:,} rows)", fontsize=11)
    figure.savefig(path, dpi=120, format="png")


def _bars(axes: Axes, fields: tuple[RankedField, ...], scores: list[float]) -> None:
    axes.barh(range(len(fields)), scores, color=[_KEPT if one.keep else _DROPPED for one in fields], height=0.7)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
