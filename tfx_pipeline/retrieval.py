"""The index of a pushed two-tower model: its user's side and all items, served beside it."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tfctr.models import TwoTower
from tfctr.serving import export_index
from tfctr.spec import FeatureSpec
from tfctr.transform import TransformOutput, examples_to_table
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.files import KERAS_FILE, SPLITS
from tfx_pipeline.rescore import serialized_examples
from tfx_pipeline.results import Results, read_results

_HELD = 100_000
"""Rows that may be held beside the items found so far."""


def push_index(config: PipelineConfig, item: str, k: int = 100, items: Path | None = None) -> Path:
    """Export the index of the model that the last run pushed.

    It gets the model's version, in ``<spec>_index`` beside the folder of the model's versions.

    Args:
        config: The run's settings.
        item: Raw column whose value names an item.
        k: Items returned, see `tfctr.serving.export_index`.
        items: Parquet file with the item columns, each item once. None takes the items of the run's own log, each with
            what its last row says of it.

    Returns:
        The version folder.

    Raises:
        ValueError: When the run pushed no model or one without two towers, or no item column has this name.
        FileNotFoundError: When no run came to its end, or there is no such file.
        FileExistsError: When this version has its index already.
    """
    spec = config.read_spec()
    about = [column for column in spec.raw_columns(serving=True) if column.role == "item"]
    scalars = [column.name for column in about if column.shape == "scalar"]
    if item not in scalars:
        raise ValueError(f"{item!r} names no item: columns of spec {spec.name!r} that can are {', '.join(scalars)}")
    results = read_results(config, spec)
    if results.pushed_to is None:
        raise ValueError(
            f"the last run in {config.workdir} pushed no model: an index goes with a version that is served"
        )
    model = keras.saving.load_model(results.model_run / KERAS_FILE)
    if not isinstance(model, TwoTower):
        raise ValueError(f"an index needs a model of two towers, TwoTower; this run's is a {type(model).__name__}")
    rows = pq.read_table(items) if items else _items_of(results, spec, [column.name for column in about], item)
    target = results.pushed_to.parent.with_name(f"{spec.name}_index") / results.pushed_to.name
    return export_index(model, TransformOutput(results.transform_graph, spec=spec), rows, target, item=item, k=k)


def _items_of(results: Results, spec: FeatureSpec, columns: list[str], item: str) -> pa.Table:
    """Each item of the run's log with what its last row says of it."""
    parts: list[pa.Table] = []
    for split in SPLITS:
        for serialized in serialized_examples(results.test_examples.with_name(f"Split-{split}")):
            rows = examples_to_table(serialized, spec).select(columns)
            parts.append(_last_of_each(rows.filter(rows.column(item).is_valid()), item))
            if sum(part.num_rows for part in parts[1:]) > max(_HELD, parts[0].num_rows):
                parts = [_last_of_each(pa.concat_tables(parts), item)]  # seldom: a long log has many rows an item
    return _last_of_each(pa.concat_tables(parts), item)


def _last_of_each(rows: pa.Table, item: str) -> pa.Table:
    names = rows.column(item).to_numpy(zero_copy_only=False)
    _, from_the_end = np.unique(names[::-1], return_index=True)
    return rows.take(np.sort(len(names) - 1 - from_the_end))
