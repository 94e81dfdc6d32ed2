"""Batches of Parquet files: from memory and by row groups, what is read, and what is said of unfit files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.batches_test import items, make_arrays, make_spec
from tfctr.data import DataError
from tfctr.data.batches import ArrayPlan, ParquetPlan, write_transformed
from tfctr.data.batches.arrow import arrays_of, table_of

ROWS = 100
SPEC = make_spec()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files with groups of 8 rows, smaller ones at the ends: 40, 40 and 20 rows."""
    files = write_transformed(make_arrays(SPEC, ROWS), tmp_path, rows_per_file=40, group_rows=8)
    assert [pq.read_metadata(file).num_rows for file in files] == [40, 40, 20]
    return tmp_path


def streaming(folder: Path, **options: object) -> ParquetPlan:
    return ParquetPlan(folder, SPEC, **{"batch_size": 7, "memory_bytes": 0, "window_groups": 3, **options})


def test_rows_kept_in_memory_come_as_those_of_arrays(folder: Path) -> None:
    plan = ParquetPlan(folder, SPEC, batch_size=7, seed=3)
    assert plan.in_memory
    assert plan.rows == ROWS
    assert items(plan.epoch(2)) == items(ArrayPlan(make_arrays(SPEC, ROWS), SPEC, batch_size=7, seed=3).epoch(2))


def test_memory_decides_whether_rows_are_kept(folder: Path) -> None:
    numbers = 1 + 1 + 4 + 1 + 2  # item, price, seen, click; group and time
    a_row = 8 * (1 + 4 + 2) + 4 * 2
    assert numbers == 9
    assert ParquetPlan(folder, SPEC, batch_size=7, memory_bytes=ROWS * a_row).in_memory
    assert not ParquetPlan(folder, SPEC, batch_size=7, memory_bytes=ROWS * a_row - 1).in_memory


def test_the_order_of_the_files_when_not_shuffled(folder: Path) -> None:
    plan = streaming(folder, shuffle=False)
    assert not plan.in_memory
    batches = items(plan.epoch(0))
    assert [row for batch in batches for row in batch] == list(range(ROWS))
    assert [len(batch) for batch in batches] == [7] * 14 + [2]


def test_every_epoch_mixes_all_rows_anew(folder: Path) -> None:
    first, second = ([row for batch in items(streaming(folder).epoch(epoch)) for row in batch] for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(ROWS))
    assert first != second
    assert len({row // 8 for row in first[:21]}) == 3  # the first window is three groups, mixed
    assert first[:8] != sorted(first[:8])


@pytest.mark.parametrize("step", range(16))
def test_an_epoch_begins_at_any_step(folder: Path, step: int) -> None:
    assert items(streaming(folder).epoch(1, step)) == items(streaming(folder).epoch(1))[step:]


def test_what_comes_before_the_first_step_is_not_read(folder: Path) -> None:
    """The first file in the epoch's order is destroyed; an epoch that begins behind it does not notice."""
    plan = streaming(folder, shuffle=False, window_groups=1)
    wanted = items(plan.epoch(0))[6:]
    first = folder / "part-00000.parquet"
    first.write_bytes(b"\0" * first.stat().st_size)
    assert items(plan.epoch(0, 6)) == wanted  # rows 42 and on


def test_drop_remainder_has_a_static_batch(folder: Path) -> None:
    plan = streaming(folder, drop_remainder=True)
    dataset = plan.epoch(0)
    assert plan.steps_per_epoch == dataset.cardinality() == 14
    assert dataset.element_spec[0]["item"].shape == (7,)
    assert [len(batch) for batch in items(dataset)] == [7] * 14


def test_arrays_survive_the_table() -> None:
    arrays = make_arrays(SPEC, 11)
    infos = (*SPEC.inputs(), *SPEC.labels(), *SPEC.meta_tensors())
    back = arrays_of(table_of(arrays).slice(3, 5), infos)
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array[3:8])
        assert back[name].dtype == array.dtype


def test_no_rows_give_no_batches(tmp_path: Path) -> None:
    write_transformed(make_arrays(SPEC, 0), tmp_path)
    for memory in (0, 1000):
        assert items(ParquetPlan(tmp_path, SPEC, batch_size=2, memory_bytes=memory).epoch(0)) == []


def test_unfit_files_are_told(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    def written(**changes: pa.Array | None) -> Path:
        columns = dict(zip(table.column_names, table.columns, strict=True))
        columns = {name: column for name, column in {**columns, **changes}.items() if column is not None}
        other = tmp_path_factory.mktemp("unfit")
        pq.write_table(pa.table(columns), other / "part.parquet")
        return other

    table = table_of(make_arrays(SPEC, 4))
    with pytest.raises(DataError, match="'price'"):
        ParquetPlan(written(price=None), SPEC, batch_size=2)
    with pytest.raises(DataError, match="column 'price' is double, the spec's tensor is float"):
        ParquetPlan(written(price=pa.array([1.0, 2, 3, 4])), SPEC, batch_size=2).epoch(0)
    with pytest.raises(DataError, match="column 'item' has 1 missing values"):
        ParquetPlan(written(item=pa.array([1, 2, None, 4])), SPEC, batch_size=2).epoch(0)
    with pytest.raises(DataError, match="matches nothing"):
        ParquetPlan(folder / "none*", SPEC, batch_size=2)
    (folder / "part-00001.parquet").write_bytes(b"half")
    with pytest.raises(DataError, match=r"part-00001.parquet: no Parquet file, or only half of one"):
        ParquetPlan(folder, SPEC, batch_size=2)
    with pytest.raises(ValueError, match="batch_size must be at least 1, received 0"):
        ParquetPlan(folder, SPEC, batch_size=0)
    with pytest.raises(ValueError, match="window_groups must be at least 1, received 0"):
        ParquetPlan(written(), SPEC, batch_size=2, window_groups=0)
