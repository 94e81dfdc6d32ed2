"""A generated archive as a small table: a rating goes by openness times category, and by little else."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from tfctr.benchmark.ads import StudyConfig
from tfctr.data.datasets.ads16 import Ads16Config, generate_ads16, read_ads16

COLUMNS = ("user_id", "ad_id", "category", "rating", "click", "age", "openness")
QUICK = {"all": {"batch_size": 512, "fit": {"epochs": 8, "learning_rate": 0.03}}}
"""Enough for six thousand rows, in a second."""


def planted_table(users: int = 24, seed: int = 0, columns: Sequence[str] = COLUMNS) -> pa.Table:
    config = Ads16Config(users=users, appeal=0.1, strictness=0.2, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        generate_ads16(Path(folder), config)
        return read_ads16(folder).table.select(list(columns))


def quick(**changes: object) -> StudyConfig:
    return StudyConfig.model_validate({"folds": 3, "seeds": 1, "settings": QUICK, "samples": 50, **changes})
