"""The values of crosses: tuples of values as one text, such that no two tuples are the same text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from tfctr.spec import CrossFeature

SEPARATOR = "|"
ESCAPE = "\\"


def cross_tokens(crosses: Sequence[CrossFeature], tokens: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    r"""Return the text of the value of each cross by its name, string (batch,).

    A `SEPARATOR` inside a value, and an `ESCAPE`, gets an `ESCAPE` in front. What is between two separators then says
    which values were joined: ``a|b`` and ``c`` are the text ``a\|b|c``, ``a`` and ``b|c`` are ``a|b\|c``.

    Args:
        crosses: The crosses.
        tokens: Text of the crossed features by name, string (batch,) each.
    """
    parts = dict.fromkeys(name for cross in crosses for name in cross.of)
    escaped = {name: tf.strings.regex_replace(tokens[name], r"[\\|]", r"\\\0") for name in parts}
    return {cross.name: tf.strings.join([escaped[name] for name in cross.of], SEPARATOR) for cross in crosses}


def salted(cross: CrossFeature, tokens: tf.Tensor) -> tf.Tensor:
    """Return what is hashed into the buckets of a cross: its name in front, so that each cross hashes by itself."""
    return tf.strings.join([cross.name, tokens], SEPARATOR)
