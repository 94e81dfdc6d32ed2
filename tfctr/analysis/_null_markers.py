"""Values by which a log of its own says that there is none: -1 among counts, unknown among words, 0 among ids."""

from __future__ import annotations

from dataclasses import replace

from tfctr.analysis import _column_names as names
from tfctr.analysis._column_guesses import Guess
from tfctr.analysis._column_profile import ColumnProfile
from tfctr.analysis._marker_counts import NEGATIVE, WORDS

OFTEN = 10
"""An id 0 is a marker where it stands so many times as often as an id does on average."""


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
