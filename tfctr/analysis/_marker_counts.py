"""How often values stand in a column that may mean that there is none."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from tfctr.spec._raw_text import whole

WORDS = (
    *("unknown", "unk", "undefined", "missing", "not set", "(not set)", "(null)", "(none)", "none", "na", "nil"),
    *("?", "-", "--", "#null!", "not available"),
)
"""In small letters."""
NEGATIVE = ("-1", "-99", "-999", "-9999")


class MarkerCounts:
    """Counts the values of a column that may be such markers.

    Attributes:
        counts: Value, as the log writes it -> times.
        negative: Numbers below 0 that are no markers.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.negative = 0

    def update(self, texts: pa.Array) -> None:
        """Count the values of one batch, given as texts."""
        short = texts.filter(pc.less_equal(pc.binary_length(texts), max(map(len, WORDS))))
        for entry in pc.value_counts(short.filter(self._found(short))).to_pylist():
            self.counts[whole(entry["values"])] += entry["counts"]
        below = pc.match_substring_regex(texts, r"^-[0-9.]*[1-9]")
        self.negative += int(pc.sum(below).as_py() or 0)

    @staticmethod
    def _found(texts: pa.Array) -> pa.Array:
        numbers = [text + zeros for text in ("0", *NEGATIVE) for zeros in ("", ".0")]
        return pc.is_in(pc.utf8_lower(texts), pa.array([*WORDS, *numbers]))
