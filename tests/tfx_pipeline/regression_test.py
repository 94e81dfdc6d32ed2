"""Regression tasks at the gate: figures, bounds, slices, refusals with a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow_model_analysis as tfma

from tfctr.spec import FeatureSpec, Gates
from tfctr.training.metrics import evaluate_regression
from tfx_pipeline.gates import eval_config
from tfx_pipeline.verdict import OVERALL, Verdict, read_verdict

TASK = {"kind": "regression", "name": "paid", "label": "dollars", "mask": "known"}
ROWS = 400


def rows(seed: int = 0) -> pd.DataFrame:
    """Numbers of 20,000 with errors of about 30; 40 of the rows are of the small market `at`."""
    rng = np.random.default_rng(seed)
    label = 20_000 + rng.normal(0, 100, ROWS)
    return pd.DataFrame(
        {
            "paid": (label + rng.normal(0, 30, ROWS)).astype("float32"),
            "eval__paid": label.astype("float32"),
            "eval__paid__weight": rng.integers(0, 3, ROWS).astype("float32"),
            "market": np.where(np.arange(ROWS) < 40, "at", "de"),
        }
    )


def judged(folder: Path, data: pd.DataFrame, **gates: object) -> Verdict:
    """Let TFMA judge made numbers."""
    spec = FeatureSpec(
        name="ads",
        split={"by": "random"},
        features=[{"kind": "categorical", "name": "brand", "role": "context"}],
        tasks=[TASK],
        meta={"domain": "market"},
        gates=Gates(**gates),
    )
    config = tfma.utils.update_eval_config_with_defaults(eval_config(spec), has_baseline=False, rubber_stamp=True)
    tfma.analyze_raw_data(data, eval_config=config, output_path=str(folder))
    return read_verdict(folder, spec, tfma.load_validation_result(str(folder)).validation_ok)


def exact(data: pd.DataFrame) -> dict[str, float]:
    return evaluate_regression(data["eval__paid"], data["paid"], data["eval__paid__weight"])


def test_tfmas_figures_are_the_exact_ones_on_all_rows_and_in_each_domain(tmp_path: Path) -> None:
    data = rows()
    verdict = judged(tmp_path, data, rmse_max=40, mae_max={"paid": 35}, r2_min=0.5)
    assert verdict.blessed
    for name in ("rmse", "mae", "r2", "mean_label", "mean_prediction"):
        assert verdict.metrics["paid"][name] == pytest.approx(exact(data)[name], rel=1e-6), name
    market = exact(data[data["market"] == "at"])
    assert verdict.slices["market=at"]["paid"]["rmse"] == pytest.approx(market["rmse"], rel=1e-6)
    weight = data["eval__paid__weight"].sum()
    assert [(check.name, check.bound, check.slice, check.rows) for check in verdict.checks] == [
        ("R²", ">= 0.5", OVERALL, weight),
        ("RMSE", "<= 40", OVERALL, weight),
        ("MAE", "<= 35", OVERALL, weight),
    ]


def test_each_bound_can_veto(tmp_path: Path) -> None:
    verdict = judged(tmp_path, rows(), r2_min=0.99, rmse_max=10, mae_max={"paid": 10})
    assert not verdict.blessed
    assert [reason.partition(" is ")[0] for reason in verdict.reasons] == [
        "R² of all rows", "RMSE of all rows", "MAE of all rows",
    ]  # fmt: skip


def test_a_model_no_better_than_the_mean_is_refused_unasked(tmp_path: Path) -> None:
    data = rows()
    data["paid"] = data["paid"][::-1].to_numpy()
    verdict = judged(tmp_path, data)
    assert not verdict.blessed
    assert verdict.reasons[0].endswith("demanded >= 0")


def test_answers_that_are_no_numbers_are_refused_whatever_the_gates(tmp_path: Path) -> None:
    data = rows()
    data.loc[data["eval__paid__weight"].idxmax(), "paid"] = np.inf
    verdict = judged(tmp_path, data, r2_min=None)
    assert not verdict.blessed
    assert verdict.reasons[0] == (
        "RMSE of all rows is nan, demanded finite (undefined: all labels are alike, or predictions are not numbers)"
    )


def test_a_domain_advises_until_the_gates_name_it(tmp_path: Path) -> None:
    data = rows().assign(eval__paid__weight=np.float32(1))
    data.loc[data["market"] == "at", "paid"] += 500
    data.loc[:5, "market"] = "tiny"
    bounds = {"slice_rmse_max": 100, "slice_rows_min": 30, "r2_min": None}
    advised = judged(tmp_path / "advised", data, **bounds)
    told = {check.slice: check for check in advised.checks if check.slice != OVERALL}
    assert advised.blessed
    assert (told["market=at"].passed, told["market=de"].passed) == (None, None)
    assert told["market=at"].value > 400
    assert told["market=at"].note == "a domain, which the gates do not name among the slices"
    refused = judged(tmp_path / "refused", data, slices=("market",), **bounds)
    assert [reason.partition(" is ")[0] for reason in refused.reasons] == ["RMSE of market=at"]
    assert {check.slice: check.passed for check in refused.checks}["market=tiny"] is None
