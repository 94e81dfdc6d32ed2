"""Avazu mobile ads: 10,000 random rows over the ten days of the Kaggle train file, in order of time."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from tfctr.data.datasets._checksum import DataFile
from tfctr.data.datasets._download_sources import Mirror
from tfctr.data.datasets._tables import read_text_table
from tfctr.data.datasets.dataset import Dataset

NUMBERS = ("row", "click", "hour", "C1", "banner_pos", "device_type", "device_conn_type")
CODES = tuple(f"C{number}" for number in range(14, 22))


def read(folder: Path) -> pa.Table:
    """Read the file as it is; `id` lost digits at its source, `row` is the key."""
    types = {name: pa.int64() for name in (*NUMBERS, *CODES)}
    return read_text_table(folder / "avazu_random_10k.csv", types=types)


AVAZU = Dataset(
    name="avazu",
    title="10,000 random mobile ads of the Kaggle Click-Through Rate Prediction, 21-30 October 2014",
    licence="Kaggle competition rules: non-commercial and academic use; no right to redistribute is known",
    home="https://www.kaggle.com/c/avazu-ctr-prediction",
    rows=10_000,
    ways=(
        Mirror(
            "avazu",
            (
                DataFile(
                    "avazu_random_10k.csv.xz",
                    "13f2fce6d7de40e2a6bef9afc14bde4b96aae3863930c7e13d19378228a23efc",
                    280_424,
                ),
            ),
            read,
        ),
    ),
)
