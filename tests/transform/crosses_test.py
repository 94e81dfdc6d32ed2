"""Crosses: counted on the training rows, told apart whatever their values hold, each in a vocabulary of its own."""

from __future__ import annotations

from itertools import product

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from tests.transform.conftest import AWKWARD
from tfctr.spec import CrossFeature, FeatureSpec
from tfctr.transform import TransformOutput, fit_transform
from tfctr.transform._crosses import cross_tokens

SPEC = FeatureSpec(
    name="crossed",
    features=[
        {"kind": "categorical", "name": "a", "role": "user"},
        {"kind": "categorical", "name": "b", "role": "item"},
        {"kind": "categorical", "name": "b_again", "role": "item", "column": "b", "shares": "b"},
        {"kind": "numeric", "name": "n", "role": "context", "scale": "quantile", "buckets": 2},
        {"kind": "cross", "name": "ab", "of": ["a", "b"], "vocabulary": {"min_count": 2}},
        {"kind": "cross", "name": "an", "of": ["a", "n"]},
        {"kind": "cross", "name": "a_shared", "of": ["a", "b_again"], "vocabulary": {"max_size": 1}},
        {"kind": "cross", "name": "hashed", "of": ["b", "a", "n"], "hash_buckets": 50},
        {"kind": "cross", "name": "hashed_too", "of": ["b_again", "a", "n"], "hash_buckets": 50},
    ],
    tasks=[{"name": "click", "label": "click"}],
    split={"by": "column", "column": "part"},
)
TRAIN = pa.table({"a": ["a", "a", "a", None], "b": ["x", "x", "y", "x"], "n": [1.0, 9.0, 9.0, None], "click": [0] * 4})


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> TransformOutput:
    return fit_transform(SPEC, TRAIN, tmp_path_factory.mktemp("crossed") / "transform")


def test_a_value_seen_often_enough_is_kept_and_all_others_are_the_unknown_id_of_the_cross(
    output: TransformOutput,
) -> None:
    assert output.vocabulary("ab") == ["a|x"]
    rows = pa.table({"a": ["a", "a", "q"], "b": ["x", "y", "x"], "n": [1.0] * 3})
    assert output.transform(rows)["ab"].tolist() == [2, 1, 1]
    assert output.vocabulary_counts("ab").tolist() == [0, 2, 2]
    assert output.bound_spec.rows["ab"] == 3


def test_crosses_of_the_same_values_have_tables_of_their_own(output: TransformOutput) -> None:
    """One keeps what the other drops: nothing is shared but the values."""
    assert output.vocabulary("a_shared") == ["a|x"]
    assert output.bound_spec.rows["a_shared"] == 3
    assert [table for table in SPEC.tables if table.startswith("a")] == ["a", "ab", "an", "a_shared"]


def test_a_number_is_crossed_by_its_bucket_and_a_missing_id_is_a_value(output: TransformOutput) -> None:
    """The missing number takes the bucket of the mean, as where it is not crossed."""
    ids = output.transform(TRAIN)
    texts = [f"{a or '__missing__'}|{n}" for a, n in zip(TRAIN["a"].to_pylist(), ids["n"], strict=True)]
    assert len(set(ids["n"])) == 2
    vocabulary = output.vocabulary("an")
    assert [vocabulary[number - 2] for number in ids["an"]] == texts


def test_no_two_tuples_are_one_value() -> None:
    """All tuples of values that hold separators and escapes in every place, also such as are no UTF-8."""
    values = [*(value.encode() for value in AWKWARD if value), b"\xff|\\", b"\xff"]
    tuples = [*product(values, repeat=3)]
    tokens = {name: tf.constant([t[place] for t in tuples]) for place, name in enumerate("abc")}
    crosses = [CrossFeature(name="two", of=("a", "b")), CrossFeature(name="three", of=("a", "b", "c"))]
    joined = cross_tokens(crosses, tokens)
    assert len(set(joined["three"].numpy())) == len(tuples)
    pairs = {(one, text) for (one, two, _), text in zip(tuples, joined["two"].numpy(), strict=True) if two == b"|"}
    assert len(pairs) == len(values)
    assert len(set(joined["two"].numpy())) == len(values) ** 2


def test_hash_buckets_are_salted_by_the_name_of_the_cross(output: TransformOutput) -> None:
    """What meets in one bucket of a cross need not meet in another that crosses the same values."""
    values = [f"v{i}" for i in range(100)]
    ids = output.transform(pa.table({"a": values, "b": values, "n": [1.0] * 100}))
    assert {ids["hashed"].min() >= 1, ids["hashed"].max() <= 50} == {True}
    assert np.mean(ids["hashed"] == ids["hashed_too"]) < 0.2
