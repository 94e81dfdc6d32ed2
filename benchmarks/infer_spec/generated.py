"""Logs with columns of known meaning, named as different houses name them: what the guesses are judged by."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.infer_spec.facts import Facts

ROWS = 1500

Column = list[Any]
Maker = Callable[[np.random.Generator, dict[str, Column]], Column]


@dataclass(frozen=True)
class GeneratedLog:
    """A log and what is known of it."""

    path: Path
    facts: Facts


@dataclass(frozen=True)
class Concept:
    """One meaning of a column.

    Args:
        names: How houses name it, words with blanks between.
        fact: What it is in a spec.
        make: Makes its values.
        chance: Share of the logs that have it.
        role: Whose it is, empty where names do not tell.
    """

    names: tuple[str, ...]
    fact: str
    make: Maker
    chance: float = 1.0
    role: str = ""


def _ids(low: int, high: int) -> Maker:
    return lambda rng, _: [int(x) for x in low + (high - low) * rng.beta(0.7, 2.0, ROWS)]


def _flags(rate: float) -> Maker:
    return lambda rng, _: [int(x) for x in rng.random(ROWS) < rate]


def _words(*texts: str) -> Maker:
    return lambda rng, _: [str(x) for x in rng.choice(texts, ROWS)]


def _tokens(rng: np.random.Generator, _: dict[str, Column]) -> Column:
    kept = [f"{x:08x}" for x in rng.integers(0, 2**32, 400)]
    return [str(x) for x in rng.choice(kept, ROWS)]


def _devices(rng: np.random.Generator, _: dict[str, Column]) -> Column:
    """Most are not known, and have one id."""
    return ["a99f214a" if x < 0.7 else f"{int(x * 2**32):08x}" for x in rng.random(ROWS)]


def _requests(rng: np.random.Generator, _: dict[str, Column]) -> Column:
    return [f"r{x // 5:06d}" for x in range(ROWS)]


def _past(rng: np.random.Generator, made: dict[str, Column]) -> Column:
    separator = str(rng.choice(["|", "^", ";"]))
    items = made["item"]
    return [separator.join(str(items[x]) for x in rng.integers(0, ROWS, rng.integers(1, 8))) for _ in range(ROWS)]


def _amounts(rng: np.random.Generator, _: dict[str, Column]) -> Column:
    return [round(float(x), 3) for x in rng.lognormal(2, 1, ROWS)]


def _counts(rng: np.random.Generator, _: dict[str, Column]) -> Column:
    return [int(x) for x in rng.lognormal(2.5, 1.8, ROWS)]


def _sparse_codes(rng: np.random.Generator, _: dict[str, Column]) -> Column:
    kept = np.sort(rng.integers(33, 200_000, 80))
    return [int(x) for x in rng.choice(kept, ROWS, p=np.geomspace(1, 0.001, 80) / np.geomspace(1, 0.001, 80).sum())]


def _seconds(rng: np.random.Generator, _: dict[str, Column]) -> Column:
    return [int(x) for x in 1_650_000_000 + np.sort(rng.integers(0, 600_000, ROWS))]


def _vectors(rng: np.random.Generator, _: dict[str, Column]) -> Column:
    return ["|".join(f"{x:.3f}" for x in row) for row in rng.normal(size=(ROWS, 6))]


def _tags(rng: np.random.Generator, _: dict[str, Column]) -> Column:
    kept = np.array(["sport", "news", "film", "music", "food", "cars"])
    return ["|".join(rng.choice(kept, rng.integers(1, 4), replace=False)) for _ in range(ROWS)]


CONCEPTS: dict[str, Concept] = {
    "label": Concept(
        (
            "click",
            "is click",
            "clk",
            "label",
            "y",
            "target",
            "converted",
            "clicked",
            "is clicked",
            "purchased",
            "response",
        ),
        "label",
        _flags(0.15),
    ),
    "flag": Concept(("weekend", "newbie", "promo", "logged in", "on sale", "mobile"), "categorical", _flags(0.08), 0.8),
    "played": Concept(
        ("play time ms", "watch seconds", "dwell time", "stay time", "read duration"), "out", _counts, 0.5
    ),
    "earned": Concept(("revenue", "spend", "gmv"), "out", _amounts, 0.4),
    "liked": Concept(("is like", "follow", "add to cart", "shared", "is favorite"), "out", _flags(0.04), 0.5),
    "split": Concept(("split", "fold", "subset", "data split"), "split", _words("train", "valid", "test"), 0.3),
    "request": Concept(
        ("request id", "session id", "search id", "query id", "auction id"), "categorical", _requests, 0.4
    ),
    "user": Concept(
        ("user id", "uid", "member id", "customer id", "visitor id", "buyer id"),
        "categorical",
        _ids(1, 900),
        0.8,
        "user",
    ),
    "device": Concept(("device id", "cookie id"), "categorical", _devices, 0.4),
    "item": Concept(
        ("item id", "ad id", "product id", "sku id", "movie id", "video id", "creative id", "goods id"),
        "categorical",
        _ids(10_000, 10_400),
        1.0,
        "item",
    ),
    "history": Concept(
        ("click history", "viewed items", "recent clicks", "hist seq", "past purchases"), "sequence", _past, 0.5
    ),
    "rows": Concept(("row", "index", "id", "row id", "no"), "out", lambda rng, made: list(range(ROWS)), 0.5),
    "constant": Concept(("country", "version", "platform"), "out", lambda rng, made: ["x"] * ROWS, 0.5),
    "unique": Concept(
        ("trace id", "uuid", "log hash"),
        "out",
        lambda rng, made: [f"{x:016x}" for x in rng.integers(0, 2**62, ROWS)],
        0.4,
    ),
    "time": Concept(("timestamp", "ts", "event time", "time", "unix time", "created at"), "time", _seconds, 0.7),
    "price": Concept(("price", "bid floor", "distance km", "item avg rating"), "numeric", _amounts),
    "count": Concept(("f7", "views", "x 3", "followers", "dense 2"), "numeric", _counts),
    "code": Concept(("f8", "os version", "x 4", "shop type", "C19", "sparse 3"), "categorical", _sparse_codes),
    "token": Concept(("site id", "app name", "segment", "f9", "placement hash"), "categorical", _tokens),
    "level": Concept(("age level", "price range", "income band"), "categorical", _ids(0, 6), 0.5),
    "place": Concept(("slot", "position", "banner pos"), "categorical|numeric", _ids(0, 4), 0.6, "context"),
    "past_rate": Concept(("ctr 7d", "user avg watch time", "item past like rate"), "numeric", _amounts, 0.5),
    "vector": Concept(("embedding", "picture vec", "title emb"), "vector", _vectors, 0.3),
    "tags": Concept(("tags", "genres", "topics"), "multi", _tags, 0.4),
}

_STYLES: tuple[Callable[[str], str], ...] = (
    lambda name: name.replace(" ", "_"),
    lambda name: name.split()[0] + "".join(word.title() for word in name.split()[1:]),
    lambda name: name.replace(" ", "-"),
    lambda name: name.upper().replace(" ", "_"),
    lambda name: name.title(),
)


def generate(seed: int, folder: Path) -> GeneratedLog:
    """Write a log of 1,500 rows: other columns, names, styles of names and places of columns for each seed."""
    rng = np.random.default_rng([20_260, seed])
    style = _STYLES[seed % len(_STYLES)]
    present = {key: concept for key, concept in CONCEPTS.items() if rng.random() < concept.chance}
    names = {key: style(str(rng.choice(concept.names))) for key, concept in present.items()}
    made: dict[str, Column] = {}
    for key, concept in present.items():
        made[key] = concept.make(rng, made)
    keys = [str(key) for key in rng.permutation(list(present))]
    path = folder / f"generated_{seed}.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([names[key] for key in keys])
        writer.writerows(zip(*(made[key] for key in keys), strict=True))
    group = next((names[key] for key in ("request", "user") if key in names), "none")
    facts = Facts(
        log=path.name,
        columns={names[key]: concept.fact for key, concept in present.items()},
        roles={names[key]: concept.role for key, concept in present.items() if concept.role},
        group=group,
        shares={names["history"]: names["item"]} if "history" in names else {},
    )
    return GeneratedLog(path, facts)
