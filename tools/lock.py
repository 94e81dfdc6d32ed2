"""Resolve `requirements.in` into `requirements.txt`, grouped as the source is.

Run it by `make lock` after a change of `requirements.in`, read the difference, then
`make setup`. Pins that are already in `requirements.txt` are kept where they still fit;
`make lock UPGRADE=1` takes the newest of everything.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

from index_settings import uv_environment
from setup_commands import SetupError, run

PROJECT = Path(__file__).resolve().parent.parent
SOURCE = PROJECT / "requirements.in"
LOCK = PROJECT / "requirements.txt"
TOOLS = PROJECT / ".tools"
# What the resolver assumes of the machine; also right where `make setup` makes a private runtime.
PLATFORM = ("--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_40")
HEADER = """\
# The tested set for Python 3.11 on Linux, x86_64, glibc 2.39 or newer; `make setup` makes it fit older ones.
# Resolved from requirements.in by `make lock`; do not edit by hand.
"""
SHOWN_PARENTS = 3


def main() -> int:
    """Resolve and write the lock."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--upgrade", action="store_true", help="do not keep the present pins")
    options = parser.parse_args()
    try:
        pins = resolve(upgrade=options.upgrade)
    except SetupError as error:
        print(f"lock: {error}", file=sys.stderr)
        return 1
    LOCK.write_text(arrange(SOURCE.read_text(encoding="utf-8"), pins), encoding="utf-8")
    print(f"requirements.txt: {len(pins)} packages; now `make setup`")
    return 0


def resolve(*, upgrade: bool) -> dict[str, tuple[str, list[str]]]:
    """Let uv resolve; return for each name its version and what asked for it."""
    environment = uv_environment(TOOLS / "env" / "bin" / "python", fallback_cache=TOOLS / "cache")
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "requirements.txt")
        if LOCK.exists() and not upgrade:
            output.write_text(LOCK.read_text(encoding="utf-8"), encoding="utf-8")
        command: list[str | Path] = [TOOLS / "env" / "bin" / "uv", "pip", "compile", SOURCE, *PLATFORM]
        command += ["--no-header", "--allow-unsafe", "--annotation-style", "line", "--output-file", output]
        run([*command, "--quiet"], log=TOOLS / "lock.log", env=environment)
        return dict(parse_pin(line) for line in output.read_text(encoding="utf-8").splitlines() if line.strip())


def parse_pin(line: str) -> tuple[str, tuple[str, list[str]]]:
    """Read one line of uv's output.

    >>> parse_pin("zipp==4.1.2  # via importlib-metadata, keras")
    ('zipp', ('4.1.2', ['importlib-metadata', 'keras']))
    """
    pin, _, comment = line.partition("#")
    name, version = pin.strip().split("==")
    parents = comment.strip().removeprefix("via ").split(", ")
    return name, (version.strip(), [parent for parent in parents if not parent.startswith("-r ")])


def arrange(source: str, pins: dict[str, tuple[str, list[str]]]) -> str:
    """Lay out the lock: the groups of the source, then what they bring along."""
    left = dict(pins)
    lines = [HEADER]
    for line in source[source.index("# ---") :].splitlines():
        requirement, hash_sign, comment = line.partition("#")
        name = canonical(requirement)
        if not name:
            lines.append(line)
            continue
        version, _ = left.pop(name)
        pin = f"{name}=={version}"
        lines.append(f"{pin:<36} # {comment.strip()}" if hash_sign else pin)
    lines.append("\n# --- what these bring along ---------------------------------------------------")
    for name, (version, parents) in sorted(left.items()):
        via = ", ".join(parents[:SHOWN_PARENTS]) + (", …" if len(parents) > SHOWN_PARENTS else "")
        lines.append(f"{f'{name}=={version}':<36} # via {via}")
    return "\n".join(lines) + "\n"


def canonical(requirement: str) -> str:
    """Return the name of a requirement as the index spells it; "" for an empty line.

    >>> canonical("PyYAML>=6 ")
    'pyyaml'
    >>> canonical("tfx[kfp]==1.21.0")
    'tfx'
    """
    name = re.match(r"[A-Za-z0-9._-]*", requirement.strip())
    return re.sub(r"[-_.]+", "-", name.group().lower()) if name else ""


if __name__ == "__main__":
    os.chdir(PROJECT)
    sys.exit(main())
