"""A first spec from a raw log, for a person to edit."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tfctr.analysis._column_profile import profile
from tfctr.analysis._spec_guess import guess_spec
from tfctr.analysis._spec_text import spec_text
from tfctr.analysis.log_sample import DEFAULT_ROWS, read_sample
from tfctr.data.bad_rows import BadRows
from tfctr.data.errors import DataError
from tfctr.data.frames import Rows
from tfctr.spec import FeatureSpec, parse_spec, suggest


@dataclass(frozen=True)
class InferredSpec:
    """What `infer_spec` found.

    Args:
        text: Commented YAML, which `load_spec` takes as it is.
        spec: The same as a spec.
        rows: Rows looked at.
        whole: Whether these were all rows of the log.
        doubts: What a person has to decide, in sentences.
        left_out: Column -> why it is no feature.
    """

    text: str
    spec: FeatureSpec
    rows: int
    whole: bool
    doubts: tuple[str, ...]
    left_out: dict[str, str] = field(default_factory=dict)


def infer_spec(
    path: str | Path | Rows,
    *,
    label: str | None = None,
    max_rows: int = DEFAULT_ROWS,
    header: bool | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    examples: bool = True,
) -> InferredSpec:
    """Return a first spec for a csv, tsv, jsonl or parquet log, plain or packed, or for rows in memory.

    The first rows are streamed through counters of bounded size; the log may be larger than the memory.

    Args:
        path: A file, a folder of files of one kind, or rows in memory such as a data frame (see `as_table`).
        label: The label column; None looks for a 0/1 column with a click-like name or a low rate, or a rating.
        max_rows: Rows to look at.
        header: Whether a csv or tsv file has a header; None looks.
        delimiter: Between the columns of a csv file; None looks.
        encoding: Of the text, as `source.encoding`.
        examples: Whether the remarks quote values of the log; False for logs that must not leave their place.

    Raises:
        DataError: When the log cannot be read, has no rows or no usable column, or lacks the column `label`.
    """
    sample = read_sample(path, max_rows=max_rows, header=header, delimiter=delimiter, encoding=encoding)
    bad_rows = BadRows()
    profiles = profile(sample, bad_rows)
    rows = max((column.rows for column in profiles.values()), default=0)
    if not rows:
        raise DataError(f"{sample.file}: has no rows; there is nothing to look at")
    if label is not None and label not in profiles:
        raise DataError(f"{sample.file}: has no column {label!r}{suggest(label, profiles)}")
    guess = guess_spec(profiles, label=label, examples=examples)
    if not guess.features:
        reasons = "; ".join(f"{left.column!r} {left.remark}" for left in guess.left_out) or "there is only the label"
        raise DataError(f"{sample.file}: has no column to make a feature of: {reasons}")
    if bad_rows.bad:
        guess.doubts.append(f"{bad_rows.bad:,} rows could not be read: {', '.join(bad_rows.counts)}")
    whole = rows < max_rows
    text = spec_text(guess, sample, rows=rows, whole=whole)
    left_out = {left.column: left.remark for left in guess.left_out}
    return InferredSpec(text, parse_spec(text, "inferred.yaml"), rows, whole, tuple(guess.doubts), left_out)
