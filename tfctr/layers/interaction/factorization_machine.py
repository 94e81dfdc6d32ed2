"""The pairwise part of a factorization machine."""

from __future__ import annotations

import keras
from keras import ops

from tfctr.layers._base import Layer, Shape, Tensor


@keras.saving.register_keras_serializable(package="tfctr")
class FactorizationMachine(Layer):
    """Sum of the inner products of all pairs of field embeddings, in time linear in the fields.

    ``sum_{i<j} <e_i, e_j> = 0.5 · (||sum_i e_i||² − sum_i ||e_i||²)``. The order of the fields does not matter.
    Sums run in float32, also in mixed precision: a square overflows float16 early.

    Input shape: ``(batch, fields, dim)``.
    Output shape: ``(batch, 1)``.

    Example:
        >>> import numpy as np
        >>> fields = np.array([[[1.0, 2.0], [3.0, -1.0], [0.0, 1.0]]])  # pair products 1, 2 and -1
        >>> print(keras.ops.convert_to_numpy(FactorizationMachine()(fields)))
        [[2.]]

    Reference: S. Rendle, "Factorization Machines", ICDM 2010, Eq. 1 and Lemma 3.1.
    """

    def call(self, fields: Tensor) -> Tensor:
        """Sum the products of all pairs of fields ``(batch, fields, dim)``: ``(batch, 1)``."""
        fields = ops.cast(fields, "float32")
        square_of_sum = ops.square(ops.sum(fields, axis=1))  # (batch, dim)
        sum_of_squares = ops.sum(ops.square(fields), axis=1)  # (batch, dim)
        pairs = 0.5 * ops.sum(square_of_sum - sum_of_squares, axis=-1, keepdims=True)  # (batch, 1)
        return ops.cast(pairs, self.compute_dtype)

    def compute_output_shape(self, fields_shape: Shape) -> Shape:
        return (fields_shape[0], 1)
