"""What every run sets up."""

from __future__ import annotations

from tfx_bsl.coders import batch_util

from tfx_pipeline.runner import cut_batches_by_size


def test_the_clock_does_not_decide_where_batches_end() -> None:
    cut_batches_by_size()
    settings = batch_util.GetBatchElementsKwargs(None)
    assert settings["min_batch_size"] == settings["max_batch_size"]
    assert settings["element_size_fn"](b"x" * 5000) == 5000
