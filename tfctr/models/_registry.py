"""What registers a model: one decorator, from which every list of models follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import keras

from tfctr._registered import add
from tfctr.models.ctr_model import CTRModel

AnyModel = TypeVar("AnyModel", bound=type[CTRModel])

MODELS: dict[str, type[CTRModel]] = {}
"""Every model by the name that commands and files use."""


@dataclass(frozen=True)
class ModelEntry:
    """What a model's registration says.

    Args:
        paper: Authors, venue and year.
        label: What the model is, for people: its name and the forms it has.
        small: Hyper-parameters of a small one with each of its parts in use, plain enough for JSON.
        untrained: End of a weight's path -> why the gradient of the answer does not reach it.
    """

    paper: str
    label: str
    small: Mapping[str, Any]
    untrained: Mapping[str, str]


ENTRIES: dict[str, ModelEntry] = {}
"""Name of a model -> its registration."""


def register_model(
    *,
    paper: str,
    label: str | None = None,
    small: Mapping[str, Any] | None = None,
    untrained: Mapping[str, str] | None = None,
) -> Callable[[AnyModel], AnyModel]:
    """Register a model: it can be named in commands, saved and loaded, and the conformance suite runs over it.

    Args:
        paper: Authors, venue and year, such as ``"Rendle, ICDM 2010"``.
        label: What the model is, for tables that people read; its name when None.
        small: Hyper-parameters of a small one, for the suite. Switch on each of its parts, dropout apart.
        untrained: End of a weight's path -> why the gradient of the answer does not reach it; such a weight learns
            from an auxiliary loss alone.

    Raises:
        ValueError: When another class has the name already.

    Example:
        >>> from tfctr.models import MODELS, DNN, register_model
        >>> @register_model(paper="nobody, never", small={"hidden_units": (6,)})
        ... class MyModel(DNN):
        ...     "A model of one's own."
        >>> MODELS.pop("MyModel").__name__
        'MyModel'
    """

    def register(cls: AnyModel) -> AnyModel:
        add(MODELS, cls)
        ENTRIES[cls.__name__] = ModelEntry(paper, label or cls.__name__, dict(small or {}), dict(untrained or {}))
        package = cls.__module__.partition(".")[0]
        serializable: AnyModel = keras.saving.register_keras_serializable(package=package)(cls)
        return serializable

    return register
