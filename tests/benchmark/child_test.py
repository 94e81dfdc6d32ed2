"""Contenders as processes: the conversation, the memory read off, and what is said when one dies."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.peers.child import PEERS, Child, ChildError, peer_python

TALKATIVE = """
import time
from benchmarks.peers.child import serve

def build():
    print("libraries print what they like")
    ballast = bytearray(64 * 2**20)
    def burst(steps):
        print("and again")
        time.sleep(0.01 * steps)
        return 1 / steps
    return burst

serve(build)
"""
BROKEN = "raise SystemExit('the wheel came off')"
MORTAL = """
import os
from benchmarks.peers.child import serve
serve(lambda: lambda steps: os._exit(3))
"""
SLEEPER = """
import time
from benchmarks.peers.child import serve
serve(lambda: lambda steps: time.sleep(60) or 0.0)
"""


def command(program: str) -> list[str]:
    return [sys.executable, "-c", program]


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    with Child(command(TALKATIVE), log=tmp_path / "child.log") as started:
        yield started


def test_bursts_are_answered_in_turn(child: Child) -> None:
    short, long = child.burst(2), child.burst(20)
    assert (short.steps, short.loss) == (2, 0.5)
    assert (long.steps, long.loss) == (20, 0.05)
    assert short.seconds >= 0.02
    assert long.seconds >= 0.2


def test_what_libraries_print_goes_to_the_log(child: Child) -> None:
    child.burst(1)
    child.close()
    assert child.log.read_text().splitlines() == ["libraries print what they like", "and again"]


def test_peak_memory_is_the_childs_own(child: Child) -> None:
    assert 64 * 2**20 < child.peak_bytes < 256 * 2**20


def test_a_child_that_cannot_start_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(ChildError, match="the wheel came off"):
        Child(command(BROKEN), log=tmp_path / "child.log")


def test_a_child_that_dies_is_noticed(tmp_path: Path) -> None:
    with Child(command(MORTAL), log=tmp_path / "child.log") as mortal:
        for _ in range(2):  # while it is asked, and afterwards
            with pytest.raises(ChildError, match="ended"):
                mortal.burst(1)


def test_waiting_has_a_limit(tmp_path: Path) -> None:
    sleeper = Child(command(SLEEPER), log=tmp_path / "child.log", timeout=1.0)
    with pytest.raises(ChildError, match="no answer in 1 s"):
        sleeper.burst(1)
    sleeper.close()  # by force, since it does not listen


def test_a_missing_environment_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PEERS, str(tmp_path))
    with pytest.raises(FileNotFoundError, match="make peers"):
        peer_python("fuxictr")
