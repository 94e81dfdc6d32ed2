"""`TransformOutput` as everything downstream uses it, and what it says when it is used wrongly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from tests.transform.conftest import EVERYTHING
from tfctr.transform import TransformOutput, fit_transform, raw_schema

SERVING = [column.name for column in EVERYTHING.raw_columns(serving=True)]


def test_an_output_travels(output: TransformOutput, reopened: TransformOutput, new_log: pa.Table) -> None:
    assert reopened.spec == EVERYTHING
    assert reopened.bound_spec == output.bound_spec
    assert reopened.fingerprint == output.fingerprint
    there, here = reopened.transform(new_log), output.transform(new_log)
    for name, array in here.items():
        np.testing.assert_array_equal(there[name], array)


def test_without_outcomes_only_what_can_be_made_is_made(output: TransformOutput, new_log: pa.Table) -> None:
    request = output.transform(new_log.select(SERVING))
    wanted = output.transform(new_log)
    assert set(wanted) - set(request) == {"click", "buy", "buy__weight"}
    for name, array in request.items():
        np.testing.assert_array_equal(array, wanted[name])


def test_domains_have_names_where_a_vocabulary_holds_them(output: TransformOutput, new_log: pa.Table) -> None:
    names, learned = output.domain_names, set(output.vocabulary("city"))
    told = dict(zip(new_log["city"].to_pylist(), output.transform(new_log)["meta__domain"].tolist(), strict=True))
    for city, domain in told.items():
        assert names.get(domain) == ("(none)" if not city else city if city in learned else None), city
    assert len(set(told.values()) & set(names)) == 4  # one of the five values has a line end, which its file lacks
    without = output.spec.model_copy(update={"meta": output.spec.meta.model_copy(update={"domain": "weekday"})})
    assert list(TransformOutput(output.directory, spec=without).domain_names.values()) == ["(none)"]


def test_columns_that_nothing_reads_are_ignored(output: TransformOutput, new_log: pa.Table) -> None:
    more = new_log.append_column("weekday", pa.nulls(new_log.num_rows, pa.string())).append_column("x", new_log["at"])
    assert output.transform(more).keys() == output.transform(new_log).keys()


def test_a_part_of_the_features(output: TransformOutput) -> None:
    raw = {"user_id": tf.constant([3, 4], tf.int64), "age": tf.constant([20.0, 70.0])}
    assert set(output.transform_raw(raw, partial=True)) == {"user", "age", "meta__group"}
    side = {"click_categories": tf.ragged.constant([["c1"] * 9])}  # is cut where `clicks` is cut
    assert set(output.transform_raw(side, partial=True)) == set()
    with pytest.raises(KeyError, match=r"\['city', 'device', .*\] of spec 'everything' are not given"):
        output.transform_raw(raw)


def test_wrong_raw_tensors_are_refused(output: TransformOutput) -> None:
    with pytest.raises(KeyError, match=r"unknown raw columns \['usr'\]"):
        output.transform_raw({"usr": tf.constant([1])}, partial=True)
    with pytest.raises(TypeError, match="raw column 'user_id' must be int64, received string"):
        output.transform_raw({"user_id": tf.constant(["1"])}, partial=True)
    with pytest.raises(TypeError, match="raw column 'user_id' must be int64, received float32"):
        output.transform_raw({"user_id": tf.constant([1.0])}, partial=True)


def test_a_vector_of_another_width_is_refused(output: TransformOutput, new_log: pa.Table) -> None:
    place = new_log.column_names.index("image")
    short = new_log.slice(0, 2).set_column(place, "image", pa.array([[1.0, 2.0], None], pa.list_(pa.float32())))
    with pytest.raises(tf.errors.InvalidArgumentError, match="vector column image must hold 3 numbers a row"):
        output.transform(short)


@pytest.mark.parametrize(
    ("weight", "mask", "good"), [(-1.0, 1.0, False), (None, 1.0, False), (-1.0, 0.0, True), (None, None, True)]
)
def test_a_weight_must_be_there_where_a_row_counts(
    weight: float | None, mask: float | None, good: bool, output: TransformOutput, new_log: pa.Table
) -> None:
    row = new_log.slice(0, 1)
    for name, value in {"paid": weight, "known": mask, "bought": 1.0}.items():
        row = row.set_column(row.column_names.index(name), name, pa.array([value], pa.float32()))
    if good:
        tensors = output.transform(row)
        assert (tensors["buy"][0], tensors["buy__weight"][0]) == (0, 0)
    else:
        with pytest.raises(tf.errors.InvalidArgumentError, match="weight column paid has a missing or negative"):
            output.transform(row)


def test_a_table_that_does_not_fit(output: TransformOutput, new_log: pa.Table) -> None:
    with pytest.raises(KeyError, match=r"lacks columns of spec 'everything': 'city'"):
        output.transform(new_log.drop_columns(["city"]))
    with pytest.raises(ValueError, match="column user_id: not a whole number: row 1 and"):
        output.transform(new_log.set_column(0, "user_id", pa.array(["x"] * new_log.num_rows)))


def test_folders_that_hold_no_output(tmp_path: Path, output: TransformOutput, train_log: pa.Table) -> None:
    with pytest.raises(FileNotFoundError, match="holds no transform output"):
        TransformOutput(tmp_path)
    (tmp_path / "transform_fn").mkdir()
    with pytest.raises(FileNotFoundError, match="give it, TransformOutput"):
        TransformOutput(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="holds no transform output"):
        fit_transform(EVERYTHING, train_log, tmp_path / "mine")
    with pytest.raises(ValueError, match="from 0 rows"):
        fit_transform(EVERYTHING, train_log.slice(0, 0), tmp_path / "new")


def test_parsing_spec_and_schema_name_the_same_columns(output: TransformOutput) -> None:
    assert list(output.raw_feature_spec(serving=True)) == SERVING
    assert [feature.name for feature in output.schema.feature] == list(output.raw_feature_spec(serving=False))
    assert output.schema == raw_schema(EVERYTHING)


def test_without_tensorflow_transform_the_extra_is_named() -> None:
    code = "import sys; sys.modules['tensorflow_transform'] = None; import tfctr.transform"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "pip install 'tfctr[tfx]'" in done.stderr
