"""SUPPORT2: survival of seriously ill patients; no advertising, but a known ground for survival losses."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from tfctr.data.datasets._checksum import DataFile
from tfctr.data.datasets._download_sources import Mirror
from tfctr.data.datasets._tables import read_text_table
from tfctr.data.datasets.dataset import Dataset


def read(folder: Path) -> pa.Table:
    """Read the prepared table: `time` (days), `dead` (0 or 1) and 39 inputs without gaps, all numbers."""
    table = read_text_table(folder / "support_parsed.csv")
    whole = ("time", "dead")
    return pa.table(
        {name: table.column(name).cast(pa.int64() if name in whole else pa.float64()) for name in table.column_names}
    )


SUPPORT2 = Dataset(
    name="support2",
    title="9,105 seriously ill patients: days until death or the end of follow-up",
    licence="free to use with credit",
    home="https://hbiostat.org/data/",
    citation="W. A. Knaus et al., The SUPPORT Prognostic Model, Annals of Internal Medicine 122, 1995",
    rows=9_105,
    ways=(
        Mirror(
            "survival-support2",
            (
                DataFile(
                    "support_parsed.csv.xz", "e031b6da0b20f0116cc748ec87f8b976580fd08dffd520a8f4ce262d99aec915", 233_900
                ),
            ),
            read,
        ),
    ),
)
