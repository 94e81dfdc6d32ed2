"""The caller's Keras callbacks over a whole run, although `model.fit` is called an epoch at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

Plain = bool | int | float | str | None
State = dict[str, dict[str, Plain]]


class RunCallbacks(keras.callbacks.Callback):
    """Passes Keras' calls on as if one ``model.fit`` ran all epochs.

    Training begins and ends once. An epoch ends after its validation, with the figures in the logs (``val_auc``,
    ``val_logloss``, …), so that `EarlyStopping`, `ReduceLROnPlateau` or `CSVLogger` do what Keras says of them. An
    epoch that is resumed in its middle does not begin anew, and its batches are numbered on.

    Args:
        callbacks: The caller's callbacks.

    Example:
        >>> stopping = keras.callbacks.EarlyStopping(monitor="val_auc", mode="max")
        >>> callbacks = RunCallbacks([stopping])
        >>> callbacks.begin({})
        >>> stopping.wait = 2
        >>> callbacks.state()
        {'EarlyStopping_0': {'wait': 2}}
    """

    def __init__(self, callbacks: Iterable[keras.callbacks.Callback]):
        super().__init__()
        self.callbacks = tuple(callbacks)
        self.first_step = 0
        self._at_first: State = {}

    def begin(self, state: Mapping[str, Mapping[str, Plain]]) -> None:
        """Begin the run, with the counters of an earlier part of it; callbacks that had no part in it start anew."""
        for callback in self.callbacks:
            callback.on_train_begin()
        self._at_first = self._attributes()
        for name, callback in self._named():
            vars(callback).update(state.get(name, {}))

    def end_epoch(self, epoch: int, logs: Mapping[str, float]) -> None:
        """End an epoch whose validation figures are known."""
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, dict(logs))

    def end(self) -> None:
        """End the run."""
        for callback in self.callbacks:
            callback.on_train_end()

    def state(self) -> State:
        """Return the numbers and texts that callbacks have changed since the run began, by callback."""
        now = self._attributes()
        return {name: changed for name, values in now.items() if (changed := _changed(values, self._at_first[name]))}

    def _attributes(self) -> State:
        return {name: _plain_ones(vars(callback)) for name, callback in self._named()}

    def _named(self) -> Iterator[tuple[str, keras.callbacks.Callback]]:
        """The callbacks under names that another process gives them too."""
        seen: Counter[str] = Counter()
        for callback in self.callbacks:
            kind = type(callback).__name__
            yield f"{kind}_{seen[kind]}", callback
            seen[kind] += 1

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        for callback in self.callbacks:
            callback.set_params(params)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.first_step == 0:
            for callback in self.callbacks:
                callback.on_epoch_begin(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        for callback in self.callbacks:
            callback.on_train_batch_begin(self.first_step + batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        for callback in self.callbacks:
            callback.on_train_batch_end(self.first_step + batch, logs)


def _plain_ones(attributes: Mapping[str, Any]) -> dict[str, Plain]:
    """The attributes that a checkpoint can hold."""
    values = {key: value.item() if isinstance(value, np.generic) else value for key, value in attributes.items()}
    return {key: value for key, value in values.items() if isinstance(value, Plain)}


def _changed(values: Mapping[str, Plain], before: Mapping[str, Plain]) -> dict[str, Plain]:
    return {key: value for key, value in values.items() if key not in before or before[key] != value}
