"""What the docs site holds besides `docs/`: files of the project, figures of the benchmarks, the commands' help.

mkdocs.yml names this file as a hook. In a page of `docs/`:

- ``<!-- include: ARCHITECTURE.md -->`` stands for the file, its first heading left out;
- ``<!-- include: README.md#models -->`` stands for what README.md has between ``<!-- models:begin -->`` and
  ``<!-- models:end -->``;
- ``<!-- registered: tfctr/models -->`` stands for the reference of what a room's `__init__.py` hands on as registered;
- ``<!-- commands -->`` stands for all verbs of `tfctr`, with their options.

So every text has one home. Links between included files become links between pages of the site.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

PROJECT = Path(__file__).resolve().parent.parent
FIGURES = Path("benchmarks/figures")
PAGES = {
    "ARCHITECTURE.md": "design.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "benchmarks/RESULTS.md": "results.md",
}
"""File of the project -> page of the site that includes it."""

INCLUDE = re.compile(r"<!-- include: ([\w./-]+?)(?:#([\w-]+))? -->")
LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the figures that benchmarks/RESULTS.md shows."""
    for path in sorted((PROJECT / FIGURES).glob("*.svg")):
        files.append(File.generated(config, f"figures/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **kwargs: Any) -> str:
    """Put into a page what its comments stand for."""
    markdown = INCLUDE.sub(lambda found: included(found[1], found[2]), markdown)
    markdown = re.sub(r"<!-- registered: ([\w/]+) -->", lambda found: registered(found[1]), markdown)
    return re.sub("<!-- commands -->", lambda found: commands_page(), markdown)


def registered(room: str) -> str:
    """Return the references of the classes that a room imports as themselves: ``import DNN as DNN``."""
    text = (PROJECT / room / "__init__.py").read_text(encoding="utf-8")
    names = re.findall(r"^from [\w.]+ import (\w+) as \1$", text, re.MULTILINE)
    return "\n\n".join(f"::: {room.replace('/', '.')}.{name}" for name in names)


def included(name: str, part: str | None = None) -> str:
    """Return a file of the project, or the part of it between two markers, with links as the site has them.

    Raises:
        PluginError: When there is no such file, or no such markers in it.
    """
    path = PROJECT / name
    if not path.is_file():
        raise PluginError(f"a page includes {name}, and there is no such file")
    text = path.read_text(encoding="utf-8")
    if part is None:
        text = re.sub(r"\A# .*\n", "", text)
    else:
        found = re.search(rf"<!-- {part}:begin -->\n(.*?)<!-- {part}:end -->", text, re.DOTALL)
        if found is None:
            raise PluginError(f"{name} has no lines <!-- {part}:begin --> and <!-- {part}:end -->")
        text = found[1]
    return LINK.sub(lambda link: _link(link, Path(name).parent), text)


def _link(link: re.Match[str], folder: Path) -> str:
    """Return a link of an included file as the site has it: to a page, to a figure, or only its text."""
    text, target, anchor = link[1], (folder / link[2]).as_posix(), link[3] or ""
    if target.startswith("docs/"):
        return f"[{text}]({target.removeprefix('docs/')}{anchor})"
    if target.startswith(FIGURES.as_posix()):
        return f"[{text}](figures/{Path(target).name})"
    return f"[{text}]({PAGES[target]}{anchor})" if target in PAGES else text


def commands_page() -> str:
    """Return a section for each verb of `tfctr`: what it does, its arguments and its options."""
    import typer

    from tfctr.cli._app import app

    return "\n\n".join(_sections(typer.main.get_command(app), "tfctr"))


def _sections(command: Any, name: str) -> Iterator[str]:
    if hasattr(command, "commands"):
        for verb in sorted(command.commands):
            yield from _sections(command.commands[verb], f"{name} {verb}")
        return
    rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
    table = ["| argument | default | what |", "|---|---|---|", *rows] if rows else []
    text = re.sub(r"^Example: (.*)$", r"Example: `\1`", command.help or "", flags=re.MULTILINE)
    yield "\n".join([f"## {name}", "", text, "", *table])


def _row(parameter: Any) -> str:
    """Return an argument or option as a line of a table."""
    names = ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts] if name)
    if parameter.param_type_name == "argument":
        names = f"`{parameter.name.upper()}`"
    given = parameter.default
    default = "" if given is None or given is False or given == () or callable(given) else f"`{given}`"
    text = (parameter.help or "").replace("|", r"\|")
    return f"| {names} | {'needed' if parameter.required else default} | {text} |"
