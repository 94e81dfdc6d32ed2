"""`tfctr ads`: archives generated, turned into tables and studied; what is said when that cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from tfctr.benchmark.ads._criteria import criteria
from tfctr.cli import _ads
from tfctr.cli._app import app


@pytest.fixture(autouse=True)
def _plain_wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")


def run(*arguments: object, status: int = 0) -> Result:
    result = CliRunner().invoke(app, ["ads", *map(str, arguments)])
    assert result.exit_code == status, result.output
    return result


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "ads16"
    assert "3,600 ratings of 12 users" in run("generate", folder, "--users", 12, "--effect", 1.5).stdout
    return folder


def test_help_has_examples() -> None:
    text = run("study", "--help").stdout
    assert "tfctr ads study --demo --out runs/demo" in text
    for command in ("table", "generate"):
        assert f"Example: tfctr ads {command}" in run(command, "--help").stdout


def test_an_archive_is_not_written_over(archive: Path) -> None:
    assert "is not empty; name another folder" in run("generate", archive, status=1).stderr


def test_a_table_of_an_archive(archive: Path, tmp_path: Path) -> None:
    log = tmp_path / "new" / "ads.parquet"
    said = run("table", archive, log, "--zeros", "lowest", "--click-at", 5).stdout
    assert "12 users, 300 ads" in said
    assert "taken as 1" in said
    read = pq.read_table(log)
    assert read.num_rows == 3_600
    assert (read.column("click").to_numpy() == (read.column("rating").to_numpy() == 5)).all()
    assert "name" not in read.column_names
    assert "is there already; give --force" in run("table", archive, log, status=1).stderr
    csv = tmp_path / "ads.csv"
    run("table", archive, csv, "--personal")
    assert {"name", "zip_code"} <= set(pacsv.read_csv(csv).column_names)


@pytest.mark.filterwarnings("ignore")  # of TensorFlow Transform and Beam
def test_one_call_gives_all_criteria_of_all_splits_and_models(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ads, "DEMO_USERS", 12)
    monkeypatch.setattr(_ads, "DEMO_COLUMNS", ("user_id", "ad_id", "category", "rating", "click", "openness"))
    chosen = ("--models", "popularity,linear-svr", "--splits", "ads", "--samples", 20, "--folds", 2)
    result = run("study", "--demo", "--out", tmp_path, *chosen)
    for word in ("Ads held out", "What personality gains", "linear-svr  permuted", "Grouped AUC"):
        assert word in result.stdout
    assert "ads, fold 1: linear-svr with personality, seed 0" in result.stderr
    read = json.loads((tmp_path / "study.json").read_text())
    found = {(one["split"], one["model"], one["personality"], one["criterion"]) for one in read["figures"]}
    models = [("popularity", "without"), *(("linear-svr", which) for which in ("without", "with", "permuted"))]
    assert found == {
        ("ads", model, which, name)
        for model, which in models
        for name, one in criteria(10).items()
        if one.family != "rating" or model == "linear-svr"
    }
    assert (tmp_path / "study.md").exists()


def test_a_file_that_is_no_table_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_text("no table")
    assert "no Parquet table" in run("study", "--data", tmp_path / "bad.parquet", "--out", tmp_path, status=1).stderr


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--out", "x"], 2, "give either --data or --demo"),
        (["--out", "x", "--demo", "--data", "y"], 2, "give either --data or --demo"),
        (["--out", "x", "--data", "nothing"], 1, "nothing: no such folder"),
        (["--out", "x", "--data", "y", "--personality", "some"], 2, "Input should be 'without', 'with' or 'permuted'"),
        (["--out", "x", "--data", "y", "--splits", ","], 2, "name at least one"),
        (["--out", "x", "--data", "y", "--answers", "1-7"], 2, "give lowest:highest, such as 1:7"),
        (["--out", "x", "--data", "y", "--answers", "7:1"], 2, "the lowest answer comes first"),
        (["--out", "x", "--data", "y", "--folds", "1"], 2, "--folds"),
    ],
)
def test_what_cannot_be_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in run("study", *arguments, status=status).output


def test_an_unknown_model_is_told_before_anything_is_trained(archive: Path, tmp_path: Path) -> None:
    told = run("study", "--data", archive, "--out", tmp_path / "out", "--models", "DCNv3", status=1).stderr
    assert "no model 'DCNv3' (did you mean 'DCNv2'?)" in told
    assert not (tmp_path / "out").exists()
