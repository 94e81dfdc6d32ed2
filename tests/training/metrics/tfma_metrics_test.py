"""TFMA's own extractors, evaluators, slices and thresholds over the package's metrics, run in this process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow_model_analysis as tfma
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tensorflow_model_analysis.metrics.metric_specs import metric_instance, specs_from_metrics
from tensorflow_model_analysis.proto import config_pb2, validation_result_pb2

from tfctr.training import metrics
from tfctr.training.metrics import tfma_metrics

MODULE = "tfctr.training.metrics.tfma_metrics"
PLAIN = ["NormalizedEntropy", "CalibrationRatio", "ExpectedCalibrationError", "CalibrationSlope"]

# TFMA reads its results back with a function TensorFlow calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.*tf_record_iterator.*")


def metric_config(class_name: str, bounds: tuple[float, float] | None = None, **settings: Any) -> Any:
    config = config_pb2.MetricConfig(class_name=class_name, module=MODULE, config=json.dumps(settings))
    if bounds:
        config.threshold.value_threshold.lower_bound.value = bounds[0]
        config.threshold.value_threshold.upper_bound.value = bounds[1]
    return config


def eval_config(specs: Sequence[Any], slices: Sequence[str] = (), **options: Any) -> Any:
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(prediction_key="prediction", label_key="label", example_weight_key="weight")],
        metrics_specs=list(specs),
        slicing_specs=[
            config_pb2.SlicingSpec(),
            *(config_pb2.SlicingSpec(feature_keys=[s]) for s in slices),
        ],
        options=config_pb2.Options(**options),
    )


Figures = dict[tuple[str, bool], Any]


def analyze(
    frame: pd.DataFrame, config: Any, folder: Path
) -> tuple[dict[str, Figures], validation_result_pb2.ValidationResult]:
    """Figures by slice ("" or the slice's value) and (name, weighted), and the gate's verdict."""
    parts = [in_lists(frame.iloc[start::3]) for start in range(3)]
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        _ = (
            pipeline
            | beam.Create(parts)
            | tfma.ExtractEvaluateAndWriteResults(eval_config=config, output_path=str(folder))
        )
    found: dict[str, Figures] = {}
    for of_slice in tfma.load_metrics(str(folder)):
        key = "".join(part.bytes_value.decode() for part in of_slice.slice_key.single_slice_keys)
        figures = found.setdefault(key, {})
        for item in of_slice.metric_keys_and_values:
            figures[item.key.name, item.key.example_weighted.value] = item
    return found, tfma.load_validation_result(str(folder))


def in_lists(frame: pd.DataFrame) -> pa.RecordBatch:
    """Each value as a list of one, the form in which tf.Examples reach TFMA."""
    columns = {name: [[value] for value in frame[name].tolist()] for name in frame}
    return pa.RecordBatch.from_pydict(columns)


def exact(frame: pd.DataFrame, weighted: bool) -> dict[str, float]:
    y, p, users = (frame[name].to_numpy() for name in ("label", "prediction", "user"))
    w = frame["weight"].to_numpy() if weighted else None
    fit = metrics.recalibration(y, p, w)
    gauc = metrics.gauc(y, p, users, w)
    clicks = metrics.gauc(y, p, users, w, weighting="clicks", min_rows=3, max_rows=9)
    return {
        "normalized_entropy": metrics.normalized_entropy(y, p, w),
        "calibration_ratio": metrics.calibration_ratio(y, p, w),
        "expected_calibration_error": metrics.expected_calibration_error(y, p, w),
        "calibration_slope": fit.slope,
        "calibration_slope_intercept": fit.intercept,
        "gauc": gauc.value,
        "gauc_skipped_groups_share": gauc.skipped_groups_share,
        "gauc_skipped_rows_share": gauc.skipped_rows_share,
        "click_gauc": clicks.value,
        "click_gauc_skipped_rows_share": clicks.skipped_rows_share,
    }


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    rows = 900
    probability = 1 / (1 + np.exp(-rng.normal(-1, 1.2, rows)))
    return pd.DataFrame(
        {
            "label": (rng.random(rows) < probability**1.2).astype(np.float32),
            "prediction": probability.round(2).astype(np.float32),  # rounded: ties
            "weight": rng.choice([0.0, 0.5, 1.0, 3.0], rows).astype(np.float32),
            "user": rng.integers(0, 150, rows),
            "place": rng.choice(["top", "side"], rows),
        }
    )


@pytest.fixture(scope="module")
def analyzed(frame, tmp_path_factory) -> Any:
    weights = config_pb2.ExampleWeightOptions(weighted=True, unweighted=True)
    of_clicks = {"weighting": "clicks", "min_rows": 3, "max_rows": 9, "name": "click_gauc"}
    # Thresholds: met on the whole; the ratio's is not met, which the verdict must say.
    plain = [metric_config(name, (0.0, 100.0)) for name in PLAIN if name != "CalibrationRatio"]
    plain.append(metric_config("CalibrationRatio", (5.0, 6.0)))
    of_rows = [metric_config("GAUC", (0.5, 1.0), group_key="user")]
    of_queries = [metric_config("GAUC", name="query_gauc"), metric_config("GAUC", **of_clicks)]
    specs = [
        config_pb2.MetricsSpec(metrics=plain, example_weights=weights),
        config_pb2.MetricsSpec(metrics=of_rows, example_weights=weights),
        config_pb2.MetricsSpec(metrics=of_queries, example_weights=weights, query_key="user"),
    ]
    return analyze(frame, eval_config(specs, ["place"]), tmp_path_factory.mktemp("tfma"))


def double(item: Any) -> float:
    assert item.value.HasField("double_value")
    return float(item.value.double_value.value)


@pytest.mark.parametrize("weighted", [False, True])
def test_equals_numpy_on_all_rows(frame, analyzed, weighted):
    figures = analyzed[0][""]
    expected = exact(frame, weighted)
    expected["query_gauc"] = expected["gauc"]
    found = {name: double(figures[name, weighted]) for name in expected}
    assert found == pytest.approx(expected, abs=1e-6)
    assert double(figures["calibration_slope_error", weighted]) < 1e-6
    assert double(figures["gauc_standard_error", weighted]) == 0


@pytest.mark.parametrize("place", ["top", "side"])
def test_equals_numpy_on_slices_that_cut_groups(frame, analyzed, place):
    # GAUC with group_key; with a query_key TFMA would count whole groups, see the class
    expected = exact(frame[frame["place"] == place], weighted=True)
    expected = {name: value for name, value in expected.items() if not name.startswith("click")}
    found = {name: double(analyzed[0][place][name, True]) for name in expected}
    assert found == pytest.approx(expected, abs=1e-6)


def test_gate_applies_thresholds(analyzed):
    verdict = analyzed[1]
    failed = {
        failure.metric_key.name for of_slice in verdict.metric_validations_per_slice for failure in of_slice.failures
    }
    assert not verdict.validation_ok
    assert failed == {"calibration_ratio"}


@pytest.mark.parametrize("broken", ["one class", "NaN predictions"])
def test_what_is_undefined_is_nan_and_fails_the_gate(frame, tmp_path, broken):
    rows = frame.head(60).copy()
    if broken == "one class":
        rows["label"] = np.float32(0)
    else:
        rows["prediction"] = np.float32("nan")
    everything = (-1e9, 1e9)
    specs = [
        config_pb2.MetricsSpec(metrics=[metric_config(name, everything) for name in PLAIN]),
        config_pb2.MetricsSpec(metrics=[metric_config("GAUC", everything)], query_key="user"),
        config_pb2.MetricsSpec(metrics=[metric_config("GAUC", everything, group_key="user", name="row_gauc")]),
    ]
    found, verdict = analyze(rows, eval_config(specs), tmp_path)
    undefined = {"normalized_entropy", "calibration_ratio", "calibration_slope", "gauc", "row_gauc"}
    if broken == "NaN predictions":
        undefined.add("expected_calibration_error")
    assert all(np.isnan(double(found[""][name, True])) for name in undefined)
    failed = {f.metric_key.name for s in verdict.metric_validations_per_slice for f in s.failures}
    assert failed == undefined


@pytest.mark.slow
def test_confidence_intervals_by_jackknife(frame, tmp_path):
    row_metrics = [metric_config("CalibrationSlope"), metric_config("GAUC", group_key="user")]
    config = eval_config([config_pb2.MetricsSpec(metrics=row_metrics)])
    config.options.compute_confidence_intervals.value = True
    config.options.confidence_intervals.method = config_pb2.ConfidenceIntervalOptions.JACKKNIFE
    figures = analyze(frame, config, tmp_path)[0][""]
    expected = exact(frame, weighted=True)
    for name in ("calibration_slope", "gauc"):
        item = figures[name, True]
        bounds = item.confidence_interval
        value = double(item)
        assert value == pytest.approx(expected[name], abs=1e-6)
        assert bounds.lower_bound.double_value.value < value < bounds.upper_bound.double_value.value


def test_the_evaluator_finds_each_class_by_name_and_module():
    for class_name in [*PLAIN, "GAUC"]:
        made = metric_instance(metric_config(class_name, name="mine"))
        assert type(made) is getattr(tfma_metrics, class_name)
        assert made.name == "mine"
        assert made.get_config()["name"] == "mine"


def test_instances_can_be_given_instead_of_names():
    specs = specs_from_metrics([tfma_metrics.GAUC(weighting="uniform")], query_key="user")
    configs = {config.class_name: config for spec in specs for config in spec.metrics}
    made = metric_instance(configs["GAUC"])
    assert isinstance(made, tfma_metrics.GAUC)
    assert made.get_config()["weighting"] == "uniform"


@pytest.mark.parametrize(("group_key", "query_key"), [("", ""), ("user", "user")])
def test_gauc_without_or_with_two_groups_is_an_error(group_key, query_key):
    with pytest.raises(ValueError, match="either query_key in the MetricsSpec or group_key"):
        tfma_metrics.GAUC(group_key=group_key).computations(query_key=query_key)


def test_a_group_key_that_is_no_column_is_named():
    computation = tfma_metrics.GAUC(group_key="usr").computations()[0]
    row = tfma.metrics.StandardMetricInputs(
        labels=np.array([1.0]),
        predictions=np.array([0.5]),
        example_weights=np.array([1.0]),
        features={"user": np.array([3])},
    )
    combiner = computation.combiner
    with pytest.raises(ValueError, match=r"group_key 'usr' is no column .* \['user'\]"):
        combiner.add_input(combiner.create_accumulator(), row)


def test_more_than_one_probability_a_row_is_refused():
    computation = tfma_metrics.NormalizedEntropy().computations()[0]
    row = tfma.metrics.StandardMetricInputs(
        labels=np.array([1.0]), predictions=np.array([0.5, 0.5]), example_weights=np.array([1.0])
    )
    combiner = computation.combiner
    with pytest.raises(ValueError, match="one prediction a row"):
        combiner.add_input(combiner.create_accumulator(), row)
