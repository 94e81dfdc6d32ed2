"""What a training began from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Start:
    """What a training began from.

    Attributes:
        warm: Whether it went on from another model.
        why: From which, or why from none.
        vocabularies: Name -> number of values kept, new and dropped; empty where nothing was gone on with.
    """

    warm: bool
    why: str
    vocabularies: dict[str, dict[str, int]] = field(default_factory=dict)

    def __str__(self) -> str:
        counts = [f"{name} {v['kept']:,} kept, {v['new']:,} new, {v['dropped']:,} dropped"
                for name, v in self.vocabularies.items()]  # fmt: skip
        return "; ".join([f"{'warm' if self.warm else 'cold'} start: {self.why}", *counts])

    def to_json(self) -> str:
        """Return the text of a file that `from_json` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Start:
        """Return what `to_json` wrote."""
        return cls(**json.loads(text))
