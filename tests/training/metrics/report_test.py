"""The summary as JSON and table, ROC points against scikit-learn, and what the plots show."""

from __future__ import annotations

import json
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import assume, given
from sklearn.metrics import roc_curve as sklearn_roc_curve

from tests.training.metrics.strategies import both_classes, samples
from tfctr.training import metrics
from tfctr.training.metrics._roc import roc_curve
from tfctr.training.metrics.plots import (
    INK,
    SERIES,
    calibration_figure,
    calibrations_figure,
    learning_figure,
    png_bytes,
    roc_figure,
    survival_figure,
    svg_text,
)
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


def test_calibrations_of_several_tasks_leave_out_what_has_no_logarithm(rows):
    curve = metrics.calibration_curve(*rows, bins=10)
    nothing = metrics.calibration_curve([0, 0], [0.1, 0.1], bins=1)
    (axes,) = calibrations_figure({"click": curve, "buy": nothing}).axes
    assert [len(line.get_xdata()) for line in axes.lines] == [int(np.sum(curve.mean_label > 0)), 0, 2]
    assert axes.get_xscale() == axes.get_yscale() == "log"


@pytest.mark.parametrize("groups", [1, 3])
def test_survival_lines_are_what_happened_and_dots_what_was_predicted(groups):
    durations, cuts = np.arange(1.0, 13.0), (2.0, 6.0)
    curves = np.linspace(0.1, 0.9, 12)[:, None] * [1.0, 0.5]
    (axes,) = survival_figure(durations, np.ones(12), curves, cuts, groups=groups).axes
    assert len(axes.lines) == 2 * groups
    line, dots = axes.lines[0], axes.lines[1]
    first = slice(0, 12 // groups)  # the rows with the shortest expected life
    np.testing.assert_allclose(dots.get_ydata(), curves[first].mean(axis=0))
    expected = metrics.KaplanMeier(durations[first], np.ones(12 // groups))(line.get_xdata())
    np.testing.assert_allclose(line.get_ydata(), expected)


def test_an_svg_takes_the_colours_of_its_page(rows):
    svg = svg_text(roc_figure(*rows), alt="a < b")
    root = ElementTree.fromstring(svg)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == "a < b"
    assert "".join(root.itertext()).count("false positive rate") == 1
    assert not re.search(r": ?#[0-9a-f]{3}", svg)  # each colour is a variable, the figure's own what it falls back to
    assert f"var(--plot-1, {SERIES[0]})" in svg
    assert f"var(--plot-ink, {INK})" in svg
    assert not re.search(r"<style|<metadata|font-family|fill: white|#ffffff", svg)


def test_svgs_of_one_page_share_no_ids(rows):
    ids = [set(re.findall(r' id="([^"]+)"', svg_text(roc_figure(*rows), alt=alt))) for alt in ("one", "two")]
    assert ids[0]
    assert not ids[0] & ids[1]


@pytest.mark.parametrize("make", [roc_figure, calibration_figure])
@pytest.mark.parametrize("labels", [[], [0, 0], [0, 1]])
def test_plots_of_little_or_nothing_are_drawn(make, labels):
    assert png_bytes(make(labels, [0.2] * len(labels))).startswith(b"\x89PNG")


def test_plots_do_not_touch_pyplot(rows):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    roc_figure(*rows)
    assert plt.get_fignums() == before
