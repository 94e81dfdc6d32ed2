"""Rows in 8 and 4 bits: what is lost, what it costs, and that every kind of table can be kept so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.plans.exported import variables_bytes
from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import (
    DistributedTable,
    DoubleHashedTable,
    EmbeddingTable,
    FullTable,
    FusedLookup,
    HashedTable,
    IdMap,
    LowRankTable,
    MappedTable,
    PrunedTable,
    QuotientRemainderTable,
    SearchedTable,
    TableL2,
    estimate_memory,
)
from tfctr.layers.embedding._precision import QuantizedRows, quantized
from tfctr.models import FM, CTRModel, quantize_tables
from tfctr.testing._examples import RICH, example

ROWS = RICH.rows["item"]
TABLES: dict[str, EmbeddingTable] = {
    "full": FullTable(),
    "hashed": HashedTable(compression=2),
    "double-hashed": DoubleHashedTable(compression=2),
    "quotient-remainder": QuotientRemainderTable(compression=2),
    "mapped": MappedTable(mapping=IdMap.grouped([-1, -1, *range(2, ROWS)])),
    "low-rank": LowRankTable(rank=2),
    "pruned": PrunedTable(kept=3, width=3),
    "searched": SearchedTable(sample_widths=False),
}


def tables_of(model: CTRModel) -> list[EmbeddingTable]:
    return [lookup.fused_table for lookup in layers_of(model, FusedLookup)]


def trained(table: EmbeddingTable, dim: int = 5) -> CTRModel:
    """A model of odd width whose rows are as large as trained ones."""
    keras.utils.set_random_seed(0)
    model = FM(RICH, embedding_dim=dim, tables={"item": table})
    model.build()
    rng = np.random.default_rng(0)
    for held in tables_of(model):
        for rows in held.stored_rows.values():
            rows.assign(rng.normal(scale=0.3, size=rows.shape))
    return model


@pytest.mark.parametrize(("precision", "error"), [("int8", 0.01), ("int4", 0.2)])
@pytest.mark.parametrize("kind", TABLES)
def test_a_model_of_any_table_answers_nearly_the_same(kind: str, precision: str, error: float, tmp_path: Path) -> None:
    model, features = trained(TABLES[kind]), example(64)["features"]
    small = quantize_tables(model, precision)
    answers, rounded = (np.asarray(one.predict_on_batch(features)) for one in (model, small))
    assert 0 < np.abs(answers - rounded).max() < error
    assert not any(rows.codes.trainable for table in tables_of(small) for rows in table.stored_rows.values())
    if kind == "full":
        small.save(tmp_path / "model.keras")
        again = keras.saving.load_model(tmp_path / "model.keras").predict_on_batch(features)
        np.testing.assert_array_equal(again, rounded)


@pytest.mark.parametrize("table", [FullTable(), SearchedTable(sample_widths=False, pressure=0.0)])
def test_a_penalty_on_rows_that_do_not_train_is_left_out(table: EmbeddingTable) -> None:
    model = FM(RICH, embedding_dim=5, table=table, embedding_l2=TableL2(1e-2))
    model.build()
    small = quantize_tables(model, "int8")
    features = example(8)["features"]
    assert np.isfinite(small.predict_on_batch(features)).all()
    assert not any(float(loss) for loss in small.losses)
    model(features)
    assert sum(float(loss) for loss in model.losses) > 0


def test_codes_are_the_nearest_ones_of_a_scale_a_column() -> None:
    values = np.array([[0.0, 10.0], [1.27, -20.0], [-0.5, 0.1]], "float32")
    codes, scales = quantized(values, "int8")
    np.testing.assert_array_equal(codes[:, 0], [0, 127, -50])
    np.testing.assert_allclose(scales[0], 0.01, rtol=1e-6)
    assert np.abs(codes * scales - values).max(axis=0)[1] <= scales[1] / 2 + 1e-6
    codes, _ = quantized(values, "int4")
    assert np.abs(codes).max() <= 7
    nothing, scales = quantized(np.zeros((3, 2)), "int4")
    assert not nothing.any()
    np.testing.assert_array_equal(scales, 1.0)


def test_the_scale_of_few_codes_gives_outliers_up_for_the_many() -> None:
    values = np.random.default_rng(0).normal(size=(5_000, 1)).astype("float32")
    codes, scales = quantized(values, "int4")
    plain = np.abs(values).max() / 7
    assert np.square(codes * scales - values).mean() < 0.7 * np.square(np.rint(values / plain) * plain - values).mean()


@pytest.mark.parametrize("precision", ["int8", "int4"])
@pytest.mark.parametrize("width", [1, 4, 5])
def test_what_is_written_is_read(precision: str, width: int) -> None:
    table = FullTable(7, width, precision=precision)
    table.build()
    rows = table.stored_rows["embeddings"]
    assert isinstance(rows, QuantizedRows)
    values = np.random.default_rng(1).normal(size=(7, width)).astype("float32")
    rows.assign(values)
    codes, scales = quantized(values, precision)
    np.testing.assert_allclose(rows.numpy(), codes * scales, rtol=1e-6)
    ids = np.array([[1, 6], [0, 3]])
    np.testing.assert_allclose(table(ids), np.where(ids[..., None] > 0, rows.numpy()[ids], 0), rtol=1e-6)


@pytest.mark.parametrize(("precision", "bytes_a_row"), [("int8", 16), ("int4", 8)])
def test_bytes_are_those_of_the_codes(precision: str, bytes_a_row: int, tmp_path: Path) -> None:
    model = FM(RICH.spec.bind({**RICH.rows, "item": 5_000}), embedding_dim=16)
    model.build()
    small = quantize_tables(model, precision)
    by_width = {table.size[1]: table for table in tables_of(small)}
    rows = by_width[16].size[0]
    assert by_width[16].serving_bytes() == rows * bytes_a_row + 4 * 16
    assert by_width[1].serving_bytes() == rows + 4  # the linear part keeps 8 bits
    assert estimate_memory([by_width[16]]).slots == 0
    whole, cut = (variables_bytes(one, tmp_path / name) for one, name in ((model, "whole"), (small, "small")))
    assert cut < whole * (bytes_a_row + 1) / (4 * 17) + 8_000


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FullTable(precision="int2"), "int8 or int4, or None"),
        (lambda: quantize_tables(FM(RICH), "int8"), "has no weights yet"),
        (lambda: quantize_tables(trained(FullTable()), "float16"), "int8 or int4. Received"),
        (lambda: quantize_tables(quantize_tables(trained(FullTable()), "int8"), "int4"), "in few bits already"),
        (lambda: DistributedTable(8, 4, precision="int8"), "are float32"),
    ],
)
def test_what_cannot_be_is_said(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
