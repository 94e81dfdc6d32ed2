"""The pages that people read, and the blocks of code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from tests.house.tree import PROJECT

DOCS = sorted(path.relative_to(PROJECT) for path in (PROJECT / "docs").rglob("*.md"))
README, TUTORIAL = Path("README.md"), Path("docs/tutorial.md")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Args:
        page: Its page, relative to the project.
        line: Of the page, its first one.
        language: Word behind the fence: python, bash, yaml or text.
        text: What is inside.
        shown: The `text` block that directly follows: what the code is said to print. None where there is none.
    """

    page: Path
    line: int
    language: str
    text: str
    shown: str | None

    @property
    def commands(self) -> list[str]:
        """Lines as a shell takes them: continued ones joined, remarks left out."""
        joined = self.text.replace("\\\n", " ")
        return [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def text_of(page: Path) -> str:
    return (PROJECT / page).read_text(encoding="utf-8")


def blocks(page: Path, *languages: str) -> list[Block]:
    """Return the blocks of a page in these languages."""
    text = text_of(page)
    found = list(BLOCK.finditer(text))
    made = []
    for block, following in zip_longest(found, found[1:]):
        follows = following and following[1] == "text" and not text[block.end() : following.start()].strip()
        shown = following[2] if following and follows else None
        made.append(Block(page, text.count("\n", 0, block.start(2)) + 1, block[1], block[2], shown))
    return [block for block in made if block.language in languages]


def pages_with(*languages: str) -> list[Path]:
    """Return README and the pages of docs/ that have such blocks."""
    return [page for page in (README, *DOCS) if blocks(page, *languages)]
