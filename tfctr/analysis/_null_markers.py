"""Values by which a log of its own says that there is none: -1 among counts, unknown among words, 0 among ids."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tfctr.analysis import _column_names as names
from tfctr.spec.raw_text import whole

if TYPE_CHECKING:
    from tfctr.analysis._column_guesses import Guess
    from tfctr.analysis._column_profile import ColumnProfile

WORDS = (
    *("unknown", "unk", "undefined", "missing", "not set", "(not set)", "(null)", "(none)", "none", "na", "nil"),
    *("?", "-", "--", "#null!", "not available"),
)
"""In small letters."""
NEGATIVE = ("-1", "-99", "-999", "-9999")
OFTEN = 10
"""An id 0 is a marker where it stands so many times as often as an id does on average."""


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


def markers_of(profile: ColumnProfile) -> list[str]:
    """Return the values of a column that may mean a missing one; none where they are like any other value."""
    values, found = profile.values, profile.values.markers
    words = [text for text in found.counts if text.lower() in WORDS]
    if words and values.type == "string" and values.distinct > len(words) + 1:
        return words
    if not values.is_number or values.distinct <= 3:
        return []  # -1 of -1, 0 and 1 is an answer
    below = [text for text in NEGATIVE if found.counts[text]]
    if below and found.negative == sum(found.counts[text] for text in below):
        return below
    share = values.count / max(values.distinct, 1)
    zero_is_odd = names.is_id(profile.name) and found.counts["0"] > OFTEN * share
    return ["0"] if zero_is_odd else []


def with_markers(guess: Guess, profile: ColumnProfile) -> Guess:
    """Propose, at the feature's line, that these values mean missing; nobody but the log's owner can know."""
    markers = markers_of(profile) if guess.feature.get("kind") in ("categorical", "numeric") else []
    if not markers:
        return guess
    share = sum(profile.values.markers.counts[text] for text in markers) / profile.rows
    listed = ", ".join(f'"{text}"' for text in markers)
    return replace(guess, remark=f"{guess.remark}; if {share:.1%} mean no value: null_values: [{listed}]")
