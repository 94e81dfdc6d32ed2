"""Crosses: what can be crossed, on which side a cross stands, and crosses made by the dozen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from tfctr.spec.errors import Problem, SpecError, suggest
from tfctr.spec.features import (
    LONGEST_NAME,
    AnyFeature,
    CategoricalFeature,
    CrossFeature,
    Role,
    Vocabulary,
    is_bucketed,
)


def with_roles(features: Sequence[AnyFeature]) -> tuple[AnyFeature, ...]:
    """Return the features, the role of each cross filled in where it was left out and its parts are known."""
    by_name = {feature.name: feature for feature in features}
    return tuple(
        feature.model_copy(update={"role": role})
        if isinstance(feature, CrossFeature)
        and "role" not in feature.model_fields_set
        and (role := role_of(feature, by_name))
        else feature
        for feature in features
    )


def role_of(cross: CrossFeature, features: Mapping[str, AnyFeature]) -> Role | None:
    """Return the role that follows from the crossed features; None where one of them is unknown."""
    if not all(name in features for name in cross.of):
        return None
    roles = {features[name].role for name in cross.of}
    sides: tuple[Role, ...] = ("item", "user", "context")
    return next((role for role in sides if role in roles), None)


def cross_problems(features: Sequence[AnyFeature]) -> Iterator[Problem]:
    """Yield what is wrong with the crosses of a spec."""
    by_name = {feature.name: feature for feature in features}
    first: dict[frozenset[str], str] = {}
    for index, cross in enumerate(features):
        if not isinstance(cross, CrossFeature):
            continue
        key = f"features.{index}.of"
        earlier = {feature.name for feature in features[:index]}
        wrong = [message for name in cross.of if (message := _wrong_part(name, by_name, cross.name, earlier))]
        if len(set(cross.of)) < max(2, len(cross.of)):
            wrong.append(f"crosses {_listed(cross.of)}; name two features or more, each of them once")
        yield from (Problem(message, key) for message in dict.fromkeys(wrong))
        if wrong:
            continue
        same = first.setdefault(frozenset(cross.of), cross.name)
        if same != cross.name:
            yield Problem(f"crosses {_listed(cross.of)}, as {same!r} does already; keep one of the two", key)
        if cross.role != (role := role_of(cross, by_name)):
            yield Problem(
                f"has the role {cross.role}, but what it crosses makes it {role}; leave `role` out",
                f"features.{index}.role",
            )


def _wrong_part(
    name: str, features: Mapping[str, AnyFeature], cross: str = "", earlier: Iterable[str] | None = None
) -> str | None:
    """What keeps a feature from being crossed."""
    if name == cross:
        return "crosses itself; name the features to be crossed"
    part = features.get(name)
    if part is None:
        return f"crosses the unknown feature {name!r}{suggest(name, [n for n in features if n != cross])}"
    if isinstance(part, CrossFeature):
        return f"crosses the cross {name!r}; name its features instead: {', '.join(part.of)}"
    if not can_be_crossed(part):
        return (
            f"cannot cross {name!r}, a {part.kind} feature; categorical features, and numeric ones with "
            "`scale: quantile`, can be crossed"
        )
    if earlier is not None and name not in earlier:
        return f"crosses {name!r}, which comes after it; move the cross behind what it crosses"
    return None


def can_be_crossed(feature: AnyFeature) -> bool:
    """Whether a feature has one id a row that is no cross itself."""
    return isinstance(feature, CategoricalFeature) or is_bucketed(feature)


def new_crosses(
    features: Sequence[AnyFeature],
    of: Iterable[str] | None,
    pairs: Iterable[tuple[str, str]] | None,
    vocabulary: Vocabulary | None,
    hash_buckets: int | None,
) -> list[CrossFeature]:
    """Return the crosses of pairs that a spec does not have yet; see `FeatureSpec.with_crosses`.

    Raises:
        SpecError: When a name cannot be crossed, or there is no pair.
    """
    by_name = {feature.name: feature for feature in features}
    wanted = [(first, second) for first, second in pairs or ()]
    if of is not None or pairs is None:
        named = None if of is None else set(of)
        chosen = [f.name for f in features if (can_be_crossed(f) if named is None else f.name in named)]
        unknown = sorted((named or set()) - set(chosen))
        _refuse([*unknown, *chosen], by_name)
        wanted = [*combinations(chosen, 2), *wanted]
    _refuse([name for pair in wanted for name in pair], by_name)
    if not wanted:
        raise SpecError([Problem("there is nothing to cross: name two features that can be crossed", "features")])
    there = {frozenset(feature.of) for feature in features if isinstance(feature, CrossFeature)}
    distinct: dict[frozenset[str], tuple[str, str]] = {}
    for pair in wanted:
        distinct.setdefault(frozenset(pair), pair)
    new = [pair for key, pair in distinct.items() if key not in there]
    long = [f"{first}_x_{second}" for first, second in new if len(f"{first}_x_{second}") > LONGEST_NAME]
    if long:
        message = "would be longer than {} characters; write this cross into the spec under a shorter name"
        raise SpecError([Problem(f"the name {name!r} {message.format(LONGEST_NAME)}", "features") for name in long])
    return [
        CrossFeature(name=f"{first}_x_{second}", of=(first, second), vocabulary=vocabulary, hash_buckets=hash_buckets)
        for first, second in new
    ]


def _refuse(names: Iterable[str], features: Mapping[str, AnyFeature]) -> None:
    wrong = [message for name in dict.fromkeys(names) if (message := _wrong_part(name, features))]
    if wrong:
        raise SpecError([Problem(message, "features") for message in wrong])


def _listed(names: Sequence[str]) -> str:
    return " and ".join(map(repr, names)) or "nothing"
