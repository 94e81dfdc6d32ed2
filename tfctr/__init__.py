"""tfctr: click-through-rate estimation in production, with TensorFlow and Keras.

The rooms below are imported when they are first used: ``import tfctr`` alone costs next to nothing.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from tfctr._version import __version__

if TYPE_CHECKING:
    from tfctr import analysis, benchmark, data, layers, models, plans, serving, spec, testing, training, transform

__all__ = [
    "__version__",
    "analysis",
    "benchmark",
    "data",
    "layers",
    "models",
    "plans",
    "serving",
    "spec",
    "testing",
    "training",
    "transform",
]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module 'tfctr' has no attribute {name!r}")
    return importlib.import_module(f"tfctr.{name}")


def __dir__() -> list[str]:
    return __all__
