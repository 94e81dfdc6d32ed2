"""For the docs site: the house writes `Example:` over a doctest, where mkdocstrings looks for `Examples:`."""

from __future__ import annotations

import re
from typing import Any

import griffe

HEADING = re.compile(r"^(\s*)Example:$", re.MULTILINE)


class Examples(griffe.Extension):
    """Lets the examples of docstrings be shown as code."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Change the heading; the file stays as it is."""
        if obj.docstring is not None:
            obj.docstring.value = HEADING.sub(r"\1Examples:", obj.docstring.value)
