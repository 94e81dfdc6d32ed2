"""Amazon Beauty, 5-core: what 22,363 users reviewed, in their order, beside sampled items that they did not.

The files hold the order of a user's items and no times, so `step` counts them from 0. Each row of an item that was
reviewed has one at the same step of an item drawn evenly from those the user never reviewed; the draw is fixed. Each
user's last step has fold 3, the one before it fold 2: the usual split of sequence models.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from tfctr.data.datasets._checksum import DataFile
from tfctr.data.datasets._download_sources import Mirror
from tfctr.data.datasets.dataset import Dataset

SEED = 20_220_713
TRAIN, VALID, TEST = 1, 2, 3


def read_mirror(folder: Path) -> pa.Table:
    """Read the sequences and the items' attributes."""
    lines = [np.array(line.split(), np.int64) for line in (folder / "Beauty.txt").read_text().splitlines()]
    lengths = np.array([len(line) - 1 for line in lines])
    users = np.repeat([line[0] for line in lines], lengths)
    items = np.concatenate([line[1:] for line in lines])
    step = np.arange(len(items)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    left = np.repeat(lengths, lengths) - 1 - step
    fold = np.select([left == 0, left == 1], [TEST, VALID], TRAIN)
    both = {
        "user_id": np.concatenate([users, users]),
        "item_id": np.concatenate([items, _never_met(users, items)]),
        "step": np.tile(step, 2),
        "reviewed": np.repeat([1, 0], len(items)).astype(np.float32),
        "fold": np.tile(fold, 2),
    }
    order = np.lexsort((-both["reviewed"], both["step"], both["user_id"]))
    table = pa.table({name: column[order] for name, column in both.items()})
    attributes = json.loads((folder / "Beauty_item2attributes.json").read_text())
    return _with_attributes(table, {int(item): found for item, found in attributes.items()})


def _never_met(users: np.ndarray, items: np.ndarray) -> np.ndarray:
    """One item for each event, drawn evenly from those its user never met."""
    generator = np.random.default_rng(SEED)
    many = items.max() + 1
    met = np.sort(users * many + items)
    drawn = generator.integers(1, many, len(items))
    while len(again := np.flatnonzero(np.isin(users * many + drawn, met))):
        drawn[again] = generator.integers(1, many, len(again))
    return drawn


def _with_attributes(table: pa.Table, attributes: dict[int, list[int]]) -> pa.Table:
    """Put an item's attributes beside each row, and the first of them as its category."""
    lists = [attributes[item] for item in table.column("item_id").to_pylist()]
    table = table.append_column("category", pa.array([found[0] for found in lists], pa.int64()))
    return table.append_column("attributes", pa.array(lists, pa.list_(pa.int64()))).combine_chunks()


AMAZON_BEAUTY = Dataset(
    name="amazon-beauty",
    title="what 22,363 users of Amazon Beauty reviewed, in order, with sampled negatives",
    licence="research with citation; the prepared files have no licence of their own",
    home="https://github.com/RUCAIBox/CIKM2020-S3Rec",
    citation="J. McAuley et al., Amazon product data, 2014; K. Zhou et al., S3-Rec, CIKM 2020",
    rows=397_004,
    ways=(
        Mirror(
            "amazon-5core-sequences",
            (
                DataFile("Beauty.txt.xz", "1a4375e95e3eb693ad24d3e398c0012a4e13daa7aa75e28946387f55df93313d", 404_056),
                DataFile(
                    "Beauty_item2attributes.json.xz",
                    "8e2bdc904936e3a53c2a5736f8971bce5d8b4d1cd971e63da32bd9fd17ba3777",
                    56_404,
                ),
            ),
            read_mirror,
        ),
    ),
)
