"""Criteo display ads: 8,000 rows from the head of the Kaggle challenge's train file."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from tfctr.data.datasets._checksum import DataFile
from tfctr.data.datasets._download_sources import Download, Mirror
from tfctr.data.datasets._tables import read_text_table
from tfctr.data.datasets.dataset import Dataset

COUNTS = tuple(f"I{number}" for number in range(1, 14))
CATEGORIES = tuple(f"C{number}" for number in range(1, 27))
PARTS = {"train": "train", "dev": "valid", "test": "test"}
REPOSITORY = "https://raw.githubusercontent.com/Lapis-Hong/Wide-ResDNN/9889f939deb904a35692e2efdc6ab4f743a7df71"


def read(folder: Path) -> pa.Table:
    """Read the three parts; `split` tells which one a row is of."""
    types = {name: pa.int64() for name in ("label", *COUNTS)}
    parts = []
    for name, split in PARTS.items():
        path = folder / f"kaggle_head.{name}.tsv"
        part = read_text_table(path, ("label", *COUNTS, *CATEGORIES), delimiter="\t", types=types)
        parts.append(part.append_column("split", pa.array([split] * part.num_rows)))
    return pa.concat_tables(parts).combine_chunks()


CRITEO_KAGGLE = Dataset(
    name="criteo-kaggle",
    title="8,000 display ads of the Kaggle Display Advertising Challenge: 13 counts, 26 hashed categories",
    licence="non-commercial use and analysis with reference to Criteo; no redistribution",
    home="https://www.kaggle.com/c/criteo-display-ad-challenge",
    citation="Criteo AI Lab, Display Advertising Challenge, 2014",
    rows=8_000,
    ways=(
        Mirror(
            "criteo",
            (
                DataFile(
                    "kaggle_head.train.tsv.xz",
                    "d42f2c48bea21ee0bf402da1d4bba0f86e7b474b362068d222b8134c0b9b4505",
                    387_628,
                ),
                DataFile(
                    "kaggle_head.dev.tsv.xz", "7c95061dccc20880714554232311f03f4bbc27f45f7ce5a1bdce1f8ca23a25e8", 31_248
                ),
                DataFile(
                    "kaggle_head.test.tsv.xz",
                    "a9db34407d5c828a1d985e223c41193a9a91ac8fa72ff7e22bb2073d554865bc",
                    30_092,
                ),
            ),
            read,
        ),
        Download(
            {
                f"{REPOSITORY}/data/criteo/train.csv": DataFile(
                    "kaggle_head.train.tsv",
                    "2b0614035f6c931dc4ac2c1a1a26fa954f2b9231703f3a77bcdd53d9d9f29872",
                    1_744_474,
                ),
                f"{REPOSITORY}/data/criteo/dev.csv": DataFile(
                    "kaggle_head.dev.tsv", "7ac8a164e43a9903be3d43e640bcd464cfa0d96d7a652ec8ef8a33fe97cac6b9", 98_922
                ),
                f"{REPOSITORY}/data/criteo/test.csv": DataFile(
                    "kaggle_head.test.tsv", "3a7a78b694945482aede520e68300b0e2748603363072822cfbbb9f72d0dfd9a", 95_122
                ),
            },
            read,
        ),
    ),
)
