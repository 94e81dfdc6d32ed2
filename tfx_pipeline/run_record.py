"""What a run leaves of itself beside ML Metadata: when it began, how long each step took, and why it ran."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

RECORD_FILE = "run.json"


@dataclass(frozen=True)
class StepReport:
    """What happened to one step.

    Args:
        node: Name of the step.
        cached: Whether it was served from the cache.
        seconds: How long it took.
        why: Why it ran, or not.
    """

    node: str
    cached: bool
    seconds: float
    why: str


@dataclass(frozen=True)
class RunRecord:
    """A run that came to its end.

    Args:
        started: Seconds since 1970.
        seconds: From then until the last step was over.
        log: The frameworks' log.
        steps: In order.
    """

    started: float
    seconds: float
    log: str
    steps: tuple[StepReport, ...]

    def write(self, workdir: Path) -> None:
        """Write the record into the run's folder, for reports that are written later."""
        (workdir / RECORD_FILE).write_text(json.dumps(asdict(self), indent=2), "utf-8")

    @classmethod
    def read(cls, workdir: Path) -> RunRecord | None:
        """Return the record of the last run that came to its end; None where none was kept."""
        path = workdir / RECORD_FILE
        if not path.exists():
            return None
        fields = json.loads(path.read_text("utf-8"))
        return cls(**{**fields, "steps": tuple(StepReport(**step) for step in fields["steps"])})
