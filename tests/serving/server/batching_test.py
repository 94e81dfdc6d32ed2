"""Concurrent calls that share a run of the graph get their own rows, and their own errors."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest

from tests.serving.conftest import ask, local_flags, predict_of
from tfctr.serving.server._batching import Batcher, BatchingOptions
from tfctr.serving.server._errors import RequestError
from tfctr.serving.server._model_server import ModelServer
from tfctr.serving.server._saved_model import SavedModel


class Recorded(SavedModel):
    """The real model, noting the rows of each run; a run can be held back."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.rows: list[int] = []
        self.go = threading.Event()
        self.go.set()

    def run(self, feeds: Sequence[str], fetches: Sequence[str], values: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.rows.append(len(values[0]))
        assert self.go.wait(20)
        return super().run(feeds, fetches, values)


@pytest.fixture(scope="module")
def model(models_dir: Path) -> Recorded:
    return Recorded(models_dir / "everything" / "1")


def call(batcher: Batcher, values: np.ndarray, signature: str = "serving_default") -> np.ndarray:
    chosen = batcher.signatures[signature]
    (fed,) = chosen.inputs.values()
    return batcher.run([fed.tensor], [next(iter(chosen.outputs.values())).tensor], [values])[0]


def rows(start: int, count: int) -> np.ndarray:
    return np.arange(start, start + 2 * count, dtype=np.float32).reshape(count, 2)


def together(batcher: Batcher, batches: list[np.ndarray]) -> list[np.ndarray]:
    with ThreadPoolExecutor(len(batches)) as pool:
        return list(pool.map(lambda values: call(batcher, values), batches))


def test_calls_are_joined_and_each_gets_its_own_rows(model: Recorded) -> None:
    model.rows.clear()
    batcher = Batcher(model, BatchingOptions(max_batch_size=12, batch_timeout_micros=2_000_000), 30)
    batches = [rows(10 * i, count) for i, count in enumerate([3, 1, 4, 4])]
    for values, answer in zip(batches, together(batcher, batches), strict=True):
        np.testing.assert_array_equal(answer, values.sum(1) + 0.5)
    assert model.rows == [12]  # full, so it did not wait for the timeout


def test_batches_are_filled_up_to_an_allowed_size(model: Recorded) -> None:
    model.rows.clear()
    batcher = Batcher(model, BatchingOptions(max_batch_size=8, allowed_batch_sizes=(4, 8)), 30)
    np.testing.assert_array_equal(call(batcher, rows(0, 3)), rows(0, 3).sum(1) + 0.5)
    assert model.rows == [4]


def test_too_large_and_empty_requests_run_by_themselves(model: Recorded) -> None:
    model.rows.clear()
    batcher = Batcher(model, BatchingOptions(max_batch_size=2), 30)
    assert call(batcher, rows(0, 5)).shape == (5,)
    assert call(batcher, rows(0, 0)).shape == (0,)
    assert model.rows == [5, 0]


def test_one_bad_request_spoils_no_other(model: Recorded) -> None:
    batcher = Batcher(model, BatchingOptions(max_batch_size=2, batch_timeout_micros=2_000_000), 30)
    good, bad = np.array([b""], object), np.array([b"no example"], object)
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(call, batcher, value, "value") for value in (good, bad)]
        assert answers[0].result(30).tolist() == [[0.5]]
        with pytest.raises(RequestError):
            answers[1].result(30)


def test_a_full_queue_is_unavailable_at_once(model: Recorded) -> None:
    options = BatchingOptions(max_batch_size=1, max_enqueued_batches=1, num_batch_threads=1)
    batcher = Batcher(model, options, 30)
    model.go.clear()
    try:
        with ThreadPoolExecutor(2) as pool:
            running = pool.submit(call, batcher, rows(0, 1))
            while not model.rows or batcher._waiting:
                pass
            waiting = pool.submit(call, batcher, rows(0, 1))
            while not batcher._waiting:
                pass
            with pytest.raises(RequestError, match="queue is full") as caught:
                call(batcher, rows(0, 1))
            assert caught.value.code is grpc.StatusCode.UNAVAILABLE
            model.go.set()
            assert running.result(30).tolist() == waiting.result(30).tolist() == [1.5]
    finally:
        model.go.set()


def test_a_server_with_batching_answers_as_one_without(models_dir: Path) -> None:
    flags = local_flags(model_base_path=str(models_dir / "everything"), enable_batching=True)
    with ModelServer(flags) as server:
        asked = ask(server)
        requests = [predict_of("default", x=rows(i, 1 + i % 3)) for i in range(40)]
        calls = [asked.predict.Predict.future(request, timeout=30) for request in requests]
        for i, future in enumerate(calls):
            expected = rows(i, 1 + i % 3).sum(1) + np.float32(1.5)
            np.testing.assert_array_equal(list(future.result().outputs["sum"].float_val), expected)
