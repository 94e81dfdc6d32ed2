"""Build an environment of the lowest or the newest versions that setup.py's ranges allow.

They are `.tools/lowest` and `.tools/newest`. Run it by `make test-lowest` or `make test-newest`, after `make setup`;
those run the core's tests in it. The ranges are resolved anew each time, so that the newest versions are today's.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from index_settings import uv_environment
from pinned_environment import PROJECT, TOOLS, build, tool_python
from setup_commands import SetupError, run


@dataclass(frozen=True)
class End:
    """One end of the ranges.

    Args:
        resolution: What uv calls it.
        pythons: Versions of Python, the first one wanted most.
    """

    resolution: str
    pythons: tuple[str, ...]


ENDS = {
    "lowest": End("lowest-direct", ("3.11",)),
    "newest": End("highest", ("3.13", "3.12", "3.11")),
}
EXTRAS = ("dev", "graph", "jax", "serving")  # what the tests import that need no TFX
CHECK = "import tensorflow, keras, pyarrow, matplotlib, sklearn, pytest"


def main() -> int:
    """Resolve and build one environment, or say why it cannot be built."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("end", choices=ENDS)
    parser.add_argument("--extras", default="", help="further extras, such as transform,serving")
    parser.add_argument("--folder", type=Path, default=TOOLS, help="where; .tools if left out")
    options = parser.parse_args()
    extras = (*EXTRAS, *filter(None, options.extras.split(",")))
    home = options.folder.resolve() / options.end
    try:
        python = find_python(ENDS[options.end].pythons)
        pins = resolve(ENDS[options.end].resolution, extras, python, home)
        runtime = PROJECT / ".runtime"  # there only where the system's C library is too old for some wheels
        newer = runtime.resolve() if runtime.exists() else None
        build(home, pins, python=python, check=CHECK, runtime=newer)
    except SetupError as error:
        print(f"\n{options.end}: {error}", file=sys.stderr)
        return 1
    return 0


def find_python(versions: tuple[str, ...]) -> Path:
    """Return an interpreter of the first of these versions that this machine has.

    Looked for are `PYTHON313` and the like, the command of that version, and what pyenv has installed.

    Raises:
        SetupError: It has none of them.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    for version in versions:
        named = os.environ.get(f"PYTHON{version.replace('.', '')}") or shutil.which(f"python{version}")
        for candidate in (named, *map(str, sorted(pyenv.glob(f"{version}.*/bin/python")))):
            if candidate and (found := _base_of(candidate, version)):
                return found
    raise SetupError(
        f"no Python {' or '.join(versions)} found. Get one (uv python install {versions[0]}) and name it: "
        f"PYTHON{versions[0].replace('.', '')}=/path/to/python"
    )


def _base_of(command: str, version: str) -> Path | None:
    """Return the interpreter behind a command, if it runs (a version manager's shim may not) and is of the version."""
    ask = "import sys; print(sys._base_executable, '%d.%d' % sys.version_info[:2], sep='\\n')"
    try:
        done = subprocess.run([command, "-c", ask], capture_output=True, text=True, check=False)
    except OSError:
        return None
    executable, _, told = done.stdout.strip().partition("\n")
    return Path(executable) if done.returncode == 0 and told == version else None


def resolve(resolution: str, extras: tuple[str, ...], python: Path, home: Path) -> Path:
    """Resolve setup.py's ranges with these extras; return the file of pins beside the environment."""
    home.parent.mkdir(parents=True, exist_ok=True)
    pins, log, base = home.with_name(f"{home.name}.txt"), home.with_name(f"{home.name}.log"), tool_python()
    command: list[str | Path] = [
        base.with_name("uv"),
        "pip",
        "compile",
        PROJECT / "setup.py",
        "--python",
        python,
        "--quiet",
    ]
    command += ["--resolution", resolution, "--python-platform", "x86_64-manylinux_2_40", "--upgrade"]
    command += [part for extra in extras for part in ("--extra", extra)]
    command += ["--no-header", "--no-annotate", "--output-file", pins]
    run(command, log=log, env=uv_environment(base, fallback_cache=TOOLS / "cache"))
    return pins


if __name__ == "__main__":
    sys.exit(main())
