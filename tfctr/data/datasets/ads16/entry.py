"""ADS-16 in the registry: what it is, who may use it, and how a user gets it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from tfctr.data.datasets._by_hand import ByHand
from tfctr.data.datasets.ads16._layout import ADS_A_CATEGORY, CATEGORIES, PARTS
from tfctr.data.datasets.ads16.reader import read_ads16
from tfctr.data.datasets.dataset import Dataset
from tfctr.data.errors import FetchError

FOLDER = "ads16"
USERS = 120
HOME = "https://www.kaggle.com/datasets/groffo/ads16-dataset"


def read(folder: Path) -> pa.Table:
    """Read the archive of 120 users with the default options; users who are missing are told."""
    archive = read_ads16(folder / FOLDER)
    if len(archive.users) != USERS:
        raise FetchError(f"{len(archive.users)} users are there, expected {USERS}; unpack both parts anew")
    return archive.table


ADS16 = Dataset(
    name="ads16",
    title="120 people rate 300 ads of 20 categories with stars; ten answers on their personality, what they like",
    licence="non-commercial scientific use with citation; the archive holds personal data, which is left out here",
    home=HOME,
    citation="G. Roffo and A. Vinciarelli, Personality in Computational Advertising: A Benchmark, EMPIRE at RecSys "
    "2016; G. Roffo, Towards Personality-Aware Recommendation, arXiv:1607.05088",
    rows=USERS * CATEGORIES * ADS_A_CATEGORY,
    at_most=True,  # pairs that were rated 0 are left out
    ways=(
        ByHand(
            FOLDER,
            f"Read its terms at {HOME}, download it there, and unpack {' and '.join(PARTS)}",
            ("*-RT.csv", "*-B5.csv", "*-INF.csv", "*-PREF.csv"),
            read,
        ),
    ),
)
