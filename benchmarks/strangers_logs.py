"""Every public log through the README's five commands, as somebody types them who has not seen it before.

Of each log up to 20,000 rows are kept as they are; infer, check, rank, run, serve and predict follow as processes of
their own. What had to be edited in the inferred spec, or in the log, stands in `LOGS` and is counted in the table.

Examples:
    python -m benchmarks.strangers_logs
    python -m benchmarks.strangers_logs --only avazu --no-write
"""

from __future__ import annotations

import itertools
import json
import lzma
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pyarrow.parquet as pq
import typer

from tfctr.benchmark import table_line, write_section

RESULTS = Path(__file__).with_name("RESULTS.md")
DATA = Path(os.environ.get("TFCTR_DATA", "data"))
TITLE = "Public logs as strangers bring them"
MODEL = "DCNv2"
ROWS = 20_000
ASKED = 50
STEPS = ("infer", "check", "rank", "run", "serve", "predict")
TFCTR = (sys.executable, "-m", "tfctr.cli")

Edit = tuple[str, str]


@dataclass(frozen=True)
class Log:
    """A public log.

    Args:
        path: Below the folder of public logs.
        edits: Text of the inferred spec -> what a person writes in its place.
        changes: Text of the log -> what a person writes in its place; counted as edits.
    """

    path: str
    edits: tuple[Edit, ...] = ()
    changes: tuple[Edit, ...] = ()


LOGS = (
    Log("amazon-5core-sequences/Beauty.txt.xz"),
    Log("amazon-musical-instruments/Musical_Instruments_5.json.xz"),
    Log("avazu/avazu_random_10k.csv.xz"),
    Log("census-income/census-income.test.xz", changes=((" 50000+.", "1"), (" - 50000.", "0"))),
    Log("criteo/kaggle_head.train.tsv.xz"),
    Log("frappe/pool_sample_6000.csv.xz"),
    Log("hillstrom-email/hillstrom_email.csv.xz"),
    Log(
        "jd-behaviours/bo_action.parquet",
        edits=(("name: label, label: label", "name: clicked, label: type, at_least: 6"),),
    ),
    Log("movielens-100k/u.data.xz"),
    Log("movielens-1m/ratings_5fold.csv.xz"),
    Log("movielens-tag/MovielensLatest_x1.test.csv.xz"),
    Log("news-samples/mind_sample_8k.csv.xz"),
    Log("open-bandit/bts_men.csv.xz"),
    Log("survival-support2/support_parsed.csv.xz"),
    Log("tiktok-multimodal/interactions.csv.xz"),
    Log("tiny-samples/torch-rechub/yidian_news_sampled.csv"),
)


@dataclass
class Walk:
    """How far a log came.

    Args:
        rows: Of the log.
        edits: To spec or log.
        seconds: Step -> seconds.
        auc: On the test rows, empty when there is none.
        said: The last words of the step that stopped it.
    """

    rows: int = 0
    edits: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    auc: str = ""
    said: str = ""


class StoppedError(Exception):
    """A command ended with an error."""


def walk(log: Log, data: Path, folder: Path) -> Walk:
    """Take a log through all steps, or as far as it comes."""
    kept = _first_rows(data / log.path, folder, log.changes)
    found = Walk(edits=len(log.edits) + len(log.changes))
    spec, work = folder / "spec.yaml", folder / "run"
    try:
        told = _step(found, "infer", "spec", "infer", str(kept), "-o", str(spec))
        found.rows = int(re.findall(r"([\d,]+) rows", told)[0].replace(",", ""))
        text = spec.read_text(encoding="utf-8")
        for old, new in log.edits:
            assert old in text, f"{log.path}: the spec has no {old!r} any more"
            text = text.replace(old, new)
        spec.write_text(text, encoding="utf-8")
        _step(found, "check", "spec", "check", str(spec), "--data", str(kept), "--model", MODEL)
        _step(found, "rank", "rank-features", str(kept), "--spec", str(spec))
        trained = ["run", "--spec", str(spec), "--model", MODEL, "--data", str(kept), "--workdir", str(work)]
        found.auc = _auc(_step(found, "run", *trained, "--fit", "epochs=3"))
        _serve(found, spec, kept, work / "serving", folder)
    except StoppedError as error:
        found.said = str(error).replace(f"{folder}/", "")
    return found


def _first_rows(path: Path, folder: Path, changes: Sequence[Edit]) -> Path:
    """The first rows of a log, unpacked, under the log's own name."""
    kept = folder / path.name.removesuffix(".xz")
    if path.suffix == ".parquet":
        pq.write_table(pq.read_table(path).slice(0, ROWS), kept)
        return kept
    with lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8") as stream:
        lines = list(itertools.islice(stream, ROWS + 1))
    for old, new in changes:
        lines = [line.replace(old, new) for line in lines]
    kept.write_text("".join(lines), encoding="utf-8")
    return kept


def _step(found: Walk, name: str, *arguments: str) -> str:
    started = time.perf_counter()
    done = subprocess.run([*TFCTR, *arguments], capture_output=True, text=True, check=False)
    found.seconds[name] = time.perf_counter() - started
    if done.returncode:
        words = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        told = [line for line in words if "FAIL" in line] or words[-1:]  # the bounds of the gate that it missed
        raise StoppedError(f"{name}: {'; '.join(told) if told else done.returncode}")
    return done.stdout


def _auc(text: str) -> str:
    figures = re.findall(r"\bauc\b\D*(0?\.\d+)", text, re.IGNORECASE)
    return figures[0] if figures else ""


def _serve(found: Walk, spec: Path, log: Path, models: Path, folder: Path) -> None:
    """Start the server on what was pushed, and ask it about the first rows of the log."""
    rows = _questions(spec, log, folder / "rows.jsonl")
    base = next(path for path in models.iterdir() if path.is_dir())
    started = time.perf_counter()
    with _server(base) as address:
        from tfctr.serving import PredictionClient

        with PredictionClient(address, base.name) as client:
            client.wait_until_available(120.0)
        found.seconds["serve"] = time.perf_counter() - started
        answers = _step(found, "predict", "predict", str(rows), "--server", address, "--model", base.name)
    if len(answers.splitlines()) != len(rows.read_text(encoding="utf-8").splitlines()):
        raise StoppedError("predict: not every row was answered")


def _questions(spec: Path, log: Path, path: Path) -> Path:
    from tfctr.data import read_log
    from tfctr.spec import load_spec

    loaded = load_spec(spec)
    batch = next(iter(read_log(str(log), loaded))).slice(0, ASKED)
    names = [column.name for column in loaded.raw_columns(serving=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in batch.select(names).to_pylist()), encoding="utf-8")
    return path


@contextmanager
def _server(base: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [*TFCTR, "serve", f"--port={port}", f"--model_name={base.name}", f"--model_base_path={base.absolute()}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield f"localhost:{port}"
        finally:
            process.kill()


def lines_of(walks: dict[str, Walk]) -> str:
    """Return the table."""
    lines = [
        table_line(["log", "rows", "edits", "AUC", *(f"{step}, s" for step in STEPS), "stopped by"]),
        table_line(["---"] * (5 + len(STEPS))),
    ]
    for path, found in walks.items():
        seconds = [f"{found.seconds[step]:.1f}" if step in found.seconds else "" for step in STEPS]
        said = " ".join(found.said.replace("|", "\\|").replace("│", " ").split())
        lines.append(table_line([path, f"{found.rows:,}", str(found.edits), found.auc, *seconds, said]))
    return "\n".join(lines)


def main(
    data: Annotated[Path, typer.Option(help="Folder of the public logs.")] = DATA,
    only: Annotated[str, typer.Option(help="Logs whose path has this in it.")] = "",
    write: Annotated[bool, typer.Option(help="Write the section of RESULTS.md.")] = True,
) -> None:
    """Walk and write; a section is written after each log, so that a stopped run is not lost."""
    walks: dict[str, Walk] = {}
    for log in LOGS:
        if only not in log.path or not (data / log.path).exists():
            continue
        folder = Path(tempfile.mkdtemp())
        try:
            walks[log.path] = walk(log, data, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(lines_of({log.path: walks[log.path]}).splitlines()[-1], flush=True)
        if write:
            write_section(RESULTS, TITLE, "python -m benchmarks.strangers_logs", lines_of(walks))


if __name__ == "__main__":
    typer.run(main)
