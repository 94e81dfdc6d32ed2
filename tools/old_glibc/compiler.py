"""A C++ compiler and Python's headers beside the system's, for the one package that comes as source.

What the machine has is used if it compiles a probe. Else Zig, whose wheel on the package
index is a whole C and C++ compiler, is put into `.tools`; it targets glibc 2.17, so that
what it builds loads on any system and in the private runtime. Headers that are missing
are those of the distribution, fetched by apt and unpacked, not installed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

from old_glibc import private_apt
from setup_commands import SetupError, run

ZIG = "ziglang==0.15.2"
TARGET = "x86_64-linux-gnu.2.17"
HEADER_PACKAGE = "libpython3.11-dev"
TRIPLET = "x86_64-linux-gnu"
COMMON_NAMES = (("cc", "c++"), ("gcc", "g++"), ("clang", "clang++"))
PROBE = {"c": '#include <stdio.h>\nint probe(void) { return puts(""); }\n', "cc": "#include <string>\nstd::string s;\n"}
REMEDY = "Type: sudo apt-get install build-essential python3.11-dev"


def build_environment(tools: Path, python: Path, *, log: Path) -> dict[str, str]:
    """Return the variables with which packages compile here, after fetching what is missing.

    Args:
        tools: The folder `.tools`, which takes what is fetched.
        python: An interpreter with pip in an environment of ours, which takes Zig.
        log: The file that gets what the commands print.

    Returns:
        Nothing if the machine has what it takes; else the variables to add.

    Raises:
        SetupError: Something is missing and cannot be fetched either.
    """
    found = system_compiler(tools)
    variables: dict[str, str] = {}
    if found is None:
        print("      no C++ compiler on this machine: Zig instead, private to this folder (a minute)", flush=True)
        variables = install_zig(tools, python, log=log)
    elif found != configured():
        variables = named(*found)
    headers = Path(sysconfig.get_path("include"))
    if not (headers / "Python.h").exists():
        print("      no Python.h on this machine: fetching it, private to this folder", flush=True)
        headers = fetch_headers(tools / "headers", log=log)
    elif found is not None:
        return variables  # the compiler looks into the system's folders by itself
    links = link_headers(headers, tools / "include")
    variables["CPATH"] = os.pathsep.join(filter(None, (*map(str, links), os.environ.get("CPATH"))))
    return variables


def configured() -> tuple[str, str]:
    """Return the C and the C++ compiler that setuptools takes if nobody says anything."""
    cc, cxx = (os.environ.get(name) or sysconfig.get_config_var(name) or "" for name in ("CC", "CXX"))
    return cc, cxx


def named(cc: str, cxx: str) -> dict[str, str]:
    """Return the variables that make setuptools take these compilers, and link with them."""
    return {"CC": cc, "CXX": cxx, "LDSHARED": f"{cc} -shared", "LDCXXSHARED": f"{cxx} -shared"}


def system_compiler(tools: Path) -> tuple[str, str] | None:
    """Return the first C and C++ compiler of the machine that build a shared library, if any."""
    folder = tools / "probe"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return next((pair for pair in (configured(), *COMMON_NAMES) if _compile(pair, folder)), None)
    finally:
        shutil.rmtree(folder)


def _compile(compilers: tuple[str, str], folder: Path) -> bool:
    """True if both compilers are there with their headers and libraries."""
    for compiler, (suffix, text) in zip(compilers, PROBE.items(), strict=True):
        source = folder / f"probe.{suffix}"
        source.write_text(text, encoding="utf-8")
        command = [*shlex.split(compiler), "-shared", "-fPIC", str(source), "-o", str(folder / "probe.so")]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        except OSError:
            return False
        if done.returncode != 0:
            return False
    return True


def install_zig(tools: Path, python: Path, *, log: Path) -> dict[str, str]:
    """Install Zig's wheel, write `zig-cc` and `zig-c++` into `.tools/bin`; return how to use them."""
    try:
        run([python, "-m", "pip", "install", "--no-deps", ZIG], log=log)
    except SetupError as error:
        raise SetupError(
            "no C++ compiler is on this machine, one package comes as source and must be compiled, "
            f"and {ZIG} (a compiler) could not be installed instead. {REMEDY}\nWhy not: {error}"
        ) from None
    folder = tools / "bin"
    folder.mkdir(exist_ok=True)
    for mode in ("cc", "c++"):
        script = folder / f"zig-{mode}"
        script.write_text(
            # Its cache stays in here: the home folder may not be writable.
            f"#!/bin/sh\nexport ZIG_GLOBAL_CACHE_DIR={shlex.quote(str(tools / 'zig-cache'))}\n"
            'export ZIG_LOCAL_CACHE_DIR="$ZIG_GLOBAL_CACHE_DIR"\n'
            f'exec {shlex.quote(str(python))} -m ziglang {mode} -target {TARGET} "$@"\n',
            encoding="utf-8",
        )
        script.chmod(0o755)
    path = os.pathsep.join((str(folder), os.environ.get("PATH", os.defpath)))
    return {"PATH": path, **named("zig-cc", "zig-c++")}


def fetch_headers(folder: Path, *, log: Path) -> Path:
    """Unpack the distribution's headers of Python 3.11 into `folder`; return theirs therein."""
    headers = folder / "usr" / "include" / "python3.11"
    if headers.exists():
        return headers
    try:
        if not private_apt.is_available():
            raise SetupError("this system has no apt.")
        private_apt.unpack([HEADER_PACKAGE], folder, log=log)
    except SetupError as error:
        raise SetupError(
            "this Python 3.11 comes without its headers (Python.h), one package comes as source and must be "
            f"compiled with them, and {HEADER_PACKAGE} could not be fetched. {REMEDY}\nWhy not: {error}"
        ) from None
    return headers


def link_headers(headers: Path, folder: Path) -> list[Path]:
    """Link Python's headers, and only those, into `folder`; return what a compiler has to search.

    Debian splits them in two, and `/usr/include`, which holds both parts, also holds
    those of the system's C library, which Zig must not see beside its own.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / TRIPLET).mkdir(parents=True)
    (folder / headers.name).symlink_to(headers)
    (folder / TRIPLET / headers.name).symlink_to(headers.parent / TRIPLET / headers.name)
    return [folder / headers.name, folder]
