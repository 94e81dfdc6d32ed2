"""The archive: both parts or none, ratings in their places, nothing personal, every broken file told by its name."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tfctr.data import DataError, FetchError, prepare
from tfctr.data.datasets.ads16 import ADS16, Ads16, Ads16Config, Ads16Options, generate_ads16, read_ads16
from tfctr.data.datasets.ads16.generator import GeneratedAds16
from tfctr.spec import load_spec

PART1, PART2 = (f"ADS16_Benchmark_part{n}/ADS16_Benchmark_part{n}" for n in (1, 2))
USER = Path(PART1, "Corpus", "Corpus", "U0001")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, GeneratedAds16]:
    folder = tmp_path_factory.mktemp("ads16")
    return folder, generate_ads16(folder, Ads16Config(users=6, zero_share=0.05))


@pytest.fixture(scope="module")
def archive(made: tuple[Path, GeneratedAds16]) -> Ads16:
    return read_ads16(made[0])


@pytest.fixture
def own(made: tuple[Path, GeneratedAds16], tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(made[0], tmp_path / "own"))


def test_ratings_and_answers_are_those_that_were_written(made: tuple[Path, GeneratedAds16], archive: Ads16) -> None:
    _, written = made
    assert archive.users == tuple(f"U{n:04d}" for n in range(1, 7))
    assert (len(archive.ads), archive.ads[0], archive.ads[-1]) == (300, "1_01", "20_15")
    np.testing.assert_array_equal(archive.ratings, written.ratings)
    first = archive.table.filter(pa.compute.equal(archive.table.column("user_id"), "U0002")).slice(0, 1).to_pylist()[0]
    assert [first[f"answer_{item}"] for item in range(1, 11)] == written.answers[1].tolist()
    assert first["openness"] == pytest.approx(written.openness[1])


def test_a_row_has_its_user_ad_category_and_stars(archive: Ads16) -> None:
    columns = archive.table.to_pydict()
    user = np.array([archive.users.index(name) for name in columns["user_id"]])
    ad = np.array([archive.ads.index(name) for name in columns["ad_id"]])
    np.testing.assert_array_equal(archive.ratings[user, ad], columns["rating"])
    assert columns["category"] == [archive.categories[at // 15] for at in ad]
    assert columns["click"] == [int(stars >= 4) for stars in columns["rating"]]
    assert archive.table.num_rows == (archive.ratings > 0).sum() == len(set(zip(user, ad, strict=True)))


def test_a_place_between_brackets_is_no_border(archive: Ads16) -> None:
    sports = {value for values in archive.table.column("sports").to_pylist() for value in values}
    assert "Team sports (Football, Volleyball, ...)" in sports
    assert all(value.count("(") == value.count(")") for value in sports)


def test_zeros_are_missing_or_the_lowest_and_counted(made: tuple[Path, GeneratedAds16], archive: Ads16) -> None:
    folder, written = made
    zeros = int((written.ratings == 0).sum())
    assert archive.zero_ratings == zeros > 0
    assert f"{zeros} of 1,800 ratings are 0, left out (zeros='missing')" in archive.remarks
    lowest = read_ads16(folder, Ads16Options(zeros="lowest", click_at=5))
    assert lowest.table.num_rows == 1_800
    stars = lowest.table.column("rating").to_numpy()
    np.testing.assert_array_equal(stars, np.maximum(written.ratings, 1).ravel())
    np.testing.assert_array_equal(lowest.table.column("click").to_numpy(), stars == 5)
    assert f"{zeros} of 1,800 ratings are 0, taken as 1 (zeros='lowest')" in lowest.remarks


def test_nothing_personal_leaves_the_reader_unless_asked_for(made: tuple[Path, GeneratedAds16], archive: Ads16) -> None:
    everything = str(archive.table.slice(0, 300).to_pylist())
    for word in ("Name 1", "Surname", "00001", "Town", "IM-POS"):
        assert word not in everything
    asked = read_ads16(made[0], Ads16Options(personal=True)).table
    assert set(asked.column_names) - set(archive.table.column_names) == {"name", "last_name", "zip_code", "home_town"}
    assert asked.slice(0, 1).to_pylist()[0]["zip_code"] == "00001"


def test_the_301st_picture_is_told(made: tuple[Path, GeneratedAds16], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tfctr.data.datasets.ads16"):
        read_ads16(made[0])
    assert "Ads/20/16.png stands for none of the 300 ads, and is left out" in caplog.text


def test_folders_that_are_not_nested_are_read_too(own: Path, archive: Ads16) -> None:
    for number in (1, 2):
        part = own / f"ADS16_Benchmark_part{number}"
        (part / part.name).rename(own / "inner")
        shutil.rmtree(part)
        (own / "inner").rename(part)
        (part / "Ads" / "Ads").rename(part / "Flat")
        shutil.rmtree(part / "Ads")
        (part / "Flat").rename(part / "Ads")
    assert read_ads16(own).table.equals(archive.table)


@pytest.mark.parametrize(("lost", "left"), [(1, 2), (2, 1)])
def test_one_part_alone_is_refused_and_the_other_named(own: Path, lost: int, left: int) -> None:
    shutil.rmtree(own / f"ADS16_Benchmark_part{lost}")
    message = f"ADS16_Benchmark_part{lost} not found. Only ADS16_Benchmark_part{left} is there, which has half"
    with pytest.raises(DataError, match=message):
        read_ads16(own)


def test_no_part_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"ADS16_Benchmark_part1 and ADS16_Benchmark_part2 not found. Unpack both"):
        read_ads16(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        read_ads16(tmp_path / "nothing")


def rewritten(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def change_it(root: Path) -> None:
        path = root / USER / f"U0001-{name}.csv"
        path.write_text(change(path.read_text()))

    return change_it


def without(*parts: str) -> Callable[[Path], None]:
    return lambda root: shutil.rmtree(path) if (path := root.joinpath(*parts)).is_dir() else path.unlink()


def ratings(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    """Change the cells of the last row of a ratings file."""

    def changed(text: str) -> str:
        *head, last = text.splitlines()
        return "\n".join([*head, ";".join(change(last.split(";")))])

    return rewritten("RT", changed)


BROKEN = {
    "no ratings file": (without(str(USER), "U0001-RT.csv"), r"U0001-RT.csv is not there; unpack this part"),
    "two rows": (rewritten("RT", lambda text: "\n".join(text.splitlines()[:2])), r"U0001-RT.csv: 2 rows, expected 3"),
    "nineteen cells": (ratings(lambda cells: cells[:-1]), "the row of ratings has 19 cells, expected 20"),
    "fourteen numbers": (
        ratings(lambda cells: [cells[0], '"' + ",".join("1" * 14) + '"', *cells[2:]]),
        "cell 2 of the ratings has 14 numbers, expected 15",
    ),
    "no number": (
        ratings(lambda cells: ['"' + ",".join(["x"] * 15) + '"', *cells[1:]]),
        "cell 1 of the ratings holds other things than numbers: 'x,",
    ),
    "six stars": (
        ratings(lambda cells: ['"' + ",".join("6" * 15) + '"', *cells[1:]]),
        "cell 1 has the rating 6, expected 0 to 5",
    ),
    "nine answers": (
        rewritten("B5", lambda text: "\n".join(text.splitlines()[:-1])),
        r"U0001-B5.csv: 9 answers, expected 10",
    ),
    "no column of answers": (
        rewritten("B5", lambda text: text.replace("Answer", "Reply")),
        "the column 'Answer' is not there; the columns are Question#, Reply",
    ),
    "an answer in words": (
        rewritten("B5", lambda text: text.replace('"10";"', '"10";"agree ')),
        "an answer is no whole number: .*'agree ",
    ),
    "no gender": (
        rewritten("INF", lambda text: text.replace("Gender", "Sex")),
        "U0001: U0001-INF.csv has no column for gender",
    ),
    "two people": (rewritten("INF", lambda text: text + text.splitlines()[1]), "2 rows below the header, expected 1"),
    "nobody": (rewritten("PREF", lambda text: ""), r"U0001-PREF.csv is empty"),
    "too many values": (rewritten("PREF", lambda text: text.rstrip() + ';"more"'), "6 values, but 5 columns"),
    "no ad": (without(PART1, "Ads", "Ads", "3", "7.png"), "14 of 15 ads are there, number 7 not"),
    "no category": (without(PART2, "Ads", "Ads", "11"), "the ads of category 11 are not there"),
    "no users": (without(PART2, "Corpus"), "the folder 'Corpus' is not there"),
    "a user twice": (
        lambda root: shutil.copytree(root / USER, root / PART2 / "Corpus" / "Corpus" / "U0001"),
        "users U0001 are in both parts",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_told(own: Path, what: str) -> None:
    break_it, message = BROKEN[what]
    break_it(own)
    with pytest.raises(DataError, match=message):
        read_ads16(own)


def test_answers_on_another_scale(own: Path) -> None:
    path = own / USER / "U0001-B5.csv"
    path.write_text("Question#;Answer\n" + "\n".join(f"{item};7" for item in range(1, 11)))
    with pytest.raises(DataError, match="answers go from 1 to 7"):
        read_ads16(own)
    with pytest.raises(DataError, match="answer 1 of U0001 is 7, outside 1 to 5"):
        read_ads16(own, Ads16Options(answer_range=(1, 5)))
    assert read_ads16(own, Ads16Options(answer_range=(1, 7))).remarks[-1] == "personality: BFI-10, answers from 1 to 7"


def test_slips_of_the_pen_and_strange_letters(own: Path) -> None:
    path = own / USER / "U0001-INF.csv"
    header, values = path.read_text().splitlines()
    age = values.split(";")[3]
    path.write_bytes(f"\n\n{header}\n{values.replace(age, '1985').replace('Name 1', 'Noël')}\n".encode("latin-1"))
    read = read_ads16(own, Ads16Options(personal=True))
    first = read.table.slice(0, 1).to_pylist()[0]
    assert (first["age"], first["name"]) == (None, "Noël")
    assert "age: 1 of 6 users gave no likely number ('1985'); taken as missing" in read.remarks


def test_another_name_of_a_category_is_told_and_changes_nothing(own: Path, archive: Ads16) -> None:
    path = own / USER / "U0001-RT.csv"
    path.write_text(path.read_text().replace("Automotive", "Cars"))
    read = read_ads16(own)
    assert "1 users' files name the categories otherwise (U0001, say)" in read.remarks
    assert read.table.equals(archive.table)


# --- vectors ---------------------------------------------------------------------------


def test_vectors_of_ads_and_users_come_from_a_file(made: tuple[Path, GeneratedAds16], tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    np.save(tmp_path / "ads.npy", vectors)
    users = pa.table(
        {"user_id": [f"U{n:04d}" for n in range(9, 0, -1)], "vector": [[float(n)] for n in range(9, 0, -1)]}
    )
    pq.write_table(users, tmp_path / "users.parquet")
    options = Ads16Options(ad_vectors=tmp_path / "ads.npy", user_vectors=tmp_path / "users.parquet", zeros="lowest")
    table = read_ads16(made[0], options).table
    np.testing.assert_array_equal(table.column("ad_vector").slice(300, 300).to_pylist(), vectors)
    assert table.column("user_vector").to_pylist()[600] == [3.0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros((299, 2)), r"shape \(299, 2\), expected numbers \(300, width\)"),
        (np.full((300, 2), np.nan), "300 vectors hold NaN"),
        (np.array(["a"] * 300), "expected numbers"),
        (pa.table({"ad_id": ["1_01"], "vector": [[1.0]]}), "no vector for 299 of 300 values of ad_id, such as 1_02"),
        (pa.table({"ad_id": ["1_01", "1_01"], "vector": [[1.0], [2.0]]}), "1 values of ad_id come more than once"),
        (pa.table({"ad": ["1_01"]}), "no column ad_id and vector; the columns are ad"),
        (b"no file", "neither an .npy array nor a Parquet table"),
        (None, "no such file"),
    ],
)
def test_vectors_that_do_not_fit(
    made: tuple[Path, GeneratedAds16], tmp_path: Path, content: object, message: str
) -> None:
    path = tmp_path / ("vectors.npy" if isinstance(content, np.ndarray) else "vectors.parquet")
    if isinstance(content, np.ndarray):
        np.save(path, content)
    elif isinstance(content, pa.Table):
        pq.write_table(content, path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_ads16(made[0], Ads16Options(ad_vectors=path))


# --- the registry ----------------------------------------------------------------------


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFCTR_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("TFCTR_DATA", str(folder))
    return folder


def test_the_registry_says_how_to_have_it(mirror: Path) -> None:
    with pytest.raises(
        FetchError, match=r"ads16 cannot be had[\s\S]*kaggle.com[\s\S]*unpack ADS16_Benchmark_part1 and"
    ):
        ADS16.fetch(progress=False)


def test_files_put_by_hand_are_read_by_the_shipped_spec(mirror: Path, tmp_path: Path) -> None:
    generate_ads16(mirror / "ads16", Ads16Config(zero_share=0.02))
    spec = load_spec("ads16")
    data = prepare(spec, None, tmp_path / "work")
    table = ADS16.load(progress=False)
    assert sum(data.rows.values()) == table.num_rows < 36_000
    assert {column.name for column in spec.raw_columns()} <= set(table.column_names)
    before = ADS16.folder
    path = mirror / "ads16" / USER / "U0001-RT.csv"
    path.write_text(path.read_text().replace("5", "1"))
    assert ADS16.folder != before  # other files, another table


def test_a_part_of_the_users_is_not_the_data_set(mirror: Path) -> None:
    generate_ads16(mirror / "ads16", Ads16Config(users=6))
    with pytest.raises(FetchError, match="6 users are there, expected 120"):
        ADS16.fetch(progress=False)
