"""The YAML of a guessed spec, with remarks that say what was seen and what to look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tfctr.analysis._column_guesses import Guess
from tfctr.analysis._column_names import identifier
from tfctr.analysis._spec_guess import SpecGuess
from tfctr.analysis.log_sample import LogSample
from tfctr.data._readers.files import format_of
from tfctr.spec.gates import Gates
from tfctr.spec.loading import dump_yaml
from tfctr.spec.tasks import DEFAULT_KIND


def spec_text(guess: SpecGuess, sample: LogSample, *, rows: int, whole: bool) -> str:
    """Return the commented YAML of a guess about a sample.

    Args:
        guess: What to write.
        sample: Where it was seen.
        rows: Rows looked at.
        whole: Whether these were all rows.
    """
    sections = (
        _head(guess, sample, rows, whole),
        _source(sample),
        _history(guess),
        _split(guess),
        _features(guess),
        _left_out(guess),
        _tasks(guess),
        _meta(guess),
        _gates(guess),
    )
    return "\n".join("\n".join(lines) + "\n" for section in sections if (lines := list(section)))


def _head(guess: SpecGuess, sample: LogSample, rows: int, whole: bool) -> Iterator[str]:
    seen = f"all {rows:,} rows" if whole else f"the first {rows:,} rows"
    yield f"# A first spec, guessed by `tfctr spec infer` from {seen} of {_remark(sample.name)}."
    yield "# Read it once from top to bottom: roles are guessed from names, and only you know what is known before the"
    yield "# click. `tfctr spec show template` explains every key, `tfctr spec check FILE --data LOG` checks edits."
    for doubt in guess.doubts:
        yield f"# CHECK: {_remark(doubt)}"
    yield f"name: {_flow(identifier(sample.file.path.name.split('.')[0]))}"


def _source(sample: LogSample) -> Iterator[str]:
    """What the file's name does not tell by itself."""
    log_format = sample.log_format
    keys: dict[str, Any] = {}
    if sample.table is None and format_of(sample.file.path) != log_format.format:
        keys["format"] = log_format.format
    if log_format.delimiter not in ("", "," if log_format.format == "csv" else "\t"):
        keys["delimiter"] = log_format.delimiter
    if log_format.decimal != ".":
        keys["decimal"] = log_format.decimal
    if sample.file.encoding:
        keys["encoding"] = sample.file.encoding
    if not log_format.header:
        keys |= {"header": False, "columns": list(log_format.columns)}
    if keys:
        yield "source:"
        yield from (f"  {key}: {_flow(value)}" for key, value in keys.items())
        if not log_format.header:
            yield "  # CHECK: the file has no header; give the columns their names here and below"


def _history(guess: SpecGuess) -> Iterator[str]:
    """Switched off: it doubles the work, and not every model reads sequences."""
    if not guess.history:
        return
    keys: dict[str, Any] = {"name": "earlier_items", "of": guess.history["of"], "by": guess.history["by"]}
    if guess.task.keys.get("kind", DEFAULT_KIND) == DEFAULT_KIND:
        keys["positives_of"] = guess.task.keys["name"]
    keys["max_length"] = 50
    yield "# What each user liked before, built from the log: uncomment this and the feature `earlier_items` below."
    yield "# history:"
    yield f"#   - {_flow(keys)}"


def _split(guess: SpecGuess) -> Iterator[str]:
    shares = {} if guess.meta.split["by"] == "column" else {"train": 0.8, "valid": 0.1, "test": 0.1}
    remark = f"  # {_remark(guess.meta.split_remark)}" if guess.meta.split_remark else ""
    yield f"split: {_flow({**guess.meta.split, **shares})}{remark}"


def _features(guess: SpecGuess) -> Iterator[str]:
    yield "features:"
    for feature in guess.features:
        yield f"  - {_flow(feature.feature)}  # {_remark(feature.remark)}"
    if guess.history:
        keys = {"kind": "sequence", "name": "earlier_items", "role": "user", "type": guess.history["type"]}
        yield f"  # - {_flow({**keys, 'shares': guess.history['shares'], 'max_length': 50})}"


def _left_out(guess: SpecGuess) -> Iterator[str]:
    if guess.left_out:
        yield "# Left out:"
        yield from (f"#   {_column_line(left)}" for left in guess.left_out)


def _column_line(left: Guess) -> str:
    return f"{_flow(left.column)} {_remark(left.remark)}"


def _tasks(guess: SpecGuess) -> Iterator[str]:
    yield "tasks:"
    yield f"  - {_flow({'kind': DEFAULT_KIND, **guess.task.keys})}  # {_remark(guess.task.remark)}"


def _meta(guess: SpecGuess) -> Iterator[str]:
    if guess.meta.keys:
        yield "meta:"
        for key, column in guess.meta.keys.items():
            value = {"column": column, **guess.meta.time_form} if key == "time" and guess.meta.time_form else column
            yield f"  {key}: {_flow(value)}  # {_remark(guess.meta.remarks[key])}"


def _gates(guess: SpecGuess) -> Iterator[str]:
    yield "# What a model must reach before it is pushed; set these after a first run."
    if guess.task.keys.get("kind", DEFAULT_KIND) != DEFAULT_KIND:
        yield "gates: {r2_min: 0.0}"
        return
    low, high = (Gates.model_fields[f"calibration_{end}"].default for end in ("min", "max"))
    yield f"# Mean prediction / mean label is held to {low} .. {high} (calibration_min, calibration_max)."
    yield "gates: {auc_min: 0.5}"


def _flow(value: object) -> str:
    """A value in one line."""
    return dump_yaml(value, flow=True)


def _remark(text: str) -> str:
    """Text that is safe behind a `#`: one line of printable signs."""
    return "".join(char if char.isprintable() else "?" for char in text)
