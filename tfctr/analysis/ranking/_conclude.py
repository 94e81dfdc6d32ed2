"""From the scores of a stream to a ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tfctr.analysis.ranking._controls import CONTROLS, NOISE
from tfctr.analysis.ranking._ranker import Ranker
from tfctr.analysis.ranking._statistics import FieldStatistics
from tfctr.analysis.ranking._three_mr import three_mr
from tfctr.analysis.ranking.result import Interaction, RankedField, Redundancy

MARGIN = 1.5
"""Noise ends so many times as far out as the most extreme of all scores of nothing."""


@dataclass(frozen=True)
class Scores:
    """The medians of a `Ranker`, in tables by field number.

    Args:
        score, mutual, noise: Of each field, ``(fields,)``; `noise` is where noise of its cardinality ends.
        controls: Name -> score.
        redundancy: Row: field that informs, column: field informed about; NaN on the diagonal and where not scored.
        relation: Score of the cross of two fields, ``(fields, fields)``, NaN as above.
        synergy, synergy_noise: Of each cross of the ranker, in its order: score minus the scores of its fields, and
            where that of noise ends; NaN where not scored.
    """

    score: np.ndarray
    mutual: np.ndarray
    noise: np.ndarray
    controls: dict[str, float]
    redundancy: np.ndarray
    relation: np.ndarray
    synergy: np.ndarray
    synergy_noise: np.ndarray


def scores_of(ranker: Ranker) -> Scores:
    """Return the medians over all batches, and where noise ends.

    Scores of nothing are those of the random controls, and those of all fields and controls for a label in random
    order. Each is divided by the deviation that noise of its cardinality has; the most extreme, times `MARGIN`, times
    the deviation of a field is where noise ends for that field. So fields of any cardinality are held against their
    like. The synergies of crosses are treated the same way; theirs count among the scores of nothing, too.

    Source of the shadows: Kursa and Rudnicki, "Feature Selection with the Boruta Package", JSS 2010; the controls are
    OutRank's, which has no such rule and leaves the comparison to the reader.
    """
    count = len(ranker.fields)
    singles = ranker.singles.result()
    controls = dict(zip(CONTROLS, singles[count:, 0].tolist(), strict=True))
    redundancy, relation = np.full((count, count), np.nan), np.full((count, count), np.nan)
    for (first, second), scores in zip(ranker.pairs, ranker.pair_scores.result(), strict=True):
        redundancy[first, second], redundancy[second, first] = scores[0], scores[1]
    crossed = ranker.cross_scores.result()
    for fields, scores in zip(ranker.crosses, crossed, strict=True):
        if len(fields) == 2:
            relation[fields[0], fields[1]] = relation[fields[1], fields[0]] = scores[0]
    noise_controls = [count + CONTROLS.index(name) for name in NOISE]
    extreme = _extreme(
        np.concatenate([singles[:, 2], singles[noise_controls, 0]]),
        np.concatenate([singles[:, 3], singles[noise_controls, 3]]),
    )
    synergy, by_chance, deviation = _synergies(ranker.crosses, crossed, singles)
    score, mutual, _, scale = singles[:count].T
    return Scores(
        score=score,
        mutual=mutual,
        noise=MARGIN * extreme * scale,
        controls=controls,
        redundancy=redundancy,
        relation=relation,
        synergy=synergy,
        synergy_noise=MARGIN * max(extreme, _extreme(by_chance, deviation)) * deviation,
    )


def _extreme(scores: np.ndarray, scales: np.ndarray) -> float:
    """The largest absolute score of nothing, in units of its scale; 0 without scores."""
    known = scales > 0
    return float(np.abs(scores[known] / scales[known]).max(initial=0.0))


def _synergies(
    crosses: Sequence[tuple[int, ...]], crossed: np.ndarray, singles: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each cross tells beyond its fields, the same for a shuffled label, and the deviation of that of noise."""
    found = np.full((3, len(crosses)), np.nan)
    for number, fields in enumerate(crosses):
        alone, together = singles[list(fields)], crossed[number]
        found[:2, number] = together[[0, 2]] - alone[:, [0, 2]].sum(axis=0)
        found[2, number] = np.sqrt(together[3] ** 2 + (alone[:, 3] ** 2).sum())
    return found[0], found[1], found[2]


def ranked_fields(
    ranker: Ranker, scores: Scores, statistics: Mapping[str, FieldStatistics], unusable: Mapping[str, str]
) -> tuple[RankedField, ...]:
    """Return the fields in the order in which they are worth taking, each with a verdict.

    Args:
        ranker: What was scored.
        scores: Its medians.
        statistics: What each field holds.
        unusable: Fields that cannot help whatever they score, with the reason.
    """
    config, names = ranker.config, [field.name for field in ranker.fields]
    order = three_mr(
        scores.score,
        scores.redundancy,
        scores.relation,
        alpha=config.alpha,
        beta=config.beta,
        aggregate=config.aggregate,
    )
    by_score = np.argsort(np.argsort(-scores.score, kind="stable"), kind="stable") + 1
    partners, transforms = _partners(ranker, scores), _best_transforms(ranker, scores)
    found: list[RankedField] = []
    kept: list[int] = []
    for position, number in enumerate(order, 1):
        partner = partners[number]
        keep, reason = _verdict(number, names, scores, partner, kept, ranker, unusable)
        kept += [number] * keep
        counted = statistics[names[number]]
        found.append(
            RankedField(
                name=names[number],
                rank=0,
                three_mr=position,
                score=float(scores.score[number]),
                score_rank=int(by_score[number]),
                mutual_information=float(scores.mutual[number]),
                noise=float(scores.noise[number]),
                partner=names[partner.number] if partner.number >= 0 else "",
                synergy=partner.synergy,
                cardinality=counted.cardinality,
                cardinality_is_exact=counted.cardinality_is_exact,
                coverage=counted.coverage,
                keep=keep,
                reason=reason,
                transform=transforms.get(number, ""),
            )
        )
    found.sort(key=lambda field: not field.keep)  # keeps the order among equals
    return tuple(replace(field, rank=rank) for rank, field in enumerate(found, 1))


@dataclass(frozen=True)
class _Partner:
    """The field with which another tells most beyond the two alone; number -1 where no cross was scored."""

    number: int = -1
    synergy: float = 0.0
    noise: float = 0.0


def _partners(ranker: Ranker, scores: Scores) -> list[_Partner]:
    """The best partner of each field: that with the largest synergy, in units of where noise ends."""
    best = [_Partner()] * len(ranker.fields)
    for fields, synergy, noise in zip(ranker.crosses, scores.synergy, scores.synergy_noise, strict=True):
        if len(fields) != 2 or np.isnan(synergy):
            continue
        for one, other in (fields, fields[::-1]):
            if best[one].number < 0 or synergy * best[one].noise > best[one].synergy * noise:
                best[one] = _Partner(other, float(synergy), float(noise))
    return best


def _verdict(
    number: int,
    names: Sequence[str],
    scores: Scores,
    partner: _Partner,
    kept: Sequence[int],
    ranker: Ranker,
    unusable: Mapping[str, str],
) -> tuple[bool, str]:
    """Whether to keep a field, and why."""
    if names[number] in unusable:
        return False, unusable[names[number]]
    for other in kept:
        if (min(number, other), max(number, other)) in ranker.renamings:
            return False, f"tells the same as {names[other]}"
    if scores.score[number] > scores.noise[number]:
        return True, "tells more than noise"
    if partner.number >= 0 and names[partner.number] not in unusable and partner.synergy > partner.noise:
        return True, f"tells something together with {names[partner.number]}"
    return False, "tells no more than noise"


def _best_transforms(ranker: Ranker, scores: Scores) -> dict[int, str]:
    """Field -> its best transform, where that tells more than the field as it was ranked."""
    found: dict[int, tuple[float, str]] = {}
    for (field, transform), (score,) in zip(ranker.transforms, ranker.transform_scores.result(), strict=True):
        if score > found.get(field, (scores.score[field], ""))[0]:
            found[field] = (float(score), str(transform))
    return {field: text for field, (_, text) in found.items()}


def redundancies(ranker: Ranker) -> tuple[Redundancy, ...]:
    """Return the pairs that were scored, the strongest first."""
    names = [field.name for field in ranker.fields]
    found = [
        Redundancy(names[pair[0]], names[pair[1]], float(there), float(back), float(mutual), pair in ranker.renamings)
        for pair, (there, back, mutual) in zip(ranker.pairs, ranker.pair_scores.result(), strict=True)
        if not np.isnan(mutual)
    ]
    return tuple(sorted(found, key=lambda one: -max(one.score, one.back)))


def interactions(ranker: Ranker, scores: Scores) -> tuple[Interaction, ...]:
    """Return the crosses that were scored, the largest synergy first."""
    names = [field.name for field in ranker.fields]
    crossed, counts = ranker.cross_scores.result(), ranker.cross_scores.counts
    found = [
        Interaction(
            fields=tuple(names[field] for field in fields),
            score=float(crossed[number, 0]),
            synergy=float(scores.synergy[number]),
            noise=float(scores.synergy_noise[number]),
            batches=int(counts[number]),
        )
        for number, fields in enumerate(ranker.crosses)
        if counts[number]
    ]
    return tuple(sorted(found, key=lambda one: -one.synergy))
