"""Open Bandit, small version: clicks on fashion recommendations with known display probabilities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfctr.data.datasets._checksum import DataFile
from tfctr.data.datasets._download_sources import Mirror, Package
from tfctr.data.datasets._tables import joined, read_text_table, sorted_by
from tfctr.data.datasets.dataset import Dataset

POLICIES = ("random", "bts")
CAMPAIGNS = ("all", "men", "women")
USER_FEATURES = tuple(f"user_feature_{number}" for number in range(4))
ITEM_FEATURES = tuple(f"item_feature_{number}" for number in range(4))
TYPES = {
    "item_id": pa.int64(),
    "position": pa.int64(),
    "click": pa.int64(),
    "propensity_score": pa.float64(),
    "item_feature_0": pa.float64(),
}


def read(folder: Path) -> pa.Table:
    """Read six logs, three campaigns by two policies, in order of time.

    `affinity` is the past clicks of the user on the very item that is shown. The hashes of item features are coded
    apart for each policy, so they carry its name.
    """
    parts = [_read_log(folder, policy, campaign) for policy in POLICIES for campaign in CAMPAIGNS]
    return sorted_by(pa.concat_tables(parts), "timestamp").combine_chunks()


def _read_log(folder: Path, policy: str, campaign: str) -> pa.Table:
    log = read_text_table(folder / f"{policy}_{campaign}.csv", types=TYPES)
    items = read_text_table(folder / f"item_context_{campaign}_{policy}.csv", types=TYPES)
    items = items.select(["item_id", *ITEM_FEATURES])
    for name in ITEM_FEATURES[1:]:
        coded = pc.binary_join_element_wise(policy, items.column(name), ":")
        items = items.set_column(items.column_names.index(name), name, coded)
    affinities = [name for name in log.column_names if name.startswith("user-item_affinity_")]
    grid = np.stack([log.column(name).cast(pa.float32()).to_numpy() for name in affinities], axis=1)
    item = log.column("item_id").to_numpy()
    when = pc.cast(log.column("timestamp"), pa.timestamp("us", "UTC"))
    columns = {
        "policy": pa.array([policy] * len(item)),
        "campaign": pa.array([campaign] * len(item)),
        "timestamp": pc.cast(pc.cast(when, pa.timestamp("s", "UTC"), safe=False), pa.int64()),
        "affinity": pa.array(grid[np.arange(len(item)), item]),
    }
    kept = log.select(["item_id", "position", "click", "propensity_score", *USER_FEATURES])
    table = pa.table(columns | {name: kept.column(name) for name in kept.column_names})
    return joined(table, items, "item_id")


def _members() -> dict[str, str]:
    inside = "obp/dataset/obd"
    pairs = [(policy, campaign) for policy in POLICIES for campaign in CAMPAIGNS]
    logs = {f"{inside}/{policy}/{campaign}/{campaign}.csv": f"{policy}_{campaign}.csv" for policy, campaign in pairs}
    contexts = {f"{inside}/{p}/{c}/item_context.csv": f"item_context_{c}_{p}.csv" for p, c in pairs}
    return logs | contexts


_MIRRORED = (
    ("bts_all.csv.xz", "35d07cd84da44a968c6a7eaa2ad81d08119a93accd8335e5877e289c8ef9712c", 149_528),
    ("bts_men.csv.xz", "770d2f4eef9e858c6411ceafb5a600c8fa18906ed593e49fe8a49c1e63c17679", 143_132),
    ("bts_women.csv.xz", "db801b0d19d2d753b03b1f77341c5a88f5a11a3ed0b20d1495108672eb93f8ed", 144_524),
    ("item_context_all_bts.csv.xz", "44c85052b2b6733b31e0893e950256322809d2fb9c10aa87883df2cfef23cd70", 1_876),
    ("item_context_all_random.csv.xz", "4ab343f678c56505cbea6ed8d44d5d6737270212bc9945ce817c919b31bdfd66", 1_860),
    ("item_context_men_bts.csv.xz", "aaa622847ec2568f7795a9ffb333322e4c1e2b7b539caa3cd345ec30058e1a36", 1_148),
    ("item_context_men_random.csv.xz", "833480c308b357f2411c05b8304f54ae3701d5ddd219647b0721e1ea681f3862", 1_148),
    ("item_context_women_bts.csv.xz", "40374e3ce962ef49c18da03dc82e8bba5bd42fa80c71e85d7d35759e9b165e63", 1_364),
    ("item_context_women_random.csv.xz", "d8d7419088fa685706a528505c2e3b385c7b3afd73f775a652fc9bab401fdd41", 1_360),
    ("random_all.csv.xz", "a30ecf488931129b73570b145d1ec0ba934681a88d681215e1c746d72485901a", 107_228),
    ("random_men.csv.xz", "f2b94ef5a8fbd1b6f7c77760e4860561b7230f9cbee77ae67f991460b46e8ae5", 104_452),
    ("random_women.csv.xz", "b1f4c3c1bf08629cc02bd6ca45da69a1e9ab412674568459c4f0b0ccf6e69a6c", 104_028),
)

OPEN_BANDIT = Dataset(
    name="open-bandit",
    title="60,000 fashion recommendations, 3 campaigns by 2 policies, with display probabilities and positions",
    licence="CC BY 4.0",
    home="https://research.zozo.com/data.html",
    citation="Y. Saito et al., Open Bandit Dataset and Pipeline, NeurIPS 2021 Datasets, arXiv:2008.07146",
    rows=60_000,
    ways=(
        Mirror("open-bandit", tuple(DataFile(*file) for file in _MIRRORED), read),
        Package(
            "obp==0.4.1",
            DataFile(
                "obp-0.4.1-py3-none-any.whl",
                "87dec9caf4283c25ab13036532e0a24566f1c7bdcad1653a8ded43b2f5ef8208",
                1_338_290,
            ),
            _members(),
            read,
        ),
    ),
)
