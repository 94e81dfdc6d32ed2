"""The gate's decisions, on made predictions through TFMA itself."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow_model_analysis as tfma
from sklearn.metrics import log_loss, roc_auc_score

from tfctr.spec import FeatureSpec, Gates
from tfctr.training.metrics import evaluate_arrays
from tfx_pipeline.components.outcomes import outcomes_of
from tfx_pipeline.gates import columns_read, eval_config
from tfx_pipeline.verdict import OVERALL, Verdict, read_verdict

Judge = Callable[..., Verdict]

ROWS = 1_000


def rows(seed: int = 0) -> pd.DataFrame:
    """Calibrated predictions of clicks; 40 of the rows are of the small slice `tv`."""
    generator = np.random.default_rng(seed)
    probability = generator.beta(2, 4, ROWS)
    return pd.DataFrame(
        {
            "click": probability.astype(np.float32),
            "eval__click": generator.binomial(1, probability).astype(np.float32),
            "device": np.where(np.arange(ROWS) < 40, "tv", "phone"),
        }
    )


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Let TFMA judge rows by gates."""

    def decide(data: pd.DataFrame, **gates: object) -> Verdict:
        spec = FeatureSpec(
            name="ads",
            split={"by": "hash", "column": "device"},
            features=[{"kind": "categorical", "name": "device", "role": "context"}],
            tasks=[{"name": "click", "label": "clicked"}],
            gates=Gates(**gates),
        )
        tfma.analyze_raw_data(data, eval_config=_raw(eval_config(spec)), output_path=str(tmp_path))
        blessed = tfma.load_validation_result(str(tmp_path)).validation_ok
        return read_verdict(tmp_path, spec, blessed)

    return decide


def _raw(config: tfma.EvalConfig) -> tfma.EvalConfig:
    """Without a model there is nothing to compare with: TFMA wants such bounds gone."""
    return tfma.utils.update_eval_config_with_defaults(config, has_baseline=False, rubber_stamp=True)


def test_figures_equal_scikit_learns(judge: Judge) -> None:
    data = rows()
    metrics = judge(data).metrics["click"]
    labels, predictions = data["eval__click"], data["click"].astype(float)
    assert metrics["auc"] == pytest.approx(roc_auc_score(labels, predictions), abs=1e-3)
    assert metrics["logloss"] == pytest.approx(log_loss(labels, predictions), abs=1e-3)
    assert metrics["calibration"] == pytest.approx(predictions.mean() / labels.mean(), rel=1e-4)


def test_auc_is_exact(judge: Judge) -> None:
    data = rows()
    expected = roc_auc_score(data["eval__click"], data["click"])
    assert judge(data).metrics["click"]["auc"] == pytest.approx(expected, abs=1e-5)


def test_a_good_model_is_blessed(judge: Judge) -> None:
    verdict = judge(rows(), auc_min=0.6, logloss_max=0.7)
    assert verdict.blessed
    assert [check.passed for check in verdict.checks] == [True, True, True]
    assert not verdict.reasons
    assert not verdict.compared


@pytest.mark.parametrize(
    ("gates", "reason"),
    [
        ({"auc_min": 0.99}, "AUC of all rows is 0.7"),
        ({"logloss_max": 0.1}, "logloss of all rows is"),
        ({"calibration_min": 1.2}, "predicted / actual of all rows is"),
    ],
)
def test_each_bound_can_veto(judge: Judge, gates: dict[str, float], reason: str) -> None:
    verdict = judge(rows(), **gates)
    assert not verdict.blessed
    assert len(verdict.reasons) == 1
    assert verdict.reasons[0].startswith(reason)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_is_not_blessed_and_said(judge: Judge, label: float) -> None:
    data = rows()
    data["eval__click"] = np.float32(label)
    verdict = judge(data)
    assert not verdict.blessed
    assert any("one class" in reason for reason in verdict.reasons)


def test_a_small_slice_advises_and_cannot_veto(judge: Judge) -> None:
    data = rows()
    small = data["device"] == "tv"
    data.loc[small, "click"] = 1 - data.loc[small, "click"]  # as wrong as can be, on 40 rows
    verdict = judge(data, auc_min=0.6, slices=(("device",),), slice_auc_min=0.6, slice_rows_min=100)
    told = {check.slice: check for check in verdict.checks if check.slice != OVERALL}
    assert verdict.blessed
    assert told["device=phone"].passed is True
    assert told["device=tv"].passed is None
    assert told["device=tv"].value < 0.5
    assert told["device=tv"].rows == 40
    assert "fewer than 100 rows" in told["device=tv"].note


def test_a_large_slice_can_veto(judge: Judge) -> None:
    data = rows()
    data["device"] = np.where(np.arange(ROWS) < 900, "tv", "phone")
    wrong = data["device"] == "tv"
    data.loc[wrong, "click"] = 1 - data.loc[wrong, "click"]
    gates = {"auc_min": None, "calibration_max": None, "slices": (("device",),), "slice_auc_min": 0.6}
    verdict = judge(data, slice_rows_min=100, **gates)
    assert not verdict.blessed
    assert [reason for reason in verdict.reasons if "device=tv" in reason]
    assert not [reason for reason in verdict.reasons if "device=phone" in reason]


def test_a_slice_of_one_class_advises(judge: Judge) -> None:
    data = rows()
    data.loc[data["device"] == "tv", "eval__click"] = 0.0
    verdict = judge(data, auc_min=0.6, slices=(("device",),), slice_auc_min=0.6, slice_rows_min=10)
    assert verdict.blessed
    assert next(check for check in verdict.checks if check.slice == "device=tv").passed is None


def test_several_tasks_are_each_held_to_the_bounds() -> None:
    spec = FeatureSpec(
        name="ads",
        split={"by": "hash", "column": "device"},
        features=[{"kind": "categorical", "name": "device", "role": "context"}],
        tasks=[{"name": "click", "label": "clicked"}, {"name": "buy", "label": "bought", "mask": "clicked"}],
    )
    config = eval_config(spec)
    assert [list(metrics.output_names) for metrics in config.metrics_specs] == [["click"], ["buy"]]
    assert dict(config.model_specs[0].label_keys) == {"click": "eval__click", "buy": "eval__buy"}
    assert dict(config.model_specs[0].example_weight_keys) == {"buy": "eval__buy__weight"}


def test_the_evaluator_reads_labels_weights_slices_and_groups_alone() -> None:
    spec = FeatureSpec(
        name="ads",
        split={"by": "hash", "column": "device"},
        features=[
            {"kind": "categorical", "name": "device", "role": "context"},
            {"kind": "categorical", "name": "place", "role": "context", "column": "site"},
            {"kind": "sequence", "name": "clicks", "role": "user"},
        ],
        tasks=[{"name": "click", "label": "clicked"}, {"name": "buy", "label": "bought", "mask": "clicked"}],
        meta={"group": "user", "domain": "site"},
        gates={"slices": [["device"]]},
    )
    wanted = {"eval__click", "eval__buy", "eval__buy__weight", "device", "site", "user"}
    assert columns_read(eval_config(spec)) == wanted
    only = spec.model_copy(update={"tasks": spec.tasks[:1], "meta": spec.meta.model_copy(update={"group": None})})
    assert columns_read(eval_config(only)) == {"eval__click", "device", "site"}


def test_a_sampled_log_is_judged_as_the_whole_one_would_be(tmp_path: Path) -> None:
    """Negatives kept at one in four: the figures of the gate are those of the fit driver, and about the whole log's."""
    generator, rate = np.random.default_rng(3), 0.25
    probability = generator.beta(1, 12, 60_000)
    whole = pa.RecordBatch.from_pydict(
        {
            "clicked": generator.binomial(1, probability).astype(np.float32),
            "user": generator.integers(0, 60, 60_000).astype(str),
            "click": probability.astype(np.float32),
        }
    )
    kept = (whole["clicked"].to_numpy() > 0) | (generator.random(60_000) < rate)
    spec = FeatureSpec(
        name="ads",
        split={"by": "hash", "column": "user"},
        features=[{"kind": "categorical", "name": "user", "role": "user"}],
        tasks=[{"name": "click", "label": "clicked", "negative_rate": rate, "log_is_sampled": True}],
        meta={"group": "user"},
    )
    sampled = whole.filter(pa.array(kept))
    columns = {name: sampled[name].to_numpy(zero_copy_only=False) for name in ("user", "click")}
    (outcome,) = outcomes_of(spec)
    columns |= {name: values.to_numpy() for name, values in outcome.values(sampled).items()}
    config = _raw(eval_config(spec))
    config.metrics_specs[0].metrics.add(class_name="NormalizedEntropy", module="tfctr.training.metrics.tfma_metrics")
    tfma.analyze_raw_data(pd.DataFrame(columns), eval_config=config, output_path=str(tmp_path))
    gate = read_verdict(tmp_path, spec, blessed=True).metrics["click"]

    rows = pd.DataFrame(columns)
    driver = evaluate_arrays(rows["eval__click"], rows["click"], rows["user"], rows["eval__click__weight"])
    truth = evaluate_arrays(whole["clicked"], whole["click"], whole["user"])
    plain = evaluate_arrays(rows["eval__click"], rows["click"], rows["user"])
    names = {"auc": "auc", "logloss": "logloss", "calibration": "calibration_ratio", "gauc": "gauc"}
    names["normalized_entropy"] = "normalized_entropy"
    for name, figure in names.items():
        assert gate[name] == pytest.approx(driver[figure], rel=1e-4), name
        assert gate[name] == pytest.approx(truth[figure], rel=0.02), name
    assert plain["logloss"] > 1.5 * truth["logloss"]
    assert plain["calibration_ratio"] < 0.5 * truth["calibration_ratio"]
