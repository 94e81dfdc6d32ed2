"""From answers to figures: means over seeds, intervals over users, gains by personality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tfctr.benchmark.ads._answered import Answered
from tfctr.benchmark.ads._criteria import Measured, better_by, criteria, measure
from tfctr.benchmark.ads._exposure_criteria import measure_exposure
from tfctr.benchmark.ads._study_rows import StudyRows
from tfctr.benchmark.ads.config import Personality, SplitKind, StudyConfig
from tfctr.benchmark.ads.results import StudyFigure, StudyGain, StudyResults
from tfctr.training.metrics import confusion, interval_of, mean_of, paired_permutation_test, resample
from tfctr.training.metrics.metric_inputs import Floats


class Variant(NamedTuple):
    """A model under a split with its features; what its seeds have in common."""

    split: SplitKind
    model: str
    personality: Personality


class Drawn(NamedTuple):
    """A criterion of a variant, mean over seeds.

    Args:
        value: Over all users.
        draws: Over users drawn anew, `(samples,)`.
        by_user: Of each user, `(users,)`; None for criteria of all users together.
    """

    value: float
    draws: Floats
    by_user: Floats | None


def conclude(rows: StudyRows, config: StudyConfig, answered: Sequence[Answered]) -> StudyResults:
    """Return the results of answers.

    Args:
        rows: Of the study.
        config: Its settings.
        answered: Of each model, personality and seed, under each split.
    """
    seeds: dict[Variant, list[Answered]] = {}
    for one in answered:
        seeds.setdefault(Variant(one.trial.split, one.trial.model, one.trial.personality), []).append(one)
    click_at = float(rows.rating[rows.click > 0].min())
    measured: dict[Variant, dict[str, Drawn]] = {}
    confusions: dict[tuple[str, str, str], dict[str, float]] = {}
    for variant, ones in seeds.items():
        criteria_of_seeds = [_measure(one, rows, config, click_at) for one in ones]
        measured[variant] = {
            name: _drawn([one[name] for one in criteria_of_seeds], config) for name in criteria_of_seeds[0]
        }
        confusions[variant[:]] = _confusion(ones, click_at)
    figures = [
        _figure(variant, name, one, len(seeds[variant]), config)
        for variant, found in measured.items()
        for name, one in found.items()
    ]
    gains = [gain for variant in measured for gain in _gains(variant, measured, config)]
    return StudyResults(config, _described(rows), tuple(figures), tuple(gains), confusions)


def _measure(one: Answered, rows: StudyRows, config: StudyConfig, click_at: float) -> dict[str, Measured]:
    """All criteria of one training, in the order of tables."""
    answers, ads = one.as_answers(click_at), rows.count("ad_id")
    clicked = np.bincount(rows.codes("ad_id"), rows.click, ads)
    popularity = (clicked + 1) / (np.bincount(rows.codes("ad_id"), minlength=ads) + 2)
    categories = np.eye(rows.count("category"))[rows.category_of_ad]
    found = measure(answers, config.k) | measure_exposure(answers, config.k, popularity, categories)
    return {name: found[name] for name in criteria(config.k) if name in found}


def _drawn(seeds: Sequence[Measured], config: StudyConfig) -> Drawn:
    """The mean over seeds: of all users, of each of them, of users drawn anew; the same draws for all models."""
    statistic = mean_of([one.statistic for one in seeds])
    value = float(statistic.of_counts(np.ones((1, statistic.groups)))[0])
    draws = resample(statistic, samples=config.samples, seed=config.bootstrap_seed)
    by_user = [one.by_user for one in seeds if one.by_user is not None]
    return Drawn(value, draws, np.mean(by_user, axis=0) if by_user else None)


def _figure(variant: Variant, name: str, one: Drawn, seeds: int, config: StudyConfig) -> StudyFigure:
    found = interval_of(one.value, one.draws, config.level)
    return StudyFigure(*variant, name, found.value, found.low, found.high, found.standard_error, seeds)


def _gains(
    variant: Variant, measured: Mapping[Variant, Mapping[str, Drawn]], config: StudyConfig
) -> Iterator[StudyGain]:
    """What a variant gains over the same model without the questionnaire."""
    twin = variant._replace(personality="without")
    if variant == twin or twin not in measured:
        return
    known = criteria(config.k)
    for name, one in measured[variant].items():
        other = measured[twin][name]
        found = interval_of(one.value - other.value, one.draws - other.draws, config.level)
        sure = found.low > 0 or found.high < 0
        yield StudyGain(
            variant.split,
            variant.model,
            name,
            variant.personality,
            found.value,
            found.low,
            found.high,
            _p_value(one, other, config),
            better_by(known[name], found.value) if sure else "",
        )


def _p_value(one: Drawn, other: Drawn, config: StudyConfig) -> float:
    if one.by_user is None or other.by_user is None:
        return float("nan")
    return paired_permutation_test(one.by_user, other.by_user, seed=config.bootstrap_seed).p_value


def _confusion(ones: Sequence[Answered], click_at: float) -> dict[str, float]:
    """Counts of decisions, mean over seeds."""
    counts = []
    for one in ones:
        answers = one.as_answers(click_at)
        found = confusion(answers.click, answers.probability, threshold=answers.threshold)
        counts.append(
            (found.true_positives, found.false_positives, found.false_negatives, found.true_negatives),
        )
    names = ("true_positives", "false_positives", "false_negatives", "true_negatives")
    return dict(zip(names, np.mean(counts, axis=0).tolist(), strict=True))


def _described(rows: StudyRows) -> dict[str, float]:
    return {
        "users": rows.count("user_id"),
        "ads": rows.count("ad_id"),
        "categories": rows.count("category"),
        "ratings": rows.table.num_rows,
        "click_rate": float(rows.click.mean()),
        "mean_rating": float(rows.rating.mean()),
    }
