"""Build the environments of the libraries that tfctr is measured against: `.tools/peers/<name>`.

Run it by `make peers`, after `make setup`. The pins of a peer are in `benchmarks/peers/<name>.txt`; they do not fit
beside tfctr's own, so every peer has an environment to itself, on the same Python. An environment is built aside and
renamed when its packages import; one that fits its pins is left as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import time
from pathlib import Path

from index_settings import uv_environment
from setup_commands import SetupError, run

PROJECT = Path(__file__).resolve().parent.parent
TOOLS = PROJECT / ".tools"
PINS = PROJECT / "benchmarks" / "peers"
STAMP = "pins-stamp"
# What each environment must be able to import before it counts as built.
CHECKS = {
    "fuxictr": "import torch, fuxictr.pytorch.models, model_zoo.LongCTR.FinalMLP.FinalMLP",
    "deepctr": "import tensorflow, tf_keras, requests, packaging.version",
}


def main() -> int:
    """Build what is missing, or say why it cannot be built."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("peers", nargs="*", metavar="peer", help=f"of {', '.join(CHECKS)}; all when none is named")
    parser.add_argument("--folder", type=Path, default=TOOLS / "peers", help="where; .tools/peers if left out")
    options = parser.parse_args()
    if unknown := sorted({*options.peers} - {*CHECKS}):
        parser.error(f"no peer is called {', '.join(unknown)}; there are {', '.join(CHECKS)}")
    try:
        for name in options.peers or CHECKS:
            build(name, options.folder.resolve())
    except SetupError as error:
        print(f"\npeers: {error}", file=sys.stderr)
        return 1
    return 0


def build(name: str, folder: Path) -> None:
    """Make `folder/name`, unless it is there and fits its pins.

    Raises:
        SetupError: A command failed, or `make setup` has not run.
    """
    pins, home = PINS / f"{name}.txt", folder / name
    stamp = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()
    if (home / STAMP).exists() and (home / STAMP).read_text(encoding="utf-8") == stamp:
        print(f"{name}: up to date")
        return
    base = TOOLS / "env" / "bin" / "python"
    if not base.exists():
        raise SetupError("the tools of the set-up are missing; run `make setup` first.")
    started, partial, log = time.monotonic(), folder / f"{name}.partial", folder / f"{name}.log"
    folder.mkdir(parents=True, exist_ok=True)
    log.write_text("", encoding="utf-8")
    print(f"{name}: installing the packages of {pins.relative_to(PROJECT)}…", flush=True)
    shutil.rmtree(partial, ignore_errors=True)
    run([base, "-m", "venv", "--without-pip", partial], log=log)
    install(pins, partial / "bin" / "python", base=base, log=log)
    quiet = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    run([partial / "bin" / "python", "-c", CHECKS[name]], log=log, env=quiet)
    (partial / STAMP).write_text(stamp, encoding="utf-8")
    shutil.rmtree(home, ignore_errors=True)
    partial.rename(home)
    print(f"{name}: ready in {time.monotonic() - started:.0f} s", flush=True)


def install(pins: Path, python: Path, *, base: Path, log: Path) -> None:
    """Install a complete list of pins for `python`, with uv where the set-up has brought it."""
    uv = base.with_name("uv")
    if uv.exists():
        command: list[str | Path] = [uv, "pip", "install", "--python", python]
        environment = uv_environment(base, fallback_cache=TOOLS / "cache")
    else:
        command, environment = [base, "-m", "pip", "--python", python, "install"], dict(os.environ)
    run([*command, "--no-deps", "--requirement", pins], log=log, env=environment)


if __name__ == "__main__":
    sys.exit(main())
