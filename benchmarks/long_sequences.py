"""What a long history costs: time of a step and of an answer against its length, and of N candidates of one user.

Three tables, medians over repeats:

- a training step of one batch, by the length of its histories;
- answers to one user's candidates by the joint model, which reads their history for each, by length;
- the same from their state: the state is encoded once, and its cost told apart from that of the candidates, and both
  together, as SDIM's `rank` signature does.

What was measured is kept in the work folder and not measured again, so that a call that was broken off goes on; an
empty `--workdir` measures anew. What such models are worth on real data is told by `benchmarks.accuracy`.

Example:
    python -m benchmarks.long_sequences
    python -m benchmarks.long_sequences --lengths 50,1000 --models SDIM,DNN --repeats 3 --no-write
    python -m benchmarks.accuracy amazon_beauty --models SDIM,SumPooling --settings benchmarks/long_sequences.yaml
"""

from __future__ import annotations

import functools
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import keras
import numpy as np
import tensorflow as tf
import typer
from rich.console import Console

from tfctr.benchmark import Score, TrialCache, write_section
from tfctr.models import MODELS, SDIM, CTRModel
from tfctr.spec import BoundSpec, FeatureSpec

RESULTS = Path(__file__).with_name("RESULTS.md")
ITEMS, CATEGORIES = 10_000, 200
TITLES = {
    "SDIM": "SDIM, 16 signatures of 3 bits",
    "TargetAttention": "target attention",
    "DIN": "DIN",
    "SIM": "SIM, hard search for 50",
    "DNN": "mean pooling",
}
SETTINGS: dict[str, dict[str, Any]] = {
    "SDIM": {"activation": "relu", "short_length": 0},
    "TargetAttention": {"activation": "relu", "num_heads": 1, "head_dim": 32},
    "DIN": {"activation": "relu", "attention_units": (80, 40), "attention_activation": "relu"},
    "SIM": {"activation": "relu", "num_heads": 1, "head_dim": 32},
    "DNN": {},
}
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


def spec_of(length: int) -> BoundSpec:
    """A candidate of two columns and a history of the same two."""
    sequence = {"kind": "sequence", "role": "user", "max_length": length}
    spec = FeatureSpec.model_validate(
        {
            "name": "long",
            "features": [
                {"kind": "categorical", "name": "item", "role": "item"},
                {"kind": "categorical", "name": "category", "role": "item"},
                {**sequence, "name": "clicks", "shares": "item"},
                {**sequence, "name": "click_categories", "shares": "category", "aligned_with": "clicks"},
            ],
            "tasks": [{"name": "click", "label": "clicked"}],
            "split": {"by": "hash", "column": "row"},
        }
    )
    return spec.bind({"item": ITEMS + 1, "category": CATEGORIES + 1})


def rows_of(rows: int, length: int, *, one_user: bool = False) -> dict[str, np.ndarray]:
    """Random candidates and full histories; the same history in every row for one user."""
    generator = np.random.default_rng(0)
    users = 1 if one_user else rows
    features = {
        "item": generator.integers(1, ITEMS + 1, rows),
        "category": generator.integers(1, CATEGORIES + 1, rows),
        "clicks": generator.integers(1, ITEMS + 1, (users, length)),
        "click_categories": generator.integers(1, CATEGORIES + 1, (users, length)),
    }
    return {name: np.repeat(column, rows // len(column), axis=0) for name, column in features.items()}


def made(name: str, length: int, dim: int) -> CTRModel:
    """A built model with the tower of all others."""
    keras.utils.set_random_seed(0)
    model = MODELS[name](spec_of(length), embedding_dim=dim, hidden_units=(64, 32), **SETTINGS[name])
    model.build()
    return model


def seconds(call: Callable[[], Any], repeats: int) -> float:
    """Median seconds of a call, after one that traces and warms up."""
    call()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def step_seconds(model: CTRModel, features: dict[str, np.ndarray], repeats: int) -> float:
    """Seconds of one training step."""
    model.compile(optimizer=keras.optimizers.SGD(0.01), jit_compile=False)
    labels = (np.arange(len(features["item"])) % 2).astype(np.float32)[:, None]
    data = {name: tf.constant(column) for name, column in features.items()}
    return seconds(lambda: model.train_on_batch(data, labels), repeats)


def answer_seconds(model: CTRModel, features: dict[str, np.ndarray], repeats: int) -> float:
    """Seconds of the joint model's answers to the rows."""
    data = {name: tf.constant(column) for name, column in features.items()}
    answer = tf.function(lambda data: model(data, training=False))
    return seconds(lambda: answer(data).numpy(), repeats)


def state_seconds(model: SDIM, features: dict[str, np.ndarray], repeats: int) -> tuple[float, float, float]:
    """Seconds to encode one user, to answer their candidates from the state, and of both in one call."""
    histories = {name: tf.constant(features[name][:1]) for name in ("clicks", "click_categories")}
    candidates = {name: tf.constant(features[name]) for name in ("item", "category")}
    encode = tf.function(model.user_state)
    score = tf.function(model.logits_with_state)
    both = tf.function(lambda histories, items: model.logits_with_state(items, model.user_state(histories)))
    state = encode(histories)
    return (
        seconds(lambda: keras.tree.map_structure(lambda t: t.numpy(), encode(histories)), repeats),
        seconds(lambda: score(candidates, state).numpy(), repeats),
        seconds(lambda: both(histories, candidates).numpy(), repeats),
    )


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right."""
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def by_length(title: str, names: Sequence[str], lengths: Sequence[int], measure: Callable[[str, int], float]) -> str:
    """Milliseconds of each model at each length."""
    rows = [[TITLES[name], *(told(measure(name, length)) for length in lengths)] for name in names]
    return f"### {title}, ms\n\n" + table(["model", *(f"{length:,}" for length in lengths)], rows)


def told(milliseconds: float) -> str:
    """One cell of a table."""
    return "out of memory" if math.isnan(milliseconds) else f"{milliseconds:.1f}"


@dataclass(frozen=True)
class Clock:
    """Measures, and keeps what it measured.

    Args:
        kept: Where finished measurements are.
        batch: Rows of a training step.
        candidates: Candidates of one user.
        dim: Width of an embedding.
        repeats: Timed calls of each kind.
    """

    kept: TrialCache
    batch: int
    candidates: int
    dim: int
    repeats: int

    def step(self, name: str, length: int) -> float:
        """Milliseconds of one training step."""
        features = functools.partial(rows_of, self.batch, length)
        return self._kept("step", name, length, lambda m: {"ms": step_seconds(m, features(), self.repeats)})["ms"]

    def answer(self, name: str, length: int) -> float:
        """Milliseconds of one user's candidates, each with their history."""
        features = functools.partial(rows_of, self.candidates, length, one_user=True)
        return self._kept("answer", name, length, lambda m: {"ms": answer_seconds(m, features(), self.repeats)})["ms"]

    def apart(self, length: int) -> tuple[float, float, float]:
        """Milliseconds to encode a user with SDIM, to score candidates from the state, and of both in one call."""

        def measured(model: CTRModel) -> dict[str, float]:
            features = rows_of(self.candidates, length, one_user=True)
            found = state_seconds(cast(SDIM, model), features, self.repeats)
            return dict(zip(("encode", "score", "rank"), found, strict=True))

        found = self._kept("user apart", "SDIM", length, measured)
        return found.get("encode", math.nan), found.get("score", math.nan), found.get("rank", math.nan)

    def _kept(
        self, kind: str, name: str, length: int, measured: Callable[[CTRModel], dict[str, float]]
    ) -> dict[str, float]:
        """The kept figures, or those measured now; a length that does not fit in memory has none."""

        def trial() -> Score:
            try:
                seconds_of = measured(made(name, length, self.dim))
            except tf.errors.ResourceExhaustedError:
                seconds_of = {"ms": math.nan}
            keras.backend.clear_session()
            return Score(name, 0, {figure: 1000 * value for figure, value in seconds_of.items()})

        return self.kept.score(name, 0, {"kind": kind, "length": length, **SETTINGS[name]}, trial).figures


@app.command()
def main(
    lengths: Annotated[str, typer.Option(help="Events of a history, by commas.")] = "50,200,1000,3000,10000",
    models: Annotated[str, typer.Option(help="Names of models, by commas.")] = "SDIM,TargetAttention,DIN,SIM,DNN",
    batch: Annotated[int, typer.Option(help="Rows of a training step.")] = 32,
    candidates: Annotated[int, typer.Option(help="Candidates of one user.")] = 200,
    dim: Annotated[int, typer.Option(help="Width of an embedding.")] = 16,
    repeats: Annotated[int, typer.Option(help="Timed calls of each kind.")] = 10,
    threads: Annotated[int, typer.Option(help="Threads of one operation; 0 takes all cores.")] = 1,
    workdir: Annotated[Path, typer.Option(help="Folder for finished measurements.")] = Path("work/benchmarks"),
    write: Annotated[bool, typer.Option(help="Put the tables into RESULTS.md.")] = True,
) -> None:
    """Measure what was not measured yet, and print the three tables."""
    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    names, wanted = models.split(","), [int(length) for length in lengths.split(",")]
    if unknown := [name for name in names if name not in SETTINGS]:
        raise typer.BadParameter(f"unknown models {unknown}; there are {', '.join(SETTINGS)}")
    sizes = {"batch": batch, "candidates": candidates, "dim": dim, "repeats": repeats}
    clock = Clock(TrialCache(workdir / "long_sequences", {**sizes, "threads": threads}), **sizes)
    parts = [
        by_length(f"A training step of {batch} rows, by events of a history", names, wanted, clock.step),
        by_length(f"{candidates} candidates of one user, their history read for each", names, wanted, clock.answer),
    ]
    if "SDIM" in names:
        parts.append(_apart(clock, wanted))
    text = "\n\n".join(parts)
    Console().print(text, soft_wrap=True, highlight=False, markup=False)
    if write:
        options = {"lengths": lengths, "models": models, **sizes, "threads": threads}
        command = "".join(f" --{name} {value}" for name, value in options.items())
        write_section(RESULTS, "Long sequences", f"python -m benchmarks.long_sequences{command}", text)


def _apart(clock: Clock, lengths: Sequence[int]) -> str:
    """The table of the user's side computed apart."""
    encoded, scored, ranked = zip(*(clock.apart(length) for length in lengths), strict=True)
    heads = ["SDIM, the user's side apart", *(f"{length:,}" for length in lengths)]
    rows = [
        ["encode the user, once", *map(told, encoded)],
        [f"{clock.candidates} candidates from the state", *map(told, scored)],
        ["both in one call, as `rank` does", *map(told, ranked)],
    ]
    state = made("SDIM", 1, clock.dim).user_state(rows_of(1, 1))
    size = sum(keras.ops.convert_to_numpy(tensor).nbytes for tensor in state.values())
    title = f"### {clock.candidates} candidates of one user from their state of {size / 1024:.0f} KiB, ms"
    return f"{title}\n\n{table(heads, rows)}"


if __name__ == "__main__":
    app()
