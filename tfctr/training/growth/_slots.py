"""What an optimizer keeps for each weight."""

from __future__ import annotations

import keras

from tfctr.training.optimizers import rule_of

_NO_SLOTS = ("_variables", "_trainable_variables")
"""Lists of variables that optimizers have beside their slots."""


def weights_of_slots(optimizer: keras.optimizers.Optimizer) -> dict[int, keras.Variable]:
    """Return, for each slot of a built optimizer, the weight it is of: ``id(slot) -> weight``.

    Keras optimizers keep each kind of slot as one list with an entry a trainable variable, whatever the shape of a
    slot: as the weight, one number a row, one a weight. Those lists are found; names of slots say less.
    """
    rule = rule_of(optimizer)
    weights = rule._trainable_variables
    found: dict[int, keras.Variable] = {}
    for name, slots in vars(rule).items():
        if name in _NO_SLOTS or not isinstance(slots, list) or len(slots) != len(weights):
            continue
        if all(slot is None or isinstance(slot, keras.Variable) for slot in slots):
            found |= {id(slot): weight for slot, weight in zip(slots, weights, strict=True) if slot is not None}
    return found


def passing(optimizer: keras.optimizers.Optimizer) -> set[int]:
    """Return the ``id``s of the variables that hold a step whose batches have not all been seen."""
    rule = rule_of(optimizer)
    return {id(variable) for variable in rule.unfinished()} if hasattr(rule, "unfinished") else set()


def averaged_weights(optimizer: keras.optimizers.Optimizer) -> set[int]:
    """Return the ``id``s of the slots that hold running averages of the weights themselves (``use_ema``)."""
    return {id(average) for average in getattr(rule_of(optimizer), "_model_variables_moving_average", [])}
