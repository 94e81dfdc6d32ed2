"""A measured figure stands in benchmarks/RESULTS.md, wherever else it is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import BLOCK, DOCS, README, TUTORIAL, text_of

RESULTS = text_of(Path("benchmarks/RESULTS.md"))
MEASURED = {float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", RESULTS)}
PAGES = [README, *(page for page in DOCS if page != TUTORIAL)]  # what the tutorial shows, the tutorial's test holds

NO_FIGURE = re.compile(
    r"`[^`]*`|\]\([^)]*\)"  # code, addresses
    r"|(?:Python|Ubuntu|Debian|glibc|Keras|arXiv|TFX|Apache-)\s?[\d.]+"  # versions and papers
)
DERIVED = {
    "0.55": ("7.06", "12.95"),  # answers of 1,024 rows: low rank over the whole model
    "1.7": ("87,166", "50,561"),  # examples a second: bfloat16 over float32, 10 million rows
    "1.9": ("110,530", "57,959"),  # and a hundred thousand rows
}
"""Figures that are the ratio of two others."""


def figures(page: Path) -> list[str]:
    """Decimal figures of a page's prose and tables."""
    return re.findall(r"(?<![\w.])\d+\.\d+(?![\w.]*\d)", NO_FIGURE.sub(" ", BLOCK.sub("\n", text_of(page))))


def measured(figure: str) -> bool:
    """Whether a figure is one of the results, rounded to as many digits."""
    digits = len(figure.partition(".")[2])
    return any(abs(round(value, digits) - float(figure)) < 1e-9 for value in MEASURED)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_figure_is_a_result(page: Path) -> None:
    unknown = [figure for figure in figures(page) if figure not in DERIVED and not measured(figure)]
    assert not unknown, f"{page}: not in benchmarks/RESULTS.md: {unknown}"


@pytest.mark.parametrize("figure", DERIVED)
def test_a_ratio_is_that_of_two_results(figure: str) -> None:
    above, below = DERIVED[figure]
    assert above in RESULTS
    assert below in RESULTS
    ratio = float(above.replace(",", "")) / float(below.replace(",", ""))
    assert abs(ratio - float(figure)) <= 0.5 * 10 ** -len(figure.partition(".")[2]) + 1e-9


def test_a_figure_that_nobody_measured_is_seen() -> None:
    assert figures(README)
    assert measured("0.7195")
    assert measured("0.101")  # 0.1013
    assert not measured("0.7777")
