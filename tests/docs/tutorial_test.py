"""The tutorial, from its first command to its last, as a reader would type it."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import TUTORIAL, Block, blocks

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

SERVER_SECONDS = 120.0
EVERY = 3
"""The run learns from every third row: of the whole time that the log covers, in less time."""
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?")


def lines_of(text: str) -> list[str]:
    """Lines as they are compared: widths of columns and lines without words do not count."""
    return [" ".join(line.split()) for line in text.splitlines() if re.search(r"\w", line)]


def pattern_of(line: str) -> re.Pattern[str]:
    """A shown line as a pattern: another number may stand where it has one."""
    return re.compile(re.escape(NUMBER.sub("\0", line)).replace("\0", rf"({NUMBER.pattern})"))


def assert_shown(block: Block, printed: str) -> None:
    """Each line that a page shows was printed, in this order."""
    left = iter(lines_of(printed))
    for line in lines_of(block.shown or ""):
        pattern = pattern_of(line)
        assert any(pattern.fullmatch(other) for other in left), f"{block.page}: {line!r} is not in\n{printed}"


class Reader:
    """Types what a page says into one folder; the run learns from a part of the log, to be done sooner.

    Args:
        folder: Where the reader works.
        port: The port that stands for the page's 8500, which may be taken here.
        captured: What was printed, also past Python: a run sends TFX's own lines elsewhere.
    """

    def __init__(self, folder: Path, port: int, captured: pytest.CaptureFixture[str]) -> None:
        self.folder, self.port, self.captured = folder, port, captured
        self.servers: list[subprocess.Popen[bytes]] = []

    def type(self, line: str) -> str:
        """Run one line and return what it printed."""
        line = line.replace("8500", str(self.port))
        if line.endswith("&"):
            self.serve(shlex.split(line.removesuffix("&")))
            return ""
        words = shlex.split(line)
        if words[:2] == ["tfctr", "run"]:
            log = self.folder / words[words.index("--data") + 1]
            head, *rows = log.read_text().splitlines(keepends=True)
            log.write_text(head + "".join(rows[::EVERY]))
        if words[0] == "tfctr":
            return self.tfctr(words[1:])
        return subprocess.run(["bash", "-c", line], cwd=self.folder, capture_output=True, text=True, check=True).stdout

    def tfctr(self, words: list[str]) -> str:
        """Run a verb in this process: TensorFlow and TFX are imported once for all of them."""
        from tfctr.cli._app import app

        self.captured.readouterr()
        with pytest.raises(SystemExit) as end:
            app(words, prog_name="tfctr")
        printed = self.captured.readouterr()
        assert not end.value.code, printed.out + printed.err
        return printed.out + printed.err

    def serve(self, words: list[str]) -> None:
        """Start the server and wait until it answers."""
        from tfctr.serving import PredictionClient

        code = "from tfctr.cli import main; main()"
        command = [sys.executable, "-c", code, *words[1:], "--bind_address=127.0.0.1"]
        with (self.folder / "server.log").open("wb") as log:
            self.servers.append(subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log))
        with PredictionClient(f"localhost:{self.port}", "clicks") as client:
            client.wait_until_available(SERVER_SECONDS)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Reader]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    reader = Reader(tmp_path, port, capfd)
    yield reader
    for server in reader.servers:
        server.terminate()
        server.wait(timeout=60)


def test_the_tutorial_runs_as_it_stands(reader: Reader) -> None:
    names: dict[str, object] = {"__name__": "tutorial"}
    for block in blocks(TUTORIAL, "bash", "python"):
        if block.language == "python":
            reader.captured.readouterr()
            exec(compile(block.text.replace("8500", str(reader.port)), str(TUTORIAL), "exec"), names)
            assert_shown(block, reader.captured.readouterr().out)
        else:
            assert_shown(block, "".join(reader.type(line) for line in block.commands))
    assert list((reader.folder / "runs" / "clicks" / "serving" / "clicks").iterdir())


def test_the_tutorial_shows_a_spec_as_it_is_inferred(reader: Reader) -> None:
    """What the page quotes of the spec stands in it."""
    for block in blocks(TUTORIAL, "bash")[:2]:
        reader.type(block.commands[0])
    written = (reader.folder / "clicks.yaml").read_text()
    (quoted,) = blocks(TUTORIAL, "yaml")
    for line in quoted.text.splitlines():
        assert line.split("  #")[0] in written
