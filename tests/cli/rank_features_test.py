"""`tfctr rank-features`: what is printed and written, with which exit status, and without TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tfctr.cli._app import app
from tfctr.data import prepare
from tfctr.spec import load_spec

ROWS = 1_200


@pytest.fixture(autouse=True)
def _plain_wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The site tells most of the click, the slot nothing; page is always the same."""
    generator = np.random.default_rng(0)
    site, slot = generator.integers(0, 6, ROWS), generator.integers(0, 40, ROWS)
    clicked = (generator.random(ROWS) < 0.1 + 0.12 * site).astype(int)
    rows = [
        f"s{a},slot{b},home,{c},{1_700_000_000 + i}"
        for i, (a, b, c) in enumerate(zip(site, slot, clicked, strict=True))
    ]
    file = tmp_path / "clicks.csv"
    file.write_text("site,slot,page,clicked,time\n" + "\n".join(rows) + "\n")
    return file


def run(*arguments: str | Path, status: int = 0) -> Result:
    result = CliRunner().invoke(app, ["rank-features", *(str(argument) for argument in arguments)])
    assert result.exit_code == status, result.output
    return result


def test_help_has_examples() -> None:
    text = run("--help").stdout
    assert "tfctr rank-features clicks.csv" in text
    assert "--write-spec" in text


def test_a_log_without_a_spec(log: Path) -> None:
    result = run(log)
    lines = result.stdout.splitlines()
    assert lines[0].startswith("1,200 rows in 1 batches; clicked in")
    assert any(line.split()[:2] == ["1", "site"] and "tells more than noise" in line for line in lines)
    assert 'page  is always "home"' in " ".join(result.stdout.split(" ")).replace("page   ", "page  ")
    assert lines[-1] == "Keep 1 of 2: site"
    assert "guessed the columns, label 'clicked'" in result.stderr


def test_files_and_a_spec_to_train_with(tmp_path: Path, log: Path) -> None:
    out, spec = tmp_path / "ranking", tmp_path / "small.yaml"
    run(log, "--out", out, "--write-spec", spec)
    assert {"ranking.json", "features.csv", "ranking.png"} <= {path.name for path in out.iterdir()}
    loaded = load_spec(spec)
    assert [feature.name for feature in loaded.features] == ["site"]
    assert prepare(loaded, log, tmp_path / "data").rows["train"] == 960
    assert "is there already; give --force" in run(log, "--write-spec", spec, status=1).stderr
    run(log, "--spec", spec, "--write-spec", tmp_path / "again.yaml", "--keep", "1")


def test_json_is_the_same_for_the_same_seed(log: Path) -> None:
    first, second, other = (run(log, "--json", "--seed", seed).stdout for seed in ("4", "4", "5"))
    assert first == second
    assert json.loads(first)["suggested"] == json.loads(other)["suggested"] == ["site"]
    assert json.loads(first)["controls"] != json.loads(other)["controls"]


def test_a_missing_label(tmp_path: Path, log: Path) -> None:
    assert "has no column 'clickd' (did you mean 'clicked'?)" in run(log, "--label", "clickd", status=1).stderr
    bare = tmp_path / "bare.csv"
    bare.write_text("site,slot\n" + "".join(f"s{i % 7},{i % 3}\n" for i in range(60)))
    assert "no column looks like a label (0/1, or a rating); name it with --label" in run(bare, status=1).stderr
    spec = tmp_path / "ads.yaml"
    run(log, "--write-spec", spec)
    spec.write_text(spec.read_text().replace("label: clicked", "label: clickd"))
    assert "missing column(s): 'clickd' (did you mean 'clicked'?)" in run(log, "--spec", spec, status=1).stderr


def test_logs_that_cannot_be_ranked(tmp_path: Path, log: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.touch()
    assert "is empty" in run(empty, status=1).stderr
    assert "no such file" in run(tmp_path / "nothing.csv", status=1).stderr
    assert "choose one with --task" in run(log, "--spec", "frappe", "--label", "x", status=2).output
    one_class = tmp_path / "one.csv"
    one_class.write_text(log.read_text().replace(",1,17", ",0,17"))
    assert "is 0 in all 1,200 rows" in run(one_class, "--label", "clicked", status=1).stderr


def test_ranking_imports_no_tensorflow(log: Path, tmp_path: Path) -> None:
    code = (
        "import sys, tfctr.cli\n"
        f"sys.argv = ['tfctr', 'rank-features', {str(log)!r}, '--out', {str(tmp_path / 'out')!r}]\n"
        "try:\n    tfctr.cli.main()\n"
        "except SystemExit as done:\n    assert not done.code, done.code\n"
        "heavy = {'tensorflow', 'keras', 'jax', 'sklearn', 'apache_beam'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert "Keep 1 of 2: site" in done.stdout
