"""A trained model, carried over to new vocabularies."""

from __future__ import annotations

import logging
from typing import Any

import keras
import numpy as np

from tfctr.models import CTRModel
from tfctr.spec import Problem, SpecError
from tfctr.training.growth._slots import averaged_weights, passing, weights_of_slots
from tfctr.training.growth.new_rows import NewRows
from tfctr.training.growth.row_source import COUNTS, GrowthError, Source, row_sources
from tfctr.training.growth.vocabulary_change import compare_vocabularies
from tfctr.transform import TransformOutput

logger = logging.getLogger(__name__)


def grow(
    model: CTRModel, old_transform: TransformOutput, new_transform: TransformOutput, *, new_rows: NewRows = "oov"
) -> CTRModel:
    """Return `model` for the vocabularies of another transform of the same spec, with everything it has learned.

    The rows of ids that stayed go to their new places, and all slots of the optimizer with them, so that training
    goes on as if they had never moved. So do the weights of domains that stayed, in models with weights by domain.
    All other weights, their slots and the optimizer's count of steps are copied. Ids that are gone have no row any
    more; their values are out-of-vocabulary. For transformed rows of ids that stayed, the grown model predicts
    exactly what `model` did; so the scales of the labels of regression tasks stay those that it was made with.

    Vocabularies that changed need tables with a row an id (`FullTable`): where ids share rows by hashing their
    number, or are composed of two rows, an id that has moved has no row of its own to take along. Vocabularies of
    hash buckets, whose ids never move, may have any table.

    Args:
        model: Built model, trained on `old_transform`. It stays as it is. Where it is compiled, so is the result.
        old_transform: Transform that it was trained on.
        new_transform: Transform to go on with.
        new_rows: What new ids start from: ``"oov"``, the out-of-vocabulary row that answered for them so far, or
            ``"popularity"``, the mean of the rows of ids seen about as often; their slots start empty. Weights of new
            domains start as those for unknown ones.

    Returns:
        A new model of the same class and settings. `compare_vocabularies` tells what changed; it is logged, too.

    Raises:
        SpecError: When the features of the specs differ, or the model is not of `old_transform`.
        GrowthError: When a changed vocabulary lies in a table whose rows do not belong to one id each.
        ValueError: For another word than these as `new_rows`.
    """
    if new_rows not in ("oov", "popularity"):
        raise ValueError(f"new_rows is 'oov' or 'popularity'. Received: {new_rows!r}")
    changes = compare_vocabularies(old_transform, new_transform)
    _check_model(model, old_transform)
    grown: CTRModel = type(model).from_config({**model.get_config(), "spec": _grown_spec(model, new_transform)})
    grown.build()
    sources = row_sources(model, grown, changes)
    _copy_weights(model, grown, sources, new_rows)
    grown.set_counts({table: new_transform.vocabulary_counts(table) for table in new_transform.spec.tables})
    optimizer = getattr(model, "optimizer", None)  # a model that was never compiled has none
    settings = model.get_compile_config()
    if optimizer is not None and optimizer.built and settings is not None:
        grown.compile_from_config(settings)
        _copy_optimizer(optimizer, grown.optimizer, sources, new_rows)
    logger.info("grown from yesterday's vocabularies:\n%s", changes)
    return grown


def _grown_spec(model: CTRModel, transform: TransformOutput) -> dict[str, Any]:
    """The transform's spec with the model's own label scales: with others the same logits would be other answers."""
    bound, kept = transform.bound_spec, model.spec.label_scales
    scales = {task: kept.get(task, scale) for task, scale in bound.label_scales.items()}
    return bound.spec.bind(bound.rows, scales).to_config()


def _check_model(model: CTRModel, transform: TransformOutput) -> None:
    if model.spec.rows != transform.bound_spec.rows or model.spec.spec.features != transform.spec.features:
        raise SpecError(
            [
                Problem(
                    f"the model has tables of {model.spec.rows} rows, the transform it is said to be trained on has "
                    f"{transform.bound_spec.rows}; give the transform of that training run",
                    "old_transform",
                )
            ]
        )


def _copy_weights(old: CTRModel, new: CTRModel, sources: dict[int, Source], new_rows: NewRows) -> None:
    """Copy every weight and random state; rows of changed tables go to their new places."""
    for before, after in zip(_lasting(old), _lasting(new), strict=True):
        values = keras.ops.convert_to_numpy(before)
        if source := sources.get(id(after)):
            values = source.rows(values, new_rows)
        elif after.name == COUNTS:
            continue
        _assign(after, values)


def _copy_optimizer(old: Any, new: Any, sources: dict[int, Source], new_rows: NewRows) -> None:
    """Copy every slot and counter; slots of changed tables follow their rows, averages of weights are weights."""
    weights, averages, passed = weights_of_slots(new), averaged_weights(new), passing(new)
    for before, after in zip(old.variables, new.variables, strict=True):
        if id(after) in passed:
            continue  # gradients of yesterday's last batches, too few for a step
        values = keras.ops.convert_to_numpy(before)
        source = sources.get(id(weights.get(id(after))))
        if source is not None and id(after) in averages:
            values = source.rows(values, new_rows)
        elif source is not None and np.ndim(values):
            values = source.slots(values, keras.ops.convert_to_numpy(after))
        _assign(after, values)


def _assign(variable: Any, values: np.ndarray) -> None:
    if tuple(variable.shape) != values.shape:
        raise GrowthError(
            f"{variable.path} has shape {tuple(variable.shape)} now and had {values.shape}: it follows the size of a "
            "vocabulary without being a table of rows by id. Train this model anew."
        )
    variable.assign(values)


def _lasting(model: CTRModel) -> list[Any]:
    """Weights and random states, running metrics left out."""
    metrics = {id(variable) for variable in model.metrics_variables}
    return [variable for variable in model.variables if id(variable) not in metrics]
