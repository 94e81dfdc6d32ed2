"""A label that is no 0 and 1: which of its values means yes, as far as words can tell."""

from __future__ import annotations

from typing import Any

from tfctr.analysis import _column_names as names
from tfctr.analysis._column_profile import ColumnProfile
from tfctr.analysis._outcomes import label_rank

YES = frozenset(
    {"click", "clicked", "buy", "bought", "purchase", "purchased", "convert", "converted", "conversion", "install"}
    | {"like", "liked", "positive", "pos", "yes", "true", "success", "win", "on", "1"}
)
_MOST_WORDS = 3
_MOST_NUMBERS = 20


def is_named_like_a_label(profile: ColumnProfile) -> bool:
    """Whether a column has a bare name such as clicked, and values that an outcome may have."""
    bare = label_rank(profile.name) in (0, 1)
    values = profile.values
    few = values.distinct <= (_MOST_WORDS if values.type == "string" else _MOST_NUMBERS)
    return bare and values.distinct > 1 and few


def meaning_of_yes(profile: ColumnProfile) -> tuple[dict[str, Any], str]:
    """Return keys of the task that say which values mean yes, and a remark that asks for a look."""
    values = profile.values
    seen = ", ".join(map(repr, values.examples))
    if values.is_number:
        return {
            "at_least": 1
        }, f"named like a label; CHECK from where on it is yes: {values.minimum:g} to {values.maximum:g}"
    yes = [text for text in values.examples if YES & set(names.words_of(text))] or [values.examples[-1]]
    return {"positive": yes}, f"named like a label; CHECK which values mean yes: it holds {seen}"
