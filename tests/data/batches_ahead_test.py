"""Batches made ahead: in order, and without tf.data's autotuner unless it is asked for."""

from __future__ import annotations

import pytest
import tensorflow as tf

from tfctr.data.batches import Ahead


def test_order_is_that_of_the_source_and_no_autotuner_runs() -> None:
    batches = Ahead().of(tf.data.Dataset.range(100), lambda step: (step * 2,))
    assert [int(batch) for (batch,) in batches] == list(range(0, 200, 2))
    assert batches.options().autotune.enabled is False
    later = batches.take(3).apply(tf.data.experimental.assert_cardinality(3))
    assert later.options().autotune.enabled is False


@pytest.mark.parametrize("ahead", [Ahead(batches=1), Ahead(threads=1), Ahead(autotune=True)])
def test_settings_change_no_batch(ahead: Ahead) -> None:
    batches = ahead.of(tf.data.Dataset.range(100), lambda step: (step * 2,))
    assert [int(batch) for (batch,) in batches] == list(range(0, 200, 2))
    assert batches.options().autotune.enabled is ahead.autotune


def test_no_batches_and_no_threads_are_refused() -> None:
    for wrong in ({"batches": 0}, {"threads": 0}):
        with pytest.raises(ValueError, match="batches and threads are at least 1"):
            Ahead(**wrong)
