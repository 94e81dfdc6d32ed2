"""What the checks of `wiring` need to know of each model: options that only a person can change, and what is loose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.conformance.network_table import KEY_BIAS, NEXT_EVENT
from tests.conformance.wiring import Reasons

NO_TIMES = {"clicks__times": "times go to models that encode when things happened; this one takes events as a set"}
GATES = {"/gate": "a gate drops and normalises nothing, as in the published code"}
SCORER = {"unit/mlp": "the scorer of events drops and normalises nothing, as in the paper"}
EXPERT_GATES = {"/scores": "gates never normalise: their softmax does"}
BLOCKS = {
    "/ffn": "a transformer drops whole branches and normalises by layer",
    "/module_": "a module's dropout is among its own arguments",
}
ATTENTION = {"/interacting_": "the dropout of attention is among `attention`"}


@dataclass(frozen=True)
class Wiring:
    """How one model is checked.

    Args:
        light: Options that make the conformance recipe's model cheaper, or switch on what it leaves off.
        changes: Option -> another value, where one cannot be made up: names, dictionaries, what must divide.
        unchanging: Option -> why another value changes nothing.
        unread: Input -> why no answer knows it.
        silent: Weight -> why it does not reach the answer.
        unlearned: Weight -> why it has no gradient of the training loss.
        without: ``dropout`` and ``batch_norm`` -> parts that have none, and why.
        task_weights: What each task's loss counts.
        beside: Option -> what else is told for it to count.
        off: Options that take the place of `embedding_l2`.
    """

    light: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    unchanging: Reasons = field(default_factory=dict)
    unread: Reasons = field(default_factory=lambda: NO_TIMES)
    silent: Reasons = field(default_factory=dict)
    unlearned: Reasons = field(default_factory=dict)
    without: dict[str, Reasons] = field(default_factory=dict)
    task_weights: dict[str, float] = field(default_factory=dict)
    beside: dict[str, dict[str, Any]] = field(default_factory=dict)
    off: dict[str, Any] = field(default_factory=dict)


NEVER_BLAMED = {"routing/usage": "counts rows by cluster, for people and for the revival of clusters"}

ACTIVATION = {"activation": "prelu"}
WEIGHED = {"click": 0.5, "buy": 2.0}
OTHER_WEIGHTS = {"task_weights": {"click": 0.5, "buy": 3.0}}
SEVERAL = {"light": {"task_weights": WEIGHED}, "task_weights": WEIGHED, "changes": OTHER_WEIGHTS}

WIRING: dict[str, Wiring] = {
    "LR": Wiring(unchanging={"embedding_dim": "there are no embeddings but weights of width 1"}),
    "DCNv2": Wiring(changes={"structure": "stacked"}),
    "AutoInt": Wiring(changes={"variant": "paper", "attention": {"scale": False}}, without={"dropout": ATTENTION}),
    "FinalMLP": Wiring(
        light={"context2": ("item",)},
        changes={"hidden_units1": (8,), "hidden_units2": (6,), "context1": (), "context2": ("shop",), "num_heads": 1},
        without={"dropout": GATES, "batch_norm": GATES},
    ),
    "DIN": Wiring(
        changes={**ACTIVATION, "attention_activation": "prelu", "extra_pooling": "sum"},
        off={"mini_batch_aware": 0.0},
        without={"dropout": SCORER, "batch_norm": SCORER},
    ),
    "TargetAttention": Wiring(changes=ACTIVATION, beside={"product": {"num_heads": 0}}),
    "SIM": Wiring(
        changes={**ACTIVATION, "category": "shop"},
        unchanging={"category": "the only side column there is"},
    ),
    "SDIM": Wiring(changes=ACTIVATION),
    "SharedBottom": Wiring(**{**SEVERAL, "light": {"task_weights": WEIGHED, "tower_units": (8,)}}),
    "ESMM": Wiring(**SEVERAL),
    "MMoE": Wiring(**SEVERAL, without={"batch_norm": EXPERT_GATES}),
    "PLE": Wiring(
        **{
            **SEVERAL,
            "light": {
                "task_weights": WEIGHED,
                "own_experts": 1,
                "shared_experts": 1,
                "expert_units": (8,),
                "tower_units": (8,),
            },
        },
    ),
    "OptInterNet": Wiring(
        changes={"pair_ops": {"user_x_item": "memorize", "item_x_shop": "naive"}, "noise": "gumbel"},
        off={"pair_l2": None},
    ),
    "DHEN": Wiring(
        light={"task_weights": WEIGHED, "num_layers": 1},
        task_weights=WEIGHED,
        changes={
            **OTHER_WEIGHTS,
            "modules": ("linear",),
            "out_embeddings": 1,
            "ensemble": "sum",
            "num_heads": 1,
            "embedding_dim": 6,
            "auxiliary_weight": {"clicks": 0.3},
        },
        silent={**KEY_BIAS, **NEXT_EVENT},
        unlearned=KEY_BIAS,
        unread={},
        without={"dropout": BLOCKS, "batch_norm": BLOCKS},
    ),
    "AdaptDHM": Wiring(
        changes={"routing_mode": "port_a", "momentum": 0.2, "warm_up": 0, "iterations": 1},
        silent=NEVER_BLAMED,
    ),
    "STAR": Wiring(changes={"domain": "item", "unknown_rate": 0.9}),
    "DomainSharedBottom": Wiring(changes={"domain": "item", "unknown_rate": 0.9}),
    "DomainMMoE": Wiring(changes={"domain": "item", "unknown_rate": 0.9}),
    "PPNet": Wiring(
        **{**SEVERAL, "changes": {**OTHER_WEIGHTS, "gated": "output", "prior": ("shop",)}},
        without={"dropout": GATES, "batch_norm": GATES},
    ),
    "PEPNet": Wiring(
        **{**SEVERAL, "changes": {**OTHER_WEIGHTS, "gated": "output", "prior": ("shop",), "domain": "item"}},
        without={"dropout": GATES, "batch_norm": GATES},
    ),
    "CreativeSurvival": Wiring(
        task_weights={"short": 0.5, "long": 0.7},
        changes={"task_weights": {"short": 0.2}, "base_hazards": {"short": (0.3, 0.3, 0.3)}},
        unchanging={"base_hazards": "says where weights begin, and a test of the model holds that"},
        unlearned={"normalise/beta": "the tower normalises over the batch: what moves all rows alike falls out"},
    ),
}
"""Name of a model -> what is particular about it. Most models need no line."""


def wiring_of(name: str) -> Wiring:
    """How a model is checked."""
    return WIRING.get(name, Wiring())
