"""Texts that hold several values → lists of texts: lists as JSON and Python write them, and values between separators.

A text in brackets is such a list whatever the separator, for no separator tells it better; NumPy's ``[0.1 0.2]`` is one
too. Everything is cut with regular expressions over whole columns; only values with escapes are looked at one by one,
each distinct one once.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Problems = list[tuple[str, NDArray[np.bool_]]]

_QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"""
_ITEM = rf"""(?:{_QUOTED}|[^\s"'\[\],][^"'\[\],]*)"""
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
LIST = rf"(?s)^\s*\[\s*(?:{_ITEM}\s*(?:,\s*{_ITEM}\s*)*(?:,\s*)?)?\]\s*$"
"""Brackets around items between commas: in quotes of either sort, or words and numbers without any."""
_BY_BLANKS = rf"^\s*\[\s*{_NUMBER}(?:\s+{_NUMBER})+\s*\]\s*$"

_END = "\x1f"
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_MEANT = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0"}
_MISSING = pa.array(["None", "null", "nan", "NaN"])


def cut(text: pa.Array, separator: str) -> tuple[pa.Array, Problems]:
    """Return the values in each text, and each reason with where a text is no list, bool ``(rows,)``.

    Args:
        text: Texts, UTF-8; a null is a missing list.
        separator: Between values of a text that is not in brackets. Blanks are any run of blanks.

    Returns:
        Lists of texts, blanks around values taken off; a value None or null within brackets is null.
    """
    if not pc.any(pc.starts_with(pc.utf8_ltrim_whitespace(text), "[")).as_py():
        return _between(text, separator), []
    bracketed = np.asarray(pc.fill_null(pc.match_substring_regex(text, LIST), False))
    lists = _between(pc.if_else(pa.array(bracketed), pa.scalar(None, text.type), text), separator)
    places = np.flatnonzero(bracketed)
    if len(places):
        takes = np.arange(len(text))
        takes[places] = len(text) + np.arange(len(places))
        lists = pa.concat_arrays([lists, _of_brackets(text.take(pa.array(places)))]).take(pa.array(takes))
    nested = np.asarray(pc.fill_null(pc.match_substring_regex(text, r"^\s*\[\s*\["), False))
    closed = np.asarray(pc.fill_null(pc.match_substring_regex(text, r"(?s)^\s*\[.*\]\s*$"), False))
    whole = np.asarray(pc.fill_null(pc.list_value_length(lists), 0)) <= 1
    broken = closed & ~bracketed & ~nested & whole
    return lists, [("a list of lists", nested), ("a list in brackets that is neither JSON nor Python", broken)]


def _between(text: pa.Array, separator: str) -> pa.Array:
    if not separator.strip(" "):
        return pc.utf8_split_whitespace(pc.utf8_trim_whitespace(text))
    lists = pc.split_pattern(text, pattern=separator)
    if not pc.any(pc.match_substring_regex(text, r"\s")).as_py():
        return lists
    return with_items(lists, pc.utf8_trim_whitespace(lists.flatten()))


def _of_brackets(text: pa.Array) -> pa.Array:
    """The items of texts that match `LIST`."""
    by_blanks = pc.match_substring_regex(text, _BY_BLANKS)
    body = pc.replace_substring_regex(text, r"(?s)^\s*\[\s*|\s*,?\s*\]\s*$", "")
    if pc.any(by_blanks).as_py():
        body = pc.if_else(by_blanks, pc.replace_substring_regex(body, r"\s+", ","), body)
    # Items are matched from the left, so that a comma inside quotes never ends one.
    ended = pc.replace_substring_regex(body, rf"(?s)({_ITEM})\s*(?:,\s*|$)", rf"\1{_END}")
    lists = pc.split_pattern(pc.replace_substring_regex(ended, f"{_END}$", ""), _END)
    empty = np.asarray(pc.equal(body, ""))
    items = pc.utf8_trim_whitespace(lists.flatten())
    quoted = pc.match_substring_regex(items, r"""^["']""")
    bare = pc.if_else(pc.is_in(items, _MISSING), pa.scalar(None, items.type), items)
    items = pc.if_else(quoted, _unescaped(pc.utf8_slice_codeunits(items, 1, -1)), bare)
    if empty.any():
        # An empty text is cut into one empty value; the list without any has none.
        kept = np.repeat(~empty, np.asarray(pc.list_value_length(lists)))
        lengths = np.where(empty, 0, np.asarray(pc.list_value_length(lists)))
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
        return pa.ListArray.from_arrays(offsets, items.filter(pa.array(kept)))
    return with_items(lists, items)


def _unescaped(texts: pa.Array) -> pa.Array:
    """What stands between quotes, its escapes taken for what they mean."""
    if not pc.any(pc.match_substring(texts, "\\")).as_py():
        return texts
    codes = texts.dictionary_encode()
    meant = [_without_escapes(value) if "\\" in value else value for value in codes.dictionary.to_pylist()]
    return pa.array(meant, texts.type).take(codes.indices)


def _without_escapes(text: str) -> str:
    plain = _ESCAPE.sub(lambda found: _meant_by(found.group(1)), text)
    # A character beyond U+FFFF is two escapes in JSON; a half without its other half is no character.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _meant_by(escape: str) -> str:
    return chr(int(escape[1:], 16)) if len(escape) > 1 else _MEANT.get(escape, escape)


def with_items(lists: pa.Array, items: pa.Array) -> pa.Array:
    """Lists of the same lengths with these items, nulls kept."""
    lengths = np.asarray(pc.fill_null(pc.list_value_length(lists), 0))
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, items, mask=pc.is_null(lists) if lists.null_count else None)
