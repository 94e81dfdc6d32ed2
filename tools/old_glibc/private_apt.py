"""Fetch packages of the distribution by apt and unpack them into a folder, without installing them.

apt works on lists and caches of its own below that folder, needs no root, and takes
the mirror, the proxy and the keys that the system is set up with.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from setup_commands import run


def is_available() -> bool:
    """True if this system has apt."""
    return shutil.which("apt-get") is not None and shutil.which("dpkg-deb") is not None


def unpack(packages: Sequence[str], folder: Path, *, log: Path, sources: str | None = None) -> None:
    """Fetch `packages` and unpack them into the new folder `folder`, all or nothing.

    Args:
        packages: Names of packages; what they depend on does not come along.
        folder: Where the root of their files shall be; it must not exist yet.
        log: The file that gets what apt prints.
        sources: apt's source lines; by default the system's own sources.

    Raises:
        SetupError: apt cannot reach its mirror, or does not have a package.
    """
    apt = folder.with_name(folder.name + ".apt")
    partial = folder.with_name(folder.name + ".partial")
    for leftover in (apt, partial):
        shutil.rmtree(leftover, ignore_errors=True)
    for name in ("lists/partial", "cache/archives/partial"):
        (apt / name).mkdir(parents=True)
    environment = {**os.environ, "APT_CONFIG": str(_write_config(apt, sources, log=log))}
    run(["apt-get", "update"], log=log, env=environment)
    run(["apt-get", "download", *packages], log=log, env=environment, cwd=apt)
    partial.mkdir(parents=True)
    for archive in sorted(apt.glob("*.deb")):
        run(["dpkg-deb", "--extract", archive, partial], log=log)
    shutil.rmtree(apt)
    partial.rename(folder)


def _write_config(folder: Path, sources: str | None, *, log: Path) -> Path:
    """Write apt's private configuration and, if given, its source list; return the configuration."""
    (folder / "status").touch()
    # Only how to reach a server is taken over from the system: its hooks (such as
    # a refresh of a desktop's catalogue) have no business here.
    dump = run(["apt-config", "dump"], log=log)
    kept = [line for line in dump.splitlines() if line.startswith("Acquire::")]
    own: dict[str, str | Path] = {
        "Dir::State": folder,
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::main": "/dev/null",
        "Dir::Etc::parts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Acquire::Languages": "none",
        "APT::Architecture": "amd64",
        "APT::Sandbox::User": "",  # the folder need not be readable for apt's own user
    }
    if sources is not None:
        (folder / "sources.list").write_text(sources, encoding="utf-8")
        own["Dir::Etc::sourcelist"] = folder / "sources.list"
        own["Dir::Etc::sourceparts"] = "/dev/null"
        # Of the system's sources one may be down that has nothing to do with us; of ours none.
        own["APT::Update::Error-Mode"] = "any"
    # The last definition of a name wins.
    lines = [*kept, *(f'{name} "{value}";' for name, value in own.items())]
    config = folder / "apt.conf"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return config
