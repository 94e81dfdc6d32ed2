"""What all registries share: a class is known by its name, and a name by one class."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TypeVar

T = TypeVar("T")


def add(registry: MutableMapping[str, type[T]], cls: type[T]) -> None:
    """Add a class under its name. A module that is loaded anew may register its own class again.

    Raises:
        ValueError: When another class has the name already.
    """
    known = registry.get(cls.__name__)
    if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ValueError(
            f"{known.__module__} has registered a {cls.__name__}; give that of {cls.__module__} another name"
        )
    registry[cls.__name__] = cls
