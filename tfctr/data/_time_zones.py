"""Clocks of a time zone as a table: between two changes of the clocks the offset from UTC stays the same.

One table for whoever reads times on a zone's clocks and for the transform, which tells a zone's clocks from times, so
that both ways agree and a served graph needs no time zone database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)
"""Between these moments changes of the clocks are known; before and after them the nearest offset is taken."""

_STEP = timedelta(days=1)
"""No zone changed its clocks twice within a day."""


@dataclass(frozen=True)
class ZoneClocks:
    """Offsets of a zone.

    Args:
        changes: Seconds since 1970 at which an offset begins, without the first one, int64 ``(offsets - 1,)``.
        offsets: Seconds that the clocks are ahead of UTC, int64 ``(offsets,)``.
    """

    changes: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def utc(self, local: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the seconds since 1970 at which the clocks show `local`, and where they never do (bool ``(n,)``).

        Args:
            local: What clocks and calendar show, as seconds since 1970 on a clock without a zone, int64 ``(n,)``. What
                they show twice, when they are set back, is the first of the two.
        """
        ends = self.changes + self.offsets[:-1]  # what the clocks show when an offset ends
        place = np.searchsorted(ends, local, side="right")
        starts = np.concatenate([[np.iinfo(np.int64).min], self.changes + self.offsets[1:]])
        return local - self.offsets[place], local < starts[place]


@lru_cache(maxsize=64)
def zone_clocks(zone: str) -> ZoneClocks:
    """Return the clocks of a zone by its name in the database of IANA, such as ``Europe/Paris``.

    >>> clocks = zone_clocks("Europe/Paris")
    >>> clocks.offsets[:3].tolist(), str(clocks.changes[:2].astype("datetime64[s]")[0])
    ([3600, 7200, 3600], '1976-03-28T00:00:00')
    """
    if zone == "UTC":
        return ZoneClocks(np.zeros(0, np.int64), np.zeros(1, np.int64))
    found = ZoneInfo(zone)
    changes: list[int] = []
    offsets = [_offset(FIRST, found)]
    day = FIRST
    while day < LAST:
        if (offset := _offset(day + _STEP, found)) != offsets[-1]:
            changes.append(_change(day, found))
            offsets.append(offset)
        day += _STEP
    return ZoneClocks(np.array(changes, np.int64), np.array(offsets, np.int64))


def _offset(moment: datetime, zone: ZoneInfo) -> int:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None  # a zone of the database has one
    return round(offset.total_seconds())


def _change(day: datetime, zone: ZoneInfo) -> int:
    """The second of the day after `day` at which the offset changes."""
    before, low, high = _offset(day, zone), 0, int(_STEP.total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(day + timedelta(seconds=middle), zone) == before:
            low = middle
        else:
            high = middle
    return int(day.timestamp()) + high
