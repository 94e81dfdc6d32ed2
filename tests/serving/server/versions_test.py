"""Which folders are versions, and what is done next."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format

from tfctr.serving.server._versions import ServableVersionPolicy, State, Version, next_action, scan


def policy(text: str = "") -> ServableVersionPolicy:
    return text_format.Parse(text, ServableVersionPolicy())


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for name in ("1", "00000123", "7", "007", "v8", "9.tmp", "-3", "3 ", "12a", str(2**63)):
        (tmp_path / name).mkdir()
    (tmp_path / "200").write_text("a file is no version")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", [123]),
        ("latest { num_versions: 2 }", [7, 123]),
        ("latest { num_versions: 0 }", [123]),
        ("all {}", [1, 7, 123]),
        ("specific { versions: 1 versions: 55 }", [1]),
        ("specific { }", []),
    ],
)
def test_only_folders_whose_whole_name_is_a_number_are_versions(base: Path, text: str, numbers: list[int]) -> None:
    found = scan(base, policy(text))
    assert sorted(found) == numbers
    assert all(int(path.name) == number for number, path in found.items())


def test_a_base_path_that_is_gone_says_nothing_about_its_versions(tmp_path: Path) -> None:
    assert scan(tmp_path / "gone", policy()) is None
    assert scan(tmp_path, policy()) == {}


def made(number: int, state: State, aspired: bool) -> Version:
    return Version(number, Path(str(number)), aspired, state)


A, L, S, E = State.AVAILABLE, State.LOADING, State.START, State.END


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([], None),
        ([(1, S, True), (2, S, True)], ("load", 2)),  # the latest first
        ([(1, A, False), (2, S, True)], ("load", 2)),  # the old one stays until the new one answers
        ([(1, A, False), (2, L, True)], None),
        ([(1, A, False), (2, E, True)], None),  # the new one failed: the old one stays
        ([(1, A, False), (2, A, True)], ("unload", 1)),
        ([(1, A, False)], ("unload", 1)),  # nothing is wanted any more
        ([(1, A, False), (2, A, False), (3, S, True)], ("unload", 1)),  # one old one is enough to stay available
    ],
)
def test_availability_is_preserved(versions: list[tuple[int, State, bool]], expected: tuple[str, int] | None) -> None:
    action = next_action([made(*version) for version in versions])
    assert (None if action is None else (action.kind, action.version.number)) == expected
