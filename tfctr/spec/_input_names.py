"""The names that raw columns have in a served signature, where TensorFlow allows Python names alone."""

from __future__ import annotations

import keyword
import re


def ascii_words(text: str) -> str:
    """Return a text with other letters by their code and every other sign as ``_``.

    Letters are told apart, so that names in Chinese or Greek do not become one.

    Example:
        >>> ascii_words("ad position"), ascii_words("广告")
        ('ad_position', 'u5e7fu544a')
    """
    coded = re.sub(r"[^\W_]", lambda found: found[0] if found[0].isascii() else f"u{ord(found[0]):04x}", text)
    return re.sub(r"\W", "_", coded, flags=re.ASCII)


def input_name(column: str) -> str:
    """Return the name that a signature gives a raw column: its own where that can be a Python name.

    TensorFlow allows nothing else: punctuation and blanks become ``_``, letters outside ASCII their code, and a
    keyword or a leading digit gets a ``_`` in front.

    Example:
        >>> input_name("user_id"), input_name("ad position"), input_name("class"), input_name("1st")
        ('user_id', 'ad_position', '_class', '_1st')
        >>> input_name("广告")
        'u5e7fu544a'
    """
    name = ascii_words(column)
    return f"_{name}" if keyword.iskeyword(name) or name[:1].isdigit() else name
