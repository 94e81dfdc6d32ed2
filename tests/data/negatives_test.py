"""Batches without most of their negatives: which rows stay, and that they can be made again."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfctr.data.batches import ArrayPlan, BatchPlan, SampledNegatives
from tfctr.spec import FeatureSpec

SPEC = FeatureSpec(
    name="log",
    features=[{"kind": "categorical", "name": "row", "role": "item"}],
    tasks=[{"name": "click", "label": "clicked", "weight": "importance"}],
    meta={"time": "second"},
)
ROWS = 4000


def plan(clicks: np.ndarray | None = None, rate: float = 0.2, seed: int = 1) -> SampledNegatives:
    labels = (np.arange(ROWS) % 10 == 0).astype(np.float32) if clicks is None else clicks
    arrays = {"row": np.arange(len(labels)), "click": labels, "click__weight": np.arange(len(labels), dtype=np.float32)}
    return SampledNegatives(ArrayPlan(arrays, SPEC, batch_size=500), rate, seed=seed)


def rows(batches: tf.data.Dataset) -> list[list[int]]:
    return [features["row"].numpy().tolist() for features, *_ in batches]


def test_positives_stay_and_negatives_stay_at_the_rate() -> None:
    made: BatchPlan = plan()
    kept = np.concatenate(rows(made.epoch(0)))
    assert len(set(kept)) == len(kept)
    positives = kept[kept % 10 == 0]
    assert len(positives) == ROWS // 10
    share = (len(kept) - len(positives)) / (0.9 * ROWS)
    assert share == pytest.approx(0.2, abs=4 * np.sqrt(0.2 * 0.8 / (0.9 * ROWS)))


def test_rows_stay_whole() -> None:
    for features, labels, weights in plan().epoch(0):
        number = features["row"].numpy()
        np.testing.assert_array_equal(labels.numpy()[:, 0], number % 10 == 0)
        np.testing.assert_array_equal(weights.numpy()[:, 0], number)


def test_the_draw_follows_from_seed_epoch_and_step() -> None:
    whole = rows(plan().epoch(2))
    assert rows(plan().epoch(2)) == whole
    assert rows(plan().epoch(2, start_step=3)) == whole[3:]
    assert rows(plan().epoch(3)) != whole
    assert rows(plan(seed=2).epoch(2)) != whole
    union = {row for epoch in range(12) for batch in rows(plan().epoch(epoch)) for row in batch}
    assert len(union) > 0.9 * ROWS  # 1 - 0.8¹² of the negatives


def test_a_batch_is_never_empty() -> None:
    made = plan(clicks=np.zeros(1000, np.float32), rate=1e-9)
    assert [len(batch) for batch in rows(made.epoch(0))] == [1, 1]


def test_a_rate_is_a_share() -> None:
    with pytest.raises(ValueError, match=r"in \(0, 1\]. Received: rate=0"):
        plan(rate=0)
