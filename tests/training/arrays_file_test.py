"""Arrays in one file: as NumPy reads it, and never with a pickle inside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tfctr.training._arrays_file import read_arrays, write_arrays


def test_numpy_reads_what_was_written(tmp_path: Path) -> None:
    arrays = {"file": np.arange(6).reshape(2, 3).T, "step": np.int64(3), "allow_pickle": np.array(["a", "bc"])}
    write_arrays(tmp_path / "new" / "arrays.npz", arrays)
    with np.load(tmp_path / "new" / "arrays.npz") as loaded:
        assert loaded.files == list(arrays)
    for name, array in read_arrays(tmp_path / "new" / "arrays.npz").items():
        np.testing.assert_array_equal(array, arrays[name], strict=True)


def test_an_array_of_objects_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        write_arrays(tmp_path / "arrays.npz", {"fine": np.zeros(2), "bad": np.array([{}], object)})
    assert list(tmp_path.iterdir()) == []
