"""`rank_features`: a raw log → the ranking of its fields, in one pass and bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pyarrow as pa

from tfctr.analysis.ranking._anomalies import find_anomalies, unusable_fields
from tfctr.analysis.ranking._batches import mini_batches
from tfctr.analysis.ranking._conclude import interactions, ranked_fields, redundancies, scores_of
from tfctr.analysis.ranking._fields import encode, fields_of, labels_of, task_of
from tfctr.analysis.ranking._ranker import Ranker
from tfctr.analysis.ranking._row_profile import RowProfile
from tfctr.analysis.ranking._statistics import FieldStatistics
from tfctr.analysis.ranking.config import RankingConfig
from tfctr.analysis.ranking.result import Anomaly, FeatureRanking
from tfctr.data._prepare import describe_source, find_source, source_batches
from tfctr.data._readers.files import Paths
from tfctr.data.bad_rows import BadRows
from tfctr.data.errors import DataError
from tfctr.data.frames import Rows
from tfctr.spec import BinaryTask, FeatureSpec


def rank_features(
    log: Paths | Rows,
    spec: FeatureSpec,
    *,
    task: str | None = None,
    config: RankingConfig | None = None,
    left_out: Mapping[str, str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> FeatureRanking:
    """Rank the fields of a log by what they tell about its label, before any model.

    Mini-batches are read one after the other. In each, every field is scored for the label (`information`), fields are
    scored for each other and crosses of fields for the label; the median over the batches counts. 3MR puts the fields
    in order; noise controls say where noise begins. Weights of rows are not looked at.

    Args:
        log: A file, folder or glob pattern, a list of these, the name of a public data set, or rows in
            memory, such as a data frame (see `as_table`).
        spec: Says how the log is read, which features to rank and for which label.
        task: The task whose label counts; the first one for None.
        config: Settings; None takes the defaults.
        left_out: Columns of the log that a guessed spec left out, with the reason, to be reported among the anomalies.
        progress: Called with the number of rows after each mini-batch, rows that `every` passes over counted in.

    Raises:
        DataError: When the log cannot be read or has no rows, lacks a column, has nothing to rank, or when every row
            has the same label.

    Example:
        >>> from tfctr.data.simulator import SimulatorConfig, simulate
        >>> log = simulate(SimulatorConfig(rows=4000, affinity=0, quality=0, crosses=0, position_bias=2))
        >>> ranking = rank_features(log.table, log.spec)
        >>> ranking.by_score()[0].name
        'position'

    Reference: Skrlj and Mramor, "OutRank", RecSys 2023, arXiv 2309.01552. Not taken over: the scores by surrogate
    models, the random noise of continuous controls (they are counted as all distinct), and batches thrown away.
    """
    config = config or RankingConfig()
    chosen = task_of(spec, task)
    fields, others = fields_of(spec)
    ranker, profile = Ranker(fields, config), RowProfile()
    statistics = {field.name: FieldStatistics(config.missing_texts) for field in fields}
    bad_rows, found = BadRows(), np.zeros(2, dtype=np.int64)
    source = find_source(spec, log)
    for batch, labels in _batches(source_batches(spec, source, bad_rows), chosen, config):
        columns = encode(batch, fields)
        for name, column in columns.items():
            statistics[name].update(column)
        profile.update(columns, labels)
        ranker.update(columns, labels)
        found += np.bincount(labels, minlength=2)
        if progress is not None:
            progress(config.every * len(labels))
    _check_labels(found, chosen, describe_source(source))
    remarks = (*_bad_row_anomalies(bad_rows), *(Anomaly("left-out", *one) for one in (left_out or {}).items()))
    return _conclude(spec, chosen, ranker, statistics, profile, found, others, remarks)


def _batches(
    read: Iterator[pa.RecordBatch], task: BinaryTask, config: RankingConfig
) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
    """Mini-batches of the rows that count for a task, and their labels."""
    for batch in mini_batches(read, config.batch_rows, config.every):
        rows, labels = labels_of(batch, task)
        if len(labels):
            yield rows, labels


def _check_labels(found: np.ndarray, task: BinaryTask, source: str) -> None:
    if not found.sum():
        raise DataError(f"{source}: no row counts for task {task.name!r}: its mask {task.mask!r} is 0 everywhere")
    if not found.all():
        always = int(found.argmax())
        raise DataError(
            f"{source}: the label {task.label!r} is {always} in all {found.sum():,} rows, so no field can tell "
            "anything about it; take a log with both outcomes, or another task"
        )


def _conclude(
    spec: FeatureSpec,
    task: BinaryTask,
    ranker: Ranker,
    statistics: dict[str, FieldStatistics],
    profile: RowProfile,
    found: np.ndarray,
    others: dict[str, str],
    remarks: tuple[Anomaly, ...],
) -> FeatureRanking:
    config, scores = ranker.config, scores_of(ranker)
    numeric = frozenset(field.name for field in ranker.fields if field.numeric)
    unusable = unusable_fields(statistics, numeric)
    fields, pairs = ranked_fields(ranker, scores, statistics, unusable), redundancies(ranker)
    shares = found / found.sum()
    entropy = float(-(shares * np.log(shares)).sum())
    anomalies = find_anomalies(fields, statistics, unusable, pairs, entropy, config.rare_count)
    rare = [(name, *one) for name, counted in statistics.items() for one in counted.counts.rare(config.rare_count)]
    return FeatureRanking(
        spec=spec.name,
        task=task.name,
        config=config,
        rows=int(found.sum()),
        batches=ranker.batches,
        label_rate=float(shares[1]),
        label_entropy=entropy,
        fields=fields,
        controls=scores.controls,
        redundancies=pairs,
        interactions=interactions(ranker, scores),
        anomalies=(*anomalies, *remarks),
        rare_values=tuple(rare),
        row_profile=profile.result(),
        not_ranked=others,
    )


def _bad_row_anomalies(bad_rows: BadRows) -> list[Anomaly]:
    return [
        Anomaly("bad-rows", reason.partition(":")[0], f"{count:,} rows set aside: {reason}")
        for reason, count in bad_rows.counts.most_common()
    ]
