"""Scores rows with an exported model and computes the gate's figures anew, without TFMA."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from tfctr.spec import NO_DOMAIN, FeatureSpec, SurvivalTask
from tfctr.training.metrics import (
    DomainFigures,
    auc,
    calibration_ratio,
    evaluate_regression,
    evaluate_survival,
    figures_by_domain,
    logloss,
)
from tfctr.transform import examples_to_table
from tfx_pipeline.components.outcomes import Outcome, outcomes_of

_BATCH = 4096


@dataclass(frozen=True)
class Scores:
    """Rows scored for one task.

    Args:
        labels: 0 or 1, of regression tasks numbers, of survival tasks signed durations, float64 ``(rows,)``.
        predictions: Probabilities or numbers, float64 ``(rows,)``; of survival tasks probabilities of lasting beyond
            each cut point, ``(rows, intervals)``.
        weights: Weights, float64 ``(rows,)``.
        cut_points: Of survival tasks; empty for others.
        kind: Of the task.
        domains: Name of each row's domain, text ``(rows,)``; None where the spec has no `meta.domain`.
    """

    labels: np.ndarray
    predictions: np.ndarray
    weights: np.ndarray
    cut_points: tuple[float, ...] = ()
    kind: str = "binary"
    domains: np.ndarray | None = None

    def by_domain(self) -> DomainFigures | None:
        """Return the figures of each domain; None without domains."""
        if self.domains is None:
            return None
        columns = (self.labels, self.predictions, self.domains, self.weights)
        return figures_by_domain(*columns, kind=self.kind, cut_points=self.cut_points)

    def figures(self) -> dict[str, float]:
        """Return rows, AUC, logloss and predicted over actual; of other kinds all figures of their own."""
        if self.kind == "regression":
            return evaluate_regression(self.labels, self.predictions, self.weights)
        if self.cut_points:
            durations, events = np.abs(self.labels), self.labels > 0
            return evaluate_survival(durations, events, self.predictions, self.cut_points, self.weights)
        columns = (self.labels, self.predictions, self.weights)
        return {
            "rows": float(len(self.labels)),
            "AUC": auc(*columns),
            "logloss": logloss(*columns),
            "predicted / actual": calibration_ratio(*columns),
        }


def rescore(model: Path, examples: Path, spec: FeatureSpec, where: dict[str, str] | None = None) -> dict[str, Scores]:
    """Return task -> scores of the rows in a folder of raw tf.Examples.

    Args:
        model: Folder of the exported model.
        examples: Folder of gzipped TFRecords, such as one split of ExampleGen's output.
        spec: The spec.
        where: Raw column -> value; only rows that have them all are scored. None scores all.
    """
    score = tf.saved_model.load(str(model)).signatures["serving_default"]
    parts: dict[str, list[Scores]] = {outcome.name: [] for outcome in outcomes_of(spec)}
    for serialized in serialized_examples(examples):
        rows = examples_to_table(serialized, spec).combine_chunks().to_batches()[0]
        keep = np.ones(rows.num_rows, bool)
        for column, value in (where or {}).items():
            keep &= np.array([str(cell) == value for cell in rows.column(column).to_pylist()], bool)
        outputs = score(examples=tf.constant(serialized))
        domains = _domains(rows, spec)
        for outcome in outcomes_of(spec):
            values = {name: array.to_numpy(zero_copy_only=False) for name, array in outcome.values(rows).items()}
            parts[outcome.name].append(_scores(outcome, values, outputs[outcome.name].numpy(), keep, domains))
    return {name: _joined(many) for name, many in parts.items()}


def serialized_examples(folder: Path) -> Iterator[list[bytes]]:
    """Yield the serialized tf.Examples of a folder of gzipped TFRecords, some thousands at a time."""
    files = sorted(str(path) for path in folder.glob("*") if path.is_file())
    if not files:
        raise FileNotFoundError(f"no examples in {folder}")
    for batch in tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_BATCH).as_numpy_iterator():
        yield list(batch)


def _domains(rows: pa.RecordBatch, spec: FeatureSpec) -> np.ndarray | None:
    """The domain of each row as the log has it."""
    if spec.meta.domain is None:
        return None
    names = pc.fill_null(rows.column(spec.meta.domain).cast(pa.string()), "")
    return np.asarray(pc.if_else(pc.equal(names, ""), NO_DOMAIN, names).to_numpy(zero_copy_only=False))


def _scores(
    outcome: Outcome,
    values: dict[str, np.ndarray],
    outputs: np.ndarray,
    keep: np.ndarray,
    domains: np.ndarray | None,
) -> Scores:
    labels = values[outcome.label_column].astype(np.float64)
    weights = values[outcome.weight_column] if outcome.weight_column else np.ones(len(labels))
    cut_points = outcome.task.grid if isinstance(outcome.task, SurvivalTask) else ()
    predictions = outputs.astype(np.float64) if cut_points else outputs.reshape(-1).astype(np.float64)
    kept = (labels[keep], predictions[keep], weights.astype(np.float64)[keep])
    return Scores(*kept, cut_points, outcome.task.kind, None if domains is None else domains[keep])


def _joined(parts: list[Scores]) -> Scores:
    return Scores(
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.predictions for part in parts]),
        np.concatenate([part.weights for part in parts]),
        parts[0].cut_points,
        parts[0].kind,
        None if parts[0].domains is None else np.concatenate([part.domains for part in parts]),
    )
