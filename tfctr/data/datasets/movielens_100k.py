"""MovieLens-100K: complete, with times; the same table from its home, a Python package or a mirror."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfctr.data.datasets._checksum import DataFile
from tfctr.data.datasets._download_sources import Archive, Mirror, Package
from tfctr.data.datasets._tables import joined, read_text_table, sorted_by, titles_and_years
from tfctr.data.datasets.dataset import Dataset

GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
RATINGS = ("user_id", "item_id", "rating", "timestamp")
USERS = ("user_id", "age", "gender", "occupation", "zip")
TYPES = {
    "user_id": pa.int64(),
    "item_id": pa.int64(),
    "rating": pa.float32(),
    "timestamp": pa.int64(),
    "age": pa.int64(),
}


def read_home(folder: Path) -> pa.Table:
    """Read u.data, u.user and u.item as GroupLens hands them out."""
    ratings = read_text_table(folder / "u.data", RATINGS, delimiter="\t", types=_types(RATINGS))
    users = read_text_table(folder / "u.user", USERS, delimiter="|", types=_types(USERS))
    names = ("item_id", "title", "released", "video", "url", *GENRES)
    types = {"item_id": pa.int64()} | {genre: pa.int64() for genre in GENRES}
    items = read_text_table(folder / "u.item", names, delimiter="|", types=types, encoding="latin-1", quote=False)
    flags = np.stack([items.column(genre).to_numpy() for genre in GENRES], axis=1) == 1
    item, genre = np.nonzero(flags)
    bounds = pa.array(np.searchsorted(item, np.arange(len(flags) + 1)), pa.int32())
    genres = pa.ListArray.from_arrays(bounds, pa.array(GENRES).take(pa.array(genre)))
    return _table(ratings, users, items.column("item_id"), items.column("title"), genres)


def read_package(folder: Path) -> pa.Table:
    """Read the atomic files of the recbole package, which have split title and year their own way."""
    ratings = read_text_table(
        folder / "ml-100k.inter", delimiter="\t", types={f"{n}:token": pa.int64() for n in RATINGS[:2]}
    ).rename_columns(list(RATINGS))
    ratings = ratings.cast(pa.schema([(name, TYPES[name]) for name in RATINGS]))
    users = read_text_table(folder / "ml-100k.user", delimiter="\t", types={"age:token": pa.int64()})
    users = users.rename_columns(list(USERS)).cast(pa.schema([(n, TYPES.get(n, pa.string())) for n in USERS]))
    items = read_text_table(folder / "ml-100k.item", delimiter="\t", quote=False)
    items = items.rename_columns(["item_id", "title", "year", "genres"])
    # "unkonwn" is how the package spells the one film without a name; two films lost their year into the title.
    plain = pc.match_substring_regex(items.column("year"), r"^\d{4}$")
    years = pc.if_else(plain, pc.binary_join_element_wise(" (", items.column("year"), ")", ""), "")
    titles = pc.replace_substring(items.column("title"), "unkonwn", "unknown")
    titles = pc.binary_join_element_wise(titles, years, "")
    genres = pc.split_pattern(items.column("genres"), " ").combine_chunks()
    return _table(ratings, users, items.column("item_id").cast(pa.int64()), titles, genres)


def _table(
    ratings: pa.Table, users: pa.Table, item_ids: pa.ChunkedArray, titles: pa.ChunkedArray, genres: pa.ListArray
) -> pa.Table:
    title, year = titles_and_years(titles)
    described = {"title": title, "year": year, "genres": genres, "genre": pc.list_element(genres, 0)}
    items = pa.table({"item_id": item_ids} | described)
    table = joined(joined(ratings, users, "user_id"), items, "item_id")
    return sorted_by(table, "timestamp", "user_id", "item_id").combine_chunks()


def _types(names: tuple[str, ...]) -> dict[str, pa.DataType]:
    return {name: TYPES[name] for name in names if name in TYPES}


MOVIELENS_100K = Dataset(
    name="movielens-100k",
    title="100,000 film ratings of 943 users with times, 1997-1998",
    licence="research with citation; no redistribution and no commercial use without permission",
    home="https://grouplens.org/datasets/movielens/100k/",
    citation="F. M. Harper and J. A. Konstan, The MovieLens Datasets, ACM TiiS 5(4), 2015",
    rows=100_000,
    version=2,
    ways=(
        Mirror(
            "movielens-100k",
            (
                DataFile("u.data.xz", "2da971bcb136bbc4dadd10eb0391c06ca063c9e2aa427cc9667a1276f4cf87d1", 664_980),
                DataFile("u.item.xz", "378b9893254921338057bb8d8b222e44584acb65a59325bd418481f840a185b3", 37_712),
                DataFile("u.user.xz", "51f83dc555203fd8cf52f534942edc66374ba691b0f5371b41cd866f7076675d", 6_684),
            ),
            read_home,
        ),
        Package(
            "recbole==1.2.1",
            DataFile(
                "recbole-1.2.1-py3-none-any.whl",
                "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
                2_130_151,
            ),
            {
                f"recbole/dataset_example/ml-100k/ml-100k.{part}": f"ml-100k.{part}"
                for part in ("inter", "item", "user")
            },
            read_package,
        ),
        Archive(
            "https://files.grouplens.org/datasets/movielens/ml-100k.zip",
            DataFile("ml-100k.zip", "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229", 4_924_029),
            {f"ml-100k/{name}": name for name in ("u.data", "u.item", "u.user")},
            read_home,
        ),
    ),
)
