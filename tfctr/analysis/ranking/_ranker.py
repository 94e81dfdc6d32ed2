"""The scores of a stream of mini-batches: fields, controls, pairs and crosses, each the median over the batches."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from tfctr.analysis.ranking._controls import CONTROLS, controls
from tfctr.analysis.ranking._fields import Column, Field, encode_array, in_buckets
from tfctr.analysis.ranking._information import Codes, Information, cross, information, is_renaming
from tfctr.analysis.ranking._medians import Medians
from tfctr.analysis.ranking._schedule import Schedule, crosses
from tfctr.analysis.ranking._transforms import TRANSFORMS, Transform, transformed
from tfctr.analysis.ranking.config import RankingConfig

Pair = tuple[int, int]
Figures = tuple[float, float, float, float]
FIGURES = 4
"""Score, plain mutual information, score of a shuffled label, scale of noise."""


class Ranker:
    """Scores the mini-batches of a log, one after the other, in memory that does not grow with their number.

    In each batch the rows are put into random order first: the noise label of the correction is a shifted label, which
    is noise only when neighbouring rows have nothing to do with each other.

    Args:
        fields: The fields.
        config: Settings.

    Attributes:
        pairs: The pairs of fields that are scored against each other, by number.
        crosses: The sets of fields that are crossed and scored against the label.
        batches: Mini-batches scored.
        renamings: Pairs of fields that were the same but for the names of their values in every batch.
    """

    def __init__(self, fields: Sequence[Field], config: RankingConfig):
        self.fields = tuple(fields)
        self.config = config
        self.pairs: list[Pair] = list(itertools.combinations(range(len(fields)), 2)) if config.redundancy else []
        self.crosses = crosses(len(fields), config.order)
        self.batches = 0
        self.renamings: set[Pair] = set(self.pairs)
        self.schedule = Schedule(len(self.pairs) + len(self.crosses), config.max_pairs, config.seed)
        numeric = [number for number, field in enumerate(fields) if field.numeric and config.transforms]
        self.transforms = list(itertools.product(numeric, TRANSFORMS))
        self.singles = Medians(len(fields) + len(CONTROLS), FIGURES, config.seed)
        self.pair_scores = Medians(len(self.pairs), 3, config.seed)
        self.cross_scores = Medians(len(self.crosses), FIGURES, config.seed)
        self.transform_scores = Medians(len(self.transforms), 1, config.seed)

    def update(self, columns: Mapping[str, Column], labels: np.ndarray) -> None:
        """Score one mini-batch.

        Args:
            columns: The fields' codes by name.
            labels: Bool ``(rows,)``.
        """
        generator = np.random.default_rng([self.config.seed, 3, self.batches])
        order = generator.permutation(len(labels))
        label = encode_array(pa.array(labels)).codes.ordered(order)
        shuffled = label.values[generator.permutation(len(labels))]
        codes = [self._codes(columns[field.name], field).ordered(order) for field in self.fields]
        made = controls(label, codes, generator)
        self._score_singles([*codes, *(made[name] for name in CONTROLS)], label, shuffled)
        self._score_transforms(columns, order, label)
        self._score_scheduled(codes, label, shuffled)
        self.batches += 1

    def _codes(self, column: Column, field: Field) -> Codes:
        return in_buckets(column, self.config.buckets) if field.numeric else column.codes

    def _score_singles(self, codes: Sequence[Codes], label: Codes, shuffled: np.ndarray) -> None:
        scores = [self._row(information(one, label, shuffled)) for one in codes]
        self.singles.add(np.arange(len(codes)), np.array(scores))

    def _row(self, found: Information) -> Figures:
        """The `FIGURES` of a score, by the heuristic of the config."""
        if self.config.heuristic == "mi":
            by_chance = found.mutual - found.balanced + found.balanced_shadow
            return found.mutual, found.mutual, by_chance, found.balanced_scale
        if self.config.heuristic == "cc-mi":
            return found.corrected, found.mutual, found.shadow, found.scale
        return found.balanced, found.mutual, found.balanced_shadow, found.balanced_scale

    def _score_scheduled(self, codes: Sequence[Codes], label: Codes, shuffled: np.ndarray) -> None:
        chosen = self.schedule.next()
        of_pairs = chosen[chosen < len(self.pairs)]
        scores = np.array([self._pair(codes, self.pairs[number]) for number in of_pairs]).reshape(-1, 3)
        self.pair_scores.add(of_pairs, scores)
        of_crosses = chosen[chosen >= len(self.pairs)] - len(self.pairs)
        found = [
            information(cross(*(codes[field] for field in self.crosses[number])), label, shuffled)
            for number in of_crosses
        ]
        self.cross_scores.add(of_crosses, np.array([self._row(one) for one in found]).reshape(-1, FIGURES))

    def _pair(self, codes: Sequence[Codes], pair: Pair) -> tuple[float, float, float]:
        """What the first tells about the second, the second about the first, and their plain mutual information."""
        first, second = codes[pair[0]], codes[pair[1]]
        there, back = information(first, second), information(second, first)
        if pair in self.renamings and not is_renaming(first, second):
            self.renamings.discard(pair)
        return self._row(there)[0], self._row(back)[0], there.mutual

    def _score_transforms(self, columns: Mapping[str, Column], order: np.ndarray, label: Codes) -> None:
        numbers = {subject: number for number, subject in enumerate(self.transforms)}
        found: dict[tuple[int, Transform], float] = {}
        for field in dict.fromkeys(field for field, _ in self.transforms):
            for transform, codes in transformed(columns[self.fields[field].name]):
                found[field, transform] = self._row(information(codes.ordered(order), label))[0]
        positions = np.array([numbers[subject] for subject in found], dtype=np.int64)
        self.transform_scores.add(positions, np.array(list(found.values())).reshape(-1, 1))
