"""An archive of ADS-16's layout with a planted effect: the rating of an ad depends on openness times category."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tfctr.data.datasets.ads16._layout import ADS_A_CATEGORY, CATEGORIES, HALF, PARTS
from tfctr.data.datasets.ads16.big_five import BFI_10, ITEMS, TRAITS, score_big_five
from tfctr.spec._base import Frozen

NAMES = (
    "Clothing & Shoes", "Automotive", "Baby", "Health & Beauty", "Media", "Consumer Electronics",
    "Console & Video Games", "Tools & Hardware", "Outdoor Living", "Grocery", "Home", "Betting", "Jewelery & Watches",
    "Musical instruments", "Stationery & Office Supplies", "Pet Supplies", "Computer Software", "Sports",
    "Toys & Games", "Social Dating Sites",
)  # fmt: skip
PASTIMES = ("Reading", "Cooking", "Travelling", "Gardening")
SPORTS = ("Individual sports (Tennis, Archery, ...)", "Indoor sports", "Team sports (Football, Volleyball, ...)")
KINDS = ("Rock", "Jazz", "Pop", "Classical Music", "Hip-hop")
JOBS = ("Employee", "Student", "Self-employed", "Retired")


class Ads16Config(Frozen):
    """Sizes and effects of a generated archive. The same config gives the same files on every machine.

    A rating is 3 stars, plus the ad's own appeal, how strict the user is, ``effect`` times the user's openness
    (standardised) times the sign of the category, and noise; rounded, and cut to 1 to 5. So openness alone says
    nothing, nor does the category.

    Args:
        users: How many; half of them in each part.
        effect: Stars that one standard deviation of openness moves a rating by; 0 plants nothing.
        appeal, strictness, noise: Standard deviations of these, in stars.
        zero_share: Share of ratings that are 0.
        extra_ad: Put a 301st picture among the ads, as the published archive has one.
        seed: Of all random draws.
    """

    users: int = Field(default=120, ge=2)
    effect: float = Field(default=1.0, ge=0)
    appeal: float = Field(default=0.4, ge=0)
    strictness: float = Field(default=0.4, ge=0)
    noise: float = Field(default=0.8, ge=0)
    zero_share: float = Field(default=0.01, ge=0, lt=1)
    extra_ad: bool = True
    seed: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class GeneratedAds16:
    """What stands in a generated archive.

    Args:
        ratings: int64 ``(users, 300)``, zeros included.
        answers: int64 ``(users, 10)``, 1 to 5.
        openness: As scored, float64 ``(users,)``.
        signs: Which way openness goes in a category, 1 or -1, float64 ``(20,)``.
    """

    ratings: NDArray[np.int64]
    answers: NDArray[np.int64]
    openness: NDArray[np.float64]
    signs: NDArray[np.float64]


def generate_ads16(folder: Path | str, config: Ads16Config | None = None) -> GeneratedAds16:
    """Write an archive into `folder`, which `read_ads16` reads; nobody in it is real.

    Args:
        folder: Made when missing; gets both parts.
        config: Sizes and effects; None takes the defaults.

    Returns:
        What was written.

    Example:
        >>> import tempfile
        >>> from tfctr.data.datasets.ads16 import read_ads16
        >>> with tempfile.TemporaryDirectory() as place:
        ...     made = generate_ads16(place, Ads16Config(users=4, zero_share=0.0))
        ...     archive = read_ads16(place)
        >>> archive.table.num_rows, bool((archive.ratings == made.ratings).all())
        (1200, True)
    """
    config = config or Ads16Config()
    generator = np.random.default_rng([config.seed, 20_160_916])
    made = _draw(config, generator)
    for number, part in enumerate(PARTS):
        inside = Path(folder) / part / part
        _write_ads(inside / "Ads" / "Ads", number, config.extra_ad)
        first, last = (config.users * (number + at) // len(PARTS) for at in (0, 1))
        for user in range(first, last):
            _write_user(inside / "Corpus" / "Corpus" / f"U{user + 1:04d}", user, made, generator)
    return made


def _draw(config: Ads16Config, generator: np.random.Generator) -> GeneratedAds16:
    traits = generator.normal(size=(config.users, len(TRAITS)))
    leaning = 3 + traits @ np.sign(BFI_10.signs()).T + 0.5 * generator.normal(size=(config.users, ITEMS))
    answers = np.clip(np.rint(leaning), 1, 5).astype(np.int64)
    openness = score_big_five(answers)["openness"]
    signs = generator.permutation(np.repeat([1.0, -1.0], HALF))
    moved = np.outer((openness - openness.mean()) / max(float(openness.std()), 1e-12), np.repeat(signs, ADS_A_CATEGORY))
    shape = moved.shape
    stars = 3 + config.effect * moved + config.noise * generator.normal(size=shape)
    stars += config.appeal * generator.normal(size=shape[1]) + config.strictness * generator.normal(size=(shape[0], 1))
    ratings = np.clip(np.rint(stars), 1, 5).astype(np.int64)
    ratings[generator.random(shape) < config.zero_share] = 0
    return GeneratedAds16(ratings, answers, openness, signs)


def _write_ads(folder: Path, part: int, extra: bool) -> None:
    for category in range(1 + part * HALF, 1 + (part + 1) * HALF):
        place = folder / str(category)
        place.mkdir(parents=True, exist_ok=True)
        more = extra and category == CATEGORIES
        for number in range(1, 1 + ADS_A_CATEGORY + more):
            (place / f"{number}.png").write_bytes(_picture(category, number))


def _write_user(folder: Path, user: int, made: GeneratedAds16, generator: np.random.Generator) -> None:
    name = folder.name
    for liking in ("POS", "NEG"):
        pictures = folder / f"{name}-IM-{liking}"
        pictures.mkdir(parents=True, exist_ok=True)
        (pictures / "1.png").write_bytes(_picture(0, user))
        _write_table(folder / f"{name}-IM-{liking}.csv", [["1"], [f"{name}-IM-{liking}/1.png"], ["a picture"]])
    cells = made.ratings[user].reshape(CATEGORIES, ADS_A_CATEGORY)
    header = [f"Cat{number}" for number in range(CATEGORIES)]
    _write_table(folder / f"{name}-RT.csv", [header, NAMES, [",".join(map(str, cell)) for cell in cells]])
    answers = [[str(item + 1), str(answer)] for item, answer in enumerate(made.answers[user])]
    _write_table(folder / f"{name}-B5.csv", [["Question#", "Answer"], *answers])
    told = _told(user, generator)
    for kind, wanted in (("INF", slice(0, 14)), ("PREF", slice(14, None))):
        _write_table(folder / f"{name}-{kind}.csv", [list(told)[wanted], list(told.values())[wanted]])


def _told(user: int, generator: np.random.Generator) -> dict[str, str]:
    """Answers of a person who is not there; none of them has to do with the ratings."""

    def some(values: Sequence[str]) -> str:
        return ", ".join(generator.choice(values, size=2, replace=False))

    return {
        "Name": f"Name {user + 1}",
        "Last Name": f"Surname {user + 1}",
        "Gender": str(generator.choice(("F", "M"))),
        "Age": str(generator.integers(18, 70)),
        "Cap/Zip-Code": f"{user + 1:05d}",
        "Home town": f"Town {user + 1}",
        "Home country": str(generator.choice(("Italy", "Scotland", "India"))),
        "Type of Job": str(generator.choice(JOBS)),
        "Weekly working hours": str(generator.integers(0, 50)),
        "Income": str(generator.integers(0, 4)),
        "Paypal": str(generator.choice(("Yes", "No"))),
        "Timepass": some(PASTIMES),
        "Fave Sports": some(SPORTS),
        "Countries visited": some(("France", "Spain", "Japan")),
        "Most visited websites": some(("www.example.com", "www.example.org", "news.example.com")),
        "Most listened musics": some(KINDS),
        "Most watched movies": some(("Action", "Comedy", "Drama")),
        "Most watched tv programmes": some(("News", "Series", "Sports")),
        "Most read books": some(("Novels", "Poetry", "Science")),
    }


def _write_table(path: Path, rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=";", quoting=csv.QUOTE_ALL).writerows(rows)


def _picture(*shade: int) -> bytes:
    """A PNG file of one pixel."""
    red, green = (value % 256 for value in shade)
    parts = {
        b"IHDR": b"\0\0\0\1\0\0\0\1\x08\x02\0\0\0",  # 1 by 1, 8 bits, RGB
        b"IDAT": zlib.compress(bytes((0, red, green, 128))),
        b"IEND": b"",
    }
    chunks = (
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in parts.items()
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
