"""Survival tasks before the gate: figures, labels, and refusals with a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma

from tfctr.data import signed_durations
from tfctr.spec import FeatureSpec, Gates, SurvivalTask
from tfctr.training.metrics import evaluate_survival
from tfctr.training.metrics.tfma_survival import HeldRows
from tfctr.transform._tasks import task_outputs
from tfx_pipeline.components.outcomes import Outcome
from tfx_pipeline.gates import eval_config
from tfx_pipeline.verdict import OVERALL, Verdict, read_verdict

CUTS = (2.0, 5.0, 9.0)


def judged(folder: Path, data: pd.DataFrame, **gates: object) -> Verdict:
    """Let TFMA judge made curves."""
    spec = FeatureSpec(
        name="ads",
        split={"by": "random"},
        features=[{"kind": "categorical", "name": "brand", "role": "context"}],
        tasks=[{"kind": "survival", "name": "stop", "duration": "d", "event": "e", "cut_points": CUTS}],
        gates=Gates(**gates),
    )
    config = tfma.utils.update_eval_config_with_defaults(eval_config(spec), has_baseline=False, rubber_stamp=True)
    tfma.analyze_raw_data(data, eval_config=config, output_path=str(folder))
    return read_verdict(folder, spec, tfma.load_validation_result(str(folder)).validation_ok)


def made(count: int = 400) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    rate = rng.choice([0.05, 0.4], count)
    life, end = rng.exponential(1 / rate), rng.exponential(9, count)
    durations, events = np.minimum(life, end).astype("float32"), life <= end
    curves = np.exp(-rate[:, None] * CUTS)
    frame = pd.DataFrame({"eval__stop": signed_durations(durations, events), "stop": list(curves), "brand": "b"})
    return frame, durations, events, curves


def test_tfmas_figures_are_the_exact_ones(tmp_path: Path) -> None:
    frame, durations, events, curves = made()
    verdict = judged(tmp_path, frame, c_index_min=0.6, brier_max=0.25)
    assert verdict.blessed
    exact = evaluate_survival(durations, events, curves, CUTS)
    for name in ("c_index", "brier", "brier@5", "nll", "event_share"):
        assert verdict.metrics["stop"][name] == pytest.approx(exact[name], rel=1e-6), name
    assert [(check.name, check.bound, check.rows) for check in verdict.checks] == [
        ("C-index", ">= 0.6", 400),
        ("Brier score", "<= 0.25", 400),
    ]


@pytest.mark.parametrize(
    ("gates", "name", "said"),
    [({"c_index_min": 0.99}, "C-index", ">= 0.99"), ({"brier_max": 0.01}, "Brier", "<= 0.01")],
)
def test_a_weak_model_is_refused_with_its_reason(tmp_path: Path, gates: dict, name: str, said: str) -> None:
    verdict = judged(tmp_path, made()[0], **gates)
    assert not verdict.blessed
    assert len(verdict.reasons) == 1
    assert verdict.reasons[0].startswith(name)
    assert verdict.reasons[0].endswith(f"demanded {said}")


def test_answers_that_are_no_numbers_are_refused_whatever_the_gates(tmp_path: Path) -> None:
    frame = made()[0]
    frame["stop"] = [np.full(3, np.nan)] * len(frame)
    verdict = judged(tmp_path, frame, c_index_min=None)
    assert not verdict.blessed
    assert all("not numbers" in reason for reason in verdict.reasons)
    assert OVERALL in verdict.checks[0].slice


def test_too_many_rows_are_sampled_alike_in_any_order() -> None:
    rows = np.random.default_rng(0).normal(size=(1_000, 5))
    whole = HeldRows(100).add(rows).rows()
    parts = HeldRows(100)
    for part in np.array_split(rows[::-1], 7):
        parts.add(part)
    assert len(whole) == 100
    assert {tuple(row) for row in parts.rows()} == {tuple(row) for row in whole}


def test_the_evaluator_s_labels_are_the_transform_s() -> None:
    rows = pa.RecordBatch.from_pydict(
        {"d": pa.array([2.5, 4, 0, 0], pa.float32()), "e": pa.array([1, 0, 1, 0], pa.float32())}
    )
    task = SurvivalTask(name="stop", duration="d", event="e", cut_points=CUTS)
    spec = FeatureSpec(
        name="s",
        split={"by": "random"},
        features=[{"kind": "categorical", "name": "site", "role": "context"}],
        tasks=[task],
    )
    sparse = {
        name: tf.SparseTensor([[row, 0] for row in range(4)], rows.column(name).to_numpy(), [4, 1])
        for name in rows.schema.names
    }
    expected = task_outputs(spec, sparse)["stop"].numpy()
    np.testing.assert_array_equal(Outcome(task).values(rows)["eval__stop"].to_numpy(), expected)
