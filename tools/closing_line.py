"""Say in one line how the tests went: how many, and how long. The last words of `make test`."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree


def closing_line(report: Path, seconds: int) -> str:
    """Return the line for what pytest wrote by `--junitxml`.

    Args:
        report: pytest's file; if it is absent, the lint failed and no test ran.
        seconds: How long everything took, lint included.
    """
    took = f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"
    if not report.exists():
        return f"make test: no test ran, for the reason above ({took})"
    # One element `testsuite`, whose attributes are the counts.
    counts = next(ElementTree.parse(report).iter("testsuite")).attrib
    skipped, failed, broken = (int(counts[name]) for name in ("skipped", "failures", "errors"))
    passed = int(counts["tests"]) - skipped - failed - broken
    parts = [f"{count} {what}" for count, what in ((failed, "failed"), (broken, "broken")) if count]
    parts += [f"{passed} passed", f"{skipped} skipped"]
    return f"make test: {', '.join(parts)}; lint and tests took {took}"


if __name__ == "__main__":
    print(closing_line(Path(sys.argv[1]), int(sys.argv[2])))
