"""Warm-up: replay stored requests on a version before it answers its first real one."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import classification_pb2, inference_pb2, predict_pb2, prediction_log_pb2, regression_pb2

from tfctr.serving.server._inference import answer_classify, answer_multi_inference, answer_regress
from tfctr.serving.server._predict import Limits, Runner, answer_predict

WARMUP_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MAX_RECORDS = 1000


class WarmupError(Exception):
    """A warm-up file that cannot be replayed; the version does not become available."""


def replay(model: Runner, path: Path, *, iterations: int = 1, limits: Limits | None = None) -> int:
    """Replay the warm-up records of a version folder.

    Args:
        model: The loaded version.
        path: Version folder; nothing happens when it has no warm-up file.
        iterations: Times each record is answered.
        limits: Bounds of one request; default: none that matters.

    Returns:
        Records read.

    Raises:
        WarmupError: When the file is damaged, has more than 1,000 records, or a record is not answered.
    """
    file = path / WARMUP_FILE
    if not file.exists():
        return 0
    count = 0
    limits = limits or Limits(rows=2**31 - 1, bytes=2**31 - 1)
    try:
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            count += 1
            if count > MAX_RECORDS:
                raise WarmupError(f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) at {file}")
            log = prediction_log_pb2.PredictionLog.FromString(record)
            for _ in range(max(1, iterations)):
                _answer(model, log, limits)
    except WarmupError:
        raise
    except Exception as error:
        raise WarmupError(f"warm-up record {count} of {file} failed: {error}") from error
    return count


def _answer(model: Runner, log: prediction_log_pb2.PredictionLog, limits: Limits) -> None:
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        answer_predict(model, log.predict_log.request, predict_pb2.PredictResponse(), limits=limits)
    elif kind == "classify_log":
        response = classification_pb2.ClassificationResponse()
        answer_classify(model, log.classify_log.request, response, limits=limits)
    elif kind == "regress_log":
        answer_regress(model, log.regress_log.request, regression_pb2.RegressionResponse(), limits=limits)
    elif kind == "multi_inference_log":
        request = log.multi_inference_log.request
        answer_multi_inference(model, request, inference_pb2.MultiInferenceResponse(), limits=limits)
    else:
        raise WarmupError(f"warm-up records of type {kind} cannot be replayed")
