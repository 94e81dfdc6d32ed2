"""The training task that contenders share: the shape of the model, and rows of ids with planted labels.

Needs NumPy alone: every contender's environment imports it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

FIELDS = 26
DIM = 16
HIDDEN_UNITS = (400, 400, 400)
BATCH = 4096
LEARNING_RATE = 1e-3
LABEL = "click"
NAMES = tuple(f"field_{index}" for index in range(FIELDS))


@dataclass(frozen=True)
class Rows:
    """Rows to train on.

    Attributes:
        ids: int64 ``(rows, FIELDS)``, each in ``[1, field_rows)``: 0 is padding in all libraries and does not occur.
        labels: float32 ``(rows,)``, 0 or 1.
        field_rows: Rows of each field's table.
    """

    ids: np.ndarray
    labels: np.ndarray
    field_rows: int

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """The ids of each field by name, contiguous."""
        return {name: np.ascontiguousarray(self.ids[:, index]) for index, name in enumerate(NAMES)}

    def save(self, path: Path) -> None:
        """Write the rows for other processes."""
        np.savez(path, ids=self.ids, labels=self.labels, field_rows=self.field_rows)

    @classmethod
    def load(cls, path: Path) -> Rows:
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            return cls(arrays["ids"], arrays["labels"], int(arrays["field_rows"]))


def make_rows(rows: int, table_rows: int, seed: int = 0) -> Rows:
    """Draw rows whose ids are as skewed as words are: the r-th most frequent id of a field has probability ~ 1/r.

    Args:
        rows: How many.
        table_rows: Rows of all tables together; every field has an equal share.
        seed: Of everything drawn.

    Returns:
        The rows. Labels follow four of the fields, so that a model that learns is seen to.

    Raises:
        ValueError: When a field's table would have fewer than two rows.

    Example:
        >>> drawn = make_rows(1000, table_rows=26_000)
        >>> drawn.ids.shape, drawn.field_rows, int(drawn.ids.min())
        ((1000, 26), 1000, 1)
    """
    field_rows = table_rows // FIELDS
    if field_rows < 2:
        raise ValueError(f"{table_rows} rows are too few for the tables of {FIELDS} fields")
    rng = np.random.default_rng([seed, table_rows])
    # A logarithm that is uniform gives density 1/r.
    ids = np.exp(rng.random((rows, FIELDS)) * np.log(field_rows)).astype(np.int64).clip(1, field_rows - 1)
    taste = rng.normal(0.0, 0.8, (4, field_rows))
    logit = sum(taste[field][ids[:, field]] for field in range(4)) - 1.0
    labels = rng.random(rows) < 1.0 / (1.0 + np.exp(-logit))
    return Rows(ids, labels.astype(np.float32), field_rows)
