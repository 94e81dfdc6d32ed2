"""Files that Beam's workers leave for the caller of a pipeline, in a folder or a storage that all of them reach."""

from __future__ import annotations

import posixpath

from apache_beam.io.filesystems import FileSystems


def write_shared(folder: str, name: str, content: bytes) -> str:
    """Write a file, the folder too where there is none; return the file's path."""
    if not FileSystems.exists(folder):
        FileSystems.mkdirs(folder)
    path: str = posixpath.join(folder, name)
    with FileSystems.create(path) as stream:
        stream.write(content)
    return path


def read_shared(folder: str, name: str) -> bytes:
    """Return the content of a file."""
    with FileSystems.open(posixpath.join(folder, name)) as stream:
        content: bytes = stream.read()
    return content
