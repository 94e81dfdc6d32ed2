"""The warm-up file of an exported model: real requests to every signature, from real rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tfctr.serving._requests import Row, column_inputs, example_inputs, predict_request, rank_inputs
from tfctr.serving.server._warmup import WARMUP_FILE
from tfctr.spec import RawColumn

BATCH_SIZES = (1, 32, 200)
"""Rows in the warm-up requests: one row, a small batch, a page of candidates."""


def warmup_inputs(
    rows: Sequence[Row], columns: Sequence[RawColumn], signatures: Sequence[str]
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield (signature, rows, inputs) for each signature and each of `BATCH_SIZES`, repeating rows where too few."""
    once_names = {column.name for column in columns if column.role != "item"}
    for size in BATCH_SIZES:
        chosen = [rows[index % len(rows)] for index in range(size)]
        if "serving_default" in signatures:
            yield "serving_default", size, example_inputs(chosen, columns)
        if "predict" in signatures:
            yield "predict", size, column_inputs(chosen, columns)
        if "rank" in signatures:
            once = {name: value for name, value in chosen[0].items() if name in once_names}
            items = [{name: value for name, value in row.items() if name not in once_names} for row in chosen]
            yield "rank", size, rank_inputs(once, items, columns)


def write_warmup(
    folder: Path, model: str, rows: Sequence[Row], columns: Sequence[RawColumn], signatures: Sequence[str]
) -> int:
    """Write the warm-up file of a version folder.

    Args:
        folder: Version folder.
        model: Model's name, as requests carry it.
        rows: At least one raw row.
        columns: The raw columns of a request.
        signatures: Signatures of the model.

    Returns:
        Records written.
    """
    path = folder / WARMUP_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, _, inputs in warmup_inputs(rows, columns, signatures):
            request = predict_request(inputs, model=model, signature=signature)
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())
            count += 1
    return count
