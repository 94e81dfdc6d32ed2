"""The picture of a figure against bytes."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from tfctr.benchmark import Score, draw_curves


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
