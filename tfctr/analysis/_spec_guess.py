"""What a log may be about: every part of a spec, from the profiles of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tfctr.analysis import _column_names as names
from tfctr.analysis._column_guesses import Guess, guess_feature, list_separator
from tfctr.analysis._column_profile import ColumnProfile
from tfctr.analysis._label_guess import TaskGuess, guess_task
from tfctr.analysis._meta_guess import MetaGuess, guess_meta, reason_of_meta
from tfctr.analysis._null_markers import with_markers
from tfctr.analysis._outcomes import reason_of_outcome
from tfctr.spec._input_names import input_name

_MANY_IDS = 30
"""With fewer values, equal ones say nothing: every column of small codes has a 1."""


@dataclass
class SpecGuess:
    """The parts of a spec, each with a remark for the person who edits it.

    Args:
        task: The task.
        meta: Time, group, domain and split.
        features: Guesses that are features.
        left_out: Guesses that are not.
        history: Keys of a history that could be built, empty when user, item or time is not known.
        doubts: What needs a decision, in sentences.
    """

    task: TaskGuess
    meta: MetaGuess
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
    task = guess_task(profiles, label)
    meta = guess_meta(profiles, task.keys["label"])
    guess = SpecGuess(task, meta, doubts=[*([task.doubt] if task.doubt else []), *meta.doubts])
    inputs: dict[str, str] = {}
    for name, profile in profiles.items():
        if name == task.keys["label"] or name == meta.keys.get("time"):
            continue
        reason = reason_of_meta(profile, meta) or reason_of_outcome(profile, task.label)
        feature = Guess(name, reason) if reason else guess_feature(profile, examples=examples)
        feature = with_markers(feature, profile)
        other = inputs.setdefault(input_name(name), name) if feature.feature else name
        if other != name:
            feature = Guess(name, f"would be the same input of a served model as {other!r}; rename one to use it")
        (guess.features if feature.feature else guess.left_out).append(feature)
    _place_apps(guess)
    _make_names_unique(guess)
    _share_ids(guess, profiles)
    _guess_history(guess)
    return guess


def _place_apps(guess: SpecGuess) -> None:
    """Beside columns of a site, those of an app say where an ad was shown, too."""
    first = {feature.column: names.words_of(feature.column)[:1] for feature in guess.features}
    if ("site",) in first.values():
        for feature in guess.features:
            if first[feature.column] == ("app",):
                feature.feature["role"] = "context"


def _make_names_unique(guess: SpecGuess) -> None:
    taken = {guess.task.keys["name"]}
    for feature in guess.features:
        keys, wanted, number = feature.feature, feature.feature["name"], 1
        while keys["name"] in taken:
            number += 1
            keys["name"], keys["column"] = f"{wanted}_{number}", feature.column
        taken.add(keys["name"])


def _share_ids(guess: SpecGuess, profiles: Mapping[str, ColumnProfile]) -> None:
    """Histories of a column's ids use its vocabulary: an item seen in one is known in the other."""
    for index, feature in enumerate(guess.features):
        if feature.feature["kind"] != "sequence":
            continue
        wanted = feature.feature.get("type", "string")
        ids = [
            other
            for other in guess.features
            if other.feature["kind"] == "categorical" and other.feature.get("type", "string") == wanted
        ]
        found, doubt = _entries_of(feature.column, ids, profiles)
        if found is not None:
            guess.features[index] = Guess(
                feature.column, feature.remark + doubt, {**feature.feature, "shares": found.feature["name"]}
            )


def _entries_of(history: str, ids: list[Guess], profiles: Mapping[str, ColumnProfile]) -> tuple[Guess | None, str]:
    """The feature whose values a history lists: by name, by common values, or the first id of an item with a doubt."""
    profile = profiles[history]
    entries = profile.lists[list_separator(profile) or ""].entries
    named = [other for other in ids if names.names_entries_of(history, other.column)]
    if named:
        return named[0], ""
    if entries.distinct < _MANY_IDS:
        return None, ""
    shares = [(entries.share_within(profiles[other.column].values), other) for other in ids]
    best = max(shares, key=lambda found: found[0], default=(0.0, None))
    if best[0] >= 0.3:
        return best[1], ""
    items = [other for other in ids if other.feature["role"] == "item" and names.is_id(other.column)]
    return (items[0], "; CHECK: are these ids of that feature?") if items else (None, "")


def _guess_history(guess: SpecGuess) -> None:
    features = {feature.column: feature.feature for feature in guess.features}
    user = guess.meta.user
    if "time" not in guess.meta.keys or user not in features:
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
