"""What happened after an example was shown: which column is the label, and which others would give it away."""

from __future__ import annotations

from tfctr.analysis import _column_names as names
from tfctr.analysis._column_names import words
from tfctr.analysis._column_profile import ColumnProfile
from tfctr.analysis._value_statistics import ValueStatistics

_LABELS = words("label labels target targets y ylabel")
_CLICKS = words("click clicked clicks clk clks isclick")
_CONVERSIONS = words(
    "conversion converted conv convert cvr buy bought purchase purchased order ordered install installed response "
    "responded visit visited signup registered subscribed churn churned dead event outcome"
)
_FEEDBACK = words(
    "finish finished cart favorite favourite fav share shared forward follow followed like liked hate dislike comment "
    "complete completed download downloaded subscribe skip skipped collect collected churning rating stars"
)
_RATINGS = words("rating ratings stars overall score rate")
_PREFIXES = words("is has if was did")
_PAST = words("hist history historical past prev previous last prior before ever earlier avg mean total sum num ctr")
"""Words of what was counted before the example: a feature, whatever it counts."""
_ENGAGED = words("play played watch watched stay dwell viewing read reading listen listened engagement")
_EXTENTS = words("time duration seconds secs sec ms ratio rate percent percentage length progress")
_MONEY = words("spend spent revenue gmv profit payout earnings payprice payingprice winprice winningprice")
_EVENTS = words("event action behavior behaviour")
_DURATIONS = words("time duration days months survtime futime dtime tte")
_DEATHS = words("dead death died event status churn churned")
_PROPENSITIES = words("propensity propensityscore pscore")
_VOLUMES = words("cnt count counts freq frequency plays playcount times listens")

_AFTERWARDS = "known only afterwards; make it a task, or a feature if it is known before"


def label_rank(name: str) -> int | None:
    """Return how much a name is that of a label, 0 the most; None when it is not.

    Example:
        >>> [label_rank(name) for name in ("target", "is_click", "ad_click", "purchase", "clicked_before")]
        [0, 1, 3, 4, None]
    """
    found = names.words_of(name)
    bare = found[1:] if found[:1] and found[0] in _PREFIXES else found
    if not _PAST.isdisjoint(found):
        return None
    exact = {"".join(bare), "".join(found)}
    tests = (
        not _LABELS.isdisjoint(exact),
        not _CLICKS.isdisjoint(exact),
        not _LABELS.isdisjoint(found),
        not _CLICKS.isdisjoint(found),
        not _CONVERSIONS.isdisjoint([*bare, *exact]),
        not _FEEDBACK.isdisjoint([*bare, *exact]),
    )
    return next((rank for rank, test in enumerate(tests) if test), None)


def is_signed(values: ValueStatistics) -> bool:
    """Whether the values are -1 and 1."""
    return values.is_number and (values.minimum, values.maximum, values.distinct) == (-1.0, 1.0, 2)


def is_rating(values: ValueStatistics) -> bool:
    """Whether the values are some steps upward from zero or more."""
    return values.is_number and 2 < values.distinct <= 20 and (values.minimum or 0) >= 0


def is_named_rating(profile: ColumnProfile) -> bool:
    """Whether a column is ratings by name and values."""
    return names.has(profile.name, _RATINGS) and is_rating(profile.values)


def reason_of_outcome(profile: ColumnProfile, label: ColumnProfile | None) -> str:
    """Return why a column is known only after the example was shown; empty when it may be a feature.

    Args:
        profile: The column.
        label: The column of the label; None when none was found, and what else may be one is held back then.
    """
    found, values = names.words_of(profile.name), profile.values
    joined = "".join(found)
    if joined in _PROPENSITIES:
        return "is the probability with which the log's own policy showed it, which no request has"
    if not _PAST.isdisjoint(found):
        return ""
    if label_rank(profile.name) is not None and (values.is_binary() or is_signed(values)):
        return f"looks like another outcome, {_AFTERWARDS}"
    if is_rating(values) and {joined} & (_RATINGS | _FEEDBACK | _CONVERSIONS - {"order"}):
        return f"looks like another outcome, {_AFTERWARDS}"
    if values.is_number and not _ENGAGED.isdisjoint(found) and not _EXTENTS.isdisjoint(found):
        return f"looks like what somebody did with it, {_AFTERWARDS}"
    if values.is_number and names.has(profile.name, _MONEY):
        return f"looks like money that came of it, {_AFTERWARDS}"
    if (
        "review" in found
        and not names.has(profile.name, names.TIMES)
        and values.type == "string"
        and not names.is_id(profile.name)
    ):
        return f"looks like what was written of it, {_AFTERWARDS}"
    if label is not None and joined in _DURATIONS and values.is_number and names.has(label.name, _DEATHS):
        return f"looks like the time until {label.name!r}: give both to a task of `kind: survival`"
    return _reason_of_event(joined, values, label is None)


def _reason_of_event(joined: str, values: ValueStatistics, no_label: bool) -> str:
    """Logs of what people did have the outcome as a word, or as the number of times."""
    kinds = values.few is not None and values.distinct > 1
    if kinds and any(joined in (event, f"{event}type") for event in _EVENTS):
        return "says what happened; CHECK: make the label of it, 1 for what is to be predicted"
    if no_label and kinds and joined == "type":
        return "may say what happened; CHECK: make the label of it, or a feature if it is known before"
    if no_label and values.is_number and joined in _VOLUMES:
        return "may say how often it happened; CHECK: make the label of it, or a feature if it is known before"
    return ""
