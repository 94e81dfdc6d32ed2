"""`read_ads16`: an unpacked archive as one table, a row for each rating, and the matrix of ratings."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tfctr.data.datasets.ads16._layout import ADS_A_CATEGORY, CATEGORIES, find_layout
from tfctr.data.datasets.ads16._people import people_columns
from tfctr.data.datasets.ads16._user_files import HIGHEST, UserFiles, read_user
from tfctr.data.datasets.ads16._vectors import read_vectors
from tfctr.data.datasets.ads16.big_five import BFI_10, ITEMS, BigFiveKey, range_of_answers, score_big_five
from tfctr.data.errors import DataError
from tfctr.spec._base import Frozen

logger = logging.getLogger(__name__)

LOWEST_STARS = 1


class Ads16Options(Frozen):
    """What is made of the archive.

    Args:
        click_at: `click` is 1 where the rating is at least this.
        zeros: What a rating of 0 is: `missing` leaves the row out, `lowest` makes it one star. The papers do not say.
        key: Scoring key of the questionnaire.
        answer_range: Lowest and highest answer of the questionnaire; None takes 1 to 5 or -2 to 2, whichever fits.
        personal: Keep name, last name, zip code and home town, which are personal data. Pictures are never read.
        ad_vectors: File with one vector an ad, in the column `ad_vector`; see `tfctr.data.datasets.ads16`.
        user_vectors: File with one vector a user, in the column `user_vector`.
    """

    click_at: int = Field(default=4, ge=2, le=5)
    zeros: Literal["missing", "lowest"] = "missing"
    key: BigFiveKey = BFI_10
    answer_range: tuple[float, float] | None = None
    personal: bool = False
    ad_vectors: Path | None = None
    user_vectors: Path | None = None

    @model_validator(mode="after")
    def _range_has_a_width(self) -> Ads16Options:
        if self.answer_range is not None and not self.answer_range[0] < self.answer_range[1]:
            raise ValueError("answer_range is lowest, highest")
        return self


@dataclass(frozen=True)
class Ads16:
    """What an archive holds.

    Args:
        table: One row a rating: `user_id`, `ad_id` (category and number, ``7_03``), `category`, `rating` (1 to 5),
            `click`, what the user told of themselves, the five traits, the ten answers (`answer_1` to `answer_10`), and
            the vectors that were given.
        ratings: As published, zeros included, int64 ``(users, 300)``.
        users, ads, categories: Names, in the order of rows and columns of `ratings`; of the 20 categories.
        ad_files: The picture of each ad, for computing vectors.
        zero_ratings: How many ratings are 0.
        remarks: What a person should know about the archive, sentences.
    """

    table: pa.Table
    ratings: NDArray[np.int64]
    users: tuple[str, ...]
    ads: tuple[str, ...]
    categories: tuple[str, ...]
    ad_files: tuple[Path, ...] = field(repr=False)
    zero_ratings: int
    remarks: tuple[str, ...]


def read_ads16(folder: Path | str, options: Ads16Options | None = None) -> Ads16:
    """Read an unpacked archive, both parts of it.

    Args:
        folder: Holds ``ADS16_Benchmark_part1`` and ``ADS16_Benchmark_part2``.
        options: See there; None takes the defaults.

    Raises:
        DataError: When a part or a file is not there or not of its form, an answer is outside the range of the
            questionnaire, or vectors do not fit; says which, where, and what to do.
    """
    options = options or Ads16Options()
    layout = find_layout(Path(folder))
    users = {user: read_user(place) for user, place in layout.users.items()}
    categories, remarks = _category_names(users)
    remarks = [f"{len(users)} users, {len(layout.ads)} ads", *remarks]
    remarks += [f"{path} stands for none of the {len(layout.ads)} ads, and is left out" for path in layout.extra_ads]
    ads = tuple(f"{1 + at // ADS_A_CATEGORY}_{1 + at % ADS_A_CATEGORY:02d}" for at in range(len(layout.ads)))
    ratings = np.stack([user.ratings for user in users.values()])
    zeros = int((ratings == 0).sum())
    remarks.append(_zeros_told(zeros, ratings.size, options))
    told, more = people_columns({name: user.told for name, user in users.items()}, personal=options.personal)
    scored, scale = _big_five(users, options)
    columns = _of_ads(ads, categories, options), {"user_id": pa.array(list(users))} | told | scored
    vectors = options.user_vectors and _vector_column(options.user_vectors, list(users), "user_id")
    columns[1].update({"user_vector": vectors} if vectors else {})
    remarks += [*more, scale]
    for remark in remarks:
        logger.info("ADS-16: %s", remark)
    table = _rows(ratings, *columns, options)
    return Ads16(table, ratings, tuple(users), ads, categories, layout.ads, zeros, tuple(remarks))


def _category_names(users: Mapping[str, UserFiles]) -> tuple[tuple[str, ...], list[str]]:
    """The names that most users' files have; ratings go by place, so that another name changes nothing."""
    counted = Counter(user.categories for user in users.values())
    names = counted.most_common(1)[0][0]
    if len(set(names)) != CATEGORIES:
        raise DataError(f"the ratings name {len(set(names))} different categories, expected {CATEGORIES}: {names}")
    others = [name for name, user in users.items() if user.categories != names]
    told = f"{len(others)} users' files name the categories otherwise ({others[0]}, say)" if others else ""
    return names, [told] if told else []


def _zeros_told(zeros: int, ratings: int, options: Ads16Options) -> str:
    done = "left out" if options.zeros == "missing" else f"taken as {LOWEST_STARS}"
    return f"{zeros:,} of {ratings:,} ratings are 0, {done} (zeros={options.zeros!r})"


def _big_five(users: Mapping[str, UserFiles], options: Ads16Options) -> tuple[dict[str, pa.Array], str]:
    """Traits and answers, a value a user, and the range that they were scored on."""
    answers = np.stack([user.answers for user in users.values()])
    low, high = options.answer_range or range_of_answers(answers)
    scores = score_big_five(answers, options.key, (low, high), people=list(users))
    columns = {trait: pa.array(values, pa.float32()) for trait, values in scores.items()}
    columns |= {f"answer_{item + 1}": pa.array(answers[:, item]) for item in range(ITEMS)}
    return columns, f"personality: {options.key.name}, answers from {low:g} to {high:g}"


def _of_ads(ads: tuple[str, ...], categories: tuple[str, ...], options: Ads16Options) -> dict[str, pa.Array]:
    names = [category for category in categories for _ in range(ADS_A_CATEGORY)]
    columns = {"ad_id": pa.array(ads), "category": pa.array(names)}
    if options.ad_vectors is not None:
        columns["ad_vector"] = _vector_column(options.ad_vectors, list(ads), "ad_id")
    return columns


def _vector_column(path: Path, names: list[str], key: str) -> pa.Array:
    vectors = read_vectors(path, names, key)
    bounds = pa.array(np.arange(len(vectors) + 1, dtype=np.int32) * vectors.shape[1])
    return pa.ListArray.from_arrays(bounds, pa.array(vectors.ravel()))


def _rows(
    ratings: NDArray[np.int64], of_ads: dict[str, pa.Array], of_users: dict[str, pa.Array], options: Ads16Options
) -> pa.Table:
    """One row a rating, users in their order and each one's ads in theirs."""
    stars = ratings.ravel()
    kept = np.flatnonzero(stars > 0) if options.zeros == "missing" else np.arange(stars.size)
    stars = np.clip(stars[kept], LOWEST_STARS, HIGHEST)
    user, ad = np.divmod(kept, ratings.shape[1])
    columns = {"user_id": of_users["user_id"].take(pa.array(user))}
    columns |= {name: values.take(pa.array(ad)) for name, values in of_ads.items()}
    columns |= {"rating": pa.array(stars), "click": pa.array((stars >= options.click_at).astype(np.int64))}
    columns |= {name: values.take(pa.array(user)) for name, values in of_users.items() if name != "user_id"}
    return pa.table(columns)
