"""Kill -9 at random moments: does a resumed run end as one that nothing happened to, bit for bit?

A child process trains and tells each step; the parent sends SIGKILL at a drawn step, some milliseconds into whatever
the child does then (a step, a checkpoint being written), starts it again, and compares weights, optimizer slots, random
state, the best epoch's weights, a callback's counter of steps and the history (without its seconds) with those of an
uninterrupted run.

Example:
    python -m benchmarks.resume_after_kill --kills 10
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

RESULTS = Path(__file__).with_name("RESULTS.md")
ROWS, BATCH, EPOCHS = 20_000, 256, 3
PLATEAU = {"min_delta": 1.0}
"""No epoch is that much better, so the learning rate is cut after every one but the first."""

RUNS: dict[str, dict[str, Any]] = {
    "lazy Adam, dropout": {"model": {"dropout_rate": 0.3}},
    "lazy Adam, batch norm, clipping": {"model": {"batch_norm": True}, "fit": {"clip_norm": 1.0}},
    "lazy Adagrad, rate cut on a plateau": {"fit": {"optimizer": "lazy_adagrad", "learning_rate": 0.05, **PLATEAU}},
    "dense Adam, half of the negatives": {"negative_rate": 0.5, "fit": {"optimizer": "adam"}},
    "lazy FTRL, all of these": {
        "model": {"dropout_rate": 0.3, "batch_norm": True},
        "negative_rate": 0.5,
        "fit": {"optimizer": "lazy_ftrl", "learning_rate": 0.05, "clip_norm": 1.0, **PLATEAU},
    },
}
app = typer.Typer(add_completion=False)


@app.command()
def main(
    kills: Annotated[int, typer.Option(min=1, help="Runs that are killed.")] = 10,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 0,
    workdir: Annotated[Path, typer.Option(help="Folder for prepared data.")] = Path("work/benchmarks"),
    write: Annotated[bool, typer.Option(help="Put the table into RESULTS.md.")] = True,
) -> None:
    """Kill, resume, compare, and print the table."""
    from tfctr.benchmark import write_section

    drawn = random.Random(seed)
    lines = ["| run | killed at step | of | resumed run |", "| --- | --- | --- | --- |"]
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "data.npz"
        source = _write_data(data, workdir)
        whole: dict[str, dict[str, Any]] = {}
        for kill in range(kills):
            name = list(RUNS)[kill % len(RUNS)]
            if name not in whole:
                whole[name] = _run(data, name, Path(scratch) / f"whole-{len(whole)}")
            steps = whole[name]["steps"]
            folder, at = Path(scratch) / f"killed-{kill}", drawn.randrange(1, steps)
            stopped = _run(data, name, folder, kill_at=at, delay=drawn.random() * 0.05)
            resumed = _run(data, name, folder)
            differing = [part for part in ("state", "best", "history", "steps") if resumed[part] != whole[name][part]]
            verdict = "not exact: " + ", ".join(differing) if differing else "exact"
            lines.append(f"| {name} | {stopped['step']} | {steps} | {verdict} |")
            typer.echo(lines[-1])
    note = f"\n\nData: {source}, {ROWS:,} rows, batch {BATCH}, {EPOCHS} epochs."
    if write:
        command = f"python -m benchmarks.resume_after_kill --kills {kills}"
        write_section(RESULTS, "Kill -9 and resume", command, "\n".join(lines) + note)


def _write_data(path: Path, workdir: Path) -> str:
    """Write the transformed rows and the bound spec; return where they are from."""
    import numpy as np

    from tfctr.benchmark import load_splits
    from tfctr.data import prepare_table
    from tfctr.data.datasets._folders import mirror_dir
    from tfctr.data.simulator import SimulatorConfig, simulate
    from tfctr.spec import load_spec
    from tfctr.training._arrays_file import write_arrays
    from tfctr.transform import fit_transform

    if mirror_dir() is not None:
        splits = load_splits(load_spec("movielens_100k"), "movielens-100k", workdir / "movielens_100k")
        bound, train, valid, source = splits.spec, splits.train, splits.valid, "MovieLens-100K"
    else:
        log = simulate(SimulatorConfig(rows=30_000, seed=1))
        parts = prepare_table(log.table, log.spec)
        transform = fit_transform(log.spec, parts["train"], path.parent / "transform")
        train, valid = (transform.transform(parts[name]) for name in ("train", "valid"))
        bound, source = transform.bound_spec, "a simulated log"
    arrays = {f"train:{name}": array[:ROWS] for name, array in train.items()}
    arrays |= {f"valid:{name}": array for name, array in valid.items()}
    write_arrays(path, {"spec": np.array(json.dumps(bound.to_config())), **arrays})
    return source


def _run(data: Path, name: str, folder: Path, *, kill_at: int = 0, delay: float = 0.0) -> dict[str, Any]:
    """Train in another process, to the end or until it is killed; return what it printed last."""
    command = [sys.executable, "-m", "benchmarks.resume_after_kill", "child", str(data), name, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None
        reported: dict[str, Any] = {}
        for line in child.stdout:
            if not line.startswith("{"):
                continue
            reported = json.loads(line)
            if kill_at and reported.get("step") == kill_at:
                time.sleep(delay)
                os.kill(child.pid, signal.SIGKILL)
                break
    if kill_at and child.returncode != -signal.SIGKILL:
        raise RuntimeError(f"{name}: ended with {child.returncode} before step {kill_at}")
    if not kill_at and "state" not in reported:
        raise RuntimeError(f"{name}: ended with {child.returncode} and without a result")
    return reported


@app.command(hidden=True)
def child(data: Path, name: str, folder: Path) -> None:
    """Train one of the runs, telling each step, and tell digests of everything at the end."""
    import keras
    import numpy as np

    from tfctr.data.batches import ArrayPlan, array_dataset
    from tfctr.models import DNN
    from tfctr.spec import BoundSpec
    from tfctr.training import FitConfig, fit
    from tfctr.training._checkpoint import state_variables

    class Tell(keras.callbacks.Callback):
        """Counts the steps of the run, over all its processes."""

        step = 0

        def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
            self.step += 1
            print(json.dumps({"step": self.step}), flush=True)

    arrays, run, tell = np.load(data), RUNS[name], Tell()
    bound = BoundSpec.coerce(json.loads(str(arrays["spec"])))
    task = bound.spec.tasks[0].model_copy(update={"negative_rate": run.get("negative_rate", 1.0)})
    bound = bound.spec.model_copy(update={"tasks": (task,)}).bind(dict(bound.rows))
    train, valid = (
        {key.removeprefix(f"{part}:"): arrays[key] for key in arrays.files if key.startswith(f"{part}:")}
        for part in ("train", "valid")
    )
    keras.utils.set_random_seed(1)
    model = DNN(bound, embedding_dim=8, hidden_units=(64, 32), **run.get("model", {}))
    config = FitConfig(**{"epochs": EPOCHS, "patience": EPOCHS, "checkpoint_seconds": 0.0, **run.get("fit", {})})
    plan = ArrayPlan(train, bound, batch_size=BATCH, seed=1)
    result = fit(model, plan, array_dataset(valid, bound, batch_size=8192), config, folder, callbacks=(tell,))
    with np.load(folder / "checkpoint.npz") as checkpoint:
        state = [checkpoint[key].tobytes() for key in sorted(checkpoint.files) if key.startswith("variable_")]
    state += [keras.ops.convert_to_numpy(variable).tobytes() for variable in state_variables(model)]
    with np.load(folder / "best.npz") as best:
        weights = [best[key].tobytes() for key in sorted(best.files)]
    history = [{k: v for k, v in row.items() if "second" not in k} for row in result.history]
    digests = {
        part: hashlib.sha256(b"".join(values)).hexdigest() for part, values in (("state", state), ("best", weights))
    }
    print(json.dumps({"steps": tell.step, **digests, "history": repr(history)}), flush=True)


if __name__ == "__main__":
    app() if sys.argv[1:2] == ["child"] else typer.run(main)
