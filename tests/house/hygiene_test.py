"""What no file of the project may hold, and how long a file may be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.tree import PROJECT, project_files

LINES_ALLOWED = 500  # 400 is the aim
TEXT = (".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".in", ".sh", ".bazel", ".bzl", ".ipynb", ".json", "")
HERE = Path("tests/house/hygiene_test.py")
# The registry of public data sets says where each comes from, and tests make addresses up.
FREE_TO_NAME = (Path("LICENSE"), Path("tfctr/data/datasets"), Path("tests"))
# Places a reader is sent to. A machine that files are fetched from is the user's own business, so none is named.
HOSTS = re.compile(
    r"(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]|host|arxiv\.org|doi\.org|([\w-]+\.)?github(usercontent)?\.com"
    r"|www\.apache\.org|([\w-]+\.)*tensorflow\.org|keras\.io|(files\.)?grouplens\.org|([\w-]+\.)*example\.(com|org)"
    r"|json-schema\.org|docs\.(bazel\.build|pydantic\.dev)|([\w-]+\.)*k(aggle|ubernetes|ubeflow)\.(com|io|org))"
)
FORBIDDEN = {
    "pickle runs code on loading": re.compile(r"^\s*(import|from) (pickle|cPickle|dill|joblib|shelve)\b", re.MULTILINE),
    "an unsafe load runs code": re.compile(
        r"safe_mode\s*=\s*False|enable_unsafe_deserialization|yaml\.(unsafe_)?load\("
    ),
    "private modules break with every release": re.compile(r"(from|import) tensorflow\.python\b|keras\.src\b"),
    "a path of one machine": re.compile(r"(?<![\w.$}])/(work|root|home)/\w"),
    "a note to oneself": re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"),
}


def text_of(path: Path) -> str:
    return (PROJECT / path).read_text(encoding="utf-8")


def python_files() -> list[Path]:
    return [path for path in project_files(".py") if path != HERE]


@pytest.mark.parametrize("reason", FORBIDDEN)
def test_sources_hold_nothing_forbidden(reason: str):
    found = [
        f"{path}: {match.group().strip()}"
        for path in python_files()
        for match in FORBIDDEN[reason].finditer(text_of(path))
    ]
    assert not found, f"{reason}: {found}"


def test_files_stay_readable():
    long = {str(path): lines for path in python_files() if (lines := text_of(path).count("\n")) > LINES_ALLOWED}
    assert not long, f"split by concept what is longer than {LINES_ALLOWED} lines: {long}"


def test_addresses_lead_to_papers_and_projects():
    found = {
        f"{path}: {match.group(1)}"
        for path in project_files(*TEXT)
        if not any(path.is_relative_to(place) for place in FREE_TO_NAME)
        for match in re.finditer(r"https?://([^\s/:\"'`)>\]]+)", text_of(path))
        if not HOSTS.fullmatch(match.group(1))
    }
    assert not found, f"an address that is not on the list in {HERE}: {sorted(found)}"


def test_every_folder_of_the_package_is_a_package():
    folders = {path.parent for path in project_files(".py") if path.parts[0] in ("tfctr", "tfx_pipeline")}
    missing = [str(folder) for folder in sorted(folders) if not (PROJECT / folder / "__init__.py").exists()]
    assert not missing, f"no __init__.py in {missing}"
