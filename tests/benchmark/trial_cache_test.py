"""A finished trial is not run again; another one never takes its score."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tfctr.benchmark import Score, TrialCache

SETTINGS = {"hidden_units": [8], "fit": {"epochs": 2}}


def _score(auc: float = 0.7, seed: int = 0) -> Score:
    return Score("LR", seed, {"auc": auc}, epochs=3, best_epoch=2, seconds=1.5, seconds_to_best=1.0, parameters=9)


def _never() -> Score:
    raise AssertionError("trained again")


def test_a_finished_trial_comes_back_whole(tmp_path: Path) -> None:
    first = TrialCache(tmp_path, {"spec": {"name": "a"}}).score("LR", 0, SETTINGS, _score)
    again = TrialCache(tmp_path, {"spec": {"name": "a"}}).score("LR", 0, SETTINGS, _never)
    assert first == again == _score()


@pytest.mark.parametrize(
    ("common", "model", "seed", "settings"),
    [
        ({"spec": {"name": "b"}}, "LR", 0, SETTINGS),
        ({"spec": {"name": "a"}}, "DNN", 0, SETTINGS),
        ({"spec": {"name": "a"}}, "LR", 1, SETTINGS),
        ({"spec": {"name": "a"}}, "LR", 0, {**SETTINGS, "fit": {"epochs": 3}}),
    ],
)
def test_whatever_differs_is_another_trial(tmp_path: Path, common: dict, model: str, seed: int, settings: dict) -> None:
    TrialCache(tmp_path, {"spec": {"name": "a"}}).score("LR", 0, SETTINGS, _score)
    other = TrialCache(tmp_path, common).score(model, seed, settings, lambda: _score(0.9))
    assert other.figures == {"auc": 0.9}


def test_a_trial_that_failed_is_not_kept(tmp_path: Path) -> None:
    cache = TrialCache(tmp_path, {})
    with pytest.raises(AssertionError, match="trained again"):
        cache.score("LR", 0, SETTINGS, _never)
    assert cache.score("LR", 0, SETTINGS, _score) == _score()


def test_two_processes_never_run_the_same_trial(tmp_path: Path) -> None:
    runs: list[int] = []

    def trial() -> Score:
        runs.append(1)
        return _score()

    with ThreadPoolExecutor(4) as pool:
        scores = list(pool.map(lambda _: TrialCache(tmp_path, {}).score("LR", 0, SETTINGS, trial), range(8)))
    assert scores == [_score()] * 8
    assert len(runs) == 1
