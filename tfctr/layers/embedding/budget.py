"""An embedding budget as an input: "64 MB" in, a form and a size for every vocabulary out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from tfctr.layers.embedding._precision import bytes_of_row, check_precision
from tfctr.layers.embedding.byte_size import format_bytes, parse_bytes
from tfctr.layers.embedding.memory import SLOTS
from tfctr.layers.embedding.table_choice import TableChoice, TablePlan
from tfctr.spec import BoundSpec, IdFeature

_STEP = 1.1
"""By how much the compression grows from one attempt to the next."""


def plan_tables(
    spec: BoundSpec,
    counts: Mapping[str, np.ndarray],
    dim: int | Mapping[str, int],
    budget: str | int = "64 MB",
    *,
    optimizer: str | None = None,
    compression: float = 10.0,
    full_rows: int = 256,
    precision: str | None = None,
) -> TablePlan:
    """Choose a form and a size for every vocabulary, so that all tables together fit a budget.

    The rule, in this order:

    1. When everything fits with a row an id, nothing is compressed.
    2. Vocabularies of at most `full_rows` rows keep a row an id: compressing them saves next to nothing.
    3. One count decides for all others: an id seen at least that often in training keeps a row of its own
       (padding and out-of-vocabulary rows do so always), rarer ids share ``1 / compression`` as many rows. The
       least count that fits is taken. A vocabulary whose ids all keep their rows is ``full``; one whose shared
       ids are less than 5 % of its look-ups is ``hashed`` (one more gather would serve few rows), else
       ``double-hashed``. A vocabulary in which no id is that frequent is ``quotient-remainder``: where no id
       stands out, each keeps a vector of its own.
    4. When no count fits, all of them are ``quotient-remainder`` with more ids a row, as far as needed. The
       least is about ``2 √rows`` rows.

    Hash and quantile buckets have no counts of their own; their ids are taken to be seen alike.

    Args:
        spec: Bound spec.
        counts: Vocabulary -> times each id was seen in training, ``(rows,)``; as
            ``TransformOutput.vocabulary_counts`` gives them.
        dim: Numbers kept for an id: the width of its embedding, or, by vocabulary, the sum of the widths of all
            embeddings that hold it (a model with a linear part keeps one more).
        budget: Bytes, as a number or as `parse_bytes` reads them.
        optimizer: Name of a `FitConfig.optimizer` whose slots count too: what training holds. None counts the
            weights alone: what is saved and served.
        compression: Rare ids for each row that they share, at least 1.
        full_rows: Greatest vocabulary that is never compressed.
        precision: ``int8`` or ``int4`` counts rows as `tfctr.models.quantize_tables` keeps them after training; it goes
            with no `optimizer`, since training holds them in float32.

    Returns:
        The plan; ``plan.tables`` is the `tables` of a model, ``print(plan)`` says what was chosen.

    Raises:
        ValueError: When no plan fits (says the least possible), and for counts that do not fit the spec.

    Example:
        >>> from tfctr.spec import FeatureSpec
        >>> spec = FeatureSpec(
        ...     name="ads",
        ...     features=[{"kind": "categorical", "name": "site", "role": "context"}],
        ...     tasks=[{"name": "click", "label": "clicked"}],
        ...     split={"by": "hash", "column": "site"},
        ... )
        >>> counts = np.concatenate([[0, 0], 1_000_000 // np.arange(1, 9_999)])
        >>> plan = plan_tables(spec.bind({"site": 10_000}), {"site": counts}, dim=16, budget="200 kB")
        >>> choice = plan.choices[0]
        >>> choice.kind, choice.private_rows < choice.trained_rows <= 3125, choice.private_share > 0.8
        ('double-hashed', True, True)
    """
    limit = parse_bytes(budget)
    if compression < 1:
        raise ValueError(f"compression is ids per row and at least 1. Received: {compression}")
    if optimizer is not None and optimizer not in SLOTS:
        raise ValueError(
            f"optimizer is one of {', '.join(SLOTS)}, or None for the weights alone. Received: {optimizer!r}"
        )
    check_precision(precision)
    if precision is not None and optimizer is not None:
        raise ValueError(f"precision={precision!r} is that of served tables, optimizer={optimizer!r} counts training's")
    copies = 1 if optimizer is None else 1 + SLOTS[optimizer]
    widths = {name: dim if isinstance(dim, int) else dim.get(name, 0) for name in spec.rows}
    vocabularies = [
        _Vocabulary.from_spec(spec, name, counts, width, copies * bytes_of_row(width, precision), full_rows)
        for name, width in widths.items()
    ]

    def planned(choose: Callable[[_Vocabulary], TableChoice]) -> TablePlan:
        return TablePlan(tuple(choose(vocabulary) for vocabulary in vocabularies), limit, optimizer)

    plan = planned(_Vocabulary.full)
    if plan.bytes_after <= limit:
        return plan
    thresholds = np.unique(np.concatenate([vocabulary.monotone for vocabulary in vocabularies]))
    thresholds = thresholds[thresholds > 0]
    low, high = 0, len(thresholds)
    while low < high:  # the cost falls as the threshold rises
        middle = (low + high) // 2
        fits = (
            planned(partial(_Vocabulary.above, threshold=thresholds[middle], compression=compression)).bytes_after
            <= limit
        )
        low, high = (low, middle) if fits else (middle + 1, high)
    for threshold in thresholds[low:]:
        plan = planned(partial(_Vocabulary.above, threshold=threshold, compression=compression))
        if plan.bytes_after <= limit:
            return plan
    greatest = max(math.sqrt(vocabulary.rows) for vocabulary in vocabularies)
    ids_per_row = compression
    while True:
        plan = planned(partial(_Vocabulary.composed, compression=ids_per_row))
        if plan.bytes_after <= limit:
            return plan
        if ids_per_row > greatest:
            break
        ids_per_row *= _STEP
    raise ValueError(
        f"an embedding budget of {format_bytes(limit)} cannot be kept by spec {spec.spec.name!r}: its "
        f"{len(vocabularies)} vocabularies need at least {format_bytes(plan.bytes_after)} ({plan.bytes_after} bytes)"
        f"{'' if optimizer is None else f' with the slots of {optimizer}'}, and {format_bytes(plan.bytes_before)} with "
        "a row an id. Give more, or a smaller embedding_dim."
    )


@dataclass(frozen=True)
class _Vocabulary:
    """What the choice for one vocabulary is made from.

    Attributes:
        name, rows: Of the vocabulary.
        row_bytes: Bytes that one trained row costs, slots included where they count.
        counts: Times each id was seen.
        first: First id of the learned values; ids before it always keep a row.
        small: Whether it is never compressed.
    """

    name: str
    rows: int
    row_bytes: int
    counts: np.ndarray
    first: int
    small: bool

    @classmethod
    def from_spec(
        cls,
        spec: BoundSpec,
        name: str,
        counts: Mapping[str, np.ndarray],
        width: int,
        row_bytes: int,
        full_rows: int,
    ) -> _Vocabulary:
        rows, owner = spec.rows[name], spec.spec.feature(name)
        if name not in counts or len(counts[name]) != rows:
            found = f"{len(counts[name])} of them" if name in counts else "none"
            raise ValueError(f"vocabulary {name!r} has {rows} rows and needs as many counts; {found} are given")
        learned = isinstance(owner, IdFeature) and owner.hash_buckets is None
        seen = np.asarray(counts[name], np.float64)
        first = 1
        if learned:
            assert isinstance(owner, IdFeature)
            first += owner.effective_vocabulary.oov_buckets
        else:  # buckets: nobody counted them one by one
            seen = np.concatenate([[0.0], np.full(rows - 1, seen[1:].mean())])
        return cls(name, rows, row_bytes, seen, first, width == 0 or rows <= full_rows)

    @property
    def monotone(self) -> np.ndarray:
        """Counts of the learned values, made to fall even where they were given in another order."""
        return np.maximum.accumulate(self.counts[self.first :][::-1])[::-1]

    def full(self) -> TableChoice:
        return self._choice("full", 1.0, self.rows, self.rows)

    def above(self, threshold: float, compression: float) -> TableChoice:
        """The form in which ids seen at least `threshold` times keep a row."""
        values = int(np.count_nonzero(self.monotone >= threshold))
        private = self.first + values
        if self.small or private >= self.rows:
            return self.full()
        if values == 0:
            return self.composed(compression)
        trained = private + max(1, round((self.rows - private) / compression))
        shared = self.counts[private:].sum()
        kind = "hashed" if shared < 0.05 * self.counts.sum() else "double-hashed"
        choice = self._choice(kind, compression, trained, private)
        return choice if choice.bytes_after < self.full().bytes_after else self.full()

    def composed(self, compression: float) -> TableChoice:
        """Quotient–remainder with at most √rows ids a row, beyond which it grows again."""
        if self.small:
            return self.full()
        compression = max(1.0, min(compression, math.sqrt(self.rows)))
        modulus = max(1, math.ceil(self.rows / compression))
        return self._choice("quotient-remainder", compression, modulus + math.ceil(self.rows / modulus), 0)

    def _choice(self, kind: str, compression: float, trained: int, private: int) -> TableChoice:
        total = self.counts.sum()
        return TableChoice(
            vocabulary=self.name,
            kind=kind,
            rows=self.rows,
            trained_rows=trained,
            private_rows=private,
            compression=compression,
            bytes_before=self.rows * self.row_bytes,
            bytes_after=trained * self.row_bytes,
            lookups=float(total),
            private_share=float(self.counts[:private].sum() / total) if total else float(private == self.rows),
        )
