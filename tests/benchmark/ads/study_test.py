"""The study as a whole: every criterion of every model under every split, and nothing trained twice."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.benchmark.ads.planted import planted_table, quick
from tfctr.benchmark.ads import StudyConfig, StudyError, StudyResults, run_study, study_markdown, write_study
from tfctr.benchmark.ads._criteria import criteria
from tfctr.benchmark.ads._features import study_spec
from tfctr.benchmark.ads._fold import Fold
from tfctr.benchmark.ads._study_rows import StudyRows
from tfctr.data import DataError

pytestmark = pytest.mark.filterwarnings("ignore")  # of TensorFlow Transform and Beam

MODELS = ("popularity", "logistic-crossed", "linear-svr", "rbf-svr")
CONFIG = quick(splits=("users", "categories"), models=MODELS, folds=2, svr_rows=200, samples=40)
VARIANTS = {
    "users": [("popularity", "without")] + [(model, p) for model in MODELS[1:] for p in ("without", "with")],
    "categories": [("popularity", "without")] + [(model, p) for model in MODELS[2:] for p in ("without", "with")],
}
"""There are no categories to cross with where they are held out."""


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return planted_table(users=24)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def results(table: pa.Table, folder: Path) -> StudyResults:
    return run_study(table, folder, CONFIG)


@pytest.mark.parametrize("split", VARIANTS)
def test_every_model_has_every_criterion_that_it_can_have(results: StudyResults, split: str) -> None:
    found = {(one.model, one.personality, one.criterion) for one in results.figures if one.split == split}
    known = criteria(CONFIG.k)
    for model, personality in VARIANTS[split]:
        wanted = {name for name, one in known.items() if one.family != "rating" or model.endswith("svr")}
        assert {name for m, p, name in found if (m, p) == (model, personality)} == wanted
    assert {(m, p) for m, p, _ in found} == set(VARIANTS[split])


def test_figures_lie_in_their_intervals_and_personality_gains_on_new_users(results: StudyResults) -> None:
    for one in results.figures:
        if not math.isnan(one.value) and one.criterion in ("auc", "gauc", "logloss", "rmse", "graded_ndcg"):
            assert one.low <= one.value <= one.high, one
    gain = results.gain("users", "logistic-crossed", "gauc")
    assert gain.verdict == "better"
    assert 0 < gain.low < gain.difference < gain.high
    assert gain.p_value < 0.05
    worse = results.gain("users", "logistic-crossed", "logloss")
    assert (worse.difference < 0, worse.verdict) == (True, "better")
    assert math.isnan(results.gain("users", "logistic-crossed", "auc").p_value)
    with pytest.raises(KeyError):
        results.figure("users", "popularity", "with", "auc")


def test_counts_of_decisions_are_those_of_all_rows(results: StudyResults, table: pa.Table) -> None:
    for counts in results.confusions.values():
        assert sum(counts.values()) == table.num_rows
        assert counts["true_positives"] + counts["false_negatives"] == np.sum(table.column("click").to_numpy())


def test_what_is_finished_is_not_trained_again(
    results: StudyResults, table: pa.Table, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[str] = []
    splits = Fold.splits
    monkeypatch.setattr(Fold, "splits", lambda *arguments: trained.append("again") or splits(*arguments))
    told: list[tuple[str, int, int]] = []
    again = run_study(table, folder, CONFIG, progress=lambda *step: told.append(step))
    assert trained == []
    assert again.to_dict() == results.to_dict()
    assert [done for _, done, _ in told] == list(range(len(told)))
    assert told[-1] == ("finished", len(told) - 1, len(told) - 1)
    assert told[0][0] == "users, fold 0: popularity without personality, seed 0"
    broken_off = next((folder / "trials").glob("users-fold0-popularity-*.npz"))
    broken_off.unlink()
    assert run_study(table, folder, CONFIG).to_dict() == results.to_dict()
    assert trained == ["again"]
    assert not list(folder.glob(".transform-*"))


def test_files_hold_all_of_it(results: StudyResults, tmp_path: Path) -> None:
    data, page = write_study(results, tmp_path / "out")
    read = json.loads(data.read_text(encoding="utf-8"))
    assert len(read["figures"]) == len(results.figures)
    first = read["figures"][0]
    assert {"split", "model", "personality", "criterion", "value", "low", "high", "seeds"} <= set(first)
    assert set(read["criteria"]) == set(criteria(10))
    assert None in [one["value"] for one in read["figures"]]  # precision of a model that decides for nobody
    assert {one["split"] for one in read["confusions"]} == {"users", "categories"}
    text = page.read_text(encoding="utf-8")
    assert text == study_markdown(results)
    for title in ("## Users held out", "## Categories held out", "### What personality gains", "| Kendall tau-b |"):
        assert title in text
    one = results.figure("users", "rbf-svr", "with", "rmse")
    assert f"{one.value:.4f} [{one.low:.4f}, {one.high:.4f}]" in text


# --- folds -----------------------------------------------------------------------------


def test_splits_hold_out_what_they_say(table: pa.Table) -> None:
    rows = StudyRows(table)
    keys = {"users": "user_id", "ads": "ad_id", "categories": "category"}
    for split, key in keys.items():
        codes = rows.codes(key)
        for holdout in rows.holdouts(split, CONFIG):
            assert not set(codes[holdout.test]) & set(codes[np.r_[holdout.train, holdout.valid]])
        names = {feature.name for feature in study_spec(rows, split).features}
        assert key not in names, "an id that nobody met in training"
    for split in ("pairs", *keys):
        tested = np.sort(np.concatenate([holdout.test for holdout in rows.holdouts(split, CONFIG)]))
        np.testing.assert_array_equal(tested, np.arange(table.num_rows))


def test_a_transform_knows_nothing_of_who_is_held_out(table: pa.Table, tmp_path: Path) -> None:
    """Mean 0 and deviation 1 on the training rows, for any openness of the others."""
    rows = StudyRows(table.select(["user_id", "ad_id", "category", "rating", "click", "openness"]))
    holdout = rows.holdouts("users", CONFIG)[0]
    fold = Fold(rows, study_spec(rows, "users", ("ad_id",)), holdout, CONFIG, tmp_path)
    splits = fold.splits("with", "stars")
    assert splits.train["openness"].mean() == pytest.approx(0, abs=1e-5)
    assert splits.train["openness"].std() == pytest.approx(1, abs=1e-4)
    assert abs(np.r_[splits.train["openness"], splits.test["openness"]].mean()) > 1e-3
    assert splits.spec.label_scales["stars"].mean == pytest.approx(rows.rating[holdout.train].mean(), abs=1e-5)
    permuted = fold.splits("permuted", "clicks")
    assert set(np.unique(permuted.test["openness"])) <= set(
        np.unique(np.r_[splits.train["openness"], splits.valid["openness"], splits.test["openness"]])
    )
    assert [feature.name for feature in fold.splits("without", "clicks").spec.spec.features] == ["category"]
    fold.close()
    assert not list(tmp_path.iterdir())


# --- what cannot be --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"models": ("DCNv3",)}, StudyError, r"no model 'DCNv3' \(did you mean 'DCNv2'\?\)"),
        ({"models": ("logistic-stars",)}, StudyError, "no model 'logistic-stars'"),
        ({"models": ("DIN",)}, StudyError, "DIN cannot be made of a study's features: DIN compares"),
        ({"models": ("ESMM-stars",)}, StudyError, "ESMM-stars cannot be made of a study's features: ESMM"),
        ({"folds": 40}, DataError, "40 folds need as many groups; there are 24"),
    ],
)
def test_a_study_that_cannot_be_is_refused_at_once(
    table: pa.Table, tmp_path: Path, changes: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run_study(table, tmp_path, quick(splits=("users",), **changes))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop_columns(["rating"]), "the table has no column rating; its columns are user_id"),
        (
            lambda t: t.set_column(4, "click", pa.array([0] * t.num_rows)),
            "click must be 0 in some rows and 1 in others",
        ),
        (lambda t: t.set_column(0, "user_id", pa.array([None] * t.num_rows, pa.string())), "rows have no user_id"),
    ],
)
def test_a_table_that_cannot_be_studied(table: pa.Table, change: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        StudyRows(change(table))


def test_names_are_given_once() -> None:
    with pytest.raises(ValueError, match="name at least one, each once; received users, users"):
        StudyConfig(splits=("users", "users"))
