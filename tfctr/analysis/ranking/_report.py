"""A ranking as tables and files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tfctr.analysis.ranking.result import FeatureRanking
from tfctr.data._atomic_write import atomic_write

HEAD = ("#", "field (values; coverage)", "score", "noise", "3MR", "mutual inf.", "best with", "synergy", "keep", "why")


def field_rows(ranking: FeatureRanking) -> list[tuple[str, ...]]:
    """Return the fields as rows of a table below `HEAD`, scores in thousandths of a nat."""
    return [
        (
            str(one.rank),
            one.title(),
            f"{1e3 * one.score:.3f}",
            f"{1e3 * one.noise:.3f}",
            str(one.three_mr),
            f"{1e3 * one.mutual_information:.3f}",
            one.partner,
            f"{1e3 * one.synergy:.3f}" if one.partner else "",
            "yes" if one.keep else "no",
            one.reason,
        )
        for one in ranking.fields
    ]


def interaction_rows(ranking: FeatureRanking, most: int = 10) -> list[tuple[str, ...]]:
    """Return the crosses that tell more together than noise would, at most so many, as rows of a table."""
    found = [one for one in ranking.interactions if one.synergy > one.noise]
    return [(" AND ".join(one.fields), f"{1e3 * one.score:.3f}", f"{1e3 * one.synergy:.3f}") for one in found[:most]]


def write_ranking(ranking: FeatureRanking, folder: Path) -> list[Path]:
    """Write a ranking into a folder and return the files.

    `ranking.json` has everything but the rare values; `features.csv`, `interactions.csv`, `redundancies.csv`,
    `controls.csv`, `anomalies.csv` and `rare_values.csv` are tables; `ranking.png` is a picture. Other files in the
    folder are left alone.
    """
    from tfctr.analysis.ranking._chart import draw

    interactions = [{**vars(one), "fields": " AND ".join(one.fields)} for one in ranking.interactions]
    texts = {
        "ranking.json": json.dumps(ranking.to_dict(), indent=2, ensure_ascii=False) + "\n",
        "features.csv": _table([vars(one) for one in ranking.fields]),
        "interactions.csv": _table(interactions),
        "redundancies.csv": _table([vars(one) for one in ranking.redundancies]),
        "anomalies.csv": _table([vars(one) for one in ranking.anomalies]),
        "controls.csv": _csv(("control", "score"), ranking.controls.items()),
        "rare_values.csv": _csv(("field", "value", "count"), ranking.rare_values),
    }
    for name, text in texts.items():
        with atomic_write(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")
    with atomic_write(folder / "ranking.png") as partial:
        draw(ranking, partial)
    return [folder / name for name in (*texts, "ranking.png")]


def _table(rows: Sequence[dict[str, Any]]) -> str:
    return _csv(tuple(rows[0]), (row.values() for row in rows)) if rows else ""


def _csv(head: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return stream.getvalue()
