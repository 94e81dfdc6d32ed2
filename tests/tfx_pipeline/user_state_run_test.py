"""A model whose user's side is computed apart, through the whole pipeline: trained, compared, pushed and asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tfctr.serving import in_process
from tfctr.serving._requests import column_inputs, rank_inputs
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.runner import run

pytestmark = pytest.mark.end_to_end

SETTINGS = {"embedding_dim": 4, "hidden_units": (8,), "signatures": 4, "bits": 2, "short_length": 0}


def test_long_histories_are_served_from_a_state(
    settings: Callable[..., PipelineConfig], world: Path, tmp_path: Path
) -> None:
    config = settings(model="SDIM", hyperparameters=SETTINGS, workdir=tmp_path / "run")
    report = run(config)
    pushed = report.results.pushed_to
    parity = json.loads((pushed / "assets.extra" / "parity.json").read_text())
    assert [c["signature"] for c in parity["comparisons"]][2:4] == ["rank", "rank_with_state"]
    assert parity["passed"]
    columns = config.read_spec().raw_columns(serving=True)
    rows = pq.read_table(world / "log.parquet").slice(5000, 20).select([c.name for c in columns]).to_pylist()
    history = [column for column in columns if column.name == "clicked_items"]
    others = [column for column in columns if column.name not in ("clicked_items", "clicked_times")]
    items = {column.name for column in columns if column.role == "item"}
    with in_process(pushed) as served:
        state = served.call(column_inputs([{"clicked_items": rows[0]["clicked_items"]}], history), "encode_user")
        once = {column.name: rows[0][column.name] for column in others if column.name not in items}
        candidates = [{name: row[name] for name in items} for row in rows]
        whole = {c.name: rows[0][c.name] for c in columns if c.name not in items}
        found = served.call(rank_inputs(once, candidates, others) | state, "rank_with_state")
        np.testing.assert_allclose(
            found["click"], served.call(rank_inputs(whole, candidates, columns), "rank")["click"], atol=1e-6
        )
