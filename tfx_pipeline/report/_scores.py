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
_DOMAINS, _DOMAIN_NAMES = "domains", "domain names"
"""Arrays of all tasks: the number of each row's domain, and their names; a blank is in no task's name."""


def scores_of_test_rows(folder: Path, spec: FeatureSpec, results: Results) -> dict[str, Scores]:
    """Return task -> scores of the very rows that the gate judged.

    Args:
        folder: Where they are kept.
        spec: The spec, with cut points where a task had quantiles.
        results: Names the model and the rows.
    """
    made_of = f"{results.model}|{results.test_examples}|{spec.meta.domain}"
    mark = hashlib.sha256(made_of.encode()).hexdigest()[:16]
    kept = folder / f"scores-{mark}.npz"
    if kept.exists():
        return _load(kept, spec)
    scores = rescore(results.model, results.test_examples, spec)
    for old in folder.glob("scores-*"):
        old.unlink()
    arrays: dict[str, Any] = {
        f"{task}.{part}": np.asarray(getattr(rows, part)) for task, rows in scores.items() for part in _PARTS
    }
    domains = next(iter(scores.values())).domains  # the same rows for every task
    if domains is not None:
        names, codes = np.unique(domains, return_inverse=True)
        arrays |= {_DOMAINS: codes.astype(np.int32), _DOMAIN_NAMES: names.astype(str)}
    np.savez(kept, **arrays)
    return scores


def _load(kept: Path, spec: FeatureSpec) -> dict[str, Scores]:
    with np.load(kept, allow_pickle=False) as arrays:
        parts = {task: [arrays[f"{task.name}.{part}"] for part in _PARTS] for task in spec.tasks}
        domains = arrays[_DOMAIN_NAMES].astype(object)[arrays[_DOMAINS]] if _DOMAINS in arrays else None
    return {
        task.name: Scores(labels, predictions, weights, tuple(points.tolist()), task.kind, domains)
        for task, (labels, predictions, weights, points) in parts.items()
    }
