"""Data at the edges: constant and empty columns, cut and empty vocabularies, ties; and learning again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tfctr.spec import FeatureSpec
from tfctr.transform import TransformOutput, fit_transform

ROWS = 1000
SPEC = FeatureSpec(
    name="corners",
    features=[
        {"kind": "numeric", "name": "constant", "role": "context"},
        {"kind": "numeric", "name": "constant_log", "role": "context", "scale": "log"},
        {"kind": "numeric", "name": "large", "role": "context"},
        {"kind": "numeric", "name": "never", "role": "context"},
        {"kind": "numeric", "name": "never_bucketed", "role": "context", "scale": "quantile", "buckets": 4},
        {"kind": "numeric", "name": "ramp", "role": "context", "scale": "quantile", "buckets": 4},
        {"kind": "numeric", "name": "ties", "role": "context", "scale": "quantile", "buckets": 4},
        {"kind": "numeric", "name": "signed", "role": "context", "scale": "log"},
        {"kind": "categorical", "name": "cut", "role": "context", "vocabulary": {"min_count": 5, "oov_buckets": 3}},
        {"kind": "categorical", "name": "tied", "role": "context"},
        {"kind": "categorical", "name": "absent", "role": "context", "vocabulary": {"min_count": 2}},
        {"kind": "multi", "name": "empty", "role": "context"},
    ],
    tasks=[{"name": "click", "label": "click"}],
    split={"by": "column", "column": "part"},
)


def make_corners() -> pa.Table:
    rare = [f"rare {i}" for i in range(40)]  # once each: below min_count
    common = ["b"] * 480 + ["a"] * 480
    return pa.table(
        {
            "constant": pa.array([0.1] * ROWS, pa.float32()),
            "constant_log": [123.456] * ROWS,
            "large": 1.7e9 + 1e5 * np.linspace(-1, 1, ROWS),
            "never": pa.nulls(ROWS, pa.float32()),
            "never_bucketed": [float("nan")] * ROWS,
            "ramp": np.arange(ROWS),
            "ties": [0.0] * 900 + [1.0] * 100,
            "signed": np.linspace(-50, 50, ROWS),
            "cut": rare + common,
            "tied": [["x", "y", "z", "10", "9"][i % 5] for i in range(ROWS)],
            "absent": pa.nulls(ROWS, pa.string()),
            "empty": pa.array([[]] * ROWS, pa.list_(pa.string())),
            "click": [i % 2 for i in range(ROWS)],
        }
    )


@pytest.fixture(scope="module")
def corners(tmp_path_factory: pytest.TempPathFactory) -> TransformOutput:
    return fit_transform(SPEC, make_corners(), tmp_path_factory.mktemp("corners") / "transform")


@pytest.fixture(scope="module")
def tensors(corners: TransformOutput) -> dict[str, np.ndarray]:
    return corners.transform(make_corners())


@pytest.mark.parametrize("name", ["constant", "constant_log", "never"])
def test_a_number_without_variance_becomes_zero(name: str, tensors: dict[str, np.ndarray]) -> None:
    assert (tensors[name] == 0).all()


def test_large_numbers_keep_their_variance(tensors: dict[str, np.ndarray]) -> None:
    assert tensors["large"].mean() == pytest.approx(0, abs=1e-2)
    assert tensors["large"].std() == pytest.approx(1, abs=1e-2)


def test_log_is_odd(tensors: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(tensors["signed"], -tensors["signed"][::-1], atol=1e-5)
    assert tensors["signed"].std() == pytest.approx(1, abs=1e-4)


def test_quantile_ids_count_from_one(corners: TransformOutput, tensors: dict[str, np.ndarray]) -> None:
    assert np.bincount(tensors["ramp"]).tolist() == pytest.approx([0, 250, 250, 250, 250], abs=25)
    assert (np.diff(tensors["ramp"]) >= 0).all()
    assert corners.bound_spec.rows["ramp"] == 5


def test_a_number_on_several_boundaries_has_a_bucket_of_its_own(tensors: dict[str, np.ndarray]) -> None:
    """All three boundaries are 0: the zeros lie above the first of them, the ones above all."""
    assert set(tensors["ties"][:900]) == {2}
    assert set(tensors["ties"][900:]) == {4}


def test_a_bucketed_number_that_is_never_there_is_one_id(tensors: dict[str, np.ndarray]) -> None:
    assert len(set(tensors["never_bucketed"])) == 1
    assert 1 <= tensors["never_bucketed"][0] <= 4


def test_rare_values_share_the_out_of_vocabulary_rows(corners: TransformOutput, tensors: dict[str, np.ndarray]) -> None:
    assert corners.vocabulary("cut") == ["b", "a"]
    assert corners.bound_spec.rows["cut"] == 1 + 3 + 2
    assert set(tensors["cut"][:40]) == {1, 2, 3}  # 40 values over 3 rows by hash
    assert set(tensors["cut"][40:520]) == {4}
    assert corners.vocabulary_counts("cut").tolist() == [0, 14, 13, 13, 480, 480]


def test_values_of_one_count_are_ordered_by_their_text_descending(corners: TransformOutput) -> None:
    assert corners.vocabulary("tied") == ["z", "y", "x", "9", "10"]


def test_missing_is_a_value_and_an_empty_vocabulary_has_no_rows(
    corners: TransformOutput, tensors: dict[str, np.ndarray]
) -> None:
    assert corners.vocabulary("absent") == ["__missing__"]
    assert set(tensors["absent"]) == {2}
    assert corners.vocabulary("empty") == []
    assert corners.bound_spec.rows["empty"] == 2
    assert (tensors["empty"] == 0).all()
    later = corners.transform(make_corners().slice(0, 1).set_column(11, "empty", [[["new"]]]))
    assert later["empty"][0].tolist() == [1] + [0] * 15


def test_learning_again_gives_the_same_fingerprint(corners: TransformOutput, tmp_path: Path) -> None:
    shuffled = make_corners().take(np.random.default_rng(0).permutation(ROWS))
    again = fit_transform(SPEC, make_corners(), tmp_path / "again")
    assert again.fingerprint == corners.fingerprint
    fewer = fit_transform(SPEC, shuffled.slice(0, 900), tmp_path / "again")  # replaces the earlier one
    assert fewer.fingerprint != corners.fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["again"]  # nothing temporary is left


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("click", [2.0], "label column click must hold 0 or 1"),
        ("click", [None], "label column click must hold 0 or 1"),
        ("click", [float("nan")], "label column click must hold 0 or 1"),
    ],
)
def test_a_bad_label_is_refused(column: str, values: list, message: str, corners: TransformOutput) -> None:
    import tensorflow as tf

    row = make_corners().slice(0, 1)
    place = row.column_names.index(column)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        corners.transform(row.set_column(place, column, pa.array(values, pa.float32())))
