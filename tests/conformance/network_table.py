"""The table's layers, models and feature kinds. TensorFlow is not imported here: this part also runs on JAX."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfctr import models
from tfctr.layers import domains, embedding, field_blocks, interaction, multi_task, sequence, survival, towers
from tfctr.spec import (
    CategoricalFeature,
    CrossFeature,
    MultiFeature,
    NumericFeature,
    SequenceFeature,
    VectorFeature,
)
from tfctr.testing._examples import (
    CLICKS,
    IMAGE,
    ITEM,
    PRICE,
    RICH,
    TAGS,
    USER,
    USER_X_ITEM,
    events,
    example,
    fields,
    history,
    holed,
    ids,
    numbers,
    one_feature,
    some_ids,
    spec_of,
)
from tfctr.testing._model_checks import model_recipe
from tfctr.testing._recipe import Inputs, Recipe


def embedded(feature: dict[str, Any], rows: dict[str, int]) -> Any:
    return lambda: embedding.FeatureEmbedding(spec_of(feature, rows=rows), 4)


# --- layers ---------------------------------------------------------------------------------------------------------

TABLE = {"rows": 8, "dim": 4}

LAYERS = (
    Recipe(embedding.FullTable, lambda: embedding.FullTable(**TABLE), some_ids),
    Recipe(embedding.HashedTable, lambda: embedding.HashedTable(**TABLE, compression=2), some_ids),
    Recipe(embedding.DistributedTable, lambda: embedding.DistributedTable(**TABLE), some_ids),
    Recipe(embedding.DoubleHashedTable, lambda: embedding.DoubleHashedTable(**TABLE, compression=2), some_ids),
    Recipe(
        embedding.QuotientRemainderTable, lambda: embedding.QuotientRemainderTable(**TABLE, compression=3), some_ids
    ),
    Recipe(
        embedding.MappedTable,
        lambda: embedding.MappedTable(
            **TABLE, mapping=embedding.IdMap.grouped([-1, -1, 3, 3, 5, -1, 5, 9]).doubled(salt=1)
        ),
        some_ids,
    ),
    Recipe(embedding.LowRankTable, lambda: embedding.LowRankTable(**TABLE, rank=2), some_ids),
    Recipe(embedding.PrunedTable, lambda: embedding.PrunedTable(**TABLE, kept=5, width=3), some_ids),
    Recipe(
        embedding.SearchedTable,
        lambda: embedding.SearchedTable(**TABLE, per_row=True, sample_widths=False),
        some_ids,
    ),
    Recipe(embedding.SoftSelectionTable, lambda: embedding.SoftSelectionTable(**TABLE, blocks=(2, 3)), some_ids),
    Recipe(embedding.SparseTable, lambda: embedding.SparseTable(**TABLE, entries=13, kept=5), some_ids),
    Recipe(embedding.BatchL2, lambda: embedding.FullTable(**TABLE, penalty=embedding.BatchL2(0.1)), some_ids),
    Recipe(embedding.TableL2, lambda: embedding.FullTable(**TABLE, penalty=embedding.TableL2(0.1)), some_ids),
    Recipe(
        embedding.MiniBatchAware,
        lambda: embedding.FullTable(**TABLE, penalty=embedding.MiniBatchAware(0.1)),
        some_ids,
    ),
    Recipe(
        embedding.FusedLookup,
        lambda: embedding.FusedLookup({"item": 8, "shop": 5}, {"item": "item", "shops": "shop"}, 4),
        example,
    ),
    Recipe(
        embedding.FeatureEmbedding,
        lambda: embedding.FeatureEmbedding(RICH, 4, tables={"item": embedding.HashedTable(compression=2)}),
        example,
    ),
    Recipe(embedding.FeatureGates, lambda: embedding.FeatureGates(RICH, strength=0.01), example),
    Recipe(embedding.FirstOrder, lambda: embedding.FirstOrder(RICH), example),
    Recipe(interaction.FactorizationMachine, interaction.FactorizationMachine, fields("fields")),
    Recipe(interaction.CrossNetV2, lambda: interaction.CrossNetV2(2), fields("inputs")),
    Recipe(
        interaction.CrossNetMixture, lambda: interaction.CrossNetMixture(2, rank=3, num_experts=2), fields("inputs")
    ),
    Recipe(
        interaction.InteractingLayer,
        lambda: interaction.InteractingLayer(
            2, head_dim=3, use_bias=True, projection_activation="relu", scale=True, layer_norm="after_relu"
        ),
        fields("fields"),
    ),
    Recipe(
        interaction.FeatureGate,
        lambda: interaction.FeatureGate((5,), context="input"),
        lambda batch: {"inputs": numbers(batch, 3, 4), "context": numbers(batch, 4, speed=0.9)},
    ),
    Recipe(
        interaction.MultiHeadBilinearFusion,
        lambda: interaction.MultiHeadBilinearFusion(2),
        lambda batch: {"first": numbers(batch, 4), "second": numbers(batch, 6, speed=0.9)},
    ),
    Recipe(
        interaction.PairOpMixture,
        lambda: interaction.PairOpMixture([(0, 1), (2, 0)], noise="none", cost=0.1),
        lambda batch: {"memorized": numbers(batch, 2, 4), "factors": numbers(batch, 3, 4, speed=0.9)},
    ),
    Recipe(sequence.LocalActivationUnit, lambda: sequence.LocalActivationUnit((5, 3)), history),
    Recipe(sequence.DINAttention, lambda: sequence.DINAttention((5, 3), softmax=True), history),
    Recipe(sequence.SoftmaxAttention, lambda: sequence.SoftmaxAttention(2, head_dim=3), history),
    Recipe(sequence.SDIMAttention, lambda: sequence.SDIMAttention(4, bits=2), history),
    Recipe(sequence.SumPooling, sequence.SumPooling, history),
    Recipe(sequence.MeanPooling, sequence.MeanPooling, history),
    Recipe(
        towers.MLP,
        lambda: towers.MLP((6, 5), output_units=2, activation="prelu", batch_norm=True),
        lambda batch: {"inputs": numbers(batch, 4)},
    ),
    Recipe(
        towers.FactoredDense,
        lambda: towers.FactoredDense(4, rank=1, activation="tanh"),
        lambda batch: {"inputs": numbers(batch, 3)},
    ),
    Recipe(
        towers.Dice,
        towers.Dice,
        lambda batch: {"inputs": numbers(batch, 5, 4), "mask": events(batch, 9, 5) > 0},
        by_position=True,
    ),
)

KEY_BIAS = {"key/bias": "adds the same to all scores of a query, which the softmax takes out"}
NO_LABEL = "learns from the auxiliary loss alone, not from the answer"
NEXT_EVENT = {"next_item/kernel": NO_LABEL, "next_action_0/kernel": NO_LABEL, "next_action_0/bias": NO_LABEL}

FIELD_BLOCKS = (
    Recipe(field_blocks.LinearBlock, lambda: field_blocks.LinearBlock(2), fields("fields")),
    Recipe(
        field_blocks.AttentionBlock,
        lambda: field_blocks.AttentionBlock(2, hidden_units=6),
        fields("fields"),
        untrained=KEY_BIAS,
    ),
    Recipe(field_blocks.CrossBlock, lambda: field_blocks.CrossBlock(2, rank=3), fields("fields")),
    Recipe(field_blocks.ConvolutionBlock, lambda: field_blocks.ConvolutionBlock(2, filters=2), fields("fields")),
    Recipe(
        field_blocks.DotProductBlock,
        lambda: field_blocks.DotProductBlock(2, compressed=3, hidden_units=(5,)),
        fields("fields"),
    ),
    Recipe(field_blocks.MLPBlock, lambda: field_blocks.MLPBlock(2, hidden_units=(5,)), fields("fields")),
    Recipe(
        field_blocks.DHENLayer,
        lambda: field_blocks.DHENLayer(
            ("linear", {"block": "cross", "mode": "gram"}, {"block": "mlp", "hidden_units": (5,)}),
            2,
            ensemble="weighted",
        ),
        fields("fields"),
    ),
)


def behaviour_of_rows(batch: int) -> Inputs:
    """A candidate, its history with times, and what the auxiliary loss is about."""
    kept = history(batch)
    return {
        **kept,
        "times": events(batch, 90, 5, speed=11),
        "items": np.where(kept["mask"], ids(batch, 7, 5), 0),
        "actions": np.where(kept["mask"], ids(batch, 4, 5), 0)[..., None],
    }


BEHAVIOUR_LAYERS = (
    Recipe(
        sequence.MultiHeadAttention,
        lambda: sequence.MultiHeadAttention(2, 6),
        lambda batch: {
            "queries": numbers(batch, 2, 3),
            "sequence": history(batch)["sequence"],
            "mask": history(batch)["mask"],
        },
        untrained=KEY_BIAS,
    ),
    Recipe(
        sequence.TransformerEncoder,
        lambda: sequence.TransformerEncoder(2, hidden_units=6, causal=True),
        lambda batch: {"sequence": history(batch)["sequence"], "mask": history(batch)["mask"]},
        untrained=KEY_BIAS,
    ),
    Recipe(
        sequence.BehaviourEncoder,
        lambda: sequence.BehaviourEncoder(4, num_layers=1, with_times=True, num_actions=(4,)),
        behaviour_of_rows,
        untrained={**KEY_BIAS, **NEXT_EVENT},
    ),
)

MULTI_TASK_LAYERS = (
    Recipe(
        multi_task.Experts,
        lambda: multi_task.Experts(2, (6, 5), batch_norm=True),
        lambda batch: {"inputs": numbers(batch, 4)},
    ),
    Recipe(
        multi_task.ExpertGate,
        lambda: multi_task.ExpertGate((5,)),
        lambda batch: {"inputs": numbers(batch, 4), "experts": numbers(batch, 3, 6, speed=0.9)},
    ),
    Recipe(
        multi_task.CustomizedGateControl,
        lambda: multi_task.CustomizedGateControl(2, (6,), own_experts=2, shared_experts=1),
        lambda batch: {"branches": numbers(batch, 3, 4)},
    ),
    Recipe(
        multi_task.TaskTowers,
        lambda: multi_task.TaskTowers(("click", "buy"), (6,), batch_norm=True),
        lambda batch: {"inputs": numbers(batch, 2, 4)},
    ),
)

DOMAIN_LAYERS = (
    Recipe(
        domains.DistributionRouting,
        lambda: domains.DistributionRouting(3, revive=True),
        lambda batch: {"inputs": numbers(batch, 4)},
    ),
    Recipe(domains.DomainIds, lambda: domains.DomainIds(7, first=2), lambda batch: {"ids": ids(batch, 9, low=0)}),
    Recipe(
        domains.GroupTowers,
        lambda: domains.GroupTowers(4, (6, 5), output_units=2, unknown=True),
        lambda batch: {"inputs": numbers(batch, 4), "groups": ids(batch, 4, low=0)},
    ),
    Recipe(
        domains.PartitionedNorm,
        lambda: domains.PartitionedNorm(3),
        lambda batch: {"inputs": numbers(batch, 4), "groups": ids(batch, 3, low=0)},
    ),
    Recipe(
        domains.GatedMLP,
        lambda: domains.GatedMLP((6, 5), output_units=2, gate_units=3, batch_norm=True),
        lambda batch: {"inputs": numbers(batch, 4), "context": numbers(batch, 3, speed=0.9)},
    ),
)

SURVIVAL_LAYERS = (
    Recipe(survival.HazardHead, lambda: survival.HazardHead(3), lambda batch: {"inputs": numbers(batch, 4)}),
    Recipe(
        embedding.MissingVector,
        embedding.MissingVector,
        lambda batch: {"inputs": holed(numbers(batch, 4))},
    ),
)

# --- feature kinds --------------------------------------------------------------------------------------------------

FEATURES = (
    Recipe(CategoricalFeature, embedded(ITEM, {"item": 8}), one_feature("item"), "feature"),
    Recipe(
        CrossFeature,
        lambda: embedding.FeatureEmbedding(
            spec_of(USER, ITEM, USER_X_ITEM, rows={"user": 6, "item": 8, "user_x_item": 9}), 4, only=("user_x_item",)
        ),
        one_feature("user_x_item"),
        "feature",
    ),
    Recipe(MultiFeature, embedded({**TAGS, "pooling": "max"}, {"tags": 7}), one_feature("tags"), "feature"),
    Recipe(SequenceFeature, embedded({**CLICKS, "shares": None}, {"clicks": 8}), one_feature("clicks"), "feature"),
    Recipe(NumericFeature, embedded(PRICE, {}), one_feature("price"), "feature"),
    Recipe(VectorFeature, embedded(IMAGE, {}), one_feature("image"), "feature"),
)

NETWORKS: tuple[Recipe, ...] = (
    *LAYERS,
    *FIELD_BLOCKS,
    *BEHAVIOUR_LAYERS,
    *MULTI_TASK_LAYERS,
    *DOMAIN_LAYERS,
    *SURVIVAL_LAYERS,
    *(model_recipe(model) for model in models.MODELS.values()),
    *FEATURES,
)
"""Everything that maps tensors to tensors."""
