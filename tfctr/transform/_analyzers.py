"""What a transform learns of the training rows, asked of whoever learns it.

The definition of raw → model-ready says what is learned from which tensors. It asks an `Analyzers` and works on with
the answers, so that it need not know who reads the rows. `_learning` adds up in NumPy, in memory and on Beam's workers;
`OnBeam` asks TFT's analyzers, for a TFX Transform of somebody's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import tensorflow as tf
import tensorflow_transform as tft

from tfctr.transform._vocabulary_files import EMPTY_MARK, SCALES_NAME, TOTALS_NAME, CountedFile


def quantile_error(buckets: int) -> float:
    """Return the greatest error of a boundary's rank, as a share of all rows."""
    return min(0.01, 0.1 / buckets)


class Analyzers(Protocol):
    """Learns numbers and files from tensors over all rows; each method is asked once a transform."""

    def moments(self, matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return mean and variance of the columns of a float64 ``(batch, columns)``, NaN left out: ``(columns,)``."""

    def quantiles(self, columns: Sequence[tf.Tensor], buckets: Sequence[int]) -> Sequence[tf.Tensor]:
        """Return the bounds between equal-frequency buckets of each float32 ``(batch,)``, NaN left out."""

    def counted_values(
        self, tokens: Sequence[tf.Tensor], files: Sequence[CountedFile], sizes: dict[str, tf.Tensor]
    ) -> Sequence[tf.Tensor]:
        """Return paths of the files of counted values.

        Args:
            tokens: For each file its values in this batch, string ``(values,)``.
            files: The files to be written, see `vocabulary_lines`.
            sizes: Name of a table → number of its values in this batch, int64; their sums go to `TOTALS_NAME`.
        """

    def label_moments(self, columns: Sequence[tf.Tensor], tasks: Sequence[str]) -> None:
        """Have mean and deviation of labels written to `SCALES_NAME`.

        Args:
            columns: For each task its labels, float32 ``(batch,)``, and which of them count, bool ``(batch,)``.
            tasks: Names of the tasks.
        """


class OnBeam:
    """TFT's analyzers, for a graph that is traced within TFX's Transform or a TFT pipeline."""

    def moments(self, matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Analyzers`."""
        return tft.mean(matrix, reduce_instance_dims=False), tft.var(matrix, reduce_instance_dims=False)

    def quantiles(self, columns: Sequence[tf.Tensor], buckets: Sequence[int]) -> Sequence[tf.Tensor]:
        """See `Analyzers`. One a column, which TFT packs itself: that of a matrix fails when a column is empty."""
        return [
            tft.quantiles(column, num_buckets=number, epsilon=quantile_error(number))
            for column, number in zip(columns, buckets, strict=True)
        ]

    def counted_values(
        self, tokens: Sequence[tf.Tensor], files: Sequence[CountedFile], sizes: dict[str, tf.Tensor]
    ) -> Sequence[tf.Tensor]:
        """See `Analyzers`."""
        from tfctr.transform._count_values import CountValues  # Beam takes seconds that serving does not need

        written = len(files) + 1
        totals = tf.stack([tf.cast(size, tf.int64) for size in sizes.values()])
        paths: Sequence[tf.Tensor] = tft.experimental.ptransform_analyzer(
            [*tokens, totals],
            CountValues(files, TOTALS_NAME, list(sizes)),
            output_dtypes=[tf.string] * written,
            output_shapes=[[]] * written,
            output_asset_default_values=[b"0 " + EMPTY_MARK] * written,
            name="count_values",
        )
        return paths[:-1]  # the last is that of the totals

    def label_moments(self, columns: Sequence[tf.Tensor], tasks: Sequence[str]) -> None:
        """See `Analyzers`."""
        from tfctr.transform._label_moments import LabelMoments  # Beam takes seconds that serving does not need

        tft.experimental.ptransform_analyzer(
            list(columns),
            LabelMoments(SCALES_NAME, tasks),
            output_dtypes=[tf.string],
            output_shapes=[[]],
            output_asset_default_values=[b"{}"],
            name="label_moments",
        )
