"""How much of a log `tfctr spec infer` says right: the public logs, and generated ones.

python -m benchmarks.infer_spec               a table; --wrong also prints what is not right
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.infer_spec.facts import Score, read_facts, score
from benchmarks.infer_spec.generated import generate

ROWS = 20_000


def main() -> None:
    """Score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("TFCTR_DATA", "data"), help="folder of the public logs")
    parser.add_argument("--generated", type=int, default=100, help="how many logs to generate")
    parser.add_argument("--wrong", action="store_true", help="print every fact that was not found")
    arguments = parser.parse_args()
    public = {
        facts.log: score(facts, path, max_rows=ROWS)
        for facts in read_facts()
        if (path := Path(arguments.data) / facts.log).exists()
    }
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(arguments.generated):
            log = generate(seed, Path(folder))
            made[log.facts.log] = score(log.facts, log.path)
    print("| log | facts | right | share |\n|---|---|---|---|")
    for name, found in public.items():
        print(_line(name, found))
    print(_line("all public logs", _sum(public)))
    print(_line(f"{len(made)} generated logs", _sum(made)))
    if arguments.wrong:
        for name, found in (public | made).items():
            for fact, said in found.wrong.items():
                print(f"{name}: {fact}: {said}")


def _line(name: str, found: Score) -> str:
    return f"| {name} | {found.columns} | {found.right} | {found.right / max(found.columns, 1):.1%} |"


def _sum(scores: Mapping[str, Score]) -> Score:
    wrong = {f"{log}: {fact}": said for log, found in scores.items() for fact, said in found.wrong.items()}
    return Score(sum(found.columns for found in scores.values()), wrong)


if __name__ == "__main__":
    main()
