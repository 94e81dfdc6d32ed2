"""A process that stays alive and works a burst at a time when it is asked; both ends of the conversation.

Contenders of a comparison live in processes of their own, because their libraries do not fit into one environment, and
because the memory of each can then be read off. Only one computes at a time: the parent asks, waits, asks the next.

A request is a line ``{"steps": 20}`` on the child's standard input. The answer comes on what was its standard output:
``{"steps": 20, "seconds": 1.9, "loss": 0.61}``. The child's end needs nothing but Python, since every environment
imports it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.peak_memory import peak_bytes

PROJECT = Path(__file__).resolve().parents[2]
PEERS = "TFCTR_PEERS"
Burst = Callable[[int], float]


class ChildError(RuntimeError):
    """A contender died, or did not answer in time; the message ends with its last words."""


@dataclass(frozen=True)
class Answer:
    """What a burst took.

    Attributes:
        steps: Steps trained.
        seconds: Wall-clock of all of them, measured by the child.
        loss: Mean training loss over the burst; tells whether contenders learn the same thing.
    """

    steps: int
    seconds: float
    loss: float


def peer_python(name: str) -> Path:
    """Return the interpreter of a peer's environment: below ``$TFCTR_PEERS``, else ``.tools/peers``.

    Raises:
        FileNotFoundError: When the environment is not there.
    """
    python = Path(os.environ.get(PEERS) or PROJECT / ".tools" / "peers") / name / "bin" / "python"
    if not python.exists():
        raise FileNotFoundError(f"{python} is missing: run `make peers`, or name the folder of environments by {PEERS}")
    return python


def serve(build: Callable[[], Burst]) -> None:
    """Be a child: build once, then answer requests until the parent closes the line.

    Args:
        build: Makes everything that is not measured, and returns what trains that many steps and gives their loss.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # libraries print, and answers have a line of their own

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=answers, flush=True)

    burst = build()
    answer(ready=True)
    for line in sys.stdin:
        steps = json.loads(line)["steps"]
        started = time.perf_counter()
        loss = burst(steps)
        answer(steps=steps, seconds=time.perf_counter() - started, loss=loss)


class Child:
    """The parent's end; a context manager that leaves no process behind.

    Args:
        command: Program and arguments; run in the project's folder.
        log: File for everything that the child prints.
        env: Environment variables on top of the present ones.
        timeout: Seconds that an answer may take.

    Raises:
        ChildError: When the child ends before it is ready.
    """

    def __init__(
        self, command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, timeout: float = 600
    ):
        self.log, self.timeout = log, timeout
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=PROJECT,
                env={**os.environ, **(env or {})},
            )
        try:
            self._read()
        except BaseException:
            self.close()
            raise

    def burst(self, steps: int) -> Answer:
        """Let the child train so many steps and wait for it.

        Raises:
            ChildError: When it dies or does not answer in time.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"steps": steps}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ChildError(self._last_words("ended")) from None
        return Answer(**self._read())

    @property
    def peak_bytes(self) -> int:
        """The most memory that the process has had so far (high-water mark of its resident set)."""
        try:
            return peak_bytes(self._process.pid)
        except ProcessLookupError:
            raise ChildError(self._last_words("ended")) from None

    def close(self) -> None:
        """End the process: by closing its input, and by force if that does not help."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # what a dead child was not told any more
                    pipe.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], self.timeout)
        if not ready:
            raise ChildError(self._last_words(f"gave no answer in {self.timeout:.0f} s"))
        line = self._process.stdout.readline()
        if not line:
            raise ChildError(self._last_words("ended"))
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _last_words(self, what: str) -> str:
        words = self.log.read_text(errors="replace").splitlines()[-15:]
        return f"the process of {self.log} {what}:\n" + "\n".join(f"    {line}" for line in words)
