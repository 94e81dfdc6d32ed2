"""Crossed features in a spec: what they may name, the side they stand on, and crosses made for a whole spec."""

from __future__ import annotations

from typing import Any

import pytest

from tfctr.spec import CrossFeature, FeatureSpec, SpecError, Vocabulary, dump_spec, parse_spec

FEATURES: list[dict[str, Any]] = [
    {"kind": "categorical", "name": "user", "role": "user", "type": "int"},
    {"kind": "categorical", "name": "site", "role": "context"},
    {"kind": "categorical", "name": "slot", "role": "context", "column": "place"},
    {"kind": "categorical", "name": "ad", "role": "item", "type": "int"},
    {"kind": "numeric", "name": "age", "role": "user", "scale": "quantile"},
    {"kind": "numeric", "name": "price", "role": "item"},
    {"kind": "sequence", "name": "seen", "role": "user", "type": "int", "shares": "ad"},
    {"kind": "multi", "name": "tags", "role": "item"},
]


def cross(*of: str, name: str = "", **more: Any) -> dict[str, Any]:
    return {"kind": "cross", "name": name or "_x_".join(of), "of": list(of), **more}


def build(*features: dict[str, Any], base: list[dict[str, Any]] | None = None) -> FeatureSpec:
    return FeatureSpec.model_validate(
        {
            "name": "ads",
            "features": [*(FEATURES if base is None else base), *features],
            "tasks": [{"name": "click", "label": "clicked"}],
            "meta": {"time": "second"},
        }
    )


@pytest.mark.parametrize(
    ("crosses", "message"),
    [
        ([cross("site", "adz")], "features.8.of: crosses the unknown feature 'adz' (did you mean 'ad'?)"),
        ([cross("site", "self", name="self")], "features.8.of: crosses itself; name the features to be crossed"),
        ([cross("site", "seen")], "features.8.of: cannot cross 'seen', a sequence feature; categorical features, and"),
        ([cross("tags", "site")], "features.8.of: cannot cross 'tags', a multi feature"),
        ([cross("site", "price")], "features.8.of: cannot cross 'price', a numeric feature"),
        ([cross("site", "ad"), cross("ad", "site")], "features.9.of: crosses 'ad' and 'site', as 'site_x_ad' does"),
        ([cross("site", "site")], "features.8.of: crosses 'site' and 'site'; name two features or more, each"),
        ([cross("site", name="one")], "features.8.of: crosses 'site'; name two features or more"),
        ([cross(name="none")], "features.8.of: crosses nothing; name two features or more"),
        (
            [cross("site", "ad"), cross("site_x_ad", "user")],
            "features.9.of: crosses the cross 'site_x_ad'; name its features instead: site, ad",
        ),
        ([cross("site", "ad", role="user")], "features.8.role: has the role user, but what it crosses makes it item"),
        ([cross("site", "ad", name="slot")], "features.8.name: name 'slot' is used already by features.2.name"),
        (
            [cross("site", "ad"), {"kind": "categorical", "name": "x", "role": "item", "shares": "site_x_ad"}],
            "features.9.shares: cannot share 'site_x_ad': a cross feature has ids of its own alone",
        ),
        (
            [cross("user", "site"), {**FEATURES[6], "name": "late", "target": "user_x_site"}],
            "features.9.target: compares with the cross 'user_x_site', which no event can be",
        ),
    ],
)
def test_what_cannot_be_crossed(crosses: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        build(*crosses)
    (problem,) = caught.value.problems
    assert str(problem).startswith(message)


def test_a_cross_stands_behind_what_it_crosses() -> None:
    with pytest.raises(SpecError, match="crosses 'site', which comes after it; move the cross behind"):
        build(base=[cross("site", "ad"), *FEATURES])


def test_lines_and_kinds_are_told_for_files() -> None:
    text = dump_spec(build(cross("site", "ad")))
    with pytest.raises(SpecError, match=r"ads.yaml:35: features.8.of: crosses the unknown feature 'sites'"):
        parse_spec(text.replace("  - site\n", "  - sites\n"), "ads.yaml")
    with pytest.raises(SpecError, match=r"column: categorical, multi, sequence, numeric or vector features have this"):
        parse_spec(text.replace("  of:", "  column: x\n  of:"))


@pytest.mark.parametrize(
    ("of", "role", "mixed"),
    [
        (("site", "slot"), "context", False),
        (("site", "user"), "user", False),
        (("user", "age"), "user", False),
        (("user", "ad"), "item", True),
        (("ad", "site"), "item", True),
    ],
)
def test_the_side_of_a_cross_follows_from_its_parts(of: tuple[str, ...], role: str, mixed: bool) -> None:
    spec = build(cross(*of))
    assert spec.features[-1].role == role
    assert bool(spec.mixed_features) is mixed
    assert parse_spec(dump_spec(spec)) == parse_spec(dump_spec(spec, defaults=True)) == spec
    assert FeatureSpec.model_validate_json(spec.model_dump_json()) == spec
    assert "role" not in dump_spec(spec).partition("kind: cross")[2]


def test_a_cross_has_a_tensor_and_a_table_and_no_column() -> None:
    plain, crossed = build(), build(cross("age", "slot", "ad", hash_buckets=7), cross("user", "site"))
    assert crossed.raw_columns() == plain.raw_columns()
    assert crossed.log_columns() == plain.log_columns()
    assert [(t.name, t.dtype, t.shape) for t in crossed.inputs()[-2:]] == [
        ("age_x_slot_x_ad", "int64", ()),
        ("user_x_site", "int64", ()),
    ]
    assert crossed.tables == (*plain.tables, "age_x_slot_x_ad", "user_x_site")


def names_of(spec: FeatureSpec) -> list[str]:
    return [feature.name for feature in spec.features if isinstance(feature, CrossFeature)]


def test_all_pairs_or_chosen_ones() -> None:
    spec = build()
    everything = ["user_x_site", "user_x_slot", "user_x_ad", "user_x_age", "site_x_slot", "site_x_ad", "site_x_age"]
    assert names_of(spec.with_crosses()) == [*everything, "slot_x_ad", "slot_x_age", "ad_x_age"]
    chosen = spec.with_crosses(["ad", "site", "user"], min_count=20, max_size=9, oov_buckets=2)
    assert names_of(chosen) == ["user_x_site", "user_x_ad", "site_x_ad"]
    assert chosen.features[-1].vocabulary == Vocabulary(min_count=20, max_size=9, oov_buckets=2)
    assert names_of(spec.with_crosses(pairs=[("slot", "age")])) == ["slot_x_age"]
    both = spec.with_crosses(["user", "site"], pairs=[("slot", "age"), ("site", "user")], hash_buckets=5)
    assert names_of(both) == ["user_x_site", "slot_x_age"]
    assert both.features[-1].hash_buckets == 5
    assert both.features[-1].vocabulary is None


def test_crosses_that_are_there_stay_as_they_are() -> None:
    spec = build(cross("site", "user", name="mine", hash_buckets=3))
    crossed = spec.with_crosses(["user", "site", "ad"])
    assert names_of(crossed) == ["mine", "user_x_ad", "site_x_ad"]
    assert crossed.features[:9] == spec.features
    assert crossed.with_crosses(["user", "site", "ad"]) == crossed


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"of": ["user", "sit"]}, "crosses the unknown feature 'sit' (did you mean 'site'?)"),
        ({"of": ["user", "seen"]}, "cannot cross 'seen', a sequence feature"),
        ({"of": ["user"]}, "there is nothing to cross: name two features"),
        ({"pairs": []}, "there is nothing to cross: name two features"),
        ({"pairs": [("user", "price")]}, "cannot cross 'price', a numeric feature"),
        ({"hash_buckets": 5, "min_count": 2}, "hash buckets count no values"),
    ],
)
def test_crosses_that_cannot_be_made(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        build().with_crosses(**asked)
    assert message in str(caught.value)
    assert len(caught.value.problems) == 1


def test_a_name_that_would_be_too_long_is_told() -> None:
    long = [{"kind": "categorical", "name": letter * 60, "role": "context"} for letter in "ab"]
    with pytest.raises(SpecError, match="would be longer than 100 characters; write this cross into the spec"):
        build(base=long).with_crosses()
