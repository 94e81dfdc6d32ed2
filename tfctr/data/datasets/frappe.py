"""Frappe: which app is used in which context, as the NFM paper made a click task of it (BARS: Frappe_x1).

Validation and test rows are those of the benchmark. The train part is rebuilt: its positives are true, most of its
negatives are drawn anew by the paper's rule.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tfctr.data.datasets._checksum import DataFile
from tfctr.data.datasets._download_sources import Mirror
from tfctr.data.datasets._tables import read_text_table
from tfctr.data.datasets.dataset import Dataset

FIELDS = ("user", "item", "daytime", "weekday", "isweekend", "homework", "cost", "weather", "country", "city")
PARTS = {
    "train": "frappe.train.rebuilt.libfm",
    "valid": "frappe.validation.libfm",
    "test": "frappe.test.libfm",
}


def read(folder: Path) -> pa.Table:
    """Read the three parts and turn the ids back into the values they stand for."""
    values = read_text_table(folder / "feature_map.csv", types={"feature_id": pa.int64()})
    ids = values.column("feature_id").combine_chunks()
    texts = values.column("value").combine_chunks()
    parts = []
    for split, name in PARTS.items():
        raw = read_text_table(folder / name, ("label", *FIELDS), delimiter=" ", quote=False)
        columns = {}
        for field in FIELDS:
            tokens = pc.replace_substring_regex(raw.column(field), r":1$", "").cast(pa.int64())
            columns[field] = texts.take(pc.index_in(tokens, ids).combine_chunks())
        label = pc.equal(raw.column("label"), "1").cast(pa.int64())
        parts.append(pa.table({**columns, "label": label, "split": [split] * raw.num_rows}))
    return pa.concat_tables(parts).combine_chunks()


FRAPPE = Dataset(
    name="frappe",
    title="app use in context, 957 users and 4,082 apps, two sampled negatives for each use (Frappe_x1)",
    licence="research with acknowledgement; no redistribution and no commercial use without permission",
    home="https://www.baltrunas.info/context-aware",
    citation="L. Baltrunas et al., Frappe: Understanding the Usage and Perception of Mobile App Recommendations "
    "In-The-Wild, arXiv:1505.03014",
    rows=288_609,
    ways=(
        Mirror(
            "frappe",
            (
                DataFile(
                    "feature_map.csv.xz", "a09d81a6c0892bd0a4a5de9ae060ff2aefd347e2a43ce70bccfe39dbc74c71e0", 6_720
                ),
                DataFile(
                    "frappe.train.rebuilt.libfm.xz",
                    "4dc8624483819f37ac24ad14deda36f9556ad374174d1848cb60a6af886ad567",
                    1_304_416,
                ),
                DataFile(
                    "frappe.validation.libfm.xz",
                    "57090daaaaf949dcb65e2ff7c38e6f57d3455e3624ea514945ad35546d7f53fd",
                    391_384,
                ),
                DataFile(
                    "frappe.test.libfm.xz", "f91a89ebabf592da57e02e3f92c833ce7d275216e40d0d8c84b360efaf6431dc", 201_632
                ),
            ),
            read,
        ),
    ),
)
