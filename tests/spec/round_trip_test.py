"""Any valid spec survives YAML and JSON."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from tfctr.spec import FeatureSpec, dump_spec, load_spec, parse_spec, shipped_specs

# Any text but lone surrogates, which UTF-8 cannot hold.
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
columns = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
counts = st.integers(1, 1000)
finite = st.floats(allow_nan=False, allow_infinity=False)
roles = st.sampled_from(["user", "item", "context"])


def _optional(**values: st.SearchStrategy) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=values)


vocabularies = _optional(min_count=counts, max_size=st.none() | counts, oov_buckets=counts)
ids = st.one_of(
    st.just({}),
    st.builds(lambda v: {"vocabulary": v}, vocabularies),
    st.builds(lambda n: {"hash_buckets": n}, counts),
)
_kinds = {
    "categorical": ids,
    "multi": st.builds(
        lambda a, b: a | b,
        ids,
        _optional(max_length=counts, separator=columns, pooling=st.sampled_from(["mean", "sum", "max"])),
    ),
    "sequence": st.builds(lambda a, b: a | b, ids, _optional(max_length=counts, separator=columns)),
    "numeric": _optional(
        scale=st.sampled_from(["zscore", "log", "quantile", "none"]),
        buckets=st.integers(2, 100),
        fill=st.none() | finite,
    ),
    "vector": st.fixed_dictionaries({"width": counts}, optional={"separator": columns}),
}


@st.composite
def features(draw: st.DrawFn, index: int) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(_kinds)))
    own = draw(_kinds[kind])
    suffix = draw(columns)
    maybe = {"description": draw(texts)}
    if draw(st.booleans()):
        maybe["column"] = f"c{index} {suffix}"  # the index keeps the columns of two features apart
    return {"kind": kind, "name": f"f{index}", "role": draw(roles), **maybe, **own}


@st.composite
def specs(draw: st.DrawFn) -> FeatureSpec:
    """A spec with 1 to 6 features of any kind, a cross where two can be crossed, 1 to 3 tasks, and the rest."""
    feature_list = [draw(features(index)) for index in range(draw(st.integers(1, 6)))]
    parts = [f["name"] for f in feature_list if f["kind"] == "categorical" or f.get("scale") == "quantile"]
    if len(parts) > 1:
        feature_list.append({"kind": "cross", "name": "crossed", "of": parts[:3], **draw(ids)})
    tasks = [
        {"name": f"t{index}", "label": f"label {draw(columns)}", **draw(_optional(at_least=finite, weight=columns))}
        for index in range(draw(st.integers(1, 3)))
    ]
    gates = _optional(
        auc_min=st.none() | st.floats(0, 1),
        logloss_max=st.none() | st.floats(0.01, 10),
        slices=st.lists(st.lists(columns, min_size=1, max_size=2), max_size=2),
        slice_rows_min=counts,
    )
    source = _optional(
        dataset=st.none() | texts,
        format=st.none() | st.sampled_from(["csv", "parquet"]),
        header=st.booleans(),
        columns=st.lists(columns, max_size=3),
        delimiter=st.none() | st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=1),
    )
    split = st.one_of(
        st.just({"by": "time"}),
        st.just({"by": "random", "train": 0.5, "valid": 0.25, "test": 0.25}),
        st.builds(lambda c: {"by": "hash", "column": c}, columns),
        st.builds(lambda c: {"by": "column", "column": c, "valid_values": ["1"], "test_values": ["no", "2"]}, columns),
    )
    return FeatureSpec.model_validate(
        {
            "name": "any",
            "description": draw(texts),
            "features": feature_list,
            "tasks": tasks,
            "meta": {"time": "time of the row", "group": draw(st.none() | columns)},
            "gates": draw(gates),
            "source": draw(source),
            "split": draw(split),
        }
    )


@given(specs())
def test_any_spec_comes_back_from_yaml_as_it_was(spec: FeatureSpec) -> None:
    assert parse_spec(dump_spec(spec)) == spec
    assert parse_spec(dump_spec(spec, defaults=True)) == spec


@given(specs())
def test_what_is_written_is_the_same_for_readers_of_older_yaml(spec: FeatureSpec) -> None:
    assert FeatureSpec.model_validate(yaml.safe_load(dump_spec(spec))) == spec


@given(specs())
def test_any_spec_comes_back_from_json_as_it_was(spec: FeatureSpec) -> None:
    assert FeatureSpec.model_validate_json(spec.model_dump_json()) == spec


def test_a_dump_without_defaults_is_short() -> None:
    spec = load_spec(shipped_specs()["frappe"])
    text = dump_spec(spec)
    assert "vocabulary" not in text
    assert "column: user" not in text
    assert len(text) < len(dump_spec(spec, defaults=True)) / 2
