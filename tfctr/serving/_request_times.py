"""Times in a request: whole seconds since 1970, of which a client that knows the spec makes what else it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from tfctr.data import times_as_seconds
from tfctr.spec import RawColumn


def with_seconds(rows: Sequence[Mapping[str, Any]], columns: Sequence[RawColumn]) -> Sequence[Mapping[str, Any]]:
    """Return the rows with their times in seconds.

    Texts, `datetime`s and `date`s are read as the log's are, by what the spec says of the column; fractions of a second
    are dropped. A whole number is seconds already, whatever unit the log has.

    Raises:
        TypeError: For what is no time.
    """
    for column in columns:
        if column.time is None:
            continue
        name, form = column.name, column.time
        other = [place for place, row in enumerate(rows) if isinstance(row.get(name), str | float | date)]
        if not other:
            continue
        changed = [dict(row) for row in rows]
        for place in other:
            value = rows[place][name]
            seconds, reason = times_as_seconds(pa.array([value]), form)
            if reason:
                raise TypeError(f"column {name!r}: {reason}. Received: {value!r}")
            changed[place][name] = seconds[0]
        rows = changed
    return rows
