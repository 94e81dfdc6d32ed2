"""The results of a study as files: JSON with everything, Markdown to read."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from tfctr.benchmark.ads._criteria import Criterion, criteria
from tfctr.benchmark.ads.results import StudyFigure, StudyResults
from tfctr.benchmark.table import table_line
from tfctr.data._atomic_write import atomic_write

JSON_FILE = "study.json"
MARKDOWN_FILE = "study.md"

SPLIT_TITLES = {
    "pairs": "Ratings dealt out one by one",
    "users": "Users held out",
    "ads": "Ads held out",
    "categories": "Categories held out",
}
NOTES = """\
Each figure is the mean over seeds, with an interval over resampled users. Where ratings are dealt out one by one, the
id of a user tells all that their personality can: a gain by personality can be claimed for held-out users alone. `p` is
that of a paired permutation test over users. Predicted stars s count as the probability (s - 1) / 4, uncalibrated.
"""


def write_study(results: StudyResults, folder: Path) -> tuple[Path, Path]:
    """Write `study.json` and `study.md` into a folder; return their paths.

    Args:
        results: Of `run_study`.
        folder: Made when missing.
    """
    paths = (folder / JSON_FILE, folder / MARKDOWN_FILE)
    texts = (json.dumps(results.to_dict(), indent=2, ensure_ascii=False) + "\n", study_markdown(results))
    for path, text in zip(paths, texts, strict=True):
        with atomic_write(path) as partial:
            partial.write_text(text, encoding="utf-8")
    return paths


def study_markdown(results: StudyResults) -> str:
    """Return all criteria of all models under each split, and what personality gains, as Markdown.

    Args:
        results: Of `run_study`.
    """
    data, known = results.data, criteria(results.config.k)
    parts = [
        "# Personality-aware ad recommendation\n",
        f"{data['ratings']:,.0f} ratings of {data['ads']:,.0f} ads by {data['users']:,.0f} users; "
        f"{100 * data['click_rate']:.1f} % are clicks.\n",
        NOTES,
    ]
    for split in results.config.splits:
        parts.append(f"## {SPLIT_TITLES[split]}\n")
        parts.append(_lines(*main_table(results, split)))
        parts.append("### What personality gains\n")
        parts.append(_lines(*gain_table(results, split)))
        parts.append("### All criteria\n")
        parts += [_lines(*family_table(results, split, family)) for family in _families(known)]
    return "\n".join(parts)


def main_table(results: StudyResults, split: str, digits: int = 4) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the criteria that are shown first: a row a model, an interval in each cell."""
    shown = [one for one in criteria(results.config.k).values() if one.shown]
    variants = list(dict.fromkeys((one.model, one.personality) for one in results.figures if one.split == split))
    figures = _by_place(results, split)
    rows = [
        [model, personality, *(_cell(figures.get((model, personality, one.name)), digits) for one in shown)]
        for model, personality in variants
    ]
    return ["model", "Big Five", *(one.title for one in shown)], rows


def gain_table(results: StudyResults, split: str, digits: int = 4) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the gains by personality in the criteria that are shown first."""
    known = criteria(results.config.k)
    rows = [
        [
            gain.model,
            gain.personality,
            known[gain.criterion].title,
            _interval(gain.difference, gain.low, gain.high, f"+.{digits}f"),
            "-" if math.isnan(gain.p_value) else f"{gain.p_value:.3f}",
            gain.verdict,
        ]
        for gain in results.gains
        if gain.split == split and known[gain.criterion].shown
    ]
    return ["model", "Big Five", "criterion", "over the same without", "p", "verdict"], rows


def family_table(results: StudyResults, split: str, family: str) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of all criteria of a family: a row a criterion, a column a model."""
    known = [one for one in criteria(results.config.k).values() if one.family == family]
    figures = _by_place(results, split)
    names = {one.name for one in known}
    variants = list(dict.fromkeys(place[:2] for place in figures if place[2] in names))
    rows = [[one.title, *(_cell(figures.get((*variant, one.name))) for variant in variants)] for one in known]
    return [family, *(" ".join(variant) for variant in variants)], rows if variants else []


def _families(known: dict[str, Criterion]) -> list[str]:
    return list(dict.fromkeys(one.family for one in known.values()))


def _by_place(results: StudyResults, split: str) -> dict[tuple[str, str, str], StudyFigure]:
    return {(one.model, one.personality, one.criterion): one for one in results.figures if one.split == split}


def _cell(figure: StudyFigure | None, digits: int = 4) -> str:
    if figure is None or math.isnan(figure.value):
        return "-"
    return _interval(figure.value, figure.low, figure.high, f".{digits}f")


def _interval(value: float, low: float, high: float, form: str) -> str:
    return f"{value:{form}} [{low:{form}}, {high:{form}}]"


def _lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; a sentence where there is nothing to show."""
    if not rows:
        return f"Nothing to show of: {head[0]}.\n"
    return "\n".join([table_line(head), table_line(["---"] * len(head)), *map(table_line, rows), ""])
