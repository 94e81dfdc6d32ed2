"""The docs site builds, and its examples run."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import os
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from pydantic import TypeAdapter

from tests.docs.pages import README, TUTORIAL, Block, blocks, pages_with, text_of
from tests.house.tree import PROJECT, public_packages
from tfctr.cli._app import app
from tfctr.serving.server._flags import parse_flags
from tfctr.spec import FeatureSpec

FREELY_NAMED = ("echo", "sed")
"""Commands of the shell that pages may show; the tutorial runs them."""

SHOWN = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_site_builds_without_a_warning(site: Path) -> None:
    """Strict: a link to nowhere, a heading that is gone, a page outside the navigation are errors."""
    assert (site / "index.html").exists()
    assert "FinalMLP" in (site / "models.html").read_text()  # README's table came along
    assert (site / "figures" / "low_rank_DeepFM_frappe.svg").exists()


def test_a_page_fetches_nothing_from_elsewhere(site: Path) -> None:
    loaded = re.compile(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=\"?(?:https?:)?//", re.IGNORECASE)
    found = [str(path) for path in site.rglob("*.html") if loaded.search(path.read_text())]
    assert not found


def test_every_public_class_and_function_has_its_place_in_the_reference(site: Path) -> None:
    shown = "".join(path.read_text() for path in (site / "api").glob("*.html"))
    for package in public_packages():
        dotted = ".".join(package.parts)
        if dotted in ("tfctr", "tfctr.cli"):  # rooms only; the commands have a page of their own
            continue
        module = importlib.import_module(dotted)
        for name in getattr(module, "__all__", ()):
            if isinstance(getattr(module, name), type | types.FunctionType):
                assert f'id="{dotted}.{name}"' in shown, f"{dotted}.{name} is on no page of docs/api"


def run_page(page: Path) -> None:
    """Run the Python of a page, its blocks in order in one namespace; what they print is what is shown."""
    module = types.ModuleType(f"page_{page.stem.replace('-', '_')}")
    sys.modules[module.__name__] = module
    try:
        for block in blocks(page, "python"):
            printed = io.StringIO()
            code = compile("\n" * (block.line - 1) + block.text, str(PROJECT / page), "exec")
            with contextlib.redirect_stdout(printed):
                exec(code, module.__dict__)
            if block.shown is not None:
                same = doctest.OutputChecker().check_output(block.shown, printed.getvalue(), SHOWN)
                assert same, f"{page}:{block.line} prints\n{printed.getvalue()}and not\n{block.shown}"
    finally:
        del sys.modules[module.__name__]


@pytest.mark.filterwarnings("ignore")  # of TensorFlow Transform and Beam, while they are imported
@pytest.mark.parametrize("page", [page for page in pages_with("python") if page not in (README, TUTORIAL)], ids=str)
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_page(page)


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore")
def test_the_python_of_the_readme_runs(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFCTR_DATA", str(data_dir))
    monkeypatch.setenv("TFCTR_CACHE", str(tmp_path / "cache"))
    (block,) = blocks(README, "python")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.text, "README.md", "exec"), {"__name__": "readme"})
    found = re.search(r"'auc': ([\d.]+)", printed.getvalue())
    assert found is not None
    assert float(found[1]) > 0.68


def parse_tfctr(words: list[str], command: Any = None) -> None:
    """Let the real command parse its words, without running it: verb, options and their values."""
    command = typer.main.get_command(app) if command is None else command
    if words and words[0] == "serve":
        parse_flags(words[1:])
        return
    name = "tfctr"
    while hasattr(command, "commands"):
        if not words or words[0] not in command.commands:
            raise AssertionError(f"{name} has no verb {words[:1]}")
        name, command, words = words[0], command.commands[words[0]], words[1:]
    command.make_context(name, list(words))


def parse_python(words: list[str]) -> None:
    """``python -m module ...``: the module is there, and its command parses the rest."""
    assert words[0] == "-m"
    if words[1] == "tfx_pipeline":
        return parse_tfctr(words[2:])
    one = typer.Typer()
    one.command()(importlib.import_module(words[1]).main)
    return parse_tfctr(words[2:], typer.main.get_command(one))


def parse_make(words: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", text_of(Path("Makefile")), re.MULTILINE)
    assert {word for word in words if "=" not in word} <= set(targets)


PARSERS: dict[str, Callable[[list[str]], None]] = {"tfctr": parse_tfctr, "python": parse_python, "make": parse_make}


@pytest.mark.parametrize("page", pages_with("bash"), ids=str)
def test_every_command_of_a_page_parses(page: Path) -> None:
    for block in blocks(page, "bash"):
        for line in block.commands:
            words = shlex.split(line.removesuffix("&"), comments=True)
            if words[0] in FREELY_NAMED:
                continue
            try:
                PARSERS[words[0]](words[1:])
            except Exception as error:
                raise AssertionError(f"{page}:{block.line}: {line}: {error}") from error


@pytest.mark.parametrize(
    "line",
    ["tfctr rum --spec a", "tfctr run --spec a --modell DNN", "tfctr run", "tfctr serve --prot=1", "make bakery"],
)
def test_a_wrong_command_is_seen(line: str) -> None:
    words = line.split()
    with pytest.raises(Exception, match=r"."):
        PARSERS[words[0]](words[1:])


def spec_parts() -> list[Block]:
    return [block for page in pages_with("yaml") for block in blocks(page, "yaml")]


@pytest.mark.parametrize("block", spec_parts(), ids=lambda block: f"{block.page}:{block.line}")
def test_every_part_of_a_spec_is_valid(block: Block) -> None:
    for key, value in yaml.safe_load(block.text).items():
        assert key in FeatureSpec.model_fields, f"{block.page}:{block.line}: a spec has no {key!r}"
        TypeAdapter(FeatureSpec.model_fields[key].annotation).validate_python(value)
