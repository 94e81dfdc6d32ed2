"""Times and lists in a spec: what is refused, with place and remedy, and what comes back from a file."""

from __future__ import annotations

from typing import Any

import pytest

from tfctr.spec import FeatureSpec, SpecError, TimeColumn, dump_spec, parse_spec

TIMED = """
name: ads
meta: {time: {column: at, format: "%d/%m/%Y %H:%M", zone: Europe/Paris}}
features:
  - {kind: categorical, name: hour, role: context, from_time: {part: hour_of_day, zone: UTC}}
  - {kind: numeric, name: age, role: item, from_time: {part: hours_since, earlier: {column: born, unit: nanoseconds}}}
  - {kind: multi, name: slots, role: context, columns: [slot_1, slot_2], padding: none}
  - {kind: sequence, name: seen, role: user, order: newest_first, inner_separator: ":", part: 2}
tasks:
  - {name: click, label: clicked}
"""


@pytest.mark.parametrize("defaults", [False, True])
def test_a_spec_comes_back_from_its_text(defaults: bool) -> None:
    spec = parse_spec(TIMED)
    assert parse_spec(dump_spec(spec, defaults=defaults)) == spec
    assert [column.name for column in spec.raw_columns(serving=True)] == ["at", "born", "slot_1", "slot_2", "seen"]
    assert [feature.name for feature in spec.mixed_features] == ["age"]  # the item's birth, and the time of the row


def test_the_plain_name_keeps_numbers_until_a_feature_asks_what_they_mean() -> None:
    plain = TIMED.replace('{column: at, format: "%d/%m/%Y %H:%M", zone: Europe/Paris}', "at")
    (at,) = (column for column in parse_spec(plain).raw_columns() if column.name == "at")
    assert at.time == TimeColumn(column="at")
    assert (
        FeatureSpec.model_validate(dict(parse_spec(plain), features=parse_spec(plain).features[2:])).meta.time == "at"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "Europe/Paris",
            "Europe/Pariss",
            "meta.time.zone: unknown time zone 'Europe/Pariss' (did you mean 'Europe/Paris'?)",
        ),
        ("%H:%M", "%H:%Q", "meta.time.format: unknown code %Q in the format"),
        ("%d/%m/%Y %H:%M", "%H:%M", "meta.time.format: the format '%H:%M' has no year"),
        ("unit: nanoseconds", "unit: hours", "features.1.from_time.earlier.unit: must be seconds, milliseconds"),
        ("column: at,", "colum: at,", "meta.time.colum: unknown key (did you mean 'column'?)"),
        ("part: hour_of_day", "part: hour", "features.0.from_time.part: must be hour_of_day, weekday or hour_of_week"),
        ("from_time: {part: hour_of_day", "column: at, from_time: {part: hour_of_day", "give `column` or `from_time`"),
        (
            '{column: at, format: "%d/%m/%Y %H:%M", zone: Europe/Paris}',
            "{column: at, unit: as_is}",
            "of which nothing is known",
        ),
        ("name: slots, ", "name: slots, column: slot, ", "give `column` or `columns`, not both"),
        ("[slot_1, slot_2]", "[slot_1, slot_1]", "names a column twice"),
        ("part: 2}", "type: int}", "values with an inner separator are texts"),
        ('inner_separator: ":", part: 2', "part: 2", "`part` needs an `inner_separator`"),
        ("padding: none", "type: int, padding: none", "values are integers, padding is the text 'none'"),
        (
            "{part: hour_of_day",
            "{of: born, part: hour_of_day",
            "column 'born' is read as a time (unit: nanoseconds) here",
        ),
    ],
)
def test_one_mistake_is_one_line_with_place_and_remedy(old: str, new: str, message: str) -> None:
    assert old in TIMED
    with pytest.raises(SpecError) as caught:
        parse_spec(TIMED.replace(old, new, 1))
    assert any(message in str(problem) for problem in caught.value.problems), str(caught.value)


def test_names_that_do_not_fit_together() -> None:
    spec: dict[str, Any] = parse_spec(TIMED).model_dump()
    sequence = {"kind": "sequence", "role": "user"}
    cases = {
        "features.0.from_time: is made of a time, but says none": {"meta": {}, "split": {"by": "random"}},
        "features.5.padding: is aligned with 'seen', whose padding holds for both": {
            "features": [*spec["features"], {**sequence, "name": "kinds", "aligned_with": "seen", "padding": 0}]
        },
        "features.4.order: reads a history, which is made oldest first": {
            "history": [{"name": "made", "of": "slot_1", "by": "user"}],
            "features": [*spec["features"], {**sequence, "name": "made", "order": "newest_first"}],
        },
    }
    for message, changes in cases.items():
        with pytest.raises(SpecError) as caught:
            FeatureSpec.model_validate({**spec, **changes})
        assert any(message.split(":", 1)[1] in str(problem) for problem in caught.value.problems), str(caught.value)
