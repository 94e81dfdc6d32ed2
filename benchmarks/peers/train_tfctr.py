"""tfctr as a contender: its DNN by `model.fit` on an `ArrayPlan`, with its optimizers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from benchmarks.peers.child import Burst, serve
from benchmarks.peers.workload import BATCH, DIM, HIDDEN_UNITS, LABEL, LEARNING_RATE, NAMES, Rows


def build(rows: Rows, threads: int, optimizer: Literal["lazy_adam", "adam"], precision: str) -> Burst:
    """Return what trains the model for a number of steps."""
    import keras
    import tensorflow as tf

    from tfctr.data.batches import ArrayPlan
    from tfctr.models import DNN
    from tfctr.spec import FeatureSpec
    from tfctr.training import FitConfig
    from tfctr.training.optimizers import make_optimizer

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(0)
    spec = FeatureSpec.model_validate(
        {
            "name": "speed",
            "features": [{"kind": "categorical", "name": name, "role": "context"} for name in NAMES],
            "tasks": [{"name": LABEL, "label": LABEL}],
            "split": {"by": "hash", "column": NAMES[0]},
        }
    )
    plan = ArrayPlan({**rows.columns, LABEL: rows.labels}, spec, batch_size=BATCH, drop_remainder=True)
    model = DNN(spec.bind(dict.fromkeys(NAMES, rows.field_rows)), embedding_dim=DIM, hidden_units=HIDDEN_UNITS)
    model.build()
    config = FitConfig(optimizer=optimizer, learning_rate=LEARNING_RATE)
    model.compile(make_optimizer(config), jit_compile=config.jit_compile)
    epochs = iter(range(10**9))

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
    chosen: Literal["lazy_adam", "adam"] = "adam" if optimizer == "adam" else "lazy_adam"
    serve(lambda: build(Rows.load(rows), threads, chosen, precision))


if __name__ == "__main__":
    typer.run(main)
