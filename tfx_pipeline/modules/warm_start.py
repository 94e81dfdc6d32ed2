"""Yesterday's blessed model as the start of today's training."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import keras

from tfctr.models import CTRModel
from tfctr.spec import SpecError
from tfctr.training import FitConfig
from tfctr.training.growth import GrowthError, NewRows, VocabularyChanges, compare_vocabularies, grow
from tfctr.training.optimizers import make_optimizer
from tfctr.transform import TransformOutput
from tfx_pipeline.files import KERAS_FILE
from tfx_pipeline.start import Start

logger = logging.getLogger(__name__)

_FOLDER, _TRANSFORM = "warm_start", "transform"
"""Names beside the exported model: they are of its artifact, and are not pushed with it."""


def keep_for_warm_start(model: CTRModel, transform: TransformOutput, exported: Path) -> None:
    """Leave beside an exported model what another day needs to go on from it: weights, slots, vocabularies."""
    folder = exported.parent / _FOLDER
    folder.mkdir(parents=True)
    model.save(folder / KERAS_FILE)
    shutil.copytree(transform.directory, folder / _TRANSFORM)


def warm_started(
    wanted: CTRModel, transform: TransformOutput, base: str | None, config: FitConfig, new_rows: NewRows
) -> tuple[CTRModel | None, Start]:
    """Return the base model grown to today's vocabularies, or None where it cannot be gone on with; and what happened.

    It can where it has the class, hyperparameters and features of `wanted`. The optimizer keeps its slots when its
    settings are the same, its learning rate apart, which is today's.

    Args:
        wanted: Model of today's settings and transform; need not be built.
        transform: Today's transform.
        base: Path of the exported base model; None when there is none.
        config: Today's settings of training.
        new_rows: What new ids start from, see `grow`.
    """
    model, start = _grown(wanted, transform, base, new_rows)
    logger.warning("%s", start)
    return (None if model is None else _ready(model, config)), start


def _grown(
    wanted: CTRModel, transform: TransformOutput, base: str | None, new_rows: NewRows
) -> tuple[CTRModel | None, Start]:
    if base is None:
        return None, Start(False, "no model was blessed yet")
    folder = Path(base).parent / _FOLDER
    if not (folder / KERAS_FILE).exists():
        return None, Start(False, f"{base} was trained without warm_start and keeps nothing to go on from")
    model = keras.models.load_model(folder / KERAS_FILE)
    if reason := _differences(model, wanted):
        return None, Start(False, f"the last blessed model has other settings ({reason})")
    old = TransformOutput(folder / _TRANSFORM, spec=model.spec.spec)
    try:
        grown = grow(model, old, transform, new_rows=new_rows)
    except (SpecError, GrowthError) as error:
        return None, Start(False, str(error))
    return grown, Start(True, f"from {base}", _counts(compare_vocabularies(old, transform)))


def _counts(changes: VocabularyChanges) -> dict[str, dict[str, int]]:
    return {name: {"kept": c.kept, "new": c.new, "dropped": c.dropped} for name, c in changes.by_name.items()}


def _ready(model: CTRModel, config: FitConfig) -> CTRModel:
    """The model with today's optimizer; with the slots it has when the rule is the same."""
    optimizer = make_optimizer(config)
    if _rule(model.optimizer) == _rule(optimizer):
        optimizer = model.optimizer
        optimizer.learning_rate = config.learning_rate
    model.compile(optimizer=optimizer, jit_compile=config.jit_compile, steps_per_execution=config.steps_per_execution)
    return model


def _rule(optimizer: Any) -> tuple[str, str]:
    settings = {k: v for k, v in optimizer.get_config().items() if k not in ("name", "learning_rate")}
    return type(optimizer).__name__, json.dumps(settings, sort_keys=True, default=str)


def _differences(base: CTRModel, wanted: CTRModel) -> str:
    """Names of the settings in which two models differ, apart from sizes of tables; empty when they are alike."""
    if type(base) is not type(wanted):
        return f"{type(base).__name__}, now {type(wanted).__name__}"
    ours, theirs = (_without_names(model.get_config()) for model in (wanted, base))
    return ", ".join(name for name in ours if name != "spec" and ours[name] != theirs.get(name))


def _without_names(config: Any) -> Any:
    """A configuration without the names of layers, which Keras counts up."""
    if isinstance(config, dict):
        counted = {"name"} if {"name", "dtype"} <= config.keys() else set()
        return {key: _without_names(value) for key, value in config.items() if key not in counted}
    return [_without_names(value) for value in config] if isinstance(config, list | tuple) else config
