"""The picture of a figure against bytes, and the bytes that a figure needs."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tfctr.benchmark import Score, draw_curves, size_at


def scores(label: str, size: int, *aucs: float) -> list[Score]:
    return [Score(label, seed, {"auc": auc, "weights": size}) for seed, auc in enumerate(aucs)]


def test_the_same_scores_give_the_same_picture_and_others_another(tmp_path: Path) -> None:
    lines = {
        "whole": scores("whole", 1_000_000, 0.80, 0.82),
        "cut": [*scores("half", 500_000, 0.79), *scores("quarter", 250_000, 0.7)],
    }
    texts = []
    for name, last in (("one", 0.7), ("again", 0.7), ("other", 0.6)):
        lines["cut"][-1] = scores("quarter", 250_000, last)[0]
        path = tmp_path / "figures" / f"{name}.svg"
        draw_curves(path, lines, size="weights", figure="auc", title="AUC against bytes")
        texts.append(path.read_text())
    assert texts[0] == texts[1] != texts[2]
    words = {text.strip() for text in ElementTree.fromstring(texts[0]).itertext()}
    assert {"AUC against bytes", "whole", "cut", "auc", "500 kB"} <= words
    assert [path.name for path in (tmp_path / "figures").iterdir() if path.suffix != ".svg"] == []


@pytest.mark.parametrize(
    ("level", "needed"),
    [(0.5, 100.0), (0.6, 100.0), (0.65, 300 * (4 / 3) ** (2 / 3)), (0.7, 400.0), (0.72, 400 * 2**0.4), (0.76, None)],
    ids=["less than the smallest has", "the smallest", "behind a dip", "measured", "between", "never"],
)
def test_a_figure_needs_the_least_size_that_reaches_it(level: float, needed: float | None) -> None:
    measured = [
        *scores("large", 800, 0.75),
        *scores("small", 100, 0.5, 0.7),
        *scores("dip", 300, 0.55),
        *scores("middle", 400, 0.7),
    ]
    found = size_at(measured, level, size="weights", figure="auc")
    assert found == (None if needed is None else pytest.approx(needed))
