"""A process of its own, with everything imported when it starts: for runs that are to be killed.

It is forked from a server that has imported the libraries and run nothing: no thread, lock or graph of TensorFlow's is
there to be copied. A new Python would import them for six seconds first.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import quick_tensorflow

PROJECT = Path(__file__).resolve().parents[1]
IMPORTED = ("tests.plans.searched", "tests.plans.teacher", "tests.plans.toy", "tests.training.killed_run")

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(list(IMPORTED))


def exit_code(target: Callable[..., Any], *args: Any, seconds: float = 300) -> int:
    """Call a function of a module in a process of its own; return its exit code, ``-9`` when SIGKILL ended it.

    Args:
        target: Function at the top of a module.
        args: What it is given: plain values.
        seconds: After these the process is killed.

    Raises:
        TimeoutError: When it was.
    """
    paths = [str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)  # the server imports before it is told where from
    try:
        process = _server.Process(target=_run, args=(target, *args))
        process.start()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
        raise TimeoutError(f"{target.__module__}.{target.__name__} did not end within {seconds} s")
    assert process.exitcode is not None
    return process.exitcode


def _run(target: Callable[..., Any], *args: Any) -> None:
    """Call it under the settings of the tests: graphs that are rewritten round otherwise."""
    quick_tensorflow.install()
    target(*args)


def killed(target: Callable[..., Any], *args: Any) -> bool:
    """Whether a call in a process of its own was ended by SIGKILL."""
    return exit_code(target, *args) == -signal.SIGKILL
