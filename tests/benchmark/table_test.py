"""Summaries over seeds and the results file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tfctr.benchmark import Score, markdown, summarize, write_section
from tfctr.training._baselines import Popularity


def test_mean_and_sample_deviation() -> None:
    scores = [
        Score("A", seed, {"auc": auc, "logloss": 0.5}, seconds_to_best=seed) for seed, auc in enumerate((0.7, 0.8))
    ]
    scores.append(Score("B", 0, {"auc": 0.6}))
    first, second = summarize(scores)
    assert (first.model, first.seeds, first.seconds_to_best) == ("A", 2, 0.5)
    assert first.mean["auc"] == pytest.approx(0.75)
    assert first.std["auc"] == pytest.approx(0.1 / np.sqrt(2))
    assert second.std["auc"] == 0.0
    assert "| A | 2 | 0.7500 ± 0.0707 | 0.5000 ± 0.0000 |" in markdown([first, second])
    assert "| B | 1 | 0.6000 ± 0.0000 | - |" in markdown([first, second])


def test_a_section_replaces_its_older_self_alone(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    write_section(path, "One", "cmd 1", "old")
    write_section(path, "Two", "cmd 2", "kept")
    write_section(path, "One", "cmd 1", r"new \1")
    text = path.read_text()
    assert text.count("## One") == 1
    assert "old" not in text
    assert r"new \1" in text
    assert text.index("new") < text.index("kept")


def test_popularity_by_hand() -> None:
    popularity = Popularity(smoothing=1.0).fit(np.array([1, 1, 2]), np.array([1, 0, 1]))
    overall = 2 / 3
    expected = [(1 + overall) / 3, (1 + overall) / 2, overall]
    np.testing.assert_allclose(popularity.predict(np.array([1, 2, 3])), expected)
    with pytest.raises(ValueError, match="above 0"):
        Popularity(smoothing=0.0)
