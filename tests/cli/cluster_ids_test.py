"""`tfctr cluster-ids`: what is printed and written, with which exit status."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.data.graph.planted import planted_edges
from tfctr.cli._app import app
from tfctr.data.graph import read_clusters

SPEC = """
name: shop
split: {by: time}
features:
  - {kind: categorical, name: user, role: user}
  - {kind: categorical, name: item, role: item, type: int}
tasks:
  - {name: click, label: clicked}
meta: {time: when}
"""


@pytest.fixture(autouse=True)
def _plain_wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four planted communities; the label of every row is 0."""
    users, items = planted_edges()
    rows = [f"u{user},{item},0,{when}" for when, (user, item) in enumerate(zip(users, items, strict=True))]
    (tmp_path / "clicks.csv").write_text("user,item,clicked,when\n" + "\n".join(rows) + "\n")
    (tmp_path / "shop.yaml").write_text(SPEC)
    return tmp_path


def run(folder: Path, *options: str, status: int = 0) -> Result:
    arguments = ["--data", str(folder / "clicks.csv"), "--workdir", str(folder / "data"), "--item", "item"]
    arguments += ["-o", str(folder / "clusters.parquet"), *options]
    result = CliRunner().invoke(app, ["cluster-ids", str(folder / "shop.yaml"), *arguments])
    assert result.exit_code == status, result.output
    return result


def test_groups_are_told_and_written(folder: Path) -> None:
    told = run(folder, "--user", "user").stdout.split("\n")
    clusters = read_clusters(folder / "clusters.parquet")
    users = clusters.about["user_groups"]
    assert told[1].split() == ["user", str(clusters.about["users"]), str(users)]
    assert told[2].split()[0] == "item"
    assert "edges; modularity 0." in told[3]
    assert told[4].endswith("clusters.parquet")
    assert set(clusters.groups) == {"user", "item"}


def test_a_budget_of_rows(folder: Path) -> None:
    run(folder, "--user", "user", "--rows", "50")
    about = read_clusters(folder / "clusters.parquet").about
    assert 25 < about["user_groups"] + about["item_groups"] <= 50


def test_a_file_is_not_written_over(folder: Path) -> None:
    (folder / "clusters.parquet").write_text("mine")
    assert "give --force" in run(folder, "--user", "user", status=1).stderr
    run(folder, "--user", "user", "--force")
    assert read_clusters(folder / "clusters.parquet").groups


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--user", "usr"), "'usr' is no categorical feature of the spec"),
        (("--user", "user", "--positives-of", "click"), "the graph has no edges"),
    ],
)
def test_what_cannot_be_grouped_is_told(folder: Path, options: tuple[str, ...], message: str) -> None:
    assert message in run(folder, *options, status=1).stderr
    assert not (folder / "clusters.parquet").exists()
