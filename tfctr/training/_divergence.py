"""Why a loss is no longer a number."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


class DivergedError(RuntimeError):
    """Training stopped because the loss became NaN or infinite; says where and what was found."""


def explain_divergence(model: keras.Model, batch: Any, epoch: int, step: int, learning_rate: float) -> DivergedError:
    """Return the error to raise, naming the step and the first culprit found in `batch` or in the weights."""
    features = batch[0]
    bad = [name for name, values in features.items() if not _finite(values)]
    bad_labels = not all(_finite(values) for values in _leaves(batch[1:]))
    broken = [weight.path for weight in model.trainable_weights if not _finite(weight)]
    if bad:
        found = f"the batch holds NaN or infinite values in {', '.join(bad)}; mend the transform of these features"
    elif bad_labels:
        found = "the batch holds NaN or infinite labels or weights; mend the log"
    elif broken:
        found = (
            f"the rows are sound, but {len(broken)} weights are not finite ({', '.join(broken[:3])}): the steps are "
            f"too large; lower learning_rate (now {learning_rate:g}) or set clip_norm"
        )
    else:
        largest = max(
            features, key=lambda name: float(np.max(np.abs(np.asarray(features[name], np.float64)), initial=0))
        )
        found = f"rows and weights are finite; the largest input is {largest}: scale it or set clip_norm"
    return DivergedError(f"the loss diverged in epoch {epoch + 1}, step {step + 1}: {found}.")


def _finite(values: Any) -> bool:
    array = np.asarray(values)
    return array.dtype.kind in "iubSUO" or bool(np.isfinite(array.astype(np.float32)).all())


def _leaves(structure: Any) -> list[Any]:
    return list(keras.tree.flatten(structure))
