"""Run a command of the set-up; when it fails, say why and what to do."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

# (what the output of a failed command contains, what the user should know)
HINTS = (
    (
        ("dns error", "Temporary failure in name resolution", "Could not resolve", "Network is unr"),
        "The package index cannot be reached: check the network, or name a mirror by "
        "PIP_INDEX_URL (and HTTPS_PROXY, PIP_CERT if you are behind a proxy).",
    ),
    (
        ("Connection refused", "timed out", "Connection reset", "error sending request"),
        "The package index does not answer: check the network and the proxy settings, "
        "then run `make setup` again; what was downloaded is kept.",
    ),
    (
        ("CERTIFICATE_VERIFY_FAILED", "invalid peer certificate", "certificate verify failed"),
        "A certificate is not trusted: name your authority's file by PIP_CERT.",
    ),
    (
        ("No space left on device",),
        "The disk is full: about 5 GB are needed for the environment and pip's cache.",
    ),
    (
        ("command 'gcc' failed", "error: command 'cc'", "error: command 'zig", "unable to execute 'gcc'", "Python.h"),
        "A package has to be compiled: sudo apt-get install build-essential python3.11-dev",
    ),
)

RETRY = "WARNING: Retrying"  # pip's word for an index that does not answer


class SetupError(Exception):
    """Something the user can mend; the message says how.

    Args:
        message: What went wrong and what to do.
        package_is_absent: True if the index answered that it does not have a package.
    """

    def __init__(self, message: str, *, package_is_absent: bool = False) -> None:
        super().__init__(message)
        self.package_is_absent = package_is_absent


def run(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run `command`, append its output to `log` and return what it printed.

    Raises:
        SetupError: the command failed or does not exist.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            env=None if env is None else dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise SetupError(f"the command `{words[0]}` is missing on this machine.") from None
    output = done.stdout + done.stderr
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(words)}\n{output}\n")
    if done.returncode != 0:
        absent = "No matching distribution" in output and RETRY not in output
        raise SetupError(explain(words, done.returncode, output, log), package_is_absent=absent)
    return done.stdout


def explain(words: Sequence[str], status: int, output: str, log: Path) -> str:
    """Compose the message of a failed command: its last lines, and a hint."""
    lines = [line for line in output.strip().splitlines() if not line.startswith(RETRY)]
    hints = [hint for needles, hint in HINTS if any(needle in output for needle in needles)]
    advice = hints[0] if hints else "Mend what it names, then run `make setup` again."
    command = " ".join((Path(words[0]).name, *words[1:4]))
    tail = "\n".join("    " + line for line in lines[-12:])
    return f"`{command} …` ended with status {status}:\n{tail}\n{advice}\nThe whole output: {log}"
