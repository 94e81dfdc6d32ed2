"""Where a training step's time goes, and what its matrix products alone would cost: the floor.

Parts of the step of tfctr's DNN (26 fields, width 16, perceptron 3 × 400, batch 4096, lazy Adam) are timed by turns,
each as a graph of its own, beside the matrix products of the same shapes without anything around them: one forward and
two backward for each layer, the gradient of the first layer's input included. TensorFlow's profiler then lists the
operations of whole steps.

Examples:
    python -m benchmarks.step_profile
    python -m benchmarks.step_profile --table-rows 100_000 --rounds 5 --no-write
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import tensorflow as tf
import typer
from rich.console import Console

from benchmarks.op_times import op_milliseconds
from benchmarks.peers.train_tfctr import make_model, make_plan, use_threads
from benchmarks.peers.workload import BATCH, DIM, FIELDS, HIDDEN_UNITS, make_rows
from tfctr.benchmark import write_section
from tfctr.data.batches import ArrayPlan
from tfctr.models import DNN

RESULTS = Path(__file__).with_name("RESULTS.md")
FLOOR, STEP, FIT, INPUT = "matrix products alone", "training step", "`model.fit`, with its input", "input alone"
SHOWN_OPERATIONS = 14
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@dataclass(frozen=True)
class Part:
    """Something to time.

    Attributes:
        run: Does it the given number of times and waits for the end.
        what: Said beside its name.
    """

    run: Callable[[int], Any]
    what: str


@app.command()
def main(
    table_rows: Annotated[int, typer.Option(help="Rows of all tables together.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(help="Times that each part has its turn.")] = 9,
    steps: Annotated[int, typer.Option(help="Steps of a turn.")] = 10,
    threads: Annotated[int, typer.Option(help="Of TensorFlow.")] = 2,
    write: Annotated[bool, typer.Option(help="Put the tables into RESULTS.md.")] = True,
) -> None:
    """Time the parts by turns, then profile whole steps."""
    use_threads(threads)
    rows = make_rows(BATCH * max(16, steps), table_rows)
    plan = make_plan(rows)
    model = make_model(plan, rows.field_rows, "lazy_adam")
    batch = next(iter(plan.epoch(0)))
    train = training_step(model, *batch[:2])
    parts = {
        FLOOR: Part(repeated(matrix_products()), "the floor: forward, and two backward for each layer"),
        "rows of the table": Part(repeated(gather(batch[0], table_rows)), "one gather of 4096 × 26 rows"),
        "sum of repeated rows": Part(repeated(sum_repeated(batch[0], table_rows)), "the gradient's rows, each once"),
        "forward": Part(repeated(forward(model, *batch[:2])), "look-up, perceptron, loss"),
        "forward and backward": Part(repeated(gradients(model, *batch[:2])), "and all gradients"),
        STEP: Part(repeated(train), "and the optimizer; one batch again and again"),
        FIT: Part(fit(model, plan), "the whole of it, as a user runs it"),
        INPUT: Part(read(plan), "batches of `ArrayPlan`, not used"),
    }
    times = timed(parts, rounds, steps)
    operations = profiled(train, steps)
    command = f"python -m benchmarks.step_profile --table-rows {table_rows} --rounds {rounds} --steps {steps}"
    body = report(times, parts, operations, table_rows, rounds, steps)
    Console().print(body, soft_wrap=True, highlight=False, markup=False)
    if write:
        write_section(RESULTS, "A profile of one step", f"{command} --threads {threads}", body)


def timed(parts: Mapping[str, Part], rounds: int, steps: int) -> dict[str, float]:
    """Return the median milliseconds of one step of each part, taken by turns."""
    found: dict[str, list[float]] = {name: [] for name in parts}
    for part in parts.values():
        part.run(2)  # traces and allocates
    for number in range(rounds):
        names = list(parts)
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            started = time.perf_counter()
            parts[name].run(steps)
            found[name].append((time.perf_counter() - started) / steps * 1e3)
    return {name: statistics.median(values) for name, values in found.items()}


def repeated(graph: Callable[[], Iterable[tf.Tensor]]) -> Callable[[int], None]:
    """Run a graph so many times; it is through when the last one's tensors are there."""

    def run(steps: int) -> None:
        for _ in range(steps):
            outputs = graph()
        for tensor in tf.nest.flatten(outputs, expand_composites=True):
            tensor.numpy()

    return run


def matrix_products() -> Callable[[], list[tf.Tensor]]:
    """The products of the perceptron's layers; nothing is added, squashed or updated."""
    widths = (FIELDS * DIM, *HIDDEN_UNITS, 1)
    rng = np.random.default_rng(0)
    signal = tf.constant(rng.normal(size=(BATCH, widths[0])).astype(np.float32))
    upstream = tf.constant(rng.normal(size=(BATCH, 1)).astype(np.float32))
    kernels = [
        tf.constant((rng.normal(size=(rows, columns)) / rows**0.5).astype(np.float32))
        for rows, columns in pairwise(widths)
    ]

    @tf.function
    def products(signal: tf.Tensor, upstream: tf.Tensor, *kernels: tf.Tensor) -> list[tf.Tensor]:
        signals = [signal]
        for kernel in kernels:
            signals.append(tf.matmul(signals[-1], kernel))
        found, gradient = [signals[-1]], upstream
        for kernel, before in zip(reversed(kernels), reversed(signals[:-1]), strict=True):
            found.append(tf.matmul(before, gradient, transpose_a=True))
            gradient = tf.matmul(gradient, kernel, transpose_b=True)
        return [*found, gradient]

    return lambda: products(signal, upstream, *kernels)


def table_rows_of(features: Mapping[str, tf.Tensor], table_rows: int) -> tf.Tensor:
    """The rows of one table that a batch looks up, field after field."""
    field_rows = table_rows // FIELDS
    return tf.concat([ids + number * field_rows for number, ids in enumerate(features.values())], axis=0)


def gather(features: Mapping[str, tf.Tensor], table_rows: int) -> Callable[[], tf.Tensor]:
    """Read the rows of the batch from a variable as large as the model's table."""
    table, rows = tf.Variable(tf.zeros((table_rows, DIM))), table_rows_of(features, table_rows)

    @tf.function
    def look_up(rows: tf.Tensor) -> tf.Tensor:
        return tf.gather(table, rows)

    return lambda: look_up(rows)


def sum_repeated(features: Mapping[str, tf.Tensor], table_rows: int) -> Callable[[], list[tf.Tensor]]:
    """Sum what a batch's gradient holds for each row."""
    rows = table_rows_of(features, table_rows)
    values = tf.ones((len(rows), DIM))

    @tf.function
    def summed(rows: tf.Tensor, values: tf.Tensor) -> list[tf.Tensor]:
        once, position = tf.unique(rows)
        return [once, tf.math.unsorted_segment_sum(values, position, tf.size(once))]

    return lambda: summed(rows, values)


def forward(model: DNN, features: Any, labels: Any) -> Callable[[], tf.Tensor]:
    """The loss of a batch."""

    @tf.function
    def loss(features: Any, labels: Any) -> tf.Tensor:
        return model.compute_loss(features, labels, model(features, training=True))

    return lambda: loss(features, labels)


def gradients(model: DNN, features: Any, labels: Any) -> Callable[[], list[Any]]:
    """The loss and the gradient of every weight."""

    @tf.function
    def differentiate(features: Any, labels: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(features, labels, model(features, training=True))
        return [loss, *tape.gradient(loss, model.trainable_weights)]

    return lambda: differentiate(features, labels)


def training_step(model: DNN, features: Any, labels: Any) -> Callable[[], tf.Tensor]:
    """Loss, gradients and the optimizer's update."""

    @tf.function
    def train(features: Any, labels: Any) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(features, labels, model(features, training=True))
        model.optimizer.apply(tape.gradient(loss, model.trainable_weights), model.trainable_weights)
        return loss

    return lambda: train(features, labels)


def fit(model: keras.Model, plan: ArrayPlan) -> Callable[[int], None]:
    """What a user writes."""
    epochs = count()

    def run(steps: int) -> None:
        model.fit(plan.epoch(next(epochs)).take(steps), shuffle=False, verbose=0)

    return run


def read(plan: ArrayPlan) -> Callable[[int], None]:
    """Go through batches without a model."""
    epochs = count()

    def run(steps: int) -> None:
        for _ in plan.epoch(next(epochs)).take(steps):
            pass

    return run


def profiled(train: Callable[[], tf.Tensor], steps: int) -> dict[str, float]:
    """Return operation -> milliseconds a step, as TensorFlow's profiler saw whole steps."""
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            repeated(train)(steps)
        return {name: spent / steps for name, spent in op_milliseconds(Path(folder)).items()}


def report(
    times: Mapping[str, float],
    parts: Mapping[str, Part],
    operations: Mapping[str, float],
    table_rows: int,
    rounds: int,
    steps: int,
) -> str:
    """Return the tables as Markdown."""
    floor, total = times[FLOOR], sum(operations.values())
    lines = [f"Tables of {table_rows:,} rows. Medians of {rounds} turns of {steps} steps each.", ""]
    lines += ["| part | a step | of the floor | |", "| --- | --- | --- | --- |"]
    lines += [f"| {name} | {ms:.1f} ms | {ms / floor:.2f} | {parts[name].what} |" for name, ms in times.items()]
    lines += [
        "",
        f"The step is {times[STEP] / floor:.2f} × the floor, with Keras' loop and the input "
        f"{times[FIT] / floor:.2f} ×. The input alone is {times[STEP] / times[INPUT]:.1f} × as fast as the step.",
        "",
        f"Operations of {steps} whole steps by TensorFlow's profiler. Those that overlap each count in full.",
        "",
        "| operation | a step | share |",
        "| --- | --- | --- |",
    ]
    ranked = sorted(operations.items(), key=lambda item: -item[1])
    for name, spent in ranked[:SHOWN_OPERATIONS]:
        lines.append(f"| {name} | {spent:.1f} ms | {spent / total:.0%} |")
    rest = sum(spent for _, spent in ranked[SHOWN_OPERATIONS:])
    lines.append(f"| {max(len(ranked) - SHOWN_OPERATIONS, 0)} others | {rest:.1f} ms | {rest / total:.0%} |")
    return "\n".join(lines)


if __name__ == "__main__":
    app()
