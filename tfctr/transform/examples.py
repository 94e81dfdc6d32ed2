"""Raw rows between Arrow tables, the record batches TFX works on, and serialized ``tf.Example``s."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder, RecordBatchToExamplesEncoder

from tfctr.data import as_table
from tfctr.data._convert.typed import typed_column
from tfctr.data.frames import Rows
from tfctr.spec import FeatureSpec, RawColumn, suggest
from tfctr.transform.schema import raw_schema

_VALUE_TYPES = {"string": pa.large_binary(), "int": pa.int64(), "float": pa.float32()}
DEFAULT_BATCH_ROWS = 16_384


def example_batches(
    table: Rows,
    spec: FeatureSpec,
    *,
    serving: bool = False,
    optional: Sequence[str] = (),
    batch_rows: int = DEFAULT_BATCH_ROWS,
) -> Iterator[pa.RecordBatch]:
    """Yield raw rows in the form of TFX: every column a list of binary, int64 or float32; a missing value is null.

    Args:
        table: Raw log, see `as_table`, columns as named in the spec; other columns are left out. Values may be of other
            types than the spec's: they are read as `read_log` reads those of files, infinite numbers aside, which
            stay what they are.
        spec: The spec.
        serving: Only the columns that features are made of.
        optional: Columns that may be lacking altogether.
        batch_rows: Rows in a batch. An empty table gives one empty batch.

    Raises:
        KeyError: When a column of the spec is not in the table.
        TypeError: When a column is of a type that cannot become what the spec says.
        ValueError: When a value cannot be read, or a list of numbers has an empty position in it.
        DataError: When `table` is nothing that holds rows.
    """
    table = as_table(table)
    columns = [c for c in spec.raw_columns(serving=serving) if c.name in table.column_names or c.name not in optional]
    lacking = [column.name for column in columns if column.name not in table.column_names]
    if lacking:
        hints = ", ".join(f"{name!r}{suggest(name, table.column_names)}" for name in lacking)
        raise KeyError(f"the table lacks columns of spec {spec.name!r}: {hints}")
    schema = pa.schema([pa.field(c.name, pa.large_list(_VALUE_TYPES[c.type])) for c in columns])
    starts = range(0, table.num_rows, batch_rows) if table.num_rows else [0]
    for start in starts:
        part = table.slice(start, batch_rows)
        arrays = [_as_lists(typed_column(part.column(c.name), c, start), c) for c in columns]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _as_lists(array: pa.Array, column: RawColumn) -> pa.LargeListArray:
    if column.shape == "scalar":
        return _lists_of_scalars(_cast(array, column))
    array = array.cast(pa.large_list(array.type.value_type))
    values = _cast(array.flatten(), column)  # flatten leaves out what stands behind null lists
    if values.null_count:
        raise ValueError(f"column {column.name!r} has a list with an empty position; lists of numbers must be full")
    lengths = pc.fill_null(pc.list_value_length(array), 0)
    return _with_offsets(lengths, values, pc.is_null(array))


def _lists_of_scalars(values: pa.Array) -> pa.LargeListArray:
    absent = pc.is_null(values)
    return _with_offsets(pc.cast(pc.invert(absent), pa.int64()), values.drop_null(), absent)


def _with_offsets(lengths: pa.Array, values: pa.Array, absent: pa.Array) -> pa.LargeListArray:
    """Build lists from their lengths; `absent` rows become null."""
    ends = pc.cumulative_sum(pc.cast(lengths, pa.int64()))
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), ends])
    return pa.LargeListArray.from_arrays(offsets, values, mask=absent)


def _cast(values: pa.Array, column: RawColumn) -> pa.Array:
    """Values of the column's type as those of examples; a float64 is rounded to float32."""
    return values.cast(_VALUE_TYPES[column.type], safe=column.type == "int")


def table_to_examples(
    table: Rows, spec: FeatureSpec, *, serving: bool = False, optional: Sequence[str] = ()
) -> Iterator[bytes]:
    """Yield each raw row as a serialized ``tf.Example``; a missing value is a feature that is not there.

    Args:
        table: Raw log, see `as_table`.
        spec: The spec.
        serving: Only the columns that features are made of, as in a request.
        optional: Columns that may be lacking altogether.

    Raises:
        KeyError, TypeError, ValueError, DataError: As `example_batches`.

    Example:
        >>> spec = FeatureSpec(
        ...     name="ads",
        ...     features=[{"kind": "multi", "name": "tags", "role": "item"}],
        ...     tasks=[{"name": "click", "label": "clicked"}],
        ...     split={"by": "hash", "column": "site"},
        ... )
        >>> log = pa.table({"tags": [["new", "red"], None], "clicked": [1, 0], "site": ["a", "b"]})
        >>> examples = list(table_to_examples(log, spec))
        >>> examples_to_table(examples, spec)["tags"].to_pylist()
        [['new', 'red'], None]
    """
    encoder = RecordBatchToExamplesEncoder()
    for batch in example_batches(table, spec, serving=serving, optional=optional):
        yield from encoder.encode(batch)


def examples_to_table(examples: Sequence[bytes], spec: FeatureSpec, *, serving: bool = False) -> pa.Table:
    """Return serialized ``tf.Example``s as a raw log, the reverse of `table_to_examples`.

    A list that is missing and a list that is empty are one thing in a ``tf.Example``: both come back as null.

    Raises:
        ValueError: When an example cannot be parsed, or holds another type than the spec says.
    """
    columns = spec.raw_columns(serving=serving)
    decoder = ExamplesToRecordBatchDecoder(raw_schema(spec, serving).SerializeToString())
    batch = decoder.DecodeBatch(list(examples))
    arrays = {column.name: _from_lists(batch.column(column.name), column) for column in columns}
    return pa.table(arrays)


def _from_lists(lists: pa.Array, column: RawColumn) -> pa.Array:
    value_type = pa.string() if column.type == "string" else _VALUE_TYPES[column.type]
    if column.shape != "scalar":
        return lists.cast(pa.list_(value_type))
    empty = pc.fill_null(pc.equal(pc.list_value_length(lists), 0), False)
    filled = pc.if_else(empty, pa.scalar(None, lists.type), lists)
    return pc.list_element(filled, 0).cast(value_type)
