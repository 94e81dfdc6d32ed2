"""The summary as JSON and table, ROC points against scikit-learn, and what the plots show."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given
from sklearn.metrics import roc_curve as sklearn_roc_curve

from tests.training.metrics.strategies import both_classes, samples
from tfctr.training import metrics
from tfctr.training.metrics._roc import roc_curve
from tfctr.training.metrics.plots import calibration_figure, learning_figure, png_bytes, roc_figure
from tfctr.training.metrics.report import FIGURES, evaluation_summary, summary_table


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    p = rng.random(3000) ** 3
    return (rng.random(3000) < p).astype(float), p


@given(samples())
def test_roc_equals_scikit_learn_and_its_area_is_the_auc(sample):
    assume(both_classes(sample))
    y, p, w, _ = sample
    curve = roc_curve(y, p, w)
    used = w > 0
    expected = sklearn_roc_curve(y[used], p[used], sample_weight=w[used], drop_intermediate=False)
    np.testing.assert_allclose(curve.false_positive_rate, expected[0], atol=1e-12)
    np.testing.assert_allclose(curve.true_positive_rate, expected[1], atol=1e-12)
    assert np.trapezoid(curve.true_positive_rate, curve.false_positive_rate) == pytest.approx(metrics.auc(y, p, w))


def test_roc_thins_many_points_and_is_empty_where_undefined(rows):
    curve = roc_curve(*rows, max_points=50)
    assert len(curve.true_positive_rate) == 50
    assert (curve.true_positive_rate[0], curve.true_positive_rate[-1]) == (0, 1)
    assert len(roc_curve([1, 1], [0.1, 0.2]).true_positive_rate) == 0
    with pytest.raises(ValueError, match="max_points"):
        roc_curve(*rows, max_points=1)


def test_summary_is_json_with_every_figure_explained(rows):
    groups = np.arange(3000) % 100
    summary = json.loads(json.dumps(evaluation_summary(*rows, groups, ks=(3,)), allow_nan=False))
    assert summary["undefined"] is None
    assert summary["figures"] == pytest.approx(metrics.evaluate_arrays(*rows, groups, ks=(3,)))
    assert sum(summary["calibration_curve"]["weight"]) == 3000
    table = summary_table(summary["figures"])
    assert len(table) == len(summary["figures"])
    assert all(meaning for _, _, meaning in table)
    assert ("Rows", "3,000", "Rows of weight above 0.") in table
    assert "NDCG at 3" in [title for title, _, _ in table]
    assert FIGURES.keys() <= summary["figures"].keys()


def test_summary_of_broken_predictions_says_why():
    summary = evaluation_summary([0, 1], [math.nan, 0.2])
    assert json.dumps(summary, allow_nan=False)
    assert summary["undefined"] == "1 probabilities are NaN"
    assert summary["figures"]["logloss"] is None
    assert summary_table(summary["figures"])[4][:2] == ("Logloss", "undefined")


def test_roc_plot_draws_each_model_with_its_auc(rows):
    y, p = rows
    (axes,) = roc_figure(y, {"ours": p, "chance": np.zeros_like(p)}).axes
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts[0] == f"ours: AUC {metrics.auc(y, p):.4f}"
    assert texts[1] == "chance: AUC 0.5000"
    assert len(axes.lines) == 3


def test_calibration_plot_draws_buckets_with_counts(rows):
    top, bottom = calibration_figure(*rows, buckets=10).axes
    curve = metrics.calibration_curve(*rows, bins=10)
    drawn = top.lines[1].get_xydata()
    np.testing.assert_allclose(drawn, np.c_[curve.mean_probability, curve.mean_label])
    assert [text.get_text() for text in top.texts] == ["300"] * 10
    assert sum(bar.get_height() for bar in bottom.patches) > 2000


def test_learning_curves_draw_a_panel_a_metric():
    figure = learning_figure({"loss": [0.6, 0.5], "auc": [0.7, 0.8], "val_auc": [0.6, 0.7]})
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "auc"]
    assert [len(axes.lines) for axes in figure.axes] == [1, 2]
    with pytest.raises(ValueError, match="history is empty"):
        learning_figure({})


@pytest.mark.parametrize("make", [roc_figure, calibration_figure])
@pytest.mark.parametrize("labels", [[], [0, 0], [0, 1]])
def test_plots_of_little_or_nothing_are_drawn(make, labels):
    assert png_bytes(make(labels, [0.2] * len(labels))).startswith(b"\x89PNG")


def test_plots_do_not_touch_pyplot(rows):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    roc_figure(*rows)
    assert plt.get_fignums() == before
