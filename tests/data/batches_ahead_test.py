"""Batches made ahead: in order, and without tf.data's autotuner."""

from __future__ import annotations

import tensorflow as tf

from tfctr.data.batches.ahead import made_ahead


def test_order_is_that_of_the_source_and_no_autotuner_runs() -> None:
    batches = made_ahead(tf.data.Dataset.range(100), lambda step: (step * 2,))
    assert [int(batch) for (batch,) in batches] == list(range(0, 200, 2))
    assert batches.options().autotune.enabled is False
    later = batches.take(3).apply(tf.data.experimental.assert_cardinality(3))
    assert later.options().autotune.enabled is False
