"""Two runs write their rows in one order: with one seed, what is learned from them is the same, too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
import pytest
import tensorflow as tf

import tfx_pipeline.terminal
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.runner import run

pytestmark = pytest.mark.end_to_end


class Enough(Exception):
    """Raised where the test has seen what it wanted."""


def order_of(config: PipelineConfig, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The users of the training rows that ExampleGen writes, in their order; later steps do not run."""

    def no_further(console: object, node: str, *told: object) -> None:
        if node == "ExampleGen":
            raise Enough

    monkeypatch.setattr(tfx_pipeline.terminal, "step_line", no_further)
    with pytest.raises(Enough):
        run(config)
    (file,) = Path(config.workdir).glob("pipeline/ExampleGen/examples/*/Split-train/*.gz")
    examples = (tf.train.Example.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(file), "GZIP"))
    return [example.features.feature["user_id"].int64_list.value[0] for example in examples]


def test_rows_have_the_same_order_in_every_run(
    settings: Callable[..., PipelineConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of 2**32 keys two rows rarely draw the same one; of 64 many do.
    monkeypatch.setattr(beam.Reshuffle, "_DEFAULT_NUM_BUCKETS", 64)
    first, again = (order_of(settings(workdir=tmp_path / name), monkeypatch) for name in ("first", "again"))
    assert first == again
