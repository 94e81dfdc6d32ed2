"""Ask pip-audit whether a pin of requirements.txt has a known weakness; `make lint` runs it.

A known weakness fails. Where the data cannot be had, as on a machine that reaches package files only, one line says
so and nothing fails. A lock that has passed today is not asked about again: hundreds of questions take a minute.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
LOCK = PROJECT / "requirements.txt"
STAMP = PROJECT / ".tools" / "audited"
PROBE_SECONDS = 3.0  # what lint may lose where there is no data
AUDIT_SECONDS = 600.0
# Identifier of a weakness -> why it does not touch us. Empty it when a fixed version is pinned.
ACCEPTED: dict[str, str] = {}


def main() -> int:
    """Audit the lock, unless it passed today; return 1 for a known weakness."""
    text = LOCK.read_text(encoding="utf-8")
    stamp = f"{datetime.date.today()} {hashlib.sha256(text.encode()).hexdigest()}"
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == stamp:
        return 0
    pins = [pin for line in text.splitlines() if (pin := line.partition("#")[0].strip())]
    # One pin first: it tells in seconds whether there is anybody to ask.
    answers = ask(pins[:1], PROBE_SECONDS) and ask(pins, AUDIT_SECONDS)
    if not answers:
        print("audit: the data of known weaknesses cannot be had here; the pins were not audited")
        return 0
    weak = [line for answer in answers for line in weaknesses(answer)]
    unknown = [answer["name"] for answer in answers if "skip_reason" in answer]
    print(*weak, sep="\n", end="\n" if weak else "")
    if unknown:
        print(f"audit: nothing is known of {', '.join(unknown)}")
    if weak:
        print("audit: raise these pins (`make lock UPGRADE=1`), or say in tools/audit_pins.py why they do not touch us")
        return 1
    STAMP.parent.mkdir(exist_ok=True)
    STAMP.write_text(stamp, encoding="utf-8")
    return 0


def ask(pins: Sequence[str], seconds: float) -> list[dict[str, Any]]:
    """Return pip-audit's answer for each pin; an empty list where nobody answers for any of them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pins.txt")
        file.write_text("\n".join(pins), encoding="utf-8")
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "pip_audit",
            "--requirement",
            file,
            "--no-deps",
            "--disable-pip",
        ]
        command += ["--timeout", str(int(min(seconds, 15))), "--progress-spinner", "off", "--format", "json"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
            answers: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
        except (subprocess.TimeoutExpired, ValueError):  # it prints no JSON when it cannot ask
            return []
    return answers if any("skip_reason" not in answer for answer in answers) else []


def weaknesses(answer: dict[str, Any]) -> list[str]:
    """Tell the weaknesses of one pin that are not accepted.

    >>> weaknesses({"name": "thing", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]})
    ['thing 1.0: PYSEC-1, mended in 1.1']
    """
    return [
        f"{answer['name']} {answer['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'none'}"
        for found in answer.get("vulns", [])
        if found["id"] not in ACCEPTED
    ]


if __name__ == "__main__":
    sys.exit(main())
