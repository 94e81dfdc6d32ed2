"""What a study found: figures with intervals, gains by personality, the study itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from tfctr.benchmark.ads._criteria import criteria
from tfctr.benchmark.ads.config import Personality, SplitKind, StudyConfig

FORMAT = 1


@dataclass(frozen=True)
class StudyFigure:
    """One criterion of one model under one split.

    Args:
        split, model, personality: Whose.
        criterion: Name; titles are in `StudyResults.to_dict`.
        value: Mean over seeds, over all users; NaN where it is undefined.
        low, high: Bounds of the interval over resampled users.
        standard_error: Over resampled users.
        seeds: Trainings behind the mean.
    """

    split: SplitKind
    model: str
    personality: Personality
    criterion: str
    value: float
    low: float
    high: float
    standard_error: float
    seeds: int


@dataclass(frozen=True)
class StudyGain:
    """What a model gains by the questionnaire, over itself without, on the same users.

    Args:
        split, model, criterion: Of what.
        personality: `with`, or `permuted`: the control.
        difference: With minus without, whichever way is better.
        low, high: Bounds of its interval over resampled users.
        p_value: Of a paired permutation test over users; NaN for criteria of all users together.
        verdict: "better" or "worse" where the interval leaves 0 out, else "".
    """

    split: SplitKind
    model: str
    criterion: str
    personality: Personality
    difference: float
    low: float
    high: float
    p_value: float
    verdict: str


@dataclass(frozen=True)
class StudyResults:
    """All that a study found.

    Args:
        config: Its settings.
        data: Users, ads, ratings, share of clicks.
        figures: In the order of splits, models, personality, criteria.
        gains: In the same order.
        confusions: (split, model, personality) -> the four counts of decisions, mean over seeds.
    """

    config: StudyConfig
    data: Mapping[str, float]
    figures: tuple[StudyFigure, ...]
    gains: tuple[StudyGain, ...]
    confusions: Mapping[tuple[str, str, str], Mapping[str, float]]

    def figure(self, split: str, model: str, personality: str, criterion: str) -> StudyFigure:
        """Return one figure; `KeyError` when there is none."""
        wanted = (split, model, personality, criterion)
        return _first((one for one in self.figures if _key(one) == wanted), wanted)

    def gain(self, split: str, model: str, criterion: str, personality: str = "with") -> StudyGain:
        """Return one gain; `KeyError` when there is none."""
        wanted = (split, model, personality, criterion)
        return _first((one for one in self.gains if _key(one) == wanted), wanted)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; what is undefined is None."""
        known = criteria(self.config.k)
        return {
            "format": FORMAT,
            "config": self.config.model_dump(mode="json"),
            "data": dict(self.data),
            "criteria": {name: asdict(one) for name, one in known.items()},
            "figures": [_plain(one) for one in self.figures],
            "gains": [_plain(one) for one in self.gains],
            "confusions": [
                {"split": split, "model": model, "personality": personality, **counts}
                for (split, model, personality), counts in self.confusions.items()
            ],
        }


One = TypeVar("One", StudyFigure, StudyGain)


def _key(one: StudyFigure | StudyGain) -> tuple[str, str, str, str]:
    return (one.split, one.model, one.personality, one.criterion)


def _first(found: Iterable[One], wanted: tuple[str, ...]) -> One:
    for one in found:
        return one
    raise KeyError(wanted)


def _plain(one: StudyFigure | StudyGain) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value for name, value in asdict(one).items()
    }
