"""Noise controls: made-up fields that tell nothing, and two that tell all, to hold the real ones against."""

from __future__ import annotations

import numpy as np

from tfctr.analysis.ranking._fields import renumbered
from tfctr.analysis.ranking._information import Codes

PREFIX = "CONTROL-"
TARGET = f"{PREFIX}target"
CARDINALITIES = {"random-binary": 2, "random-card100": 100, "random-card2k": 2_000}
CARDINALITIES |= {"random-card10k": 10_000, "random-card50k": 50_000}
REPLICAS = 4
"""Draws of each random control: their largest score is where noise ends."""

NOISE = tuple(f"{PREFIX}{name}" + f"-{n}" * (n > 1) for name in CARDINALITIES for n in range(1, REPLICAS + 1))
"""Names of the random controls."""

_DISTINCT = tuple(f"{PREFIX}{name}" for name in ("gaussian", "uniform", "int-sequence", "volume"))
CONTROLS = (TARGET, f"{PREFIX}constant0", *_DISTINCT, *NOISE)
"""Names of all controls."""


def controls(label: Codes, fields: list[Codes], generator: np.random.Generator) -> dict[str, Codes]:
    """Return the controls of a batch by name.

    The target control is a copy of the label and must come first of all. Numbers drawn from a density, running numbers
    and the hash of the whole row (volume) have a new value in nearly every row; what they tell must be 0.

    Args:
        label: The label.
        fields: The real fields, for the hash of the row.
        generator: Draws the noise.
    """
    rows = len(label.values)
    made = {TARGET: label, f"{PREFIX}constant0": Codes(np.zeros(rows, dtype=np.int64), 1)}
    every_row = Codes(np.arange(rows), rows)  # codes of a density's draws, in order of appearance
    made |= dict.fromkeys(_DISTINCT[:-1], every_row)
    made[_DISTINCT[-1]] = _row_hash(fields, rows)
    for name in NOISE:
        cardinality = next(size for kind, size in CARDINALITIES.items() if name.startswith(f"{PREFIX}{kind}"))
        made[name] = renumbered(generator.integers(0, cardinality, rows))
    return made


def _row_hash(fields: list[Codes], rows: int) -> Codes:
    """One number a row, made of all its values: rows that repeat share it."""
    hashed = np.zeros(rows, dtype=np.uint64)
    for field in fields:
        hashed = (hashed + field.values.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        hashed ^= hashed >> np.uint64(29)
    return renumbered(hashed)
