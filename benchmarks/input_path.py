"""How fast batches come: each plan alone, and together with a model that trains on them.

    python benchmarks/input_path.py --rows 500000

Rows are random, of 26 id features and one number each; a TFRecord file (gzip, as the pipeline writes) and Parquet files
are written to a temporary folder first. Printed are examples a second, medians over rounds in which the plans take
turns, and ratios to what the model consumes when one batch is given to it again and again.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfctr.data.batches import ArrayPlan, BatchPlan, FilePlan, ParquetPlan, write_transformed
from tfctr.data.batches.ahead import made_ahead
from tfctr.data.batches.element import element
from tfctr.models import DNN
from tfctr.spec import FeatureSpec
from tfctr.training.optimizers import LazyAdam

FIELDS = 26
VOCABULARY = 100_000


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

        def gather(step: tf.Tensor) -> tuple:
            rows = order[step * self.batch_size : (step + 1) * self.batch_size]
            return element({name: tf.gather(tensor, rows) for name, tensor in self.tensors.items()}, self.spec)

        steps = tf.data.Dataset.range(start_step, self.steps_per_epoch)
        return made_ahead(steps, gather)


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
    """Return each plan by name; TFRecord files hold fewer rows, because writing them takes long."""
    spec, arrays = make_spec(), make_arrays(rows)
    columns, records = folder / "columns", folder / "records"
    write_transformed(arrays, columns)
    write_records({name: array[:record_rows] for name, array in arrays.items()}, records)
    return {
        "arrays, a gather a tensor": GatherEachTensor(arrays, spec, batch_size),
        "ArrayPlan": ArrayPlan(arrays, spec, batch_size=batch_size, drop_remainder=True),
        "ParquetPlan, kept": ParquetPlan(columns, spec, batch_size=batch_size, drop_remainder=True),
        "ParquetPlan, read": ParquetPlan(columns, spec, batch_size=batch_size, drop_remainder=True, memory_bytes=0),
        "FilePlan": FilePlan(records, spec, batch_size=batch_size, drop_remainder=True),
    }


def speed(batches: Iterable, batch_size: int, use: Callable[[tuple], object] = lambda batch: None) -> float:
    """Return the examples a second of going through batches, the first one left out."""
    iterator = iter(batches)
    use(next(iterator))
    count, began = 0, time.perf_counter()
    for batch in iterator:
        use(batch)
        count += batch_size
    return count / (time.perf_counter() - began)


def make_step() -> Callable[[tuple], object]:
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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--record-rows", type=int, default=100_000)
    parser.add_argument("--batch-size", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model-steps", type=int, default=20)
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    alone: dict[str, list[float]] = {}
    together: dict[str, list[float]] = {}
    model: list[float] = []
    size = options.batch_size
    with tempfile.TemporaryDirectory() as folder:
        plans = make_plans(options.rows, options.record_rows, size, Path(folder))
        step = make_step()
        same = next(iter(plans["ArrayPlan"].epoch(0)))
        for number in range(options.rounds):
            model.append(speed([same] * (options.model_steps + 1), size, step))
            for name, plan in plans.items():
                alone.setdefault(name, []).append(speed(plan.epoch(number), size))
                batches = plan.epoch(number).take(options.model_steps + 1)
                together.setdefault(name, []).append(speed(batches, size, step))
    consumed = statistics.median(model)
    print(f"model alone, one batch again and again: {consumed:>12,.0f} examples/s")
    print(f"{'plan':<28}{'alone':>14}{'× model':>9}{'with model':>14}{'of model':>9}")
    for name in plans:
        one, both = statistics.median(alone[name]), statistics.median(together[name])
        print(f"{name:<28}{one:>14,.0f}{one / consumed:>9.1f}{both:>14,.0f}{both / consumed:>9.0%}")


if __name__ == "__main__":
    main()
