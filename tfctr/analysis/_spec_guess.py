"""What a log may be about: label, time, group and split, from the profiles of its columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tfctr.analysis import _column_names as names
from tfctr.analysis._column_guesses import Guess, guess_feature
from tfctr.analysis._column_profile import ColumnProfile
from tfctr.analysis._null_markers import with_markers
from tfctr.analysis._time_forms import SECONDS, time_form
from tfctr.analysis._value_statistics import ValueStatistics
from tfctr.analysis._worded_label import is_named_like_a_label, meaning_of_yes

_ORDER = 1e5  # a whole number named like a time that is larger orders rows (YYMMDDHH); a smaller one is an hour of day
_ONLY_ORDERS = "CHECK: not Unix seconds; it orders the rows if it grows with time"
_MOST_DOMAINS = 50
_NUMBERED = re.compile(r"^column_\d+$")  # the name of a column without one


@dataclass
class SpecGuess:
    """The parts of a spec, each with a remark for the person who edits it.

    Args:
        task: Keys of the task.
        task_remark: Why this label.
        meta: Keys of `meta`.
        time_form: How the column of `meta.time` writes times; empty where its name says enough.
        meta_remarks: What to look at, key by key.
        split: Keys of `split`.
        features: Guesses that are features.
        left_out: Guesses that are not.
        history: Keys of a history that could be built, empty when user, item or time is not known.
        doubts: What needs a decision, in sentences.
    """

    task: dict[str, Any]
    task_remark: str
    meta: dict[str, str] = field(default_factory=dict)
    time_form: dict[str, Any] = field(default_factory=dict)
    meta_remarks: dict[str, str] = field(default_factory=dict)
    split: dict[str, str] = field(default_factory=dict)
    features: list[Guess] = field(default_factory=list)
    left_out: list[Guess] = field(default_factory=list)
    history: dict[str, Any] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)


def guess_spec(profiles: Mapping[str, ColumnProfile], *, label: str | None = None, examples: bool = True) -> SpecGuess:
    """Return a guess at every part of the spec.

    Args:
        profiles: The columns, in the order of the log.
        label: The label column; None looks for one.
        examples: Whether remarks quote values of the log.
    """
    guess = _guess_task(profiles, label)
    label = guess.task["label"]
    _guess_meta(guess, profiles)
    for name, profile in profiles.items():
        if name == label or name == guess.meta.get("time"):
            continue
        reason = _outcome(profile) or _other_time(profile, guess.meta.get("time"))
        feature = Guess(name, reason) if reason else guess_feature(profile, examples=examples)
        feature = with_markers(feature, profile)
        (guess.features if feature.feature else guess.left_out).append(feature)
    _make_names_unique(guess)
    _guess_split(guess)
    _guess_history(guess)
    return guess


def _guess_task(profiles: Mapping[str, ColumnProfile], label: str | None) -> SpecGuess:
    if label is not None:
        return _task(profiles[label], "as you said")
    binary = [p for p in profiles.values() if p.name and p.values.is_binary()]
    named = [p for p in binary if names.has(p.name, names.CLICKS)]
    if named:
        return _task(named[0], f"0/1, named like a label, {named[0].values.share_of_ones:.2%} ones")
    signed = [p for p in profiles.values() if names.has(p.name, names.CLICKS) and _is_signed(p.values)]
    if signed:
        return _task(signed[0], "-1/1, named like a label", at_least=1)
    unclear = [p for p in profiles.values() if is_named_like_a_label(p)]
    if unclear:
        keys, remark = meaning_of_yes(unclear[0])
        return SpecGuess({"name": names.identifier(unclear[0].name), "label": unclear[0].name, **keys}, remark)
    outcomes = [p for p in binary if names.has(p.name, names.OUTCOMES)]
    rare = sorted((p for p in binary if p.values.share_of_ones < 0.5), key=lambda p: p.values.share_of_ones)
    rated = [p for p in profiles.values() if names.has(p.name, names.RATINGS) and _is_rating(p.values)]
    if outcomes:
        return _task(outcomes[0], f"0/1, named like an outcome, {outcomes[0].values.share_of_ones:.2%} ones")
    if rated:
        top = rated[0].values.maximum or 0.0
        remark = f"a rating from {rated[0].values.minimum:g} to {top:g}"
        remark += "; CHECK from where on it is liked, or predict the number: kind: regression without at_least"
        return _task(rated[0], remark, at_least=round(0.8 * top, 1))
    if rare:
        guess = _task(rare[0], f"CHECK: 0/1 with a low rate, {rare[0].values.share_of_ones:.2%} ones")
        guess.doubts.append(f"no column is named like a label; {rare[0].name!r} was taken for its low rate of ones")
        return guess
    guess = SpecGuess({"name": "label", "label": "label"}, "CHECK: nothing looks like a label; name the column")
    guess.doubts.append(
        "no column looks like a label (0/1, or a rating); set `tasks.0.label`, and `kind: regression` for a number"
    )
    return guess


def _task(profile: ColumnProfile, remark: str, at_least: float | None = None) -> SpecGuess:
    keys: dict[str, Any] = {"name": names.identifier(profile.name), "label": profile.name}
    values = profile.values
    if at_least is not None:
        keys["at_least"] = int(at_least) if at_least == int(at_least) else at_least
    elif values.is_number and values.distinct > 2:
        keys = {"kind": "regression", **keys}
        remark += (
            f"; a number from {values.minimum:g} to {values.maximum:g}, which is predicted as it is. CHECK: for yes "
        )
        remark += "or no make it kind: binary with `at_least`"
    elif not values.is_binary():
        remark += "; CHECK: it is not 0/1, set `at_least`"
    return SpecGuess(keys, remark)


def _is_signed(values: ValueStatistics) -> bool:
    return values.is_number and (values.minimum, values.maximum, values.distinct) == (-1.0, 1.0, 2)


def _is_rating(values: ValueStatistics) -> bool:
    return values.is_number and 2 < values.distinct <= 20 and (values.minimum or 0) >= 0


def _outcome(profile: ColumnProfile) -> str:
    """Why a column is known only after the click and would give the label away."""
    if not names.has(profile.name, names.OUTCOMES):
        return ""
    if profile.values.is_binary() or _is_rating(profile.values) or _is_signed(profile.values):
        return "looks like another outcome, known only afterwards; make it a task, or a feature if it is known before"
    return ""


def _guess_meta(guess: SpecGuess, profiles: Mapping[str, ColumnProfile]) -> None:
    whole = [p for p in profiles.values() if p.values.type == "int" and names.has(p.name, names.TIMES)]
    times = [p for p in whole if (p.values.maximum or 0) >= _ORDER and p.values.distinct > 1]
    times.sort(key=lambda p: names.has(p.name, names.OF_STORAGE))
    others = [p for p in profiles.values() if names.has(p.name, names.TIMES) and p not in whole]
    times = times or [p for p in others if p.values.distinct > 1 and time_form(p.values) is not None]
    times = times or [p for p in profiles.values() if _NUMBERED.match(p.name) and _is_unix_time(p.values)]
    if times:
        time = times[0]
        if time.missing:
            guess.doubts.append(f"{time.name!r} looks like a time, but {time.share_missing:.1%} of it is missing")
        else:
            guess.meta["time"] = time.name
            stored = "CHECK: when the rows were stored, as it seems, not when things happened"
            guess.time_form, remark = time_form(time.values) or ({}, _ONLY_ORDERS)
            guess.meta_remarks["time"] = stored if names.has(time.name, names.OF_STORAGE) else remark
    domains = [p.name for p in profiles.values() if names.is_domain(p.name) and 1 < p.values.distinct <= _MOST_DOMAINS]
    if domains:
        guess.meta["domain"] = domains[0]
        guess.meta_remarks["domain"] = "metrics are also reported for each of its values"
    for words in names.GROUPS:
        groups = [p for p in profiles.values() if _is_group(p, words) and p.name != guess.meta.get("time")]
        if groups:
            guess.meta = {"group": groups[0].name, **guess.meta}
            guess.meta_remarks["group"] = "rows of one value are ranked against each other"
            return


def _other_time(profile: ColumnProfile, taken: str | None) -> str:
    """Why a second column of times is no feature: as an id it tells nothing of tomorrow."""
    values = profile.values
    moments = values.type == "int" and names.has(profile.name, names.TIMES) and (values.minimum or 0.0) >= SECONDS[0]
    return f"is a time, too; {taken!r} orders the rows" if taken and moments else ""


def _is_unix_time(values: ValueStatistics) -> bool:
    low, high = values.minimum or 0.0, values.maximum or 0.0
    return values.type == "int" and SECONDS[0] <= low < high <= SECONDS[1]


def _is_group(profile: ColumnProfile, words: frozenset[str]) -> bool:
    values = profile.values
    named = names.has(profile.name, words) and (names.is_id(profile.name) or len(names.words_of(profile.name)) == 1)
    return named and 1 < values.distinct < 0.9 * values.count and values.type in ("int", "string")


def _make_names_unique(guess: SpecGuess) -> None:
    taken = {guess.task["name"]}
    for feature in guess.features:
        keys, wanted, number = feature.feature, feature.feature["name"], 1
        while keys["name"] in taken:
            number += 1
            keys["name"], keys["column"] = f"{wanted}_{number}", feature.column
        taken.add(keys["name"])


def _guess_split(guess: SpecGuess) -> None:
    if "time" in guess.meta:
        guess.split = {"by": "time"}
    elif "group" in guess.meta:
        guess.split = {"by": "hash", "column": guess.meta["group"]}
        guess.doubts.append(f"no column of times: rows are split by {guess.meta['group']!r}, not by time")
    else:
        guess.split = {"by": "random"}
        guess.doubts.append("no column of times and no user: rows are split at random, which looks into the future")


def _guess_history(guess: SpecGuess) -> None:
    features = {feature.column: feature.feature for feature in guess.features}
    user = guess.meta.get("group", "")
    if "time" not in guess.meta or user not in features or not names.has(user, names.USERS):
        return
    items = [
        column
        for column, keys in features.items()
        if keys["role"] == "item"
        and keys["kind"] == "categorical"
        and (names.is_id(column) or len(names.words_of(column)) == 1)
    ]
    if items:
        guess.history = {"of": items[0], "by": user, "type": features[items[0]].get("type", "string")}
        guess.history["shares"] = features[items[0]]["name"]
