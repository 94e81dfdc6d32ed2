"""How large a model is as a SavedModel."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from tfctr.models import CTRModel


def variables_bytes(model: CTRModel, folder: Path) -> int:
    """Write a model as a SavedModel; the bytes of its variables' file.

    Keras' own ``export`` lists every variable twice.
    """
    module = tf.Module()
    module.kept = [weight.value for weight in model.weights]
    inputs = model.spec.spec.inputs()
    signature = {info.name: tf.TensorSpec((None, *info.shape), info.dtype, info.name) for info in inputs}
    module.answer = tf.function(lambda features: model(features, training=False), input_signature=[signature])
    tf.saved_model.save(module, str(folder))
    return (folder / "variables" / "variables.data-00000-of-00001").stat().st_size
