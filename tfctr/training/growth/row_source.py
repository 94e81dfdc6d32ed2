"""Which rows of a model's old weights its new ones are made of."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from tfctr.layers._walk import layers_of
from tfctr.layers.domains._by_group import UNKNOWN, ByGroup
from tfctr.layers.embedding import FusedLookup
from tfctr.training.growth.new_rows import NewRows, started_rows
from tfctr.training.growth.vocabulary_change import VocabularyChange, VocabularyChanges

COUNTS = "counts"
"""Name of the training counts that a table keeps for its penalty: today's are set, not yesterday's moved."""


class GrowthError(ValueError):
    """A model cannot follow its vocabularies; says which part of it, and what to do."""


@dataclass(frozen=True)
class RowSource:
    """How the rows of one fused table follow from those it had.

    Args:
        old: The look-up in the old model.
        changes: What became of its vocabularies, in the order of the look-up.
    """

    old: FusedLookup
    changes: tuple[VocabularyChange, ...]

    def rows(self, old: np.ndarray, new_rows: NewRows) -> np.ndarray:
        """Return the weights ``(rows, dim)`` from the old ones."""
        parts = [old[:1]]  # the padding of all
        for change in self.changes:
            start = self.old.offsets[change.name]
            own = np.concatenate([old[:1], old[start + 1 : start + change.old_rows]])
            parts.append(started_rows(own, change, new_rows)[1:])
        return np.concatenate(parts)

    def slots(self, old: np.ndarray, initial: np.ndarray) -> np.ndarray:
        """Return an optimizer's slots ``(rows, ...)``: those of ids that stayed follow, others are `initial`."""
        return _followed(self.source(), old, initial)

    def source(self) -> np.ndarray:
        """Return the old fused row of each new one, int64 ``(rows,)``, -1 where it is new."""
        parts = [np.zeros(1, np.int64)]
        for change in self.changes:
            shifted = change.source[1:] + self.old.offsets[change.name]
            parts.append(np.where(change.source[1:] >= 0, shifted, -1))
        return np.concatenate(parts)


@dataclass(frozen=True)
class GroupSource:
    """How weights by domain follow from those they were.

    Args:
        change: What became of the vocabulary of the domains.
    """

    change: VocabularyChange

    def rows(self, old: np.ndarray, new_rows: NewRows) -> np.ndarray:
        """Return the weights ``(rows, ...)``: a domain that is new starts as unknown ones were answered."""
        rows: np.ndarray = old[np.where(self.change.source >= 0, self.change.source, UNKNOWN)]
        return rows

    def slots(self, old: np.ndarray, initial: np.ndarray) -> np.ndarray:
        """Return an optimizer's slots ``(rows, ...)``: those of domains that stayed follow, others are `initial`."""
        return _followed(self.change.source, old, initial)


def _followed(source: np.ndarray, old: np.ndarray, initial: np.ndarray) -> np.ndarray:
    """Rows from where `source` says they were, `initial` where it is -1."""
    rows = initial.copy()
    rows[source >= 0] = old[source[source >= 0]]
    return rows


Source = RowSource | GroupSource


def row_sources(old: keras.Model, new: keras.Model, changes: VocabularyChanges) -> dict[int, Source]:
    """Return where the rows of each table's weights come from: ``id`` of a weight of `new` -> source.

    Tables whose vocabularies are unchanged are left out: they are copied as they are. So are weights by domain.

    Raises:
        GrowthError: When a changed vocabulary lies in a table whose rows do not belong to one id each.
    """
    sources: dict[int, Source] = {}
    for before, after in zip(_lookups(old), _lookups(new), strict=True):
        own = tuple(changes.by_name[name] for name in after.vocabularies)
        if all(change.unchanged for change in own):
            continue
        if not after.fused_table.row_is_id:
            names = ", ".join(change.name for change in own if not change.unchanged)
            raise GrowthError(
                f"vocabulary {names} changed, and its {type(after.fused_table).__name__} mixes the rows of ids that "
                "are others now: there is no row to move. Give it a full table, or hash_buckets in the spec, whose "
                "ids never move; or train the model anew."
            )
        source = RowSource(before, own)
        sources |= {id(weight): source for weight in after.fused_table.weights if weight.name != COUNTS}
    for layer in layers_of(new, ByGroup):
        if layer.vocabulary is not None and not changes.by_name[layer.vocabulary].unchanged:
            sources |= {id(weight): GroupSource(changes.by_name[layer.vocabulary]) for weight in layer.by_group}
    return sources


def _lookups(model: keras.Model) -> list[FusedLookup]:
    return layers_of(model, FusedLookup)
