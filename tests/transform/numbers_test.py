"""Numbers of every shape under every scale: what differs stays different, nothing is lost in silence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tfctr.spec import FeatureSpec
from tfctr.transform import TransformOutput, describe_inputs, fit_transform

ROWS = 4000
LARGEST = float(np.finfo(np.float32).max)
RANDOM = np.random.default_rng(0)


def mostly(value: float, other: float, share: float = 0.001) -> np.ndarray:
    values = np.full(ROWS, value)
    values[: int(ROWS * share)] = other
    return values


SHAPES: dict[str, np.ndarray] = {
    "constant": np.full(ROWS, 0.1),
    "constant 0": np.zeros(ROWS),
    "constant and large": np.full(ROWS, 1.7e9),
    "constant and largest": np.full(ROWS, LARGEST),
    "one value, else missing": mostly(np.nan, 7.0),
    "never": np.full(ROWS, np.nan),
    "infinite": np.where(np.arange(ROWS) % 2, np.inf, -np.inf),
    "both zeros": np.where(np.arange(ROWS) % 2, 0.0, -0.0),
    "two values": np.where(np.arange(ROWS) % 2, 3.0, 5.0),
    "mostly zero": mostly(0, 1),
    "mostly one": mostly(1, 0),
    "half zero": np.where(np.arange(ROWS) < ROWS / 2, 0, 1 + np.arange(ROWS) % 100),
    "nearly all missing": np.where(np.arange(ROWS) < 4, np.arange(ROWS), np.nan),
    "heavy tails": RANDOM.standard_cauchy(ROWS) * 1e6,
    "largest": np.where(np.arange(ROWS) % 2, LARGEST, -LARGEST),
    "smallest": np.where(np.arange(ROWS) % 2, 2e-38, 8e-38),
    "large, a little apart": 1e9 + 64 * (np.arange(ROWS) % 4),
    "with infinities": np.where(np.arange(ROWS) % 3, np.arange(ROWS), np.inf),
    "ramp": np.arange(ROWS) - 5.0,
}
CONSTANT = {
    "constant",
    "constant 0",
    "constant and large",
    "constant and largest",
    "one value, else missing",
    "never",
    "infinite",
    "both zeros",
}
SCALES = {
    "zscore": {"scale": "zscore"},
    "log": {"scale": "log"},
    "none": {"scale": "none"},
    "quantile": {"scale": "quantile", "buckets": 8},
    "halves": {"scale": "quantile", "buckets": 2},
}


def name_of(shape: str, scale: str) -> str:
    return f"{shape} {scale}".replace(" ", "_").replace(",", "")


SPEC = FeatureSpec.model_validate(
    {
        "name": "numbers",
        "features": [
            {"kind": "numeric", "name": name_of(shape, scale), "column": shape, "role": "item", **settings}
            for shape in SHAPES
            for scale, settings in SCALES.items()
        ]
        + [{"kind": "categorical", "name": "site", "role": "context"}],
        "tasks": [{"name": "click", "label": "clicked"}],
        "split": {"by": "random"},
    }
)
LOG = pa.table(
    {shape: pa.array(values, pa.float32()) for shape, values in SHAPES.items()}
    | {"site": ["only"] * ROWS, "clicked": [0, 1] * (ROWS // 2)}
)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> TransformOutput:
    return fit_transform(SPEC, LOG, tmp_path_factory.mktemp("numbers") / "transform")


@pytest.fixture(scope="module")
def tensors(learned: TransformOutput) -> dict[str, np.ndarray]:
    return learned.transform(LOG)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", SCALES)
def test_what_differs_still_differs(shape: str, scale: str, tensors: dict[str, np.ndarray]) -> None:
    found = tensors[name_of(shape, scale)]
    assert np.isfinite(found).all()
    given = LOG.column(shape).to_numpy()
    present = np.isfinite(given)
    values = np.unique(given[present])
    if len(values) > 1:
        made = [found[present & (given == value)] for value in (values[0], values[-1])]
        assert made[0].max() < made[1].min()  # and in the same order
        assert (np.diff(found.astype(np.float64)[present][np.argsort(given[present], kind="stable")]) >= 0).all()
    elif scale != "none":
        assert len(set(found.tolist())) == 1
    if len(values) <= 4 and scale in ("zscore", "log") and shape not in ("nearly all missing",):
        assert len(np.unique(found[present])) == max(len(values), 0 if not present.any() else 1)


def test_a_constant_feature_is_told(learned: TransformOutput) -> None:
    wanted = {name_of(shape, scale) for shape in CONSTANT for scale in SCALES if scale != "none"}
    assert set(learned.constant_features) == {*wanted, "site"}
    assert TransformOutput(learned.directory).constant_features == learned.constant_features


@pytest.mark.parametrize(("column", "told"), [("ramp", False), ("constant", True)])
def test_fit_transform_tells_constants(
    column: str, told: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    feature = {"kind": "numeric", "name": column, "role": "item"}
    spec = FeatureSpec.model_validate({**SPEC.model_dump(mode="json"), "features": [feature]})
    assert fit_transform(spec, LOG, tmp_path / "transform").constant_features == (column,) * told
    assert ("the same in every training row" in caplog.text) == told


def test_a_wild_value_at_serving_stays_finite(learned: TransformOutput) -> None:
    """No training row is further from the mean than the square root of their number, in deviations."""
    wild = pa.table(
        {shape: pa.array([LARGEST, -LARGEST, 0.0], pa.float32()) for shape in SHAPES} | {"site": ["new"] * 3}
    )
    for name, values in learned.transform(wild).items():
        assert np.isfinite(values).all()
        if not name.endswith("_none"):
            assert np.abs(values).max() <= 1e12, name


def test_the_description_knows_every_scale(learned: TransformOutput) -> None:
    numbers = describe_inputs(learned)["numbers"]
    for shape, values in SHAPES.items():
        told = numbers[name_of(shape, "zscore")]
        present = values.astype(np.float32)[np.isfinite(values.astype(np.float32))].astype(np.float64)
        if shape in CONSTANT:
            assert told["mean"] is told["deviation"] is None
        else:
            assert told["deviation"] == pytest.approx(present.std(), rel=1e-3), shape
