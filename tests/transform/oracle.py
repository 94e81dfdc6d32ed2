"""What the transform must give, written a second time in plain Python, one value at a time."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import tensorflow as tf

from tfctr.spec import (
    MISSING,
    CategoricalFeature,
    CrossFeature,
    FeatureSpec,
    IdFeature,
    MultiFeature,
    NumericFeature,
    SequenceFeature,
    VectorFeature,
)


def is_missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and not math.isfinite(value))


def token(value: Any) -> str:
    """The text of one scalar; blanks and line ends are one thing in a vocabulary."""
    return MISSING if is_missing(value) else str(value)


def hash_bucket(text: str, buckets: int) -> int:
    return int(tf.strings.to_hash_bucket_fast([text], buckets)[0])


class Oracle:
    """Learns from and transforms lists of row dicts."""

    def __init__(self, spec: FeatureSpec, rows: list[dict[str, Any]]):
        self.spec = spec
        self.rows = rows
        self.ids_of = {table: self._learn(table) for table in self._learned_tables()}

    def _learned_tables(self) -> list[str]:
        owners = [f for f in self.spec.features if isinstance(f, IdFeature) and f.table == f.name]
        return [owner.name for owner in owners if owner.hash_buckets is None]

    def values(self, feature: IdFeature, row: dict[str, Any]) -> list[str]:
        """The texts of a feature in a row, in order, cut as the model sees them."""
        if isinstance(feature, CrossFeature):
            texts = [token(row[self.spec.feature(name).column]) for name in feature.of]
            return ["|".join(text.replace("\\", "\\\\").replace("|", "\\|") for text in texts)]
        if isinstance(feature, CategoricalFeature) and feature.from_time is not None:
            return [self.part_of_time(feature, row)]
        if isinstance(feature, MultiFeature):
            return [value for value, _ in self.events(feature, row)][: feature.max_length]
        if isinstance(feature, SequenceFeature):
            return [value for value, _ in self.events(feature, row)][-feature.max_length :]
        return [token(row[feature.column])]

    def events(self, feature: MultiFeature | SequenceFeature, row: dict[str, Any]) -> list[tuple[str, Any]]:
        """The values of a list, oldest first and without padding, each with its time."""
        if feature.columns:
            raw = [row[name] for name in feature.columns if not is_missing(row[name])]
        else:
            raw = row[feature.column] or []
        texts = [str(value) for value in raw]
        if feature.inner_separator:
            parts = [text.split(feature.inner_separator) for text in texts]
            texts = [part[feature.part - 1] if len(part) >= feature.part else "" for part in parts]
        texts = [token(text) for text in texts]
        main, padded = feature, texts
        if isinstance(feature, SequenceFeature) and feature.aligned_with:
            main = self.spec.feature(feature.aligned_with)
            padded = [str(value) for value in row[main.column] or []]
        times = (
            (row[feature.times] or []) if isinstance(feature, SequenceFeature) and feature.times else [None] * len(raw)
        )
        kept = [
            (text, time)
            for text, time, beside in zip(texts, times, padded, strict=True)
            if main.padding is None or beside != str(main.padding)
        ]
        return kept[::-1] if isinstance(main, SequenceFeature) and main.order == "newest_first" else kept

    def part_of_time(self, feature: CategoricalFeature, row: dict[str, Any]) -> str:
        made = feature.from_time
        column = made.of.column if made.of else self.spec.meta.time
        if row[column] is None:
            return MISSING
        zone = made.zone or (made.of.zone if made.of else "UTC")
        clock = datetime.fromtimestamp(row[column], ZoneInfo(zone))
        parts = {"hour_of_day": clock.hour, "weekday": clock.weekday()}
        return str(parts.get(made.part, 24 * clock.weekday() + clock.hour))

    def _learn(self, table: str) -> dict[str, int]:
        owner = self.spec.feature(table)
        sharers = [f for f in self.spec.features if isinstance(f, IdFeature) and f.table == table]
        counts = Counter(coded(v) for row in self.rows for f in sharers for v in self.values(f, row))
        settings = owner.effective_vocabulary
        kept = [(count, value) for value, count in counts.items() if count >= settings.min_count and value]
        kept.sort(key=lambda pair: (pair[0], pair[1].encode()), reverse=True)
        return {value: 1 + settings.oov_buckets + i for i, (_, value) in enumerate(kept[: settings.max_size])}

    def id(self, table: str, text: str) -> int:
        owner = self.spec.feature(table)
        if owner.hash_buckets:
            salt = f"{table}|" if isinstance(owner, CrossFeature) else ""
            return 1 + hash_bucket(salt + text, owner.hash_buckets)
        buckets = owner.effective_vocabulary.oov_buckets
        return self.ids_of[table].get(coded(text), 1 + hash_bucket(coded(text), buckets))

    def ids(self, name: str, row: dict[str, Any]) -> Any:
        """The ids of an id feature in a row: a number, or a list padded with 0."""
        feature = self.spec.feature(name)
        ids = [self.id(feature.table, text) for text in self.values(feature, row)]
        if isinstance(feature, MultiFeature | SequenceFeature):
            return ids + [0] * (feature.max_length - len(ids))
        return ids[0]

    def numeric(self, name: str, rows: list[dict[str, Any]]) -> np.ndarray:
        """A scaled numeric feature (not `quantile`)."""
        feature = self.spec.feature(name)
        assert isinstance(feature, NumericFeature)
        seen = _floats(self.rows, feature)
        mean = np.nanmean(seen)
        values = _floats(rows, feature)
        values = np.where(np.isnan(values), mean, values)
        if feature.scale == "none":
            return values
        if feature.scale == "log":
            seen, values = (np.sign(v) * np.log1p(np.abs(v)) for v in (seen, values))
        return (values - np.nanmean(seen)) / np.nanstd(seen)

    def vector(self, name: str, row: dict[str, Any]) -> list[float]:
        feature = self.spec.feature(name)
        assert isinstance(feature, VectorFeature)
        return [v if math.isfinite(v) else 0.0 for v in row[feature.column] or [0.0] * feature.width]


def coded(text: str) -> str:
    return text.replace(" ", "\x1f").replace("\n", "\x1f").replace("\r", "\x1f")


def _floats(rows: list[dict[str, Any]], feature: NumericFeature) -> np.ndarray:
    """float64 values, NaN where missing and not filled."""
    fill = math.nan if feature.fill is None else feature.fill
    values = [row.get(feature.column) for row in rows]
    if feature.from_time is not None:
        pairs = [(row["at"], row[feature.from_time.earlier.column]) for row in rows]
        values = [None if earlier is None else (at - earlier) / 3600 for at, earlier in pairs]
    return np.array([fill if is_missing(value) else float(value) for value in values])
