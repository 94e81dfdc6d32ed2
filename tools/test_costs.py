"""What the tests cost: seconds and processor time by file and by fixture, and what was traced, imported and started.

As a plugin of pytest it writes a file of lines for each worker; as a command it adds them up, as a Markdown table.

    make costs
"""

from __future__ import annotations

import collections
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HEAVY = ("tensorflow", "jax", "apache_beam", "tensorflow_transform", "tensorflow_model_analysis", "tfx")
"""Modules whose import costs seconds, in each process that needs them."""

counts: collections.Counter[str] = collections.Counter()


def _processor_seconds() -> float:
    """Of this process and of children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _write(**line: Any) -> None:
    folder = Path(os.environ["TEST_COSTS"])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


def _count_processes() -> None:
    """Count every process that a test starts."""
    start = subprocess.Popen.__init__

    def counted(self: Any, *arguments: Any, **options: Any) -> None:
        counts["processes started"] += 1
        start(self, *arguments, **options)

    subprocess.Popen.__init__ = counted  # type: ignore[method-assign]  # the counter of all processes


def _count_traces() -> None:
    """Count graphs traced by TensorFlow, once it is there; nested ones count, too."""
    module: Any = sys.modules.get("tensorflow.python.framework.func_graph")
    if module is None or hasattr(module, "_counted"):
        return
    trace = module.func_graph_from_py_func

    def counted(*arguments: Any, **options: Any) -> Any:
        counts["graphs traced"] += 1
        return trace(*arguments, **options)

    module.func_graph_from_py_func, module._counted = counted, True


def pytest_configure() -> None:
    """Count from the start."""
    _count_processes()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Measure a test with its fixtures."""
    _count_traces()
    loaded = {name for name in HEAVY if name in sys.modules}
    before, start, processor = counts.copy(), time.perf_counter(), _processor_seconds()
    result = yield
    for name in HEAVY:
        counts[f"imports of {name}"] += name in sys.modules and name not in loaded
    _write(
        test=item.nodeid,
        seconds=time.perf_counter() - start,
        processor=_processor_seconds() - processor,
        counts=counts - before,
    )
    return result


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any) -> Iterator[Any]:
    """Measure a fixture without those that it asks for."""
    start, processor = time.perf_counter(), _processor_seconds()
    result = yield
    spent = time.perf_counter() - start
    if spent > 0.2:
        _write(
            fixture=f"{fixturedef.baseid}::{fixturedef.argname}",
            seconds=spent,
            processor=_processor_seconds() - processor,
        )
    return result


def _table(title: str, rows: dict[str, list[float]], shown: int) -> list[str]:
    ordered = sorted(rows.items(), key=lambda row: -row[1][1])
    lines = [f"| {title} | times | seconds | processor seconds |", "|---|---|---|---|"]
    for name, (times, seconds, processor) in ordered[:shown]:
        lines.append(f"| `{name}` | {times:.0f} | {seconds:.1f} | {processor:.1f} |")
    left = [values for _, values in ordered[shown:]]
    if left:
        lines.append("| {} more | {:.0f} | {:.1f} | {:.1f} |".format(len(left), *map(sum, zip(*left, strict=True))))
    return lines


def summary(folder: Path, shown: int = 25) -> str:
    """Return the tables of everything that the workers wrote below `folder`."""
    files: dict[str, list[float]] = collections.defaultdict(lambda: [0.0, 0.0, 0.0])
    fixtures: dict[str, list[float]] = collections.defaultdict(lambda: [0.0, 0.0, 0.0])
    seen: collections.Counter[str] = collections.Counter()
    total = [0.0, 0.0, 0.0]
    for path in sorted(folder.glob("*.jsonl")):
        for line in map(json.loads, path.read_text().splitlines()):
            row = fixtures[line["fixture"]] if "fixture" in line else files[line["test"].split("::")[0]]
            for sums in (row,) if "fixture" in line else (row, total):
                sums[0] += 1
                sums[1] += line["seconds"]
                sums[2] += line["processor"]
            seen.update(line.get("counts", {}))
    told = ", ".join(f"{number} {what}" for what, number in sorted(seen.items()))
    head = f"{total[0]:.0f} tests, {total[1]:.0f} s, {total[2]:.0f} processor seconds; {told}."
    return "\n".join([head, "", *_table("file", files, shown), "", *_table("fixture", fixtures, shown)])


if __name__ == "__main__":
    print(summary(Path(sys.argv[1])))
