"""FuxiCTR's DNN, DeepFM and FinalMLP on the Frappe rows that tfctr trains on, with the same hyper-parameters.

The rows are tfctr's own train, valid and test, transformed; the hyper-parameters are those of `benchmarks/frappe.yaml`,
renamed. A finished trial is kept in the work folder and never run again with the same settings, so that the seeds can
be shared out among processes; a last call, which finds them all, only writes the table. Needs `make peers`.

Examples:
    taskset -c 1 python -m benchmarks.peers.frappe --models DNN --seeds 5 --threads 1 --no-write
    python -m benchmarks.peers.frappe --models DNN,FinalMLP --seeds 5 --threads 1
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
import yaml
from rich.console import Console

from benchmarks.peers.child import PROJECT, ChildError, peer_python
from tfctr.benchmark import Score, Splits, TrialCache, load_splits, markdown, settings_of, summarize, write_section
from tfctr.data._locks import locked
from tfctr.spec import load_spec

RESULTS = PROJECT / "benchmarks" / "RESULTS.md"
# tfctr's argument -> FuxiCTR's, as `fuxictr_models` spells them.
PERCEPTRON = {"hidden_units": "hidden_units", "batch_norm": "batch_norm", "dropout_rate": "net_dropout"}
ARGUMENTS = {
    "DNN": PERCEPTRON,
    "DeepFM": PERCEPTRON,
    "FinalMLP": {
        "hidden_units1": "hidden_units1",
        "hidden_units2": "hidden_units2",
        "dropout_rate1": "dropout1",
        "dropout_rate2": "dropout2",
        "batch_norm": "batch_norm",
        "gate_units": "gate_units",
        "context1": "context1",
        "context2": "context2",
        "num_heads": "num_heads",
    },
}
# What FuxiCTR does unless told otherwise; a file of settings that wants something else is refused.
ITS_OWN = {"initial_stddev": 1e-4, "optimizer": "adam", "patience": 2, "clip_norm": 10.0}
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def main(
    models: Annotated[str, typer.Option(help="Of DNN, DeepFM and FinalMLP, by commas.")] = ",".join(ARGUMENTS),
    settings: Annotated[Path, typer.Option(help="tfctr's settings: model -> hyper-parameters.")] = Path(
        "benchmarks/frappe.yaml"
    ),
    seeds: Annotated[int, typer.Option(help="How many seeds.")] = 5,
    first_seed: Annotated[int, typer.Option(help="The first of them.")] = 0,
    threads: Annotated[int, typer.Option(help="Threads of the child.")] = 2,
    epochs: Annotated[int, typer.Option(help="At most; 0 takes the settings'.")] = 0,
    loader: Annotated[str, typer.Option(help="memory: batches cut from arrays; npz: FuxiCTR's loader.")] = "memory",
    workdir: Annotated[Path, typer.Option(help="Folder for prepared data and finished trials.")] = Path(
        "work/benchmarks"
    ),
    write: Annotated[bool, typer.Option(help="Put the table into RESULTS.md.")] = True,
) -> None:
    """Train every model with every seed, unless it is done already, and print the table."""
    if loader not in ("memory", "npz"):
        raise typer.BadParameter(f"loader is memory or npz, received {loader!r}")
    chosen = yaml.safe_load(settings.read_text())
    spec = load_spec("frappe")
    folder = workdir / spec.name
    data = exported(folder)
    cache = TrialCache(folder / "fuxictr", {"spec": spec.model_dump(mode="json", exclude={"description", "gates"})})
    console = Console()
    scores: list[Score] = []
    for name in models.split(","):
        translated = fuxictr_settings(name, settings_of(chosen, name))
        translated |= {"loader": loader} | ({"epochs": epochs} if epochs else {})
        for seed in range(first_seed, first_seed + seeds):
            trial = functools.partial(run_child, name, translated, seed, data, threads, folder)
            with console.status(f"FuxiCTR {name}, seed {seed}"):
                score = cache.score(f"FuxiCTR-{name}", seed, {**translated, "threads": threads}, trial)
            scores.append(score)
            shown = "  ".join(f"{key} {value:.4f}" for key, value in score.figures.items())
            console.print(f"{name} seed {seed}: {shown}  best epoch {score.best_epoch}/{score.epochs}", highlight=False)
    body = report(scores, loader, threads)
    console.print(body, soft_wrap=True, highlight=False, markup=False)
    if write:
        arguments = f"--models {models} --settings {settings} --seeds {seeds} --threads {threads} --loader {loader}"
        arguments += f" --epochs {epochs}" if epochs else ""
        write_section(RESULTS, "FuxiCTR on frappe", f"python -m benchmarks.peers.frappe {arguments}", body)


def fuxictr_settings(model: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Rename tfctr's hyper-parameters to FuxiCTR's.

    Args:
        model: DNN, DeepFM or FinalMLP.
        settings: As in `benchmarks/frappe.yaml`, the part for all models merged in.

    Returns:
        What `fuxictr_trial.run` takes, but for `loader`.

    Raises:
        ValueError: When something would be lost or changed by the renaming.
    """
    left = dict(settings)
    fit = dict(left.pop("fit"))
    for name, value in ITS_OWN.items():
        holder = left if name in left else fit
        if (given := holder.pop(name, None)) != value:
            raise ValueError(f"FuxiCTR has {name} = {value}, the settings say {given}")
    found = {
        "model": model,
        "embedding_dim": left.pop("embedding_dim"),
        "batch_size": left.pop("batch_size"),
        "epochs": fit.pop("epochs"),
        "options": {
            "learning_rate": fit.pop("learning_rate"),
            "embedding_regularizer": float(left.pop("table_l2")),
            **{theirs: left.pop(ours) for ours, theirs in ARGUMENTS[model].items() if ours in left},
        },
    }
    if left or fit:
        raise ValueError(f"{model}: no counterpart in FuxiCTR for {', '.join([*left, *fit])}")
    return found


def exported(folder: Path) -> Path:
    """Return a folder with tfctr's transformed rows as FuxiCTR reads them; made once."""
    data = folder / "for_fuxictr"
    with locked(folder):  # another process may prepare the same data
        if not (data / "tables.json").exists():
            export(load_splits(load_spec("frappe"), "frappe", folder), data)
    return data


def export(splits: Splits, data: Path) -> None:
    """Write one npz file a split, a column each feature and the label, and the sizes of the tables."""
    data.mkdir(parents=True, exist_ok=True)
    spec = splits.spec.spec
    names, label = [info.name for info in spec.inputs()], spec.tasks[0].name
    for split in ("train", "valid", "test"):
        rows = getattr(splits, split)
        columns: dict[str, Any] = {name: np.asarray(rows[name]) for name in (*names, label)}
        np.savez(data / f"{split}.npz", **columns)
    tables = {"rows": {name: splits.spec.rows_of(name) for name in names}, "label": label}
    partial = data / ".tables.json.partial"
    partial.write_text(json.dumps(tables))
    partial.rename(data / "tables.json")  # last: it vouches for the rest


def run_child(name: str, settings: Mapping[str, Any], seed: int, data: Path, threads: int, folder: Path) -> Score:
    """Train one model in FuxiCTR's environment.

    Raises:
        ChildError: When it fails.
    """
    out, log = folder / f".{name}-{seed}-{os.getpid()}.json", folder / f"fuxictr-{name}-{seed}.log"
    command = [str(peer_python("fuxictr")), "-m", "benchmarks.peers.fuxictr_trial", str(data.resolve())]
    command += ["--settings", json.dumps(settings), "--seed", str(seed), "--threads", str(threads)]
    one_thread = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), "CUDA_VISIBLE_DEVICES": ""}
    with log.open("w") as words:
        done = subprocess.run(
            [*command, "--out", str(out.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            cwd=PROJECT,
            env={**os.environ, **one_thread},
            check=False,
        )
    if done.returncode:
        raise ChildError(f"FuxiCTR's {name}, seed {seed}, failed; see {log}")
    found = json.loads(out.read_text())
    out.unlink()
    return Score(model=f"FuxiCTR {name}", seed=seed, **found)


def report(scores: list[Score], loader: str, threads: int) -> str:
    """Return the table, and the epochs of each seed."""
    lines = [markdown(summarize(scores)), ""]
    for name in dict.fromkeys(score.model for score in scores):
        epochs = ", ".join(f"{score.best_epoch}/{score.epochs}" for score in scores if score.model == name)
        lines.append(f"- {name}: best epoch / epochs trained, by seed: {epochs}.")
    where = "batches cut from arrays in memory" if loader == "memory" else "its NpzDataLoader"
    lines += ["", f"{threads} threads; {where}; seconds are those of training alone, without validation."]
    return "\n".join(lines)


if __name__ == "__main__":
    app()
