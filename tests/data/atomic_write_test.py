"""A file is replaced whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfctr.data._atomic_write import atomic_write


def test_takes_its_name_at_the_end(tmp_path: Path):
    path = tmp_path / "deep" / "figures.json"
    with atomic_write(path) as partial:
        partial.write_text("new")
        assert not path.exists()
        assert partial.suffix == ".json"
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_keeps_the_old_file_when_the_writer_fails(tmp_path: Path):
    path = tmp_path / "figures.json"
    path.write_text("old")

    def fail_halfway() -> None:
        with atomic_write(path) as partial:
            partial.write_text("half of the n")
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        fail_halfway()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_overwrites_what_a_killed_writer_left(tmp_path: Path):
    path = tmp_path / "figures.json"
    with atomic_write(path) as partial:
        partial.write_text("first")
    partial.write_text("half")  # as after a kill
    with atomic_write(path) as partial:
        partial.write_text("whole")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]
