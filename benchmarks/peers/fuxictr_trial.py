"""One model of FuxiCTR, one seed: trained on train, chosen on valid, judged once on test. For FuxiCTR's environment.

The figures go to a JSON file whose keys are those of `tfctr.benchmark.Score`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from fuxictr.pytorch.dataloaders.npz_dataloader import NpzDataLoader
from fuxictr.pytorch.torch_utils import seed_everything

from benchmarks.peers.fuxictr_models import DNN, DeepFM, FinalMLP, feature_map

MODELS = {"DNN": DNN, "DeepFM": DeepFM, "FinalMLP": FinalMLP}


class MemoryBatches:
    """The rows of a file in batches, in a new order every epoch; FuxiCTR's loaders without their loop over rows.

    Args:
        path: npz file with a column each name.
        names: Columns.
        batch_size: Rows in a batch; the last one may be smaller.
        seed: Of the orders; None keeps the order of the file.
    """

    def __init__(self, path: Path, names: list[str], batch_size: int, seed: int | None):
        with np.load(path) as arrays:
            self._rows = torch.from_numpy(np.column_stack([arrays[name] for name in names]))
        self._names, self._batch_size = names, batch_size
        self._rng = None if seed is None else np.random.default_rng(seed)

    def __len__(self) -> int:
        return -(-len(self._rows) // self._batch_size)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        total = len(self._rows)
        order = torch.arange(total) if self._rng is None else torch.from_numpy(self._rng.permutation(total))
        for chosen in order.split(self._batch_size):
            batch = self._rows[chosen]
            yield {name: batch[:, index] for index, name in enumerate(self._names)}


def watched(model_class: type, **options: Any) -> Any:
    """Return a model that notes the seconds of its epochs, evaluation apart, and which of them was best."""

    class Watched(model_class):
        """The model with a clock."""

        epoch_seconds: list[float] = []  # noqa: RUF012  (torch's modules take no annotations of their class for fields)
        best_epoch = 0

        def train_epoch(self, data_generator: Any) -> None:
            self._started = time.perf_counter()
            super().train_epoch(data_generator)

        def eval_step(self) -> None:
            self.epoch_seconds.append(time.perf_counter() - self._started)
            super().eval_step()

        def save_weights(self, checkpoint: str) -> None:
            self.best_epoch = len(self.epoch_seconds)
            super().save_weights(checkpoint)

    return Watched(**options)


def run(data: Path, settings: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
    """Train and judge.

    Args:
        data: Folder with ``train.npz``, ``valid.npz``, ``test.npz`` and ``tables.json``.
        settings: `model`, `options` of its constructor, `embedding_dim`, `batch_size`, `epochs`, `loader`.
        seed: Of everything drawn.
        folder: For FuxiCTR's files.

    Returns:
        Figures on the test rows, epochs, seconds, parameters.
    """
    tables = json.loads((data / "tables.json").read_text())
    features = feature_map(tables["rows"], tables["label"], settings["embedding_dim"], folder)
    names = [*tables["rows"], tables["label"]]

    def batches(split: str, shuffle: bool = False) -> Any:
        path, size = data / f"{split}.npz", settings["batch_size"]
        if settings["loader"] == "npz":
            return NpzDataLoader(features, str(path), batch_size=size, shuffle=shuffle)
        return MemoryBatches(path, names, size, seed if shuffle else None)

    seed_everything(seed)
    options = {**settings["options"], "model_root": str(folder), "monitor": "AUC", "monitor_mode": "max"}
    model = watched(MODELS[settings["model"]], features=features, **options)
    Path(model.model_dir).mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    model.fit(batches("train", shuffle=True), epochs=settings["epochs"], validation_data=batches("valid"))
    seconds = time.perf_counter() - started
    figures = model.evaluate(batches("test"), metrics=["AUC", "logloss"])
    return {
        "figures": {"auc": float(figures["AUC"]), "logloss": float(figures["logloss"])},
        "epochs": len(model.epoch_seconds),
        "best_epoch": model.best_epoch,
        "seconds": seconds,
        "seconds_to_best": sum(model.epoch_seconds[: model.best_epoch]),
        "parameters": sum(weight.numel() for weight in model.parameters()),
    }


def main() -> None:
    """Run one trial and write its figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder of rows")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON; see `run`")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True, help="file for the figures")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with TemporaryDirectory() as folder:
        found = run(options.data, options.settings, options.seed, Path(folder))
    options.out.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
