"""What a run leaves for people to look at: learning curves as a picture, and TensorBoard's event files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

SHOWN = ("loss", "logloss", "auc", "nll", "c_index", "rmse", "r2", "learning_rate")
"""Endings of the figures that the picture shows."""


def write_curves(path: Path, history: Sequence[dict[str, float]]) -> None:
    """Write the curves of loss, learning rate and each task's main figures by epoch as a PNG file.

    Args:
        path: The file; replaced when it is there.
        history: One dict of figures an epoch, at least one, as in `FitResult.history`.
    """
    from tfctr.training.metrics.plots import learning_figure, png_bytes  # a second of import that few processes need

    names = [name for name in history[0] if name.endswith(SHOWN)]
    curves = {name: [row.get(name, float("nan")) for row in history] for name in names}
    path.write_bytes(png_bytes(learning_figure(curves)))


_SCALAR = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": "scalars"})
"""What `tf.summary.scalar` would say of a number; that function is there only where TensorBoard is installed."""


class ScalarLog:
    """Writes the figures of each epoch for TensorBoard, training and validation as two runs of one plot.

    TensorBoard need not be installed where they are written.

    Args:
        folder: Where ``train`` and ``validation`` go; look at it by ``tensorboard --logdir FOLDER``.
    """

    def __init__(self, folder: Path):
        self._writers = {run: tf.summary.create_file_writer(str(folder / run)) for run in ("train", "validation")}

    def write(self, row: dict[str, float]) -> None:
        """Write the row of one epoch."""
        step = int(row["epoch"])
        for name, value in row.items():
            writer = self._writers["validation" if name.startswith("val_") else "train"]
            if name != "epoch":
                with writer.as_default():
                    number = tf.constant(value, tf.float32)
                    tf.summary.write(f"epoch_{name.removeprefix('val_')}", number, step=step, metadata=_SCALAR)
        for writer in self._writers.values():
            writer.flush()
