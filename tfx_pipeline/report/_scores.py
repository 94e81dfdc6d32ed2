"""The test rows scored by the exported model, once for each model: rendering a report again takes no model."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from tfctr.spec import FeatureSpec
from tfx_pipeline.rescore import Scores, rescore
from tfx_pipeline.results import Results

_PARTS = ("labels", "predictions", "weights", "cut_points")


def scores_of_test_rows(folder: Path, spec: FeatureSpec, results: Results) -> dict[str, Scores]:
    """Return task -> scores of the very rows that the gate judged.

    Args:
        folder: Where they are kept.
        spec: The spec, with cut points where a task had quantiles.
        results: Names the model and the rows.
    """
    mark = hashlib.sha256(f"{results.model}|{results.test_examples}".encode()).hexdigest()[:16]
    kept = folder / f"scores-{mark}.npz"
    if kept.exists():
        return _load(kept, spec)
    scores = rescore(results.model, results.test_examples, spec)
    for old in folder.glob("scores-*"):
        old.unlink()
    arrays: dict[str, Any] = {
        f"{task}.{part}": np.asarray(getattr(rows, part)) for task, rows in scores.items() for part in _PARTS
    }
    np.savez(kept, **arrays)
    return scores


def _load(kept: Path, spec: FeatureSpec) -> dict[str, Scores]:
    with np.load(kept, allow_pickle=False) as arrays:
        parts = {task: [arrays[f"{task.name}.{part}"] for part in _PARTS] for task in spec.tasks}
    return {
        task.name: Scores(labels, predictions, weights, tuple(points.tolist()), task.kind)
        for task, (labels, predictions, weights, points) in parts.items()
    }
