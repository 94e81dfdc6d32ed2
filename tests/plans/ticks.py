"""What the interrupted plans share: a call after each step, a death at one of them, and the digest of what came out."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tfctr.models import CTRModel
from tfctr.plans import Stage

Tick = Callable[[], None]


class Ticks(keras.callbacks.Callback):
    """Calls a function after each training step."""

    def __init__(self, tick: Tick):
        super().__init__()
        self._tick = tick

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._tick()


def ticking(stage: Stage, tick: Tick) -> Stage:
    """Return the stage, which from now on calls `tick` after every training step and everything it keeps."""
    fit, keep = stage.fit, stage.save_progress

    def save_progress(**arrays: np.ndarray) -> None:
        keep(**arrays)
        tick()

    stage.fit = lambda model, *, callbacks=(), **options: fit(  # type: ignore[method-assign]
        model, callbacks=[*callbacks, Ticks(tick)], **options
    )
    stage.save_progress = save_progress  # type: ignore[method-assign]
    return stage


def dying_at(last: int) -> Tick:
    """Return a function whose call number `last` (from 1) ends the process by SIGKILL; 0 lets it live."""
    seen = 0

    def tick() -> None:
        nonlocal seen
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)

    return tick


def digest(model: CTRModel) -> str:
    """A SHA-256 of the weights."""
    return hashlib.sha256(b"".join(np.asarray(weight).tobytes() for weight in model.weights)).hexdigest()
