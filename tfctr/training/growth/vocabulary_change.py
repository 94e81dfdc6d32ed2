"""Which ids stay, which are new and which are gone from one transform to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tfctr.spec import FeatureSpec, IdFeature, Problem, SpecError
from tfctr.transform import TransformOutput
from tfctr.transform._vocabulary import oov_ids


@dataclass(frozen=True)
class VocabularyChange:
    """What became of one vocabulary.

    Attributes:
        name: Name of the vocabulary.
        old_rows: Rows it had, padding and out-of-vocabulary rows included.
        source: Old id of each id of today, int64 ``(rows,)``; -1 for a new one. The row map.
        oov: Old id that each id of today was given yesterday, int64 ``(rows,)``: its own, or the
            out-of-vocabulary id that a new value fell into.
        counts: Times each id was seen in the training rows of today, int64 ``(rows,)``.
        first: Id of the first value; padding and out-of-vocabulary ids, which are never new, stand before it.
    """

    name: str
    old_rows: int
    source: NDArray[np.int64]
    oov: NDArray[np.int64]
    counts: NDArray[np.int64]
    first: int

    @property
    def kept(self) -> int:
        """Values of yesterday that are still there."""
        return int(np.count_nonzero(self.source[self.first :] >= 0))

    @property
    def new(self) -> int:
        """Values that were not there yesterday."""
        return int(np.count_nonzero(self.source < 0))

    @property
    def dropped(self) -> int:
        """Values of yesterday that are gone; they are out-of-vocabulary now."""
        return self.old_rows - self.first - self.kept

    @property
    def new_share(self) -> float:
        """Share of today's look-ups that are of new values."""
        total = int(self.counts.sum())
        return float(self.counts[self.source < 0].sum() / total) if total else 0.0

    @property
    def unchanged(self) -> bool:
        """Whether every id means what it meant."""
        return len(self.source) == self.old_rows and bool(np.array_equal(self.source, np.arange(self.old_rows)))


@dataclass(frozen=True)
class VocabularyChanges:
    """The changes of all vocabularies of a spec; printed, it is a table."""

    by_name: dict[str, VocabularyChange]

    def __str__(self) -> str:
        lines = [("vocabulary", "kept", "new", "dropped", "look-ups of new")]
        for change in self.by_name.values():
            kept, new, dropped = (f"{number:,}" for number in (change.kept, change.new, change.dropped))
            lines.append((change.name, kept, new, dropped, f"{100 * change.new_share:.1f} %"))
        widths = [max(len(line[column]) for line in lines) for column in range(5)]
        pad = [str.ljust, *[str.rjust] * 4]
        return "\n".join("  ".join(f(cell, w) for f, cell, w in zip(pad, line, widths, strict=True)) for line in lines)


def compare_vocabularies(old: TransformOutput, new: TransformOutput) -> VocabularyChanges:
    """Return what became of every vocabulary between two transforms of one spec.

    Hash and quantile buckets keep their ids. (The bounds of quantiles and the means of numbers may move with the
    data; nothing can be carried over for that.)

    Raises:
        SpecError: When the features of the two specs differ.
    """
    _check_same_features(old.spec, new.spec)
    return VocabularyChanges({name: _change(name, old, new) for name in new.spec.tables})


def _change(name: str, old: TransformOutput, new: TransformOutput) -> VocabularyChange:
    counts, old_rows = new.vocabulary_counts(name), old.bound_spec.rows[name]
    owner = new.spec.feature(name)
    if not isinstance(owner, IdFeature) or owner.hash_buckets is not None:
        same = np.arange(old_rows)
        return VocabularyChange(name, old_rows, same, same, counts, first=1)
    values, buckets = new.vocabulary(name), owner.effective_vocabulary.oov_buckets
    first = 1 + buckets
    positions = _positions(values, old.vocabulary(name))
    found = positions >= 0
    own = np.where(found, positions + first, -1)
    head = np.arange(first)
    fallen = own.copy()
    fallen[~found] = oov_ids([values[i] for i in np.flatnonzero(~found)], buckets)
    return VocabularyChange(name, old_rows, np.append(head, own), np.append(head, fallen), counts, first)


def _positions(values: Sequence[str], among: Sequence[str]) -> NDArray[np.int64]:
    """Index of each of `values` in `among`, -1 where it is not there, int64."""
    arrays = [
        pa.array([text.encode("utf-8", "surrogateescape") for text in texts], pa.large_binary())
        for texts in (values, among)
    ]
    found = pc.index_in(arrays[0], value_set=arrays[1])
    return np.asarray(pc.fill_null(found, -1), np.int64)


def _check_same_features(old: FeatureSpec, new: FeatureSpec) -> None:
    before, after = ({f.name: f for f in spec.features} for spec in (old, new))
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    same_order = [f.name for f in old.features] == [f.name for f in new.features]
    same_tasks = [task.name for task in old.tasks] == [task.name for task in new.tasks]
    if changed or not same_order or not same_tasks:
        what = ", ".join(changed) or ("the order of features" if same_tasks else "the tasks")
        text = f"the two specs differ in {what}; a model grows with its vocabularies alone: train it anew"
        raise SpecError([Problem(text, "features")])
