"""An entry of the registry of public data sets."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tfctr.data._locks import locked
from tfctr.data.datasets._checksum import DataFile, sha256_of
from tfctr.data.datasets._download_sources import DownloadSource
from tfctr.data.datasets._folders import cache_dir
from tfctr.data.errors import FetchError

TABLE = "table.parquet"
SOURCE = "_source.json"


@dataclass(frozen=True)
class Dataset:
    """A public data set: what it is, whose it is, and the ways to have it.

    Args:
        name: Name in the registry, such as ``movielens-100k``.
        title: What it is, one line.
        licence: What its owner allows.
        home: Its web page.
        rows: Rows of its table; another number is an error.
        at_most: The table may have fewer rows, for its owner left some answers out; how many is not known beforehand.
        ways: Tried in this order until one works; all give the same table.
        citation: What a paper should cite.
        version: Counts up when the table is made in another way from the same files.
    """

    name: str
    title: str
    licence: str
    home: str
    rows: int
    ways: tuple[DownloadSource, ...] = field(repr=False)
    citation: str = ""
    version: int = 1
    at_most: bool = False

    @property
    def files(self) -> tuple[DataFile, ...]:
        """All files of all ways, with their checksums."""
        return tuple(file for way in self.ways for file in way.files)

    @property
    def fingerprint(self) -> str:
        """Hash of the checksums and the version: the same fingerprint, the same table."""
        parts = [self.version, self.rows, *sorted(file.sha256 for file in self.files)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def folder(self) -> Path:
        """Folder in the cache that holds, or will hold, the table."""
        return cache_dir() / "datasets" / self.name / self.fingerprint[:12]

    def fetch(self, progress: bool = True) -> Path:
        """Make the table in the cache unless it is there; return its folder, a log that `prepare` reads.

        Args:
            progress: Whether to draw a bar for a download, on standard error.

        Raises:
            FetchError: Naming each way that was tried and why it did not work.
        """
        if self._is_whole():
            return self.folder
        with locked(self.folder.parent):
            if not self._is_whole():
                self._make(progress)
        return self.folder

    def load(self, progress: bool = True) -> pa.Table:
        """Return the table: a flat log, one row an event, with clear column names; fetched when it must be."""
        return pq.read_table(self.fetch(progress) / TABLE)

    def _is_whole(self) -> bool:
        """Whether the cache holds the table, unharmed."""
        try:
            source = json.loads((self.folder / SOURCE).read_text())
            return sha256_of(self.folder / TABLE) == str(source["table_sha256"])
        except (OSError, ValueError, KeyError):
            return False

    def _make(self, progress: bool) -> None:
        failures = []
        for way in self.ways:
            partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=self.folder.parent))
            try:
                self._make_by(way, partial, progress)
                return
            except FetchError as error:
                failures.append(f"  - {way.label}: {error}")
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        raise FetchError(f"{self.name} cannot be had. Tried:\n" + "\n".join(failures) + f"\nIts home is {self.home}")

    def _make_by(self, way: DownloadSource, partial: Path, progress: bool) -> None:
        """Collect, read, check and publish; nothing partial is ever seen under the final name."""
        files, made = partial / "files", partial / "made"
        files.mkdir()
        made.mkdir()
        downloads = cache_dir() / "downloads"
        way.collect(files, downloads, progress=progress)
        table = way.read(files)
        if table.num_rows != self.rows and not (self.at_most and 0 < table.num_rows < self.rows):
            most = " at most" if self.at_most else ""
            raise FetchError(f"the table has {table.num_rows:,} rows, expected{most} {self.rows:,}")
        pq.write_table(table, made / TABLE)
        source = {"name": self.name, "way": way.label, "licence": self.licence, "home": self.home}
        source["table_sha256"] = sha256_of(made / TABLE)
        (made / SOURCE).write_text(json.dumps(source, indent=2) + "\n")
        shutil.rmtree(self.folder, ignore_errors=True)
        made.rename(self.folder)
        for file in way.files:
            (downloads / file.name).unlink(missing_ok=True)
