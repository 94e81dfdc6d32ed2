"""Labels that are numbers: as they are in the log, their mean and deviation in the bound spec."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tfctr.spec import FeatureSpec, LabelScale
from tfctr.transform import TransformOutput, fit_transform, raw_schema
from tfctr.transform._moments import merged, moments_of, scale_of

SPEC = FeatureSpec(
    name="films",
    features=[{"kind": "categorical", "name": "film", "role": "item"}],
    tasks=[
        {"kind": "regression", "name": "rating", "label": "stars", "weight": "trust", "mask": "rated"},
        {"kind": "regression", "name": "dollars", "label": "paid"},
        {"kind": "regression", "name": "same", "label": "one"},
        {"name": "click", "label": "clicked"},
    ],
    split={"by": "random"},
)


def make_log(rows: int, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    columns = {
        "stars": random.integers(1, 6, rows),
        "trust": random.integers(0, 3, rows),
        "rated": random.integers(0, 2, rows),
        "paid": 20_000 + random.normal(0, 3, rows),
        "one": np.full(rows, 7.0),
        "clicked": random.integers(0, 2, rows),
    }
    films = [f"f{number}" for number in random.integers(0, 9, rows)]
    return pa.table({"film": films} | {name: pa.array(values, pa.float32()) for name, values in columns.items()})


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> TransformOutput:
    return fit_transform(SPEC, make_log(500), tmp_path_factory.mktemp("films") / "transform")


def test_labels_stay_in_their_unit_and_a_masked_row_has_none(output: TransformOutput) -> None:
    log = make_log(60, seed=1)
    tensors, columns = output.transform(log), {name: log[name].to_numpy() for name in log.column_names[1:]}
    np.testing.assert_array_equal(tensors["dollars"], columns["paid"])
    np.testing.assert_array_equal(tensors["rating"], np.where(columns["rated"] > 0, columns["stars"], 0))
    np.testing.assert_array_equal(tensors["rating__weight"], columns["trust"] * columns["rated"])


def test_mean_and_deviation_are_of_the_training_rows_that_count(output: TransformOutput) -> None:
    scales, log = output.bound_spec.label_scales, make_log(500)
    counts = (log["rated"].to_numpy() > 0) & (log["trust"].to_numpy() > 0)
    stars, paid = log["stars"].to_numpy()[counts], log["paid"].to_numpy().astype("float64")
    assert scales["rating"].mean == pytest.approx(stars.mean(), rel=1e-6)
    assert scales["rating"].deviation == pytest.approx(stars.std(), rel=1e-6)
    assert scales["dollars"].mean == pytest.approx(paid.mean(), rel=1e-7)
    assert scales["dollars"].deviation == pytest.approx(paid.std(), rel=1e-6)  # though 6,000 times below the mean
    assert scales["same"] == LabelScale(mean=7, deviation=1)
    assert TransformOutput(output.directory).bound_spec.label_scales == scales


@pytest.mark.parametrize("cuts", [[], [100], [3, 3, 250, 499]])
def test_parts_of_the_rows_merge_into_the_whole(cuts: list[int]) -> None:
    labels = make_log(500)["paid"].to_numpy()
    total = np.zeros((1, 3))
    for part in np.split(labels, cuts):
        total = merged(total, moments_of([part]))
    assert scale_of(*total[0]) == pytest.approx((labels.mean(dtype="float64"), labels.std(dtype="float64")), rel=1e-7)


def test_the_graph_refuses_a_label_that_is_no_number(output: TransformOutput) -> None:
    log = make_log(5)
    bad = log.set_column(log.column_names.index("paid"), "paid", pa.array([1, 2, np.nan, 4, 5], pa.float32()))
    with pytest.raises(Exception, match="task dollars: label column paid must hold a number in every row"):
        output.transform(bad)


def test_a_request_needs_no_label(output: TransformOutput) -> None:
    assert set(output.transform(make_log(5).select(["film"]))) == {"film"}


def test_the_schema_lets_any_finite_label_through() -> None:
    features = {feature.name: feature for feature in raw_schema(SPEC).feature}
    assert features["paid"].float_domain.disallow_nan
    assert not features["paid"].float_domain.HasField("min")
    assert features["paid"].presence.min_fraction == 1
    assert features["stars"].presence.min_fraction == 0  # it has a mask
    assert features["clicked"].float_domain.max == 1


def test_a_transform_of_another_spec_has_no_scales(output: TransformOutput, tmp_path: Path) -> None:
    (tmp_path / "transform_fn" / "assets").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="the transform knew no regression task; learn it anew"):
        _ = TransformOutput(tmp_path, SPEC.model_copy(update={"features": ()})).bound_spec
