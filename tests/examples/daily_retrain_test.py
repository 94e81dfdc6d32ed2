"""Two days of the daily retraining: the second goes on from the first."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():  # third parties warn while they are imported
    warnings.simplefilter("ignore")
    import examples.baselines  # noqa: F401
    from examples.daily_retrain import ITEM, retrain

pytestmark = [pytest.mark.end_to_end, pytest.mark.filterwarnings("ignore")]


def test_the_second_day_goes_on_from_the_first(tmp_path: Path) -> None:
    first, second = retrain(tmp_path, rows=12_000, days=2)
    assert first.start.why == "no model was blessed yet"
    assert first.blessed
    assert first.retrained.auc == pytest.approx(first.scratch.auc, abs=1e-6)  # the same training
    assert second.start.warm
    counts = second.start.vocabularies[ITEM]
    assert min(counts.values()) > 0
    assert second.retrained.auc > second.scratch.auc + 0.01
