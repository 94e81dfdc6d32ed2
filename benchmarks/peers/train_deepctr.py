"""DeepCTR as a contender: a DNN of its own layers by Keras 2's `fit`. Runs in the environment that `make peers` made.

Its model functions all add a linear part; without one, `DCN([], columns, cross_num=0)` is refused by its own `Add`
layer as soon as the size of the batch is known. The layers are put together here as those functions do it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.peers.child import Burst, serve
from benchmarks.peers.workload import BATCH, DIM, HIDDEN_UNITS, LEARNING_RATE, NAMES, Rows


def build(rows: Rows, threads: int) -> Burst:
    """Return what trains the model for a number of steps."""
    import requests

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError("the import of DeepCTR asks the index for a newer release; a benchmark does not")

    requests.get = refuse
    import tensorflow as tf
    from deepctr.feature_column import SparseFeat, build_input_features, input_from_feature_columns
    from deepctr.layers.core import DNN, PredictionLayer
    from deepctr.layers.utils import combined_dnn_input

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.keras.utils.set_random_seed(0)
    columns = [SparseFeat(name, rows.field_rows, embedding_dim=DIM) for name in NAMES]
    inputs = build_input_features(columns)
    embeddings, numbers = input_from_feature_columns(inputs, columns, l2_reg=0, seed=0)
    deep = DNN(HIDDEN_UNITS, "relu", l2_reg=0)(combined_dnn_input(embeddings, numbers))
    answer = PredictionLayer("binary")(tf.keras.layers.Dense(1, use_bias=False)(deep))
    model = tf.keras.Model(list(inputs.values()), answer)
    model.compile(tf.keras.optimizers.Adam(LEARNING_RATE), "binary_crossentropy")
    fields, begin = rows.columns, 0

    def burst(steps: int) -> float:
        nonlocal begin
        begin = begin if begin + steps * BATCH <= len(rows.labels) else 0
        part = slice(begin, begin + steps * BATCH)
        begin += steps * BATCH
        views = {name: column[part] for name, column in fields.items()}
        fitted = model.fit(views, rows.labels[part], batch_size=BATCH, verbose=0)
        return float(fitted.history["loss"][-1])

    return burst


def main() -> None:
    """Answer requests for bursts of training steps."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rows", type=Path, help="file of rows")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    serve(lambda: build(Rows.load(options.rows), options.threads))


if __name__ == "__main__":
    main()
