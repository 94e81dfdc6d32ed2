"""What every run sets up."""

from __future__ import annotations

from pathlib import Path

import pytest
from tfx_bsl.coders import batch_util

from tfctr.data import DataError
from tfctr.data._locks import locked
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.runner import cut_batches_by_size, run

SPEC = """
name: ads
features: [{kind: categorical, name: site, role: context}]
tasks: [{name: click, label: clicked}]
split: {by: random}
"""


def test_a_second_run_in_a_folder_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    config = PipelineConfig(spec=tmp_path / "spec.yaml", model="DNN", workdir=tmp_path / "run")
    with locked(config.workdir), pytest.raises(DataError, match=r"another process \(\d+\) has been working here"):
        run(config)
    assert [path.name for path in config.workdir.iterdir()] == [".lock"]


def test_the_clock_does_not_decide_where_batches_end() -> None:
    cut_batches_by_size()
    settings = batch_util.GetBatchElementsKwargs(None)
    assert settings["min_batch_size"] == settings["max_batch_size"]
    assert settings["element_size_fn"](b"x" * 5000) == 5000
