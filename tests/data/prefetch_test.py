"""Batches made ahead: in order, and without tf.data's autotuner unless it is asked for."""

from __future__ import annotations

import pytest
import tensorflow as tf

from tfctr.data.batches import Prefetch


def test_order_is_that_of_the_source_and_no_autotuner_runs() -> None:
    batches = Prefetch().map(tf.data.Dataset.range(100), lambda step: (step * 2,))
    assert [int(batch) for (batch,) in batches] == list(range(0, 200, 2))
    assert batches.options().autotune.enabled is False
    later = batches.take(3).apply(tf.data.experimental.assert_cardinality(3))
    assert later.options().autotune.enabled is False


@pytest.mark.parametrize("prefetch", [Prefetch(batches=1), Prefetch(threads=1), Prefetch(autotune=True)])
def test_settings_change_no_batch(prefetch: Prefetch) -> None:
    batches = prefetch.map(tf.data.Dataset.range(100), lambda step: (step * 2,))
    assert [int(batch) for (batch,) in batches] == list(range(0, 200, 2))
    assert batches.options().autotune.enabled is prefetch.autotune


def test_no_batches_and_no_threads_are_refused() -> None:
    for wrong in ({"batches": 0}, {"threads": 0}):
        with pytest.raises(ValueError, match="batches and threads are at least 1"):
            Prefetch(**wrong)
