"""Files that other tools read: how to cite, what runs before a commit, where to develop."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from tests.house.tree import PROJECT
from tfctr._version import __version__


def yaml_of(name: str) -> Any:
    return yaml.safe_load((PROJECT / name).read_text(encoding="utf-8"))


def test_the_citation_is_of_this_version() -> None:
    citation = yaml_of("CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == __version__
    assert citation["license"] == "Apache-2.0"
    required, optional = {"message", "title", "authors"}, {"type", "keywords"}  # of CFF 1.2; the others are above
    assert required <= set(citation) <= required | optional | {"cff-version", "version", "license"}
    assert all(isinstance(author, dict) and author.get("name") for author in citation["authors"])


def test_nothing_is_fetched_before_a_commit() -> None:
    (repository,) = yaml_of(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    for hook in repository["hooks"]:
        assert hook["language"] == "system"
        tool = hook["entry"].split()[0]
        assert tool in makefile, f"{tool} is no tool of `make lint`"
        assert (PROJECT / tool).exists(), "type `make setup`"
        assert hook.get("pass_filenames") is False or "--force-exclude" in hook["entry"]


def test_a_container_to_develop_in_sets_itself_up() -> None:
    container = json.loads((PROJECT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert re.fullmatch(r"python:3\.11-\w+", container["image"])  # Debian, with make
    assert container["postCreateCommand"] == "make setup"
    assert container["containerEnv"]["TF_USE_LEGACY_KERAS"] == "1"


def test_how_to_report_a_weakness_is_said() -> None:
    text = (PROJECT / "SECURITY.md").read_text(encoding="utf-8")
    assert "Open a private security advisory on the repository" in text


def test_the_limits_that_are_told_are_the_servers() -> None:
    """Flags and defaults of SECURITY.md's table."""
    from tfctr.serving.server._flags import Flags

    table = re.findall(r"^\| `--(\w+)` \| ([\d,]+)(?: (MiB))? \|", (PROJECT / "SECURITY.md").read_text(), re.MULTILINE)
    assert len(table) >= 5
    for name, value, unit in table:
        assert getattr(Flags(), name) == int(value.replace(",", "")) * (2**20 if unit else 1)
