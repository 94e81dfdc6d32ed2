"""How the pages read: short sentences, users who are "they", names that exist."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tests.docs.pages import BLOCK, DOCS, README, blocks, pages_with, text_of
from tests.house.tree import PROJECT

WORDS_ALLOWED = 25
GUIDES = [README, Path("ARCHITECTURE.md"), Path("CONTRIBUTING.md"), Path("SECURITY.md")]
DEPLOYMENT = Path("tfx_pipeline/deploy/README.md")
PAGES = [*GUIDES, DEPLOYMENT, *DOCS]
RESULTS = Path("benchmarks/RESULTS.md")

ITEM = re.compile(r"^\s*(?:[-*]|\d+\.)\s+")
ABBREVIATION = re.compile(r"\b(al|e\.g|i\.e|vs|J|Clin)\.")
PRONOUN = re.compile(r"\b(he|his|him|himself|she|her|hers)\b", re.IGNORECASE)
PLACE = re.compile(r"(?<![\w./:-])(?:tfctr|tfx_pipeline|tests|tools|examples|benchmarks|feature_specs|docs)/[\w./-]*")
DOTTED = re.compile(r"(?<![\w./-])(?:tfctr|tfx_pipeline)(?:\.\w+)+")


def prose(text: str) -> list[str]:
    """Return the paragraphs of a page on one line each; code, tables, headings and remarks are left out."""
    text = re.sub(r"\A---\n.*?^---$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"<!--.*?-->", "", BLOCK.sub("\n", text), flags=re.DOTALL)
    text = re.sub(r"^(    |</?div).*$", "", text, flags=re.MULTILINE)
    paragraphs = [""]
    for line in text.splitlines():
        if not line.strip() or line.startswith(("|", "#")):
            paragraphs.append("")
        elif ITEM.match(line):
            paragraphs.append(ITEM.sub("", line))
        else:
            paragraphs[-1] += f" {line.strip()}"
    return [paragraph.strip() for paragraph in paragraphs if paragraph.strip()]


def sentences(paragraph: str) -> list[str]:
    """Return its sentences; a piece of code or a link's address counts as one word.

    >>> sentences("One `a b c`. Two [words](x.md), et al. and a third: *four*? Done.")
    ['One code.', 'Two words, et al and a third: *four*?', 'Done.']
    """
    plain = re.sub(r"`[^`]+`", "code", paragraph)
    plain = re.sub(r"\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])", r"\1", plain)
    plain = ABBREVIATION.sub(r"\1", plain)
    return [part.strip() for part in re.split(r"(?<=[.!?])[*_\")]*\s+", plain) if part.strip()]


def words(sentence: str) -> int:
    return len([word for word in sentence.split() if re.search(r"\w", word)])


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_sentences_are_short(page: Path) -> None:
    found = [one for paragraph in prose(text_of(page)) for one in sentences(paragraph) if words(one) >= WORDS_ALLOWED]
    assert not found, f"{len(found)} sentences of {WORDS_ALLOWED} words or more in {page}:\n" + "\n".join(found)


def test_a_long_sentence_is_seen() -> None:
    text = "# Title\n\nShort.\n\n- one\n\n| a table |\n\n" + "word " * WORDS_ALLOWED + "end.\n```bash\nmake\n```\n"
    (long,) = [s for paragraph in prose(text) for s in sentences(paragraph) if words(s) >= WORDS_ALLOWED]
    assert long.startswith("word word")


@pytest.mark.parametrize("page", [*PAGES, RESULTS], ids=str)
def test_users_are_they(page: Path) -> None:
    found = [line for line in text_of(page).splitlines() if PRONOUN.search(line)]
    assert not found, f"{page}: {found}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_place_that_a_page_names_is_there(page: Path) -> None:
    for place in PLACE.findall(text_of(page)):
        path = PROJECT / place.rstrip(".")
        assert path.exists() or path.with_suffix(".py").exists(), f"{page} names {place}, which is not there"


@pytest.mark.parametrize("page", PAGES, ids=str)
@pytest.mark.filterwarnings("ignore")  # of third parties, while they are imported
def test_every_name_that_a_page_names_is_there(page: Path) -> None:
    for dotted in sorted(set(DOTTED.findall(text_of(page)))):
        assert named(dotted), f"{page} names {dotted}, which is not there"


def named(dotted: str) -> bool:
    """Whether a dotted name leads to a module or to something in one."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError as error:
            if not dotted.startswith(str(error.name)):
                raise
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def test_a_wrong_name_is_seen() -> None:
    assert named("tfctr.spec.FeatureSpec.bind")
    assert not named("tfctr.spec.FeatureSpeck")
    assert not named("tfctr.specs")


@pytest.mark.parametrize("page", pages_with("python", "bash"), ids=str)
def test_code_fits_the_page(page: Path) -> None:
    lines = [line for block in blocks(page, "python", "bash") for line in block.text.splitlines()]
    allowed = 120 if page == README else 95
    assert not [line for line in lines if len(line) > allowed]


def test_the_design_stays_a_page() -> None:
    assert len(text_of(Path("ARCHITECTURE.md")).encode()) < 11_000
    table = text_of(README).split("<!-- models:begin -->")[1].split("<!-- models:end -->")[0]  # a line a model
    assert text_of(README).count("\n") - table.count("\n") <= 92
