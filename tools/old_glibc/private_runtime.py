"""A newer C and C++ library beside the system's, for the Python of `.venv` only.

Two of TFX's wheels want glibc 2.39. On an older system the libraries of the next
release are fetched by apt, unpacked (not installed) into `.runtime`, and a copy of
the interpreter is patched to load them. `sys.executable` is that copy, so child
processes inherit it; system programs started by it keep the system's libraries,
because no environment variable is involved.
"""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from old_glibc import private_apt
from setup_commands import SetupError, run

WANTED = (2, 39)
# The release whose libraries are taken, by distribution. Both have glibc >= 2.39.
SUITES = {"debian": "trixie", "ubuntu": "noble"}
PACKAGES = ("libc6", "libstdc++6", "libgcc-s1")
TRIPLET = "x86_64-linux-gnu"
# Loaded at start, so that a wheel's own run path cannot pull in the system's copy first.
PRELOADED = (
    "libstdc++.so.6",
    "libgcc_s.so.1",
    "libm.so.6",
    "libresolv.so.2",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libutil.so.1",
)


def glibc_version() -> str:
    """Return the version of the C library this Python runs on, such as "2.36"."""
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")[2] or "none"
    except (ValueError, OSError):
        return "none"  # musl


def is_needed() -> bool:
    """True if the system's glibc is older than TFX's wheels want."""
    version = glibc_version()
    if version == "none":
        raise SetupError("this system has no glibc (Alpine?). Use Debian 12 or newer, or Ubuntu 22.04 or newer.")
    return tuple(int(part) for part in version.split(".")[:2]) < WANTED


def fetch(runtime: Path, *, log: Path) -> None:
    """Fetch the libraries by apt and unpack them into `runtime/lib`."""
    partial = runtime.with_name(runtime.name + ".partial")
    done = runtime / "complete"
    if done.exists():
        return
    if not private_apt.is_available():
        raise SetupError(
            f"glibc {glibc_version()} is older than 2.39, which TFX's wheels want, and there is "
            "no apt here to fetch a newer one. Use Debian 12 or newer, Ubuntu 22.04 or newer, or "
            "any system with glibc 2.39 or newer."
        )
    for folder in (runtime, partial):
        shutil.rmtree(folder, ignore_errors=True)
    (partial / "lib").mkdir(parents=True)
    private_apt.unpack(PACKAGES, partial / "unpacked", log=log, sources=source_lines(log=log))
    for library in (partial / "unpacked" / "usr" / "lib" / TRIPLET).glob("*.so*"):
        shutil.copy2(library, partial / "lib" / library.name)
    shutil.rmtree(partial / "unpacked")
    (partial / done.name).touch()
    partial.rename(runtime)


def source_lines(*, log: Path) -> str:
    """Return the sources of the newer release, on the mirror the system uses now.

    `TFCTR_RUNTIME_SOURCE` replaces them, in apt's one-line format.
    """
    given = os.environ.get("TFCTR_RUNTIME_SOURCE")
    if given:
        return given + "\n"
    system = platform.freedesktop_os_release()
    family = [system.get("ID", ""), *system.get("ID_LIKE", "").split()]
    suite = next((SUITES[name] for name in family if name in SUITES), None)
    current = system.get("VERSION_CODENAME") or system.get("DEBIAN_CODENAME", "")
    fields = "$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)\t$(CREATED_BY)\t$(SIGNED_BY)"
    # --no-release-info: it answers even where `apt-get update` never ran, as in a container.
    ask = ["apt-get", "indextargets", "--no-release-info", "--format", fields]
    for line in run(ask, log=log).splitlines():
        uri, release, component, created_by, signed_by = line.split("\t")
        if (release, component, created_by) == (current, "main", "Packages") and suite:
            options = f"[signed-by={signed_by}] " if signed_by.startswith("/") else ""
            return f"deb {options}{uri} {suite} main\n"
    raise SetupError(
        f"apt's sources name no 'main' of '{current}', so the mirror is not known. Name one, with "
        "glibc 2.39 or newer: TFCTR_RUNTIME_SOURCE='deb http://mirror.example.org/debian trixie main' make setup"
    )


def patch_interpreter(python: Path, runtime: Path, *, patchelf: Path, log: Path) -> None:
    """Replace the link `python` by a copy that loads the libraries of `runtime`; its siblings lead there."""
    original = python.resolve()
    python.unlink()
    shutil.copy2(original, python)
    python.chmod(0o755)
    ask = "import sys, sysconfig; print('python%d.%d' % sys.version_info[:2], sysconfig.get_config_var('LIBDIR') or '')"
    versioned, _, own_libraries = run([original, "-c", ask], log=log).strip().partition(" ")
    for name in ("python3", versioned):
        python.with_name(name).unlink(missing_ok=True)
        python.with_name(name).symlink_to(python.name)
    search = [runtime / "lib", own_libraries or "/usr/lib", f"/lib/{TRIPLET}", f"/usr/lib/{TRIPLET}"]
    command: list[str | Path] = [patchelf, "--set-interpreter", runtime / "lib" / "ld-linux-x86-64.so.2"]
    command += ["--force-rpath", "--set-rpath", ":".join(map(str, search))]
    for name in PRELOADED:
        command += ["--add-needed", name]
    run([*command, python], log=log)
    version = run([python, "-c", "import os; print(os.confstr('CS_GNU_LIBC_VERSION'))"], log=log)
    if tuple(int(part) for part in version.split()[1].split(".")[:2]) < WANTED:
        raise SetupError(f"the patched interpreter still reports {version.strip()}.")
