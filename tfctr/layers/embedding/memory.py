"""How much memory tables will take, asked before they take it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from tfctr.layers.embedding._precision import bytes_of_rows
from tfctr.layers.embedding.byte_size import format_bytes, parse_bytes
from tfctr.layers.embedding.table import EmbeddingTable

SLOTS = {"lazy_adam": 2, "adam": 2, "lazy_ftrl": 2, "lazy_adagrad": 1, "lazy_sgd": 0}
"""Numbers an optimizer keeps beside each weight, by its name in `FitConfig`."""

LIMIT_VARIABLE = "TFCTR_MEMORY_LIMIT"
"""Environment variable that overrides the free memory, such as ``64 GB``."""

INITIAL_VALUES = 2.2
"""Times a table's weights that drawing its initial values takes for a moment; measured on the CPU."""

BATCH_ROWS = 4096
"""Rows of the batch whose gradients are estimated."""

_NUMBER_BYTES = 4


class TooLargeError(MemoryError):
    """Tables would not fit into memory; says what they need, what there is, and what would fit."""


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that tables take.

    Attributes:
        weights: Of the trained rows.
        slots: Of the optimizer, beside the weights.
        gradients: Of one batch of 4096 rows, which are sparse: values, and their sums by row.
        building: Most that is needed while the weights are made: drawing initial values takes memory too.
    """

    weights: int
    slots: int
    gradients: int
    building: int

    @property
    def total(self) -> int:
        """Bytes while training."""
        return self.weights + self.slots + self.gradients


def estimate_memory(tables: Iterable[EmbeddingTable], *, slots: int = 2, ids: int = 1) -> MemoryEstimate:
    """Return what sized tables will take; they need not be built.

    Args:
        tables: The tables.
        slots: Numbers an optimizer keeps for each weight; 2 as Adam does, see `SLOTS`.
        ids: Ids looked up in a row of data, all features together.
    """
    sizes, trained, width = [], 0, 1
    for table in tables:
        size = sum(bytes_of_rows(*shape, table.precision) for shape in table.weight_shapes().values())
        sizes.append(size)
        if table.precision is None:
            trained, width = trained + size, max(width, table.size[1])
    weights = sum(sizes)
    gradients = min(2 * BATCH_ROWS * ids * width * _NUMBER_BYTES, 2 * trained)
    building = weights + round(INITIAL_VALUES * max(sizes, default=0))
    return MemoryEstimate(weights, slots * trained, gradients, building)


def free_memory() -> int:
    """Return the bytes that a new table may take.

    `LIMIT_VARIABLE` where it is set, else what the system says is available, and no more than the container's
    limit leaves. Where neither is known, as on macOS, half the physical memory. Memory of accelerators is not
    looked at.
    """
    if limit := os.environ.get(LIMIT_VARIABLE):
        return parse_bytes(limit)
    return min(_available(), _container_leaves())


def refuse_too_large(tables: Sequence[EmbeddingTable], *, ids: int = 1, limit: int | None = None) -> None:
    """Raise when `tables` cannot even be built; call before building them.

    Args:
        tables: Sized tables, not built.
        ids: As in `estimate_memory`.
        limit: Bytes there are; `free_memory` when None.

    Raises:
        TooLargeError: With the estimate (weights, slots, gradients) and what would fit.
    """
    estimate = estimate_memory(tables, ids=ids)
    limit = free_memory() if limit is None else limit
    if estimate.building > limit:
        raise TooLargeError(explain_too_large(tables, estimate, limit, "Adam"))


def explain_too_large(tables: Sequence[EmbeddingTable], estimate: MemoryEstimate, limit: int, optimizer: str) -> str:
    """Return the message of a refusal."""
    largest = max(tables, key=lambda table: prod(table.size))
    rows, dim = largest.size
    factor = max(estimate.total, estimate.building) / limit
    fits_rows, fits_dim = int(rows / factor), int(dim / factor)
    narrower = f"width {fits_dim} with these rows, " if fits_dim else ""
    return (
        f"the embedding tables do not fit into memory. The largest has {rows:,} rows of width {dim}. All need "
        f"{format_bytes(estimate.weights)} for weights, {format_bytes(estimate.slots)} for the slots of {optimizer}, "
        f"{format_bytes(estimate.gradients)} for the gradients of a batch of {BATCH_ROWS} rows: "
        f"{format_bytes(estimate.total)}; {format_bytes(estimate.building)} for a moment while initial values are "
        f"drawn. Free: {format_bytes(limit)}. What would fit: {narrower}{fits_rows:,} rows of width {dim}, or "
        f"hashing chosen by plan_tables(..., budget='{format_bytes(estimate.weights / factor)}') (embedding_budget in "
        f"the pipeline). {LIMIT_VARIABLE} sets another limit."
    )


def _available() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _container_leaves(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes below the container's limit (control groups, version 2); its file cache can be given up."""
    try:
        limit, used = ((root / name).read_text().strip() for name in ("memory.max", "memory.current"))
        statistics = (root / "memory.stat").read_text().splitlines()
    except OSError:
        return 2**63
    cache = next((int(line.split()[1]) for line in statistics if line.startswith("inactive_file ")), 0)
    return 2**63 if limit == "max" else max(0, int(limit) - int(used) + cache)
