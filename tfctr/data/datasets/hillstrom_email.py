"""Hillstrom's e-mail campaign: a true funnel from visit to purchase, with a random treatment."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from tfctr.data.datasets._checksum import DataFile
from tfctr.data.datasets._download_sources import Mirror
from tfctr.data.datasets._tables import read_text_table
from tfctr.data.datasets.dataset import Dataset

WHOLE = ("recency", "mens", "womens", "newbie", "visit", "conversion")


def read(folder: Path) -> pa.Table:
    """Read the file as it is."""
    types = {name: pa.int64() for name in WHOLE} | {name: pa.float64() for name in ("history", "spend")}
    return read_text_table(folder / "hillstrom_email.csv", types=types)


HILLSTROM_EMAIL = Dataset(
    name="hillstrom-email",
    title="64,000 customers, one of two e-mails or none at random: visit, purchase, spend",
    licence="made public for a challenge and used freely since; no formal text is known",
    home="https://blog.minethatdata.com/2008/03/minethatdata-e-mail-analytics-and-data.html",
    citation="K. Hillstrom, The MineThatData E-Mail Analytics and Data Mining Challenge, 2008",
    rows=64_000,
    ways=(
        Mirror(
            "hillstrom-email",
            (
                DataFile(
                    "hillstrom_email.csv.xz",
                    "50433f0d301c7ed2a50c01a3cbc5fd581b7fbe8f368b5c341d85256e9ded0ee9",
                    335_788,
                ),
            ),
            read,
        ),
    ),
)
