"""What a text of a raw log means, whatever reads it: files, tables, requests and the served graph all go by this file.

Two rules, in this order. A whole number that a data frame wrote with a fraction of zeros is the whole number: 1098.0 is
1098. What is then one of the null values is missing; so is an empty text.
"""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import BeforeValidator

NULL_VALUES = (
    *("", r"\N", "NULL", "Null", "null", "NA", "<NA>", "N/A", "n/a", "#N/A"),
    *("NaN", "nan", "NAN", "None", "NaT"),
)
"""What databases, data frames and spreadsheets write for a missing value. Other spellings, such as `na`, are words."""

WHOLE_WITH_ZEROS = r"^(-?(?:0|[1-9][0-9]*))\.0+$"
"""Whole numbers that carry a fraction of zeros; the group is the number without it. For RE2 and Python alike."""

_YAML_NULLS = ("NULL", "Null", "null", "~")


def whole(text: str) -> str:
    """Return a text without the zeros behind a whole number.

    Example:
        >>> whole("1098.0"), whole("10.5"), whole("007.0"), whole("v1.0")
        ('1098', '10.5', '007.0', 'v1.0')
    """
    return re.sub(WHOLE_WITH_ZEROS, r"\1", text)


def null_pattern(null_values: tuple[str, ...]) -> str:
    """Return an expression that fully matches null values and the empty text, for RE2 and Python alike."""
    texts = dict.fromkeys(["", *map(whole, null_values)])
    return "|".join(_escaped(text) for text in texts)


def null_numbers(null_values: tuple[str, ...]) -> tuple[float, ...]:
    """Return the null values that are finite numbers; NaN is missing in every column of numbers anyhow.

    Example:
        >>> null_numbers((*NULL_VALUES, "-1", "unknown", "9e9"))
        (-1.0, 9000000000.0)
    """
    numbers = []
    for text in null_values:
        try:
            numbers.append(float(text))
        except ValueError:
            continue
    return tuple(number for number in numbers if math.isfinite(number))


def _escaped(text: str) -> str:
    """The text as an expression; bytes that are no ASCII letters or digits are escaped as RE2 takes them."""
    return "".join(char if char.isalnum() or not char.isascii() else f"\\x{ord(char):02x}" for char in text)


def _texts(value: object) -> object:
    """Let a YAML list of numbers, and its bare null, stand for the texts that a column is compared with."""
    if not isinstance(value, list | tuple):
        return value
    texts: list[object] = []
    for part in value:
        if part is None:
            texts += _YAML_NULLS
        elif isinstance(part, int | float) and not isinstance(part, bool):
            texts.append(whole(str(part)))
        else:
            texts.append(part)
    return tuple(texts)


Texts = Annotated[tuple[str, ...], BeforeValidator(_texts, json_schema_input_type=list[str | float | None])]
"""Texts of a column; a YAML list may write numbers and null as they are."""
