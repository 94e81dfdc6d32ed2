"""Named arrays in one file, written aside and renamed, so that a partial file is never taken for a whole one."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfctr.data._atomic_write import atomic_write


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write `arrays` to `path` (.npz, uncompressed), atomically; the folder is made when missing.

    Raises:
        ValueError: For an array of objects, which only pickle could write; no file is left.
    """
    # What np.savez does; before NumPy 2.2 that one takes allow_pickle for the name of an array, and pickles objects.
    with atomic_write(path) as partial, zipfile.ZipFile(partial, "w") as file:
        for name, array in arrays.items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a file that `write_arrays` wrote.

    Raises:
        ValueError: When the file is truncated or no such file; what to do is said.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} cannot be read as a checkpoint ({error}). It is truncated or not one; delete it to train anew."
        ) from error
