"""The transform as TFT saved it, to be called in TensorFlow code and saved again with a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf


class TransformGraph(tf.Module):
    """The function and the tables in a folder ``transform_fn``.

    TFT's own layer does the same as a Keras 2 model, which Keras traces anew whenever a module that holds it is saved;
    nobody calls these traces, and they would travel with every served model.

    Args:
        folder: ``transform_fn``, as TFT wrote it with TensorFlow 2.
    """

    def __init__(self, folder: Path):
        super().__init__()
        self.loaded = tf.saved_model.load(str(folder))  # an attribute, or its tables are not saved with the module

    def __call__(self, columns: Mapping[str, tf.SparseTensor]) -> dict[str, tf.Tensor]:
        """Return all outputs by name.

        A column that is not given is zero in every row, as TFT has it: labels and the like, which nobody knows at
        serving, then pass the checks in the graph. What is made of it means nothing.
        """
        (wanted,), _ = self.loaded.transform_fn.structured_input_signature
        rows = next(iter(columns.values())).dense_shape[0]
        given = {name: columns[name] if name in columns else _zeros(spec.dtype, rows) for name, spec in wanted.items()}
        outputs: dict[str, tf.Tensor] = self.loaded.transform_fn(*tf.nest.flatten(given, expand_composites=True))
        return outputs


def _zeros(dtype: tf.DType, rows: tf.Tensor) -> tf.SparseTensor:
    """One zero, or one empty string, in each row."""
    places = tf.stack([tf.range(rows), tf.zeros([rows], tf.int64)], axis=1)
    return tf.SparseTensor(places, tf.zeros([rows], dtype), tf.stack([rows, tf.ones([], tf.int64)]))
