"""The planted log in batches."""

from __future__ import annotations

import numpy as np

from tests.training.planted_rows import SPEC, arrays, bound
from tfctr.data.batches import ArrayPlan, array_dataset

__all__ = ["SPEC", "arrays", "bound", "train_plan", "valid_data"]


def train_plan(batch_size: int = 128, **changes: np.ndarray) -> ArrayPlan:
    """Return the batches to train on."""
    return ArrayPlan({**arrays(), **changes}, SPEC, batch_size=batch_size, seed=5)


def valid_data(rows: int = 600):
    """Return rows to judge on."""
    return array_dataset(arrays(rows, seed=1), SPEC, batch_size=256)
