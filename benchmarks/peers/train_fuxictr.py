"""FuxiCTR as a contender: its training loop on a DNN. Runs in the environment that `make peers` made.

Two ways to give it rows: `memory`, batches cut before the clock starts, which spares it all work on the input; and
`loader`, its own `NpzDataLoader` as it is configured by default.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.peers.child import Burst, serve
from benchmarks.peers.workload import BATCH, DIM, HIDDEN_UNITS, LABEL, LEARNING_RATE, NAMES, Rows


class Batches:
    """The next so many batches of an endless stream, as FuxiCTR's `fit` wants them: countable."""

    def __init__(self, stream: Iterator[Any], steps: int):
        self._stream, self._steps = stream, steps

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[Any]:
        return islice(self._stream, self._steps)


def build(rows: Rows, threads: int, source: str, folder: Path) -> Burst:
    """Return what trains the model for a number of steps."""
    import torch

    from benchmarks.peers.fuxictr_models import DNN, feature_map

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    features = feature_map(dict.fromkeys(NAMES, rows.field_rows), LABEL, DIM, folder)

    class Watched(DNN):
        """The model, with its last losses at hand and without the checkpoint of an evaluation that never is."""

        losses: list[Any] = []  # noqa: RUF012  (torch's modules take no annotations of their class for fields)

        def train_step(self, batch_data: Any) -> Any:
            loss = super().train_step(batch_data)
            self.losses.append(loss.detach())
            return loss

        def load_weights(self, checkpoint: str) -> None:
            """Do nothing: `fit` ends by reading the best epoch's weights."""

    model = Watched(
        features,
        learning_rate=LEARNING_RATE,
        hidden_units=HIDDEN_UNITS,
        model_root=str(folder),
        eval_steps=10**9,
    )
    stream = from_memory(rows) if source == "memory" else from_loader(rows, features, folder)

    def burst(steps: int) -> float:
        model.losses.clear()
        model.fit(Batches(stream, steps))
        return float(torch.stack(model.losses).mean())

    return burst


def from_memory(rows: Rows) -> Iterator[dict[str, Any]]:
    """Yield batches that were cut beforehand, again and again."""
    import torch

    columns = {**rows.columns, LABEL: rows.labels}
    cuts = range(0, len(rows.labels) - BATCH + 1, BATCH)
    batches = [{name: torch.from_numpy(column[cut : cut + BATCH]) for name, column in columns.items()} for cut in cuts]
    while True:
        yield from batches


def from_loader(rows: Rows, features: Any, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the whole batches of FuxiCTR's loader, epoch after epoch."""
    from fuxictr.pytorch.dataloaders.npz_dataloader import NpzDataLoader

    whole = len(rows.labels) // BATCH * BATCH
    path = folder / "rows.npz"
    columns: dict[str, Any] = {**rows.columns, LABEL: rows.labels}
    np.savez(path, **{name: column[:whole] for name, column in columns.items()})
    loader = NpzDataLoader(features, str(path), batch_size=BATCH, shuffle=True)
    while True:
        yield from loader


def main() -> None:
    """Answer requests for bursts of training steps."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rows", type=Path, help="file of rows")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--source", choices=("memory", "loader"), default="memory")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        serve(lambda: build(Rows.load(options.rows), options.threads, options.source, Path(folder)))


if __name__ == "__main__":
    main()
