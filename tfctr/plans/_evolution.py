"""Evolutionary search over lists of whole numbers, a generation at a time, that a killed run continues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tfctr.plans.stage import Stage

Genes = np.ndarray
"""int64 ``(genes,)``, each from 1 to the largest."""


@dataclass(frozen=True)
class Evolution:
    """Random candidates, then generations of mutations and crossings of the best ones seen so far.

    Args:
        largest: Greatest value of each gene, ``(genes,)``.
        score: Genes -> figure, higher is better; must not depend on what was scored before.
        fitted: Makes genes keep a constraint, with a generator to choose by.
        population: Candidates of the first generation.
        parents: Best candidates that the next generation comes from.
        mutated, crossed: Children of each kind in a generation.
        mutation_rate: Chance that a gene of a mutation is drawn anew.
        generations: Generations after the first.
        seed: Of all draws; a generation's draws depend on it and the generation's number alone.
    """

    largest: np.ndarray
    score: Callable[[Genes], float]
    fitted: Callable[[Genes, np.random.Generator], Genes]
    population: int
    parents: int
    mutated: int
    crossed: int
    mutation_rate: float
    generations: int
    seed: int

    def run(self, stage: Stage) -> tuple[Genes, float, list[float]]:
        """Return the best genes, their score and the best score after each generation.

        Args:
            stage: Where the state is saved after each generation.
        """
        saved = stage.load_progress()
        genes = saved["genes"] if saved else np.zeros((0, len(self.largest)), np.int64)  # (candidates, genes)
        scores = list(saved["scores"]) if saved else []
        curve = list(saved["curve"]) if saved else []
        known = {row.tobytes(): score for row, score in zip(genes, scores, strict=True)}
        for generation in range(len(curve), self.generations + 1):
            rng = np.random.default_rng([self.seed, generation])
            for child in self._children(genes, scores, rng) if generation else self._first(rng):
                key = child.astype(np.int64).tobytes()
                if key not in known:
                    known[key] = self.score(child)
                    genes, scores = np.concatenate([genes, child[np.newaxis]]), [*scores, known[key]]
            curve.append(max(scores))
            stage.save_progress(genes=genes, scores=np.array(scores), curve=np.array(curve))
        best = int(np.argmax(scores))
        return genes[best], scores[best], curve

    def _first(self, rng: np.random.Generator) -> list[Genes]:
        return [self.fitted(self._drawn(rng), rng) for _ in range(self.population)]

    def _children(self, genes: np.ndarray, scores: list[float], rng: np.random.Generator) -> list[Genes]:
        """Mutations and crossings of the best candidates."""
        parents = genes[np.argsort(np.negative(scores), kind="stable")[: self.parents]]
        children = [self._mutation(parents[rng.integers(len(parents))], rng) for _ in range(self.mutated)]
        for _ in range(self.crossed):
            left, right = parents[rng.integers(len(parents), size=2)]
            children.append(self._crossing(left, right, rng))
        return [self.fitted(child, rng) for child in children]

    def _drawn(self, rng: np.random.Generator) -> Genes:
        return rng.integers(1, self.largest + 1)

    def _mutation(self, parent: Genes, rng: np.random.Generator) -> Genes:
        """A copy with some genes drawn anew; the parent stays as it is."""
        return np.where(rng.random(len(parent)) < self.mutation_rate, self._drawn(rng), parent)

    def _crossing(self, left: Genes, right: Genes, rng: np.random.Generator) -> Genes:
        """One cut: the left parent's genes before it, the right one's behind."""
        cut = rng.integers(1, max(len(left), 2))
        return np.concatenate([left[:cut], right[cut:]])
