"""tfctr as a contender: its DNN by `model.fit` on an `ArrayPlan`, with its optimizers."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated, Literal

import keras
import tensorflow as tf
import typer

from benchmarks.peers.child import Burst, serve
from benchmarks.peers.workload import BATCH, DIM, HIDDEN_UNITS, LABEL, LEARNING_RATE, NAMES, Rows
from tfctr.data.batches import ArrayPlan
from tfctr.data.batches.prefetch import DEFAULT_PREFETCH, Prefetch
from tfctr.models import DNN
from tfctr.spec import FeatureSpec
from tfctr.training import FitConfig
from tfctr.training.optimizers import make_optimizer

Optimizer = Literal["lazy_adam", "adam"]


def make_plan(rows: Rows, prefetch: Prefetch = DEFAULT_PREFETCH) -> ArrayPlan:
    """Return the rows in whole batches."""
    spec = FeatureSpec.model_validate(
        {
            "name": "speed",
            "features": [{"kind": "categorical", "name": name, "role": "context"} for name in NAMES],
            "tasks": [{"name": LABEL, "label": LABEL}],
            "split": {"by": "hash", "column": NAMES[0]},
        }
    )
    columns = {**rows.columns, LABEL: rows.labels}
    return ArrayPlan(columns, spec, batch_size=BATCH, drop_remainder=True, prefetch=prefetch)


def make_model(plan: ArrayPlan, field_rows: int, optimizer: Optimizer) -> DNN:
    """Return the model, built and compiled as `tfctr.training.fit` does it."""
    keras.utils.set_random_seed(0)
    bound = plan.spec.bind(dict.fromkeys(NAMES, field_rows))
    model = DNN(bound, embedding_dim=DIM, hidden_units=HIDDEN_UNITS)
    model.build()
    config = FitConfig(optimizer=optimizer, learning_rate=LEARNING_RATE)
    model.compile(make_optimizer(config), jit_compile=config.jit_compile)
    model.optimizer.build(model.trainable_variables)
    return model


def use_threads(threads: int) -> None:
    """Give TensorFlow so many threads; before its first operation."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def build(rows: Rows, threads: int, optimizer: Optimizer, precision: str) -> Burst:
    """Return what trains the model for a number of steps."""
    use_threads(threads)
    keras.config.set_dtype_policy(precision)
    plan = make_plan(rows)
    model = make_model(plan, rows.field_rows, optimizer)
    epochs = itertools.count()

    def burst(steps: int) -> float:
        fitted = model.fit(plan.epoch(next(epochs)).take(steps), shuffle=False, verbose=0)
        return float(fitted.history["loss"][-1])

    return burst


def main(
    rows: Annotated[Path, typer.Argument(help="File of rows.")],
    threads: Annotated[int, typer.Option()] = 2,
    optimizer: Annotated[str, typer.Option(help="lazy_adam or adam.")] = "lazy_adam",
    precision: Annotated[str, typer.Option(help="Keras dtype policy.")] = "float32",
) -> None:
    """Answer requests for bursts of training steps."""
    chosen: Optimizer = "adam" if optimizer == "adam" else "lazy_adam"
    serve(lambda: build(Rows.load(rows), threads, chosen, precision))


if __name__ == "__main__":
    typer.run(main)
