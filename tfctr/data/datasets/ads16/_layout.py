"""Where the files of an unpacked ADS-16 archive lie: two parts, each with half of the users and half of the ads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tfctr.data.errors import DataError

PARTS = ("ADS16_Benchmark_part1", "ADS16_Benchmark_part2")
CATEGORIES = 20
ADS_A_CATEGORY = 15
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".bmp")
HALF = CATEGORIES // 2
USER = re.compile(r"U\d+")


@dataclass(frozen=True)
class Layout:
    """The files of an archive.

    Args:
        users: User -> folder, in the order of the users' names.
        ads: The picture of each ad, ``CATEGORIES * ADS_A_CATEGORY`` of them by category and number.
        extra_ads: Pictures among the ads that stand for none of these.
    """

    users: dict[str, Path]
    ads: tuple[Path, ...]
    extra_ads: tuple[Path, ...]


def find_layout(root: Path) -> Layout:
    """Find users and ads of both parts; folders may be nested in a folder of the same name, as the archive has them.

    Raises:
        DataError: When a part, its ads or its users are not there, a user is in both, or a category lacks an ad.
    """
    parts = _both_parts(root)
    users: dict[str, Path] = {}
    ads: list[Path] = []
    extra: list[Path] = []
    for number, part in enumerate(parts):
        found = _users(part)
        if both := sorted(users.keys() & found.keys()):
            raise DataError(f"{part}: users {', '.join(both)} are in both parts; unpack each part anew")
        users |= found
        for category in range(1 + number * HALF, 1 + (number + 1) * HALF):
            kept, others = _ads(_child(part, "Ads"), category)
            ads += kept
            extra += others
    return Layout(dict(sorted(users.items())), tuple(ads), tuple(extra))


def _both_parts(root: Path) -> list[Path]:
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; give the folder that holds {' and '.join(PARTS)}")
    missing = [name for name in PARTS if not (root / name).is_dir()]
    if missing:
        there = [name for name in PARTS if name not in missing]
        half = f" Only {there[0]} is there, which has half of the users and half of the ads." if there else ""
        raise DataError(f"{root}: {' and '.join(missing)} not found.{half} Unpack both parts of the archive into it")
    return [_innermost(root / name) for name in PARTS]


def _innermost(folder: Path) -> Path:
    """Go down while a folder holds one of its own name: ``Ads/Ads``."""
    while (folder / folder.name).is_dir():
        folder = folder / folder.name
    return folder


def _child(part: Path, name: str) -> Path:
    folder = part / name
    if not folder.is_dir():
        raise DataError(f"{part}: the folder {name!r} is not there; unpack this part of the archive anew")
    return _innermost(folder)


def _users(part: Path) -> dict[str, Path]:
    corpus = _child(part, "Corpus")
    found = {path.name: path for path in corpus.iterdir() if path.is_dir() and USER.fullmatch(path.name)}
    if not found:
        raise DataError(f"{corpus}: there are no folders of users (U0001, ...); unpack this part of the archive anew")
    return found


def _ads(folder: Path, category: int) -> tuple[list[Path], list[Path]]:
    """The pictures 1 to 15 of a category, and what lies beside them."""
    place = folder / str(category)
    if not place.is_dir():
        raise DataError(f"{folder}: the ads of category {category} are not there; unpack this part of the archive anew")
    pictures = sorted(path for path in place.iterdir() if path.suffix.lower() in IMAGES)
    by_number: dict[str, Path] = {}
    for path in pictures:
        by_number.setdefault(path.stem, path)
    wanted = [str(number) for number in range(1, ADS_A_CATEGORY + 1)]
    missing = [number for number in wanted if number not in by_number]
    if missing:
        raise DataError(
            f"{place}: {len(wanted) - len(missing)} of {ADS_A_CATEGORY} ads are there, number {', '.join(missing)} "
            "not; unpack this part of the archive anew"
        )
    kept = [by_number[number] for number in wanted]
    return kept, [path for path in pictures if path not in kept]
