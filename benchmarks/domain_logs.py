"""Logs with domains: three that are real, and simulated ones whose groups nobody is told."""

from __future__ import annotations

import tempfile
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


def movielens() -> Splits:
    """Likes of films, by age group."""
    return _split(load_spec("movielens_1m"), DATASETS["movielens-1m-timed"].load())


def open_bandit() -> Splits:
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
    return _split(_spec("open_bandit", "click", features, **columns), table)


def news() -> Splits:
    """Clicks on news of four categories: an extract of MIND. Users occur once, so their ids tell nothing."""
    folder = mirror_dir()
    file = folder / "news-samples" / "mind_sample_8k.csv.xz" if folder else None
    if file is None or not file.exists():
        raise FileNotFoundError(
            "news-samples/mind_sample_8k.csv.xz is not there: set TFCTR_DATA to the folder of the data"
        )
    import lzma

    with lzma.open(file) as opened:
        table = pacsv.read_csv(opened)
    features = [_categorical(name, "item") for name in ("News_ID", "Category", "SubCategory")]
    columns = {"split": {"by": "hash", "column": "User_ID"}, "meta": {"domain": "Category"}}
    return _split(_spec("news", "label", features, **columns), table)


WORLDS = 3


def simulated() -> Splits:
    """Ads in three worlds, each with tastes, prices and positions of its own; which one a row is of is not told.

    The worlds have the items in common, by number alone, and each its users. The domain is drawn at random.
    """
    parts = []
    for world in range(WORLDS):
        config = SimulatorConfig(rows=12_000, users=200, items=60, seed=world, position_bias=0.7 * (world - 0.5))
        table = simulate(config).table
        users = pc.add(table["user_id"], world * config.users)
        names = ("item_id", "device", "position", "hour", "clicked", "time")
        parts.append(pa.table({"user_id": users, **{name: table[name] for name in names}}))
    whole = pa.concat_tables(parts).combine_chunks()
    drawn = np.random.default_rng(0).integers(0, 5, whole.num_rows)
    whole = whole.append_column("domain", pa.array([f"domain_{number}" for number in drawn]))
    features: list[dict[str, Any]] = [
        {**_categorical("user_id", "user"), "type": "int"},
        _categorical("domain", "context"),
    ]
    features += [{**_categorical("item_id", "item"), "type": "int"}, _categorical("device", "context")]
    features += [{**_categorical(name, "context"), "type": "int"} for name in ("position", "hour")]
    columns = {"split": {"by": "time"}, "meta": {"time": "time", "domain": "domain"}}
    return _split(_spec("three_worlds", "clicked", features, **columns), whole)


LOGS: dict[str, Callable[[], Splits]] = {
    "movielens_1m": movielens,
    "open_bandit": open_bandit,
    "news": news,
    "three_worlds": simulated,
}
"""Name -> what splits and transforms the log."""


def _categorical(name: str, role: str) -> dict[str, Any]:
    return {"kind": "categorical", "name": name, "role": role}


def _spec(name: str, label: str, features: list[dict[str, Any]], **more: Any) -> FeatureSpec:
    tasks = [{"name": "click", "label": label}]
    return FeatureSpec.model_validate({"name": name, "features": features, "tasks": tasks, **more})


def _split(spec: FeatureSpec, table: pa.Table) -> Splits:
    """Divide, learn the transform of the training rows, transform."""
    parts = prepare_table(table, spec, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        output = fit_transform(spec, parts["train"], Path(folder) / "transform")
        rows = {name: output.transform(part) for name, part in parts.items()}
    return Splits(output.bound_spec, rows["train"], rows["valid"], rows["test"], output)
