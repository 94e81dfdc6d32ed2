"""Domains on the console and in a file."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tfctr.training.metrics import figures_by_domain
from tfx_pipeline.domains import MOST_SHOWN, print_domains, write_evaluation

RANDOM = np.random.default_rng(1)
LABELS, PREDICTIONS = RANDOM.integers(0, 2, 500), RANDOM.random(500)


def told(domains: int, kind: str = "binary") -> str:
    names = np.array([f"[b]site {int(number)}" for number in RANDOM.integers(0, domains, 500)])
    figures = figures_by_domain(LABELS, PREDICTIONS, names, kind=kind)
    console = Console(file=io.StringIO(), width=120)
    print_domains(console, {"click": figures}, "site", "the report has all")
    return console.file.getvalue()


@pytest.mark.parametrize(("domains", "more"), [(3, ""), (MOST_SHOWN + 1, "1 more domain"), (30, "20 more domains")])
def test_the_largest_are_shown_and_the_others_counted(domains: int, more: str) -> None:
    text = told(domains)
    assert text.count("[b]site ") == min(domains, MOST_SHOWN)  # a name is no markup
    assert ("more domain" in text) == bool(more)
    assert more in text
    assert "AUC, mean of the domains weighted by rows: 0." in text


def test_numbers_have_no_auc() -> None:
    text = told(2, "regression")
    assert "RMSE" in text
    assert "AUC" not in text


def test_durations_have_their_own_figures() -> None:
    lives, curves = 1 + 9 * RANDOM.random(500), np.tile([0.8, 0.5], (500, 1))
    figures = figures_by_domain(lives, curves, ["site"] * 500, kind="survival", cut_points=(1, 5))
    console = Console(file=io.StringIO(), width=120)
    print_domains(console, {"stop": figures}, "site", "")
    text = console.file.getvalue()
    assert all(title in text for title in ("events", "negative log-likelihood", "C-index"))
    assert "AUC" not in text


def test_the_file_has_all(tmp_path: Path) -> None:
    figures = figures_by_domain(LABELS, PREDICTIONS, np.arange(500))
    all_rows = {"click": {"AUC": float("nan"), "logloss": 0.5}, "stop": {"c_index": 0.7}}
    write_evaluation(tmp_path / "figures.json", all_rows, {"click": figures})
    read = json.loads((tmp_path / "figures.json").read_text())
    assert read["click"]["figures"] == {"AUC": None, "logloss": 0.5}
    assert len(read["click"]["by_domain"]["domains"]) == 500
    assert read["stop"]["by_domain"] is None
