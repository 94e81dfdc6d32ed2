"""HTTP downloads that are resumed, bounded in size, and whole or not there at all."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from tfctr._version import __version__
from tfctr.data.datasets._checksum import READ_BYTES, DataFile, verify
from tfctr.data.errors import FetchError

TIMEOUT_SECONDS = 20.0
ATTEMPTS = 3

_FAILURES = (OSError, http.client.HTTPException)  # URLError, timeouts and resets are OSErrors


def download(url: str, file: DataFile, folder: Path, *, progress: bool = True) -> Path:
    """Download a file into `folder` unless a whole one is there; return its path.

    Bytes go to ``<name>.part`` first. A broken download is resumed where it stopped, in this call or a later one,
    when the server can; the file gets its name only after its checksum was right.

    Args:
        url: Where it is.
        file: Its name, size and checksum.
        folder: Where it goes.
        progress: Whether to draw a bar on standard error.

    Raises:
        FetchError: When the server cannot be reached, says no, sends too much, or the checksum is wrong.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target, part = folder / file.name, folder / f"{file.name}.part"
    if target.exists():
        verify(target, file)
        return target
    with _bar(file, progress) as advance:
        for attempt in range(ATTEMPTS):
            try:
                _fetch(url, file, part, advance)
                break
            except _FAILURES as error:
                if attempt + 1 == ATTEMPTS or isinstance(error, urllib.error.HTTPError):
                    raise FetchError(f"{url}: {_told(error)}") from error
    try:
        verify(part, file)
    except FetchError:
        part.unlink()  # to resume it would be in vain
        raise
    part.rename(target)
    return target


def _fetch(url: str, file: DataFile, part: Path, advance: Progress | None) -> None:
    """Append what is missing of a file to `part`.

    Raises:
        OSError, http.client.HTTPException: When the connection fails; what came is kept.
        FetchError: When the server sends more than the size listed.
    """
    have = part.stat().st_size if part.exists() else 0
    if have > file.size:
        part.unlink()
        have = 0
    if have == file.size:
        return
    headers = {"User-Agent": f"tfctr/{__version__}"} | ({"Range": f"bytes={have}-"} if have else {})
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        resumed = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if resumed else 0
        with part.open("ab" if resumed else "wb") as stream:
            while chunk := response.read(READ_BYTES):
                have += len(chunk)
                if have > file.size:
                    raise FetchError(f"{url}: sends more than the {file.size:,} bytes listed; it is another file")
                stream.write(chunk)
                if advance is not None:
                    advance.update(advance.task_ids[0], completed=have)
    if have < file.size:
        raise http.client.IncompleteRead(b"", file.size - have)


@contextmanager
def _bar(file: DataFile, wanted: bool) -> Iterator[Progress | None]:
    console = Console(stderr=True)
    if not wanted or not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        bar.add_task(file.name, total=file.size)
        yield bar


def _told(error: BaseException) -> str:
    if isinstance(error, http.client.IncompleteRead):
        return f"the connection ended early, {error.expected:,} bytes are missing"
    if isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError):
        return f"cannot be reached ({error.reason})"
    return str(error) or type(error).__name__
