"""An exported model called in this process, through the same session and tensor names as the server's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import numpy as np
import tensorflow as tf

from tfctr.serving.server._saved_model import SavedModel
from tfctr.serving.server._signatures import DEFAULT_SIGNATURE, Signature


class InProcess:
    """Signatures of a SavedModel as functions of numpy arrays.

    Args:
        path: Version folder.

    Example:
        >>> with InProcess("models/ads/1") as model:  # doctest: +SKIP
        ...     model.call({"examples": examples})["click"]
    """

    def __init__(self, path: str | Path):
        self._model = SavedModel(path)

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """Signatures by name."""
        return self._model.signatures

    def call(self, inputs: Mapping[str, np.ndarray], signature: str = DEFAULT_SIGNATURE) -> dict[str, np.ndarray]:
        """Return the outputs of a signature.

        Args:
            inputs: One array for each input; text as bytes in an object array.
            signature: Name of the signature.

        Raises:
            KeyError: For an unknown signature, or inputs that are not the signature's.
            RequestError: For arrays that do not fit.
        """
        if signature not in self.signatures:
            raise KeyError(f"no signature {signature!r}; the model has {', '.join(sorted(self.signatures))}")
        chosen = self.signatures[signature]
        if set(inputs) != set(chosen.inputs):
            raise KeyError(f"signature {signature!r} takes {sorted(chosen.inputs)}, received {sorted(inputs)}")
        values = []
        for alias, endpoint in chosen.inputs.items():
            value = np.asarray(inputs[alias], tf.dtypes.as_dtype(endpoint.dtype).as_numpy_dtype)
            endpoint.check(endpoint.dtype, value.shape)
            values.append(value)
        feeds = [endpoint.tensor for endpoint in chosen.inputs.values()]
        fetches = [endpoint.tensor for endpoint in chosen.outputs.values()]
        return dict(zip(chosen.outputs, self._model.run(feeds, fetches, values), strict=True))

    def close(self) -> None:
        """Free the session."""
        self._model.close()

    def __enter__(self) -> InProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def in_process(path: str | Path) -> InProcess:
    """Open an exported model for calls in this process; see `InProcess`."""
    return InProcess(path)
