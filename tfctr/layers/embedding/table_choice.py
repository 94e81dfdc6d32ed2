"""What a budget chose: one line a vocabulary, and the tables that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

from tfctr.layers.embedding.byte_size import format_bytes
from tfctr.layers.embedding.double_hashed_table import DoubleHashedTable
from tfctr.layers.embedding.hashed_table import HashedTable
from tfctr.layers.embedding.quotient_remainder_table import QuotientRemainderTable
from tfctr.layers.embedding.table import EmbeddingTable


@dataclass(frozen=True)
class TableChoice:
    """The form chosen for one vocabulary.

    Attributes:
        vocabulary: Its name.
        kind: ``full``, ``hashed``, ``double-hashed`` or ``quotient-remainder``.
        rows: Ids, padding included.
        trained_rows: Rows that are trained and kept.
        private_rows: Ids that have a row to themselves.
        compression: Ids a shared row.
        bytes_before: Bytes with a row an id.
        bytes_after: Bytes as chosen.
        lookups: Times any id was seen in training.
        private_share: Share of these that were of an id with a row to itself.
    """

    vocabulary: str
    kind: str
    rows: int
    trained_rows: int
    private_rows: int
    compression: float
    bytes_before: int
    bytes_after: int
    lookups: float
    private_share: float

    def template(self) -> EmbeddingTable | None:
        """Return the table's template; None for a full one, which stays in the fused table."""
        if self.kind == "hashed":
            return HashedTable(compression=self.compression, private=self.private_rows)
        if self.kind == "double-hashed":
            return DoubleHashedTable(compression=self.compression, private=self.private_rows)
        if self.kind == "quotient-remainder":
            return QuotientRemainderTable(compression=self.compression)
        return None


@dataclass(frozen=True)
class TablePlan:
    """The forms of all vocabularies; printed, it is a table.

    Attributes:
        choices: One a vocabulary, in the order of the spec.
        budget: Bytes allowed.
        optimizer: The optimizer whose slots are counted in all bytes, None when only weights are.
    """

    choices: tuple[TableChoice, ...]
    budget: int
    optimizer: str | None = None

    @property
    def bytes_before(self) -> int:
        """Bytes of all tables with a row an id."""
        return sum(choice.bytes_before for choice in self.choices)

    @property
    def bytes_after(self) -> int:
        """Bytes of all tables as chosen."""
        return sum(choice.bytes_after for choice in self.choices)

    @property
    def private_share(self) -> float:
        """Share of all look-ups in training that were of an id with a row to itself."""
        lookups = sum(choice.lookups for choice in self.choices)
        private = sum(choice.lookups * choice.private_share for choice in self.choices)
        return min(private / lookups, 1.0) if lookups else 1.0  # a sum of shares may round to a hair above 1

    @property
    def tables(self) -> dict[str, EmbeddingTable]:
        """Fresh templates for the `tables` of a model or a `FeatureEmbedding`; full ones are left out."""
        templates = {choice.vocabulary: choice.template() for choice in self.choices}
        return {name: template for name, template in templates.items() if template is not None}

    def __str__(self) -> str:
        header = ("vocabulary", "table", "ids", "rows", "own rows", "before", "after", "look-ups of own rows")
        lines = [header, *map(_line, self.choices)]
        ids, rows = (sum(getattr(choice, name) for choice in self.choices) for name in ("rows", "trained_rows"))
        own, sizes = sum(choice.private_rows for choice in self.choices), (self.bytes_before, self.bytes_after)
        lines.append(("all", "", f"{ids:,}", f"{rows:,}", f"{own:,}", *map(format_bytes, sizes), _percent(self)))
        widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
        rendered = ["  ".join(_aligned(cell, i, widths[i]) for i, cell in enumerate(line)).rstrip() for line in lines]
        what = "weights" if self.optimizer is None else f"weights and slots of {self.optimizer}"
        return "\n".join([f"embedding budget {format_bytes(self.budget)} ({what})", *rendered])


def _line(choice: TableChoice) -> tuple[str, ...]:
    numbers = (choice.rows, choice.trained_rows, choice.private_rows)
    sizes = (choice.bytes_before, choice.bytes_after)
    counts = (f"{number:,}" for number in numbers)
    return (choice.vocabulary, choice.kind, *counts, *map(format_bytes, sizes), _percent(choice))


def _percent(choice: TableChoice | TablePlan) -> str:
    return f"{100 * choice.private_share:.1f} %"


def _aligned(cell: str, column: int, width: int) -> str:
    return cell.ljust(width) if column < 2 else cell.rjust(width)
