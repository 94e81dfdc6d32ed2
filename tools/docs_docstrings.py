"""For the docs site: docstrings of the house as mkdocstrings wants them.

The house writes `Example:` over a doctest, mkdocstrings looks for `Examples:`. A package's docstring ends with a list
of its files, for those who work in it; a page of the reference shows what stands before.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

HEADING = re.compile(r"^(\s*)Example:$", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Shows the examples of docstrings as code, and of packages the first paragraph."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Change what the page shows; the file stays as it is."""
        if obj.docstring is None:
            return
        obj.docstring.value = HEADING.sub(r"\1Examples:", obj.docstring.value)
        if obj.is_package or obj.is_subpackage:
            obj.docstring.value = obj.docstring.value.partition("\n\n")[0]
