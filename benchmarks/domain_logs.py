"""Logs with domains: three that are real, and simulated ones whose groups nobody is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from tfctr.benchmark import Splits
from tfctr.data import prepare_table
from tfctr.data.datasets import DATASETS
from tfctr.data.datasets._folders import mirror_dir
from tfctr.data.simulator import SimulatorConfig, simulate
from tfctr.spec import FeatureSpec, load_spec
from tfctr.transform import fit_transform


def movielens(folder: Path) -> Splits:
    """Likes of films, by age group."""
    return _split(folder, load_spec("movielens_1m"), DATASETS["movielens-1m-timed"].load())


def open_bandit(folder: Path) -> Splits:
    """Clicks on fashion, by campaign. Items are numbered anew in each campaign."""
    table = DATASETS["open-bandit"].load()
    item = pc.binary_join_element_wise(table["campaign"], pc.cast(table["item_id"], pa.string()), ":")
    names = ("campaign", "policy", "position", *(f"user_feature_{index}" for index in range(4)))
    features = [_categorical(name, "user" if name.startswith("user") else "context") for name in names]
    features += [_categorical(name, "item") for name in ("item", *(f"item_feature_{index}" for index in (1, 2, 3)))]
    features += [{"kind": "numeric", "name": name, "role": "item"} for name in ("item_feature_0", "affinity")]
    columns = {"split": {"by": "time"}, "meta": {"time": "timestamp", "domain": "campaign"}}
    text = pc.cast(table["position"], pa.string())
    table = table.append_column("item", item).set_column(table.column_names.index("position"), "position", text)
    return _split(folder, _spec("open_bandit", "click", features, **columns), table)


def news(folder: Path) -> Splits:
    """Clicks on news of four categories: an extract of MIND. Users occur once, so their ids tell nothing."""
    mirror = mirror_dir()
    file = mirror / "news-samples" / "mind_sample_8k.csv.xz" if mirror else None
    if file is None or not file.exists():
        raise FileNotFoundError(
            "news-samples/mind_sample_8k.csv.xz is not there: set TFCTR_DATA to the folder of the data"
        )
    import lzma

    with lzma.open(file) as opened:
        table = pacsv.read_csv(opened)
    features = [_categorical(name, "item") for name in ("News_ID", "Category", "SubCategory")]
    columns = {"split": {"by": "hash", "column": "User_ID"}, "meta": {"domain": "Category"}}
    return _split(folder, _spec("news", "label", features, **columns), table)


WORLDS, WORLD = 3, "world"
HINTS = tuple(f"hint_{index}" for index in range(12))
DRAWN = 0.05
"""Share of the hints that name any world, the others name their own."""


def worlds(rows: int = 12_000) -> pa.Table:
    """Ads in three worlds, so many rows of each; which one a row is of, the column `WORLD` says.

    Worlds have the numbers of users and items in common. What users like, what an item is worth and what a position
    costs each world has for itself. Twelve fields hint at the world, the domain is drawn at random.
    """
    rng = np.random.default_rng(0)
    parts = []
    for world in range(WORLDS):
        config = SimulatorConfig(rows=rows, users=100, items=60, quality=1.5, position_bias=0.7 * world, seed=world)
        table = simulate(config).table.select(["user_id", "item_id", "device", "position", "hour", "clicked", "time"])
        for name in HINTS:
            hints = np.where(rng.random(rows) < DRAWN, rng.integers(0, WORLDS, rows), world)
            table = table.append_column(name, pa.array(hints))
        table = table.append_column("domain", pa.array(rng.integers(0, 5, rows)))
        parts.append(table.append_column(WORLD, pa.array(np.full(rows, world))))
    return pa.concat_tables(parts).combine_chunks()


def simulated(folder: Path) -> Splits:
    """Clicks in worlds that no model is told; the group of a row, which figures alone see, is its world."""
    numbers = {"user_id": "user", "item_id": "item"} | dict.fromkeys(("position", "hour", *HINTS, "domain"), "context")
    features = [{**_categorical(name, role), "type": "int"} for name, role in numbers.items()]
    features.append(_categorical("device", "context"))
    columns = {"split": {"by": "time"}, "meta": {"time": "time", "domain": "domain", "group": WORLD}}
    return _split(folder, _spec("three_worlds", "clicked", features, **columns), worlds())


LOGS: dict[str, Callable[[Path], Splits]] = {
    "movielens_1m": movielens,
    "open_bandit": open_bandit,
    "news": news,
    "three_worlds": simulated,
}
"""Name -> what splits the log and transforms it, into a folder."""


def _categorical(name: str, role: str) -> dict[str, Any]:
    return {"kind": "categorical", "name": name, "role": role}


def _spec(name: str, label: str, features: list[dict[str, Any]], **more: Any) -> FeatureSpec:
    tasks = [{"name": "click", "label": label}]
    return FeatureSpec.model_validate({"name": name, "features": features, "tasks": tasks, **more})


def _split(folder: Path, spec: FeatureSpec, table: pa.Table) -> Splits:
    """Divide, learn the transform of the training rows, transform; the transform stays in the folder."""
    parts = prepare_table(table, spec, seed=0)
    output = fit_transform(spec, parts["train"], folder / "transform")
    rows = {name: output.transform(part) for name, part in parts.items()}
    return Splits(output.bound_spec, rows["train"], rows["valid"], rows["test"], output)
