"""A loaded version with the calls that are in flight on it."""

from __future__ import annotations

import ctypes
import ctypes.util
import gc
import threading
from collections.abc import Mapping, Sequence

import numpy as np
from tensorflow_serving.apis import get_model_metadata_pb2

from tfctr.serving.server._predict import Runner
from tfctr.serving.server._saved_model import SavedModel
from tfctr.serving.server._signatures import Signature


class Servable:
    """Counts calls in flight, so that a version is dropped after its last call and never under one.

    Args:
        number: Version number.
        model: The loaded model; closed by `retire`.
        runner: What calls go through: the model itself (default), or a batcher before it.
    """

    def __init__(self, number: int, model: SavedModel, runner: Runner | None = None):
        self.number = number
        self._model: SavedModel | None = model
        self._runner: Runner | None = runner or model
        self.signatures: Mapping[str, Signature] = model.signatures
        self.metadata: get_model_metadata_pb2.SignatureDefMap = model.metadata
        self._in_flight = 0
        self._retired = False
        self._idle = threading.Condition()

    def acquire(self) -> bool:
        """Begin a call; False when the version is being dropped and a newer one must be looked up."""
        with self._idle:
            if self._retired:
                return False
            self._in_flight += 1
            return True

    def release(self) -> None:
        """End a call."""
        with self._idle:
            self._in_flight -= 1
            if self._retired and self._in_flight == 0:
                self._idle.notify_all()

    def run(self, feeds: Sequence[str], fetches: Sequence[str], values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run the graph once, between `acquire` and `release`; see `SavedModel.run`."""
        assert self._runner is not None, "run() outside of acquire() and release()"
        return self._runner.run(feeds, fetches, values)

    def retire(self, timeout_seconds: float) -> bool:
        """Take no more calls, wait for those in flight, then free the model's memory.

        Args:
            timeout_seconds: After this the session is closed all the same, which cancels what still runs.

        Returns:
            Whether every call had ended.
        """
        with self._idle:
            self._retired = True
            drained = self._idle.wait_for(lambda: self._in_flight == 0, timeout_seconds)
        if self._model is not None:
            self._model.close()
        self._model = self._runner = None
        gc.collect()
        _trim_heap()
        return drained


def _trim_heap() -> None:
    """Give freed memory back to the system where the C library can: a swap would else keep the old version's size."""
    name = ctypes.util.find_library("c")
    trim = getattr(ctypes.CDLL(name), "malloc_trim", None) if name else None
    if trim is not None:
        trim(0)
