"""A batch as the file holds it → a batch with the types of the spec, bad rows set aside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from tfctr.data._columns import arrow_type, schema_of
from tfctr.data._convert.checks import check_alignment, check_outcomes, check_time
from tfctr.data._convert.lists import to_lists
from tfctr.data._convert.problems import Problems
from tfctr.data._convert.times import to_times
from tfctr.data._convert.values import NO_NUMBER, UnfitTypeError, to_truth, to_type
from tfctr.data.bad_rows import BadRows
from tfctr.data.errors import DataError
from tfctr.spec import BinaryTask, FeatureSpec, RawColumn, TimeColumn
from tfctr.spec._raw_text import null_numbers

HINT_OF_LABELS = " (positive of the task takes words)"


class Converter:
    """Turns raw batches into batches of the spec's types.

    Args:
        columns: The columns wanted, in order.
        spec: Says what labels, weights and times must be.
        bad_rows: Where bad rows go, with file and row number.
    """

    def __init__(self, columns: Sequence[RawColumn], spec: FeatureSpec, bad_rows: BadRows):
        self.columns = tuple(columns)
        self.schema = schema_of(self.columns)
        self.spec = spec
        self.bad_rows = bad_rows
        self.labels = {task.label for task in spec.tasks if isinstance(task, BinaryTask)}

    def __call__(self, raw: dict[str, pa.Array], rows: np.ndarray, file: str) -> pa.RecordBatch:
        """Return the good rows of a raw batch.

        Args:
            raw: Column name -> values as the file holds them.
            rows: Number of each row in the file, from 1, int64 ``(rows,)``.
            file: Name of the file, for messages.

        Raises:
            DataError: When a column has a type that can never become the one wanted.
        """
        problems = Problems(len(rows))
        columns = {column.name: self._convert(raw[column.name], column, problems, file) for column in self.columns}
        check_outcomes(columns, self.spec, problems)
        check_time(columns, self.spec, problems)
        check_alignment(columns, self.spec, problems)
        for problem in problems:
            self.bad_rows.add(file, rows[problem.positions], problem.reason, problem.values)
        batch = pa.RecordBatch.from_arrays([columns[field.name] for field in self.schema], schema=self.schema)
        if problems.bad.any():
            batch = batch.filter(pa.array(~problems.bad))
        self.bad_rows.read(batch.num_rows)
        return batch

    def _convert(self, values: pa.Array, column: RawColumn, problems: Problems, file: str) -> pa.Array:
        hint = HINT_OF_LABELS if column.name in self.labels else ""
        try:
            if column.time is not None and not (pa.types.is_integer(values.type) and _counts_seconds(column)):
                return self._times(values, column, column.time, problems)
            return to_column(values, column, problems, hint)
        except UnfitTypeError as error:
            raise DataError(f"{file}: column {column.name!r} {error}; the spec reads it as {column.type}") from error

    def _times(self, values: pa.Array, column: RawColumn, form: TimeColumn, problems: Problems) -> pa.Array:
        times = to_times(values, form)
        for reason, where in times.problems:
            problems.add(where, f"{column.name}: {reason}", values)
        for unit, rows in times.found.items():
            self.bad_rows.note(f"{column.name}: read as {unit}, by the size of the numbers", rows)
        return times.seconds


def _counts_seconds(column: RawColumn) -> bool:
    """Whether whole numbers stay as they are."""
    form = column.time
    return form is None or (form.unit in ("seconds", "as_is") and form.format is None)


def to_column(values: pa.Array, column: RawColumn, problems: Problems, hint: str = "") -> pa.Array:
    """Return values of any type in the type of their column; rows that cannot be are added to `problems`.

    Args:
        values: One a row.
        column: What is wanted.
        problems: Of the rows.
        hint: What is said behind a value that is no number.

    Raises:
        UnfitTypeError: When the type of the values can never become the one wanted.
    """
    whole = values.type == arrow_type(column) and pa.types.is_integer(values.type)
    if whole and not null_numbers(column.null_values):
        return values  # nothing can be wrong with it
    if column.shape != "scalar":
        return to_lists(values, column, problems)
    if column.positive:
        return to_truth(values, column.positive, column.null_values)
    converted, found = to_type(values, column.type, column.null_values, column.decimal)
    for reason, where in found:
        problems.add(where, f"{column.name}: {reason}{hint if reason == NO_NUMBER else ''}", values)
    return converted
