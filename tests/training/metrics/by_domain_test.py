"""Figures of each domain are those of its rows alone."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from tfctr.training.metrics import (
    DomainFigures,
    evaluate_arrays,
    evaluate_regression,
    evaluate_survival,
    figures_by_domain,
    gauc,
)

RANDOM = np.random.default_rng(5)
ROWS = 600
DOMAINS = RANDOM.choice(["shop", "news", "video", "mail"], ROWS, p=[0.5, 0.3, 0.15, 0.05])
LABELS = RANDOM.integers(0, 2, ROWS).astype(float)
LABELS[DOMAINS == "mail"] = 1  # one class only
PREDICTIONS = np.clip(RANDOM.random(ROWS) * 0.7 + 0.3 * LABELS, 0, 1).round(2)
WEIGHTS = RANDOM.integers(0, 3, ROWS).astype(float)
CUT_POINTS = (1.0, 3.0, 8.0)
LIVES = RANDOM.exponential(4, ROWS).round(1) * np.where(RANDOM.random(ROWS) < 0.6, 1, -1)  # many ties; 0 is censored
LIVES[DOMAINS == "mail"] = -5  # no event
CURVES = np.cumprod(RANDOM.random((ROWS, 3)).round(1), axis=1)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_they_are_those_of_its_rows_alone(kind: str, weights: np.ndarray | None) -> None:
    labels = LABELS if kind == "binary" else 20_000 + 100 * LABELS + RANDOM.normal(0, 9, ROWS)
    predictions = PREDICTIONS if kind == "binary" else 20_000 + 100 * PREDICTIONS
    found = figures_by_domain(labels, predictions, DOMAINS, weights, kind=kind)
    assert sorted(found.domains) == ["mail", "news", "shop", "video"]
    assert (np.diff(found.columns["rows"]) <= 0).all()
    for name, figures in found.rows():
        mine = name == DOMAINS
        parts = (labels[mine], predictions[mine], weights[mine] if weights is not None else None)
        alone = evaluate_arrays(*parts[:2], weights=parts[2]) if kind == "binary" else evaluate_regression(*parts)
        for figure, value in figures.items():
            assert value == pytest.approx(alone[figure], rel=1e-10, nan_ok=True), (name, figure)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_those_of_durations_are_those_of_its_rows_alone(weights: np.ndarray | None) -> None:
    found = figures_by_domain(LIVES, CURVES, DOMAINS, weights, kind="survival", cut_points=CUT_POINTS)
    assert sorted(found.domains) == ["mail", "news", "shop", "video"]
    assert math.isnan(found.mean_auc)
    for name, figures in found.rows():
        mine = name == DOMAINS
        parts = (np.abs(LIVES[mine]), LIVES[mine] > 0, CURVES[mine], CUT_POINTS)
        alone = evaluate_survival(*parts, weights[mine] if weights is not None else None)
        assert set(figures) == {"rows", "event_share", "nll", "c_index"}
        assert figures == pytest.approx({figure: alone[figure] for figure in figures}, rel=1e-10, nan_ok=True), name
        assert math.isnan(figures["c_index"]) == (name == "mail")
    again = DomainFigures.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False)))
    assert list(again.columns) == list(found.columns)


def test_a_curve_that_is_no_number_spoils_its_own_domain() -> None:
    broken = CURVES.copy()
    broken[np.flatnonzero(DOMAINS == "news")[0]] = np.nan
    found = figures_by_domain(LIVES, broken, DOMAINS, kind="survival", cut_points=CUT_POINTS)
    for figure in ("nll", "c_index"):
        nans = {name for name, figures in found.rows() if math.isnan(figures[figure])}
        assert nans - {"mail"} == {"news"}


def test_curves_have_a_column_a_cut_point() -> None:
    with pytest.raises(ValueError, match=r"one column a cut point, shape \(600, 2\)\. Received: \(600, 3\)"):
        figures_by_domain(LIVES, CURVES, DOMAINS, kind="survival", cut_points=CUT_POINTS[:2])


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_the_mean_auc_is_weighted_by_rows_over_the_domains_that_have_one(weights: np.ndarray | None) -> None:
    found = figures_by_domain(LABELS, PREDICTIONS, DOMAINS, weights)
    assert np.isnan(dict(found.rows())["mail"]["auc"])
    assert found.mean_auc == pytest.approx(gauc(LABELS, PREDICTIONS, DOMAINS, weights).value, rel=1e-12)
    if weights is None:
        have = {name: figures for name, figures in found.rows() if not math.isnan(figures["auc"])}
        total = sum(figures["rows"] for figures in have.values())
        mean = sum(figures["rows"] * figures["auc"] for figures in have.values()) / total
        assert found.mean_auc == pytest.approx(mean)


def test_where_no_domain_has_both_classes_there_is_no_mean() -> None:
    found = figures_by_domain([1, 1, 0], [0.2, 0.3, 0.4], [1, 1, 2])
    assert math.isnan(found.mean_auc)
    assert found.columns["logloss"][1] == pytest.approx(-math.log(0.6))


def test_a_prediction_that_is_no_number_spoils_its_own_domain_and_the_mean() -> None:
    broken = PREDICTIONS.copy()
    broken[np.flatnonzero(DOMAINS == "news")[0]] = np.nan
    found, whole = (figures_by_domain(LABELS, p, DOMAINS) for p in (broken, PREDICTIONS))
    assert math.isnan(found.mean_auc)
    for name, figures in found.rows():
        spoilt = name == "news"
        assert all(math.isnan(figures[figure]) == spoilt for figure in ("mean_prediction", "logloss"))
        assert figures["auc"] == pytest.approx(math.nan if spoilt else dict(whole.rows())[name]["auc"], nan_ok=True)
    numbers = figures_by_domain(LABELS, np.where(DOMAINS == "news", np.inf, 1.0), DOMAINS, kind="regression")
    assert [name for name, figures in numbers.rows() if math.isnan(figures["rmse"])] == ["news"]


def test_ids_have_their_names_where_they_are_known() -> None:
    found = figures_by_domain([1, 0, 1, 0], [0.5] * 4, np.array([7, 7, 7, -2]), names={7: "shop"})
    assert found.domains == ("shop", "#fffffffffffffffe")


def test_no_row_has_no_domain() -> None:
    found = figures_by_domain([], [], [])
    assert found.domains == ()
    assert math.isnan(found.mean_auc)
    assert not figures_by_domain([1.0], [0.5], ["a"], [0.0]).domains
    assert not figures_by_domain([1.0], [[0.5]], ["a"], [0.0], kind="survival", cut_points=(2,)).domains


def test_json_takes_them_and_gives_them_back() -> None:
    found = figures_by_domain(LABELS, PREDICTIONS, DOMAINS)
    again = DomainFigures.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False)))
    assert (again.kind, again.domains, again.mean_auc) == (found.kind, found.domains, found.mean_auc)
    for figure, values in found.columns.items():
        np.testing.assert_array_equal(again.columns[figure], values)


def test_each_row_has_one() -> None:
    with pytest.raises(ValueError, match=r"domains must have one value a row, 2\. Received: 3"):
        figures_by_domain([1, 0], [0.5, 0.5], ["a", "b", "c"])
