"""How fast batches come: each plan alone, and together with a model that trains on them.

Rows are random, of 26 id features and one number each; TFRecord files (gzip, as the pipeline writes) and Parquet files
are written to a temporary folder first. Told are examples a second, medians over rounds in which the plans take turns,
and ratios to what the model consumes when one batch is given to it again and again.

Examples:
    python -m benchmarks.input_path
    python -m benchmarks.input_path --rows 100_000 --record-rows 20_000 --rounds 1 --no-write
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import tensorflow as tf
import typer
from rich.console import Console

from tfctr.benchmark import write_section
from tfctr.data.batches import ArrayPlan, BatchPlan, FilePlan, ParquetPlan, write_transformed
from tfctr.data.batches.element import Element, element
from tfctr.data.batches.prefetch import DEFAULT_PREFETCH
from tfctr.models import DNN
from tfctr.spec import FeatureSpec
from tfctr.training.optimizers import LazyAdam

RESULTS = Path(__file__).with_name("RESULTS.md")
FIELDS = 26
VOCABULARY = 100_000
PLANS = {
    "gathers": "arrays, a gather a tensor",
    "arrays": "`ArrayPlan`: arrays in memory",
    "kept": "`ParquetPlan`, kept in memory",
    "read": "`ParquetPlan`, read every time",
    "records": "`FilePlan`: compressed TFRecord",
}
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


class GatherEachTensor:
    """What `ArrayPlan` would be without packing: one gather a tensor. Here for comparison only."""

    def __init__(self, arrays: dict[str, np.ndarray], spec: FeatureSpec, batch_size: int):
        self.spec, self.batch_size = spec, batch_size
        self.rows = len(arrays["click"])
        self.tensors = {name: tf.constant(array) for name, array in arrays.items()}

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in an epoch."""
        return self.rows // self.batch_size

    def epoch(self, epoch: int = 0, start_step: int = 0) -> tf.data.Dataset:
        """Return the batches of an epoch."""
        order = tf.constant(np.random.default_rng([0, epoch]).permutation(self.rows))

        def gather(step: tf.Tensor) -> Element:
            rows = order[step * self.batch_size : (step + 1) * self.batch_size]
            return element({name: tf.gather(tensor, rows) for name, tensor in self.tensors.items()}, self.spec)

        steps = tf.data.Dataset.range(start_step, self.steps_per_epoch)
        return DEFAULT_PREFETCH.map(steps, gather)


def make_spec() -> FeatureSpec:
    """Return a spec of the usual size of public benchmarks."""
    features = [{"kind": "categorical", "name": f"field_{i}", "role": "item"} for i in range(FIELDS)]
    features.append({"kind": "numeric", "name": "price", "role": "item"})
    return FeatureSpec.model_validate(
        {
            "name": "wide",
            "features": features,
            "tasks": [{"name": "click", "label": "clicked"}],
            "split": {"by": "hash", "column": "field_0"},
        }
    )


def make_arrays(rows: int) -> dict[str, np.ndarray]:
    """Return random transformed rows."""
    rng = np.random.default_rng(0)
    arrays = {f"field_{i}": rng.integers(1, VOCABULARY, rows) for i in range(FIELDS)}
    arrays["price"] = rng.normal(size=rows).astype(np.float32)
    return {**arrays, "click": (rng.random(rows) < 0.1).astype(np.float32)}


def write_records(arrays: dict[str, np.ndarray], folder: Path) -> Path:
    """Write transformed `tf.Example`s in eight compressed files."""
    folder.mkdir()
    for part in range(8):
        options = tf.io.TFRecordOptions(compression_type="GZIP")
        with tf.io.TFRecordWriter(str(folder / f"part-{part}.gz"), options) as writer:
            for row in range(part, len(arrays["click"]), 8):
                example = tf.train.Example()
                for name, array in arrays.items():
                    feature = example.features.feature[name]
                    values = feature.float_list if array.dtype == np.float32 else feature.int64_list
                    values.value.append(array[row])
                writer.write(example.SerializeToString())
    return folder


def make_plans(rows: int, record_rows: int, batch_size: int, folder: Path) -> dict[str, BatchPlan]:
    """Return the plans of `PLANS`; TFRecord files hold fewer rows, because writing them takes long."""
    spec, arrays = make_spec(), make_arrays(rows)
    columns, records = folder / "columns", folder / "records"
    write_transformed(arrays, columns)
    write_records({name: array[:record_rows] for name, array in arrays.items()}, records)
    return {
        "gathers": GatherEachTensor(arrays, spec, batch_size),
        "arrays": ArrayPlan(arrays, spec, batch_size=batch_size, drop_remainder=True),
        "kept": ParquetPlan(columns, spec, batch_size=batch_size, drop_remainder=True),
        "read": ParquetPlan(columns, spec, batch_size=batch_size, drop_remainder=True, memory_bytes=0),
        "records": FilePlan(records, spec, batch_size=batch_size, drop_remainder=True),
    }


def speed(batches: Iterable[Element], batch_size: int, use: Callable[[Element], object] = lambda batch: None) -> float:
    """Return the examples a second of going through batches, the first one left out."""
    iterator = iter(batches)
    use(next(iterator))
    count, began = 0, time.perf_counter()
    for batch in iterator:
        use(batch)
        count += batch_size
    return count / (time.perf_counter() - began)


def make_step() -> Callable[[Element], object]:
    """Return one training step of a DNN: 26 fields, dim 16, MLP 3 × 400, lazy Adam."""
    spec = make_spec()
    model = DNN(spec.bind({f"field_{i}": VOCABULARY for i in range(FIELDS)}))
    model.build()
    model.compile(LazyAdam(1e-3))

    @tf.function(reduce_retracing=True)
    def step(features: dict[str, tf.Tensor], labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(features, labels, model(features, training=True))
        gradients = tape.gradient(loss, model.trainable_weights)
        model.optimizer.apply(gradients, model.trainable_weights)
        return loss

    return lambda batch: step(batch[0], batch[1])


@app.command()
def main(
    rows: Annotated[int, typer.Option(help="Rows of arrays and Parquet files.")] = 500_000,
    record_rows: Annotated[int, typer.Option(help="Rows of the TFRecord files, whose writing takes long.")] = 100_000,
    batch_size: Annotated[int, typer.Option(help="Rows of a batch.")] = 4096,
    rounds: Annotated[int, typer.Option(help="Turns of each plan.")] = 3,
    model_steps: Annotated[int, typer.Option(help="Steps of a turn with the model.")] = 20,
    write: Annotated[bool, typer.Option(help="Put the table into RESULTS.md.")] = True,
) -> None:
    """Measure every plan by turns and print the table."""
    keras.utils.set_random_seed(0)
    alone: dict[str, list[float]] = {name: [] for name in PLANS}
    together: dict[str, list[float]] = {name: [] for name in PLANS}
    model: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        plans = make_plans(rows, record_rows, batch_size, Path(folder))
        step = make_step()
        same = next(iter(plans["arrays"].epoch(0)))
        for number in range(rounds):
            model.append(speed([same] * (model_steps + 1), batch_size, step))
            for name, plan in plans.items():
                alone[name].append(speed(plan.epoch(number), batch_size))
                together[name].append(speed(plan.epoch(number).take(model_steps + 1), batch_size, step))
    table = report(statistics.median(model), alone, together)
    Console().print(table, soft_wrap=True, highlight=False, markup=False)
    if write:
        options = f"--rows {rows} --record-rows {record_rows} --batch-size {batch_size} --rounds {rounds}"
        write_section(RESULTS, "Input path", f"python -m benchmarks.input_path {options}", table)


def report(consumed: float, alone: Mapping[str, list[float]], together: Mapping[str, list[float]]) -> str:
    """Return the table as Markdown; `consumed` is what the model takes by itself, examples a second."""
    lines = [
        f"The model alone, one batch again and again: {consumed:,.0f} examples/s.",
        "",
        "| plan | examples/s alone | of the model's | with the model | of the model's |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, title in PLANS.items():
        one, both = statistics.median(alone[name]), statistics.median(together[name])
        lines.append(f"| {title} | {one:,.0f} | {one / consumed:.1f} × | {both:,.0f} | {both / consumed:.2f} × |")
    return "\n".join(lines)


if __name__ == "__main__":
    app()
