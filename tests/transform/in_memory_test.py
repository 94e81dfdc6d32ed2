"""Learning without Beam: the same in parts as at once, and nothing of it is left behind. Equality with Beam is shown in
`equality_test` and `crosses_test`."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tests.transform.conftest import EVERYTHING
from tfctr.spec import FeatureSpec
from tfctr.transform import TransformOutput, fit, fit_transform


@pytest.fixture(scope="module")
def in_parts(train_log: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> TransformOutput:
    """Learned from rows that were looked at 37 at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "LEARN_ROWS", 37)
        return fit_transform(EVERYTHING, train_log, tmp_path_factory.mktemp("parts") / "transform")


def test_parts_teach_the_same_files_as_all_rows_at_once(in_parts: TransformOutput, output: TransformOutput) -> None:
    assert in_parts.bound_spec == output.bound_spec
    folders = [learned.directory / "transform_fn" / "assets" for learned in (in_parts, output)]
    files = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
    assert files[0] == files[1]
    assert files[0]


def test_parts_teach_the_same_numbers(in_parts: TransformOutput, output: TransformOutput, train_log: pa.Table) -> None:
    found, wanted = in_parts.transform(train_log), output.transform(train_log)
    for name, array in wanted.items():
        if array.dtype == np.int64:
            np.testing.assert_array_equal(found[name], array, err_msg=name)
        else:
            np.testing.assert_allclose(found[name], array, rtol=1e-5, atol=1e-5, err_msg=name)


def test_rows_of_any_container_and_type_teach_and_become_the_same(tmp_path: Path) -> None:
    """Without `prepare` too: ids in floats, lists in texts, labels in words."""
    spec = FeatureSpec.model_validate(
        {
            "name": "small",
            "features": [
                {"kind": "categorical", "name": "user", "role": "user"},
                {"kind": "multi", "name": "tags", "role": "item"},
                {"kind": "numeric", "name": "price", "role": "item"},
            ],
            "tasks": [{"name": "click", "label": "clicked"}],
            "split": {"by": "random"},
        }
    )
    rows = {"user": ["1098", None, "7"], "price": [1.5, 2, None], "clicked": [1, 0, 0]}
    frame = pd.DataFrame({**rows, "user": [1098, None, 7], "tags": ["a|b", "", "a"], "clicked": ["yes", "no", "no"]})
    learned = fit_transform(spec, frame, tmp_path / "frame")
    assert learned.vocabulary("user") == ["__missing__", "7", "1098"]
    wanted = learned.transform(pa.table({**rows, "tags": [["a", "b"], None, ["a"]]}))
    for held in (frame, pl.from_pandas(frame), frame.to_dict("records"), frame.convert_dtypes()):
        for name, array in learned.transform(held).items():
            np.testing.assert_array_equal(array, wanted[name], err_msg=name)


def test_random_numbers_stay_where_they_were(tmp_path: Path) -> None:
    """Keras seeds weights with Python's: a model made after a transform starts as it would have without."""
    spec = FeatureSpec.model_validate(
        {
            "name": "small",
            "features": [{"kind": "categorical", "name": "site", "role": "context"}],
            "tasks": [{"name": "click", "label": "clicked"}],
            "split": {"by": "random"},
        }
    )
    before = random.getstate()
    fit_transform(spec, pa.table({"site": ["a", "b", "a"], "clicked": [0, 1, 1]}), tmp_path / "transform")
    assert random.getstate() == before
