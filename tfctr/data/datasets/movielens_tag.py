"""MovieLens tags in the form of the benchmark MovielensLatest_x1; only its test part can be had."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from tfctr.data.datasets._checksum import DataFile
from tfctr.data.datasets._download_sources import Download, Mirror
from tfctr.data.datasets._tables import read_text_table
from tfctr.data.datasets.dataset import Dataset

COLUMNS = ("user_id", "item_id", "tag_id", "label")


def read(folder: Path) -> pa.Table:
    """Read the one file, under the name of either way."""
    (file,) = folder.iterdir()
    return read_text_table(file, types={name: pa.int64() for name in COLUMNS}).select(list(COLUMNS))


MOVIELENS_TAG = Dataset(
    name="movielens-tag",
    title="did this user give this film this tag: the test part of MovielensLatest_x1",
    licence="research with citation; no redistribution and no commercial use without permission",
    home="https://grouplens.org/datasets/movielens/",
    citation="X. He and T.-S. Chua, Neural Factorization Machines for Sparse Predictive Analytics, SIGIR 2017",
    rows=200_686,
    ways=(
        Mirror(
            "movielens-tag",
            (
                DataFile(
                    "MovielensLatest_x1.test.csv.xz",
                    "38204bc6da0b273a1e4544359bd927f36ebbeba2747ae951bad81b5ab1fee3ac",
                    1_271_092,
                ),
            ),
            read,
        ),
        Download(
            {
                "https://raw.githubusercontent.com/wsdm23-495/Strong-Improvements-or-Weak-Baselines-An-Empirical-Study-"
                "on-CTR-Prediction/c3a3b8e0681e065a02fcd68d8c40970c49e0bb16/data/Movielens/test.csv": DataFile(
                    "movielens-tag.test.csv",
                    "c61401baf17904b8b5519a95060ff00c88adf58471c8fd8d4738445b75c32e7d",
                    3_830_671,
                )
            },
            read,
        ),
    ),
)
