"""Versions of one model: which folders ask to be served, which states they go through, what happens next."""

from __future__ import annotations

import enum
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from tensorflow_serving.config import file_system_storage_path_source_pb2

from tfctr.serving.server._errors import RequestError
from tfctr.serving.server._servable import Servable

ServableVersionPolicy: TypeAlias = (
    file_system_storage_path_source_pb2.FileSystemStoragePathSourceConfig.ServableVersionPolicy
)

_LOG = logging.getLogger(__name__)
_NUMBER = re.compile(r"[0-9]+")
_LARGEST = 2**63 - 1


class State(enum.IntEnum):
    """Life of a version; the numbers are those of TensorFlow Serving's ModelVersionStatus."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass
class Version:
    """One version of a model and how far it is.

    Args:
        number: The version.
        path: Its folder.
        aspired: Whether the version policy wants it served.
        state: Where it is in its life.
        error: Why its load failed, None when it did not.
        failures: Failed attempts to load it.
        next_attempt: Monotonic time, in seconds, of the next attempt; None while none is waited for.
        servable: The loaded model while AVAILABLE or UNLOADING.
    """

    number: int
    path: Path
    aspired: bool = True
    state: State = State.START
    error: RequestError | None = None
    failures: int = 0
    next_attempt: float | None = None
    servable: Servable | None = None


@dataclass
class Model:
    """One served model.

    Args:
        name: Name that requests use.
        base_path: Folder of the version folders.
        policy: Which versions are wanted; an empty policy means the latest one.
        versions: Every version seen, by number; those that ended stay, for GetModelStatus.
        scanned: Whether the folder was read at least once.
        removed: Whether the configuration no longer has this model.
    """

    name: str
    base_path: Path
    policy: ServableVersionPolicy
    versions: dict[int, Version] = field(default_factory=dict)
    scanned: bool = False
    removed: bool = False

    def aspire(self, wanted: dict[int, Path]) -> None:
        """Note which versions are wanted now; one that ended and is wanted anew begins a new life."""
        self.scanned = True
        for number, path in wanted.items():
            known = self.versions.get(number)
            if known is None or (known.state is State.END and not known.aspired):
                self.versions[number] = Version(number, path)
        for version in self.versions.values():
            version.aspired = version.number in wanted

    def available(self) -> list[Version]:
        """Return the versions that answer requests, in ascending order."""
        found = [version for version in self.versions.values() if version.state is State.AVAILABLE]
        return sorted(found, key=lambda version: version.number)


def scan(base_path: Path, policy: ServableVersionPolicy) -> dict[int, Path] | None:
    """Return the version folders that the policy wants, by number.

    A folder whose whole name is a number is a version (``00000123`` is version 123); all else is ignored.

    Args:
        base_path: Folder of the version folders.
        policy: `latest` (default 1), `all` or `specific`.

    Returns:
        Number -> folder; None when the base path cannot be read, so that a passing fault unloads nothing.
    """
    try:
        names = sorted(entry.name for entry in base_path.iterdir() if _NUMBER.fullmatch(entry.name) and entry.is_dir())
    except OSError as error:
        _LOG.warning("cannot read the model base path %s: %s", base_path, error)
        return None
    found = {int(name): base_path / name for name in names if int(name) <= _LARGEST}
    kind = policy.WhichOneof("policy_choice")
    if kind == "all":
        return found
    if kind == "specific":
        for number in set(policy.specific.versions) - set(found):
            _LOG.warning("version %d of %s is asked for by the version policy, but not there", number, base_path)
        return {number: found[number] for number in policy.specific.versions if number in found}
    latest = sorted(found)[-max(1, policy.latest.num_versions) :]
    return {number: found[number] for number in latest}


@dataclass(frozen=True)
class Action:
    """What to do next with one version."""

    kind: str  # "load" or "unload"
    version: Version


def next_action(versions: Iterable[Version]) -> Action | None:
    """Decide by the availability-preserving policy: load the new version before the old one goes.

    The lowest version that is no longer wanted is unloaded when nothing is wanted, when a wanted version answers
    already, or when another unwanted one still answers; else the highest new version is loaded.
    """
    versions = list(versions)
    wanted = [version for version in versions if version.aspired]
    unwanted = [version for version in versions if not version.aspired and version.state is State.AVAILABLE]
    answered = any(version.state is State.AVAILABLE for version in wanted)
    if unwanted and (not wanted or answered or len(unwanted) > 1):
        return Action("unload", min(unwanted, key=lambda version: version.number))
    new = [version for version in wanted if version.state is State.START]
    return Action("load", max(new, key=lambda version: version.number)) if new else None
