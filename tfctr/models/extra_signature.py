"""What a model may offer beside the signatures that every served model has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from keras import KerasTensor

ENCODE_USER = "encode_user"
ADD_EVENTS = "add_events"
REMOVE_EVENTS = "remove_events"
RANK_WITH_STATE = "rank_with_state"


@dataclass(frozen=True)
class ExtraSignature:
    """One more way to ask a served model, on transformed features and on a user's state.

    The state of a user is whatever tensors the model makes of their side, to be kept by the caller and given back.
    The server puts a version beside it and refuses a state of another version, whose numbers mean something else.

    Names have one meaning in every model: `ENCODE_USER` makes the state from the user's columns, `RANK_WITH_STATE`
    returns what `rank` does with the state in place of them, `ADD_EVENTS` and `REMOVE_EVENTS` give the state of a user
    with more or fewer events. Where a model has the first two, the served `rank` is made of them.

    Args:
        name: Key of the signature.
        reads: Names, among ``spec.inputs()``, of the transformed tensors it needs; the raw columns behind them become
            its inputs.
        function: (features, state) -> the state, or what the model's call returns. Runs inside the served graph.
        gives: Which of the two `function` returns.
        state: Tensors it takes beside raw columns, by name; the first axis is the user.
        one_user: Whether columns of user and context, and the state, are given for one user and those of the item for
            N candidates, as in `rank`; they reach `function` as they are given, the one row not repeated.
    """

    name: str
    reads: tuple[str, ...]
    function: Callable[[dict[str, Any], dict[str, Any]], Any]
    gives: Literal["state", "probabilities"]
    state: Mapping[str, KerasTensor] = field(default_factory=dict)
    one_user: bool = False
