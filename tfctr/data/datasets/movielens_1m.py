"""MovieLens-1M.

The mirror has the ratings in the five folds of a published split, and the time of a tenth of them. The home has every
time and no folds, so the fold there is a hash of user and film: figures agree in kind, not to the digit.
`MOVIELENS_1M_TIMED` is that tenth alone, in the order of time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tfctr.data._splits import hash_shares
from tfctr.data.datasets._checksum import DataFile
from tfctr.data.datasets._download_sources import Archive, Mirror
from tfctr.data.datasets._tables import joined, read_text_table, sorted_by, titles_and_years
from tfctr.data.datasets.dataset import Dataset

FOLDS = 5
RATINGS = ("user_id", "movie_id", "rating", "timestamp")
RATING_TYPES = {"user_id": pa.int64(), "movie_id": pa.int64(), "rating": pa.float32(), "timestamp": pa.int64()}
USERS = ("user_id", "gender", "age", "occupation", "zip")
SAMPLE = "ratings_sample_100k_timestamped"


def read_mirror(folder: Path) -> pa.Table:
    """Read the ratings with folds, and put the times of the sample beside them."""
    types = RATING_TYPES | {"fold": pa.int64()}
    ratings = read_text_table(folder / "ratings_5fold.csv", types=types)
    sample = read_text_table(folder / f"{SAMPLE}.dat", RATINGS, delimiter="::", types=RATING_TYPES)
    place = pc.index_in(pa.array(_pairs(ratings)), pa.array(_pairs(sample)))
    ratings = ratings.append_column("timestamp", sample.column("timestamp").combine_chunks().take(place))
    return _table(ratings, folder)


def read_timed(folder: Path) -> pa.Table:
    """Read the ratings whose time is known, in the order of time."""
    ratings = read_text_table(folder / f"{SAMPLE}.dat", RATINGS, delimiter="::", types=RATING_TYPES)
    return sorted_by(_described(ratings, folder), "timestamp", "user_id", "movie_id").combine_chunks()


def read_home(folder: Path) -> pa.Table:
    """Read the ratings with times, and make folds."""
    ratings = read_text_table(folder / "ratings.dat", RATINGS, delimiter="::", types=RATING_TYPES)
    fold = 1 + (hash_shares(pa.array(_pairs(ratings))) * FOLDS).astype(np.int64)
    return _table(ratings.append_column("fold", pa.array(fold)), folder)


def _pairs(ratings: pa.Table) -> NDArray[np.int64]:
    """One number for each pair of user and film."""
    user, movie = (np.asarray(ratings.column(name), np.int64) for name in ("user_id", "movie_id"))
    return user * 10_000 + movie


def _table(ratings: pa.Table, folder: Path) -> pa.Table:
    table = sorted_by(_described(ratings, folder), "user_id", "movie_id")
    order = ["user_id", "movie_id", "rating", "gender", "age", "occupation", "zip", "title", "year", "genres", "genre"]
    return table.select([*order, "fold", "timestamp"]).combine_chunks()


def _described(ratings: pa.Table, folder: Path) -> pa.Table:
    """Put what is known of users and films beside their ratings."""
    whole = {name: pa.int64() for name in ("user_id", "age", "occupation")}
    users = read_text_table(folder / "users.dat", USERS, delimiter="::", types=whole)
    movies = read_text_table(
        folder / "movies.dat",
        ("movie_id", "title", "genres"),
        delimiter="::",
        types={"movie_id": pa.int64()},
        encoding="latin-1",
        quote=False,
    )
    title, year = titles_and_years(movies.column("title"))
    genres = pc.split_pattern(movies.column("genres"), "|")
    described = {"title": title, "year": year, "genres": genres, "genre": pc.list_element(genres, 0)}
    movies = pa.table({"movie_id": movies.column("movie_id")} | described)
    return joined(joined(ratings, users, "user_id"), movies, "movie_id")


LICENCE = "research with citation; no redistribution and no commercial use without permission"
HOME = "https://grouplens.org/datasets/movielens/1m/"
CITATION = "F. M. Harper and J. A. Konstan, The MovieLens Datasets, ACM TiiS 5(4), 2015"
DESCRIPTIONS = (
    DataFile("movies.dat.xz", "d233e28e71128fd89ee1d1025ff77737352b1f7bac84a27e60728e95c7cf41a2", 49_928),
    DataFile("users.dat.xz", "5e9d8024047dec0255242b88933b6d522fb247ea88be4f2c851c7ae2edee21f0", 31_888),
)
TIMED_SAMPLE = DataFile(f"{SAMPLE}.dat.xz", "fd0dfd8d22586edd3a353e38ad1184089f42824b797aa6aa1e537acc6c10e2c0", 792_320)

MOVIELENS_1M = Dataset(
    name="movielens-1m",
    title="a million film ratings of 6,040 users, 2000-2003",
    licence=LICENCE,
    home=HOME,
    citation=CITATION,
    rows=1_000_209,
    version=2,
    ways=(
        Mirror(
            "movielens-1m",
            (
                *DESCRIPTIONS,
                DataFile(
                    "ratings_5fold.csv.xz",
                    "857dbc3e755e5d90c8c2fb04a7b3112a4f46407eeb732e4416b60c6dfeb7f605",
                    2_509_756,
                ),
                TIMED_SAMPLE,
            ),
            read_mirror,
        ),
        Archive(
            "https://files.grouplens.org/datasets/movielens/ml-1m.zip",
            DataFile("ml-1m.zip", "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20", 5_917_549),
            {f"ml-1m/{name}": name for name in ("ratings.dat", "users.dat", "movies.dat")},
            read_home,
        ),
    ),
)

MOVIELENS_1M_TIMED = Dataset(
    name="movielens-1m-timed",
    title="the tenth of MovieLens-1M that the mirror has times for",
    licence=LICENCE,
    home=HOME,
    citation=CITATION,
    rows=100_000,
    version=2,
    ways=(Mirror("movielens-1m", (*DESCRIPTIONS, TIMED_SAMPLE), read_timed),),
)
