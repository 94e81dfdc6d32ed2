"""Write the README's table of models from their registrations and from benchmarks/RESULTS.md: `make tables`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tfctr.models import ENTRIES

PROJECT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- models:begin -->", "<!-- models:end -->"
COLUMNS = {
    "MovieLens-100K": ("Accuracy on movielens_100k",),
    "MovieLens-1M": ("Accuracy on movielens_1m", "Accuracy on movielens_1m_long", "Many domains on movielens_1m"),
    "Frappe": ("Accuracy on frappe",),
}
"""Column -> the sections of the results it is filled from; the first one that has the model counts."""


def figures(results: str, section: str) -> dict[str, str]:
    """Return model -> ``AUC / logloss`` of a section, means without their spread."""
    body = re.search(rf"^## {re.escape(section)}$(.*?)(?=^## |\Z)", results, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| ([\w&+-]+) \| \d+ \| ([\d.]+)[^|]*\| ([\d.]+)", body.group(1) if body else "", re.MULTILINE)
    return {name: f"{auc} / {logloss}" for name, auc, logloss in rows}


def model_table(results: str) -> str:
    """Return the table as Markdown: a row a model, in the order of registration."""
    measured = [[figures(results, section) for section in sections] for sections in COLUMNS.values()]
    lines = [f"| model | paper | {' | '.join(COLUMNS)} |", f"|{'---|' * (2 + len(COLUMNS))}"]
    for name, entry in sorted(ENTRIES.items(), key=lambda item: (_year(item[1].paper), item[0])):
        cells = [next((found[name] for found in sections if name in found), "") for sections in measured]
        lines.append(
            f"| {entry.label} | {entry.paper} | {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")
        )
    return "\n".join(lines)


def _year(paper: str) -> int:
    return int(re.findall(r"\b(?:19|20)\d\d\b", paper)[0])


def with_table(readme: str, results: str) -> str:
    """Return the README with its table made anew."""
    head, rest = readme.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n{model_table(results)}\n{END}{tail}"


def main() -> int:
    """Write the file where it differs."""
    readme = PROJECT / "README.md"
    before = readme.read_text(encoding="utf-8")
    after = with_table(before, (PROJECT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8"))
    if after != before:
        readme.write_text(after, encoding="utf-8")
        print("README.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
