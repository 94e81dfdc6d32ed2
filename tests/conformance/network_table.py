"""The table's layers, models and feature kinds. TensorFlow is not imported here: this part also runs on JAX."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.conformance.example_inputs import (
    BEHAVIOUR,
    CLICKS,
    IMAGE,
    ITEM,
    PRICE,
    RICH,
    RICH_LIVES,
    RICH_TASKS,
    TAGS,
    behaviour,
    events,
    example,
    fields,
    history,
    holed,
    ids,
    numbers,
    one_feature,
    searched,
    some_ids,
    spec_of,
)
from tests.conformance.recipe import Descriptor, Inputs
from tfctr import models
from tfctr.layers import embedding, field_blocks, interaction, multi_task, sequence, survival, towers
from tfctr.spec import (
    CategoricalFeature,
    MultiFeature,
    NumericFeature,
    SequenceFeature,
    VectorFeature,
)


def embedded(feature: dict[str, Any], rows: dict[str, int]) -> Any:
    return lambda: embedding.FeatureEmbedding(spec_of(feature, rows=rows), 4)


# --- layers ---------------------------------------------------------------------------------------------------------

TABLE = {"rows": 8, "dim": 4}

LAYERS = (
    Descriptor(embedding.FullTable, lambda: embedding.FullTable(**TABLE), some_ids),
    Descriptor(embedding.HashedTable, lambda: embedding.HashedTable(**TABLE, compression=2), some_ids),
    Descriptor(embedding.DistributedTable, lambda: embedding.DistributedTable(**TABLE), some_ids),
    Descriptor(embedding.DoubleHashedTable, lambda: embedding.DoubleHashedTable(**TABLE, compression=2), some_ids),
    Descriptor(
        embedding.QuotientRemainderTable, lambda: embedding.QuotientRemainderTable(**TABLE, compression=3), some_ids
    ),
    Descriptor(
        embedding.MappedTable,
        lambda: embedding.MappedTable(
            **TABLE, mapping=embedding.IdMap.grouped([-1, -1, 3, 3, 5, -1, 5, 9]).doubled(salt=1)
        ),
        some_ids,
    ),
    Descriptor(embedding.LowRankTable, lambda: embedding.LowRankTable(**TABLE, rank=2), some_ids),
    Descriptor(embedding.PrunedTable, lambda: embedding.PrunedTable(**TABLE, kept=5, width=3), some_ids),
    Descriptor(
        embedding.SearchedTable,
        lambda: embedding.SearchedTable(**TABLE, per_row=True, sample_widths=False),
        some_ids,
    ),
    Descriptor(embedding.BatchL2, lambda: embedding.FullTable(**TABLE, penalty=embedding.BatchL2(0.1)), some_ids),
    Descriptor(embedding.TableL2, lambda: embedding.FullTable(**TABLE, penalty=embedding.TableL2(0.1)), some_ids),
    Descriptor(
        embedding.MiniBatchAware,
        lambda: embedding.FullTable(**TABLE, penalty=embedding.MiniBatchAware(0.1)),
        some_ids,
    ),
    Descriptor(
        embedding.FusedLookup,
        lambda: embedding.FusedLookup({"item": 8, "shop": 5}, {"item": "item", "shops": "shop"}, 4),
        example,
    ),
    Descriptor(
        embedding.FeatureEmbedding,
        lambda: embedding.FeatureEmbedding(RICH, 4, tables={"item": embedding.HashedTable(compression=2)}),
        example,
    ),
    Descriptor(embedding.FirstOrder, lambda: embedding.FirstOrder(RICH), example),
    Descriptor(interaction.FactorizationMachine, interaction.FactorizationMachine, fields("fields")),
    Descriptor(interaction.CrossNetV2, lambda: interaction.CrossNetV2(2), fields("inputs")),
    Descriptor(
        interaction.CrossNetMixture, lambda: interaction.CrossNetMixture(2, rank=3, num_experts=2), fields("inputs")
    ),
    Descriptor(
        interaction.InteractingLayer,
        lambda: interaction.InteractingLayer(
            2, head_dim=3, use_bias=True, projection_activation="relu", scale=True, layer_norm="after_relu"
        ),
        fields("fields"),
    ),
    Descriptor(
        interaction.FeatureGate,
        lambda: interaction.FeatureGate((5,), context="input"),
        lambda batch: {"inputs": numbers(batch, 3, 4), "context": numbers(batch, 4, speed=0.9)},
    ),
    Descriptor(
        interaction.MultiHeadBilinearFusion,
        lambda: interaction.MultiHeadBilinearFusion(2),
        lambda batch: {"first": numbers(batch, 4), "second": numbers(batch, 6, speed=0.9)},
    ),
    Descriptor(sequence.LocalActivationUnit, lambda: sequence.LocalActivationUnit((5, 3)), history),
    Descriptor(sequence.DINAttention, lambda: sequence.DINAttention((5, 3), softmax=True), history),
    Descriptor(sequence.SoftmaxAttention, lambda: sequence.SoftmaxAttention(2, head_dim=3), history),
    Descriptor(sequence.SDIMAttention, lambda: sequence.SDIMAttention(4, bits=2), history),
    Descriptor(sequence.SumPooling, sequence.SumPooling, history),
    Descriptor(sequence.MeanPooling, sequence.MeanPooling, history),
    Descriptor(
        towers.MLP,
        lambda: towers.MLP((6, 5), output_units=2, activation="prelu", batch_norm=True),
        lambda batch: {"inputs": numbers(batch, 4)},
    ),
    Descriptor(
        towers.FactoredDense,
        lambda: towers.FactoredDense(4, rank=1, activation="tanh"),
        lambda batch: {"inputs": numbers(batch, 3)},
    ),
    Descriptor(
        towers.Dice,
        towers.Dice,
        lambda batch: {"inputs": numbers(batch, 5, 4), "mask": events(batch, 9, 5) > 0},
    ),
)

KEY_BIAS = {"key/bias": "adds the same to all scores of a query, which the softmax takes out"}
NO_LABEL = "learns from the auxiliary loss alone, not from the answer"
NEXT_EVENT = {"next_item/kernel": NO_LABEL, "next_action_0/kernel": NO_LABEL, "next_action_0/bias": NO_LABEL}

FIELD_BLOCKS = (
    Descriptor(field_blocks.LinearBlock, lambda: field_blocks.LinearBlock(2), fields("fields")),
    Descriptor(
        field_blocks.AttentionBlock,
        lambda: field_blocks.AttentionBlock(2, hidden_units=6),
        fields("fields"),
        untrained=KEY_BIAS,
    ),
    Descriptor(field_blocks.CrossBlock, lambda: field_blocks.CrossBlock(2, rank=3), fields("fields")),
    Descriptor(field_blocks.ConvolutionBlock, lambda: field_blocks.ConvolutionBlock(2, filters=2), fields("fields")),
    Descriptor(
        field_blocks.DotProductBlock,
        lambda: field_blocks.DotProductBlock(2, compressed=3, hidden_units=(5,)),
        fields("fields"),
    ),
    Descriptor(field_blocks.MLPBlock, lambda: field_blocks.MLPBlock(2, hidden_units=(5,)), fields("fields")),
    Descriptor(
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
    Descriptor(
        sequence.MultiHeadAttention,
        lambda: sequence.MultiHeadAttention(2, 6),
        lambda batch: {
            "queries": numbers(batch, 2, 3),
            "sequence": history(batch)["sequence"],
            "mask": history(batch)["mask"],
        },
        untrained=KEY_BIAS,
    ),
    Descriptor(
        sequence.TransformerEncoder,
        lambda: sequence.TransformerEncoder(2, hidden_units=6, causal=True),
        lambda batch: {"sequence": history(batch)["sequence"], "mask": history(batch)["mask"]},
        untrained=KEY_BIAS,
    ),
    Descriptor(
        sequence.BehaviourEncoder,
        lambda: sequence.BehaviourEncoder(4, num_layers=1, with_times=True, num_actions=(4,)),
        behaviour_of_rows,
        untrained={**KEY_BIAS, **NEXT_EVENT},
    ),
)

MULTI_TASK_LAYERS = (
    Descriptor(
        multi_task.Experts,
        lambda: multi_task.Experts(2, (6, 5), batch_norm=True),
        lambda batch: {"inputs": numbers(batch, 4)},
    ),
    Descriptor(
        multi_task.ExpertGate,
        lambda: multi_task.ExpertGate((5,)),
        lambda batch: {"inputs": numbers(batch, 4), "experts": numbers(batch, 3, 6, speed=0.9)},
    ),
    Descriptor(
        multi_task.CustomizedGateControl,
        lambda: multi_task.CustomizedGateControl(2, (6,), own_experts=2, shared_experts=1),
        lambda batch: {"branches": numbers(batch, 3, 4)},
    ),
    Descriptor(
        multi_task.TaskTowers,
        lambda: multi_task.TaskTowers(("click", "buy"), (6,), batch_norm=True),
        lambda batch: {"inputs": numbers(batch, 2, 4)},
    ),
)

SURVIVAL_LAYERS = (
    Descriptor(survival.HazardHead, lambda: survival.HazardHead(3), lambda batch: {"inputs": numbers(batch, 4)}),
    Descriptor(
        embedding.MissingVector,
        embedding.MissingVector,
        lambda batch: {"inputs": holed(numbers(batch, 4))},
    ),
)

# --- models, each with its parts switched on ------------------------------------------------------------------------

SMALL = {"embedding_dim": 4}
DEEP = {**SMALL, "hidden_units": (6, 5), "batch_norm": True}

MODELS = (
    Descriptor(models.LR, lambda: models.LR(RICH), example, "model"),
    Descriptor(models.FM, lambda: models.FM(RICH, **SMALL), example, "model"),
    Descriptor(models.DNN, lambda: models.DNN(RICH, **DEEP), example, "model"),
    Descriptor(models.WideDeep, lambda: models.WideDeep(RICH, **DEEP), example, "model"),
    Descriptor(models.DeepFM, lambda: models.DeepFM(RICH, **DEEP), example, "model"),
    Descriptor(
        models.DCNv2, lambda: models.DCNv2(RICH, **DEEP, num_cross_layers=2, rank=3, num_experts=2), example, "model"
    ),
    Descriptor(
        models.AutoInt,
        lambda: models.AutoInt(RICH, **DEEP, num_layers=2, head_dim=3, variant="reference", wide=True),
        example,
        "model",
    ),
    Descriptor(
        models.FinalMLP,
        lambda: models.FinalMLP(
            RICH, **SMALL, hidden_units1=(6,), hidden_units2=(4,), gate_units=(5,), context1=("user",), batch_norm=True
        ),
        example,
        "model",
    ),
    Descriptor(
        models.DIN,
        lambda: models.DIN(
            RICH,
            **DEEP,
            attention_units=(5, 3),
            extra_pooling="sum_prod",
            mini_batch_aware=0.01,
        ),
        example,
        "model",
    ),
    Descriptor(models.TargetAttention, lambda: models.TargetAttention(RICH, **DEEP, head_dim=3), example, "model"),
    Descriptor(models.SIM, lambda: models.SIM(RICH, **DEEP, top_k=2, head_dim=3), searched, "model"),
    Descriptor(
        models.SDIM,
        lambda: models.SDIM(RICH, **DEEP, signatures=4, bits=2, short_length=2, head_dim=3, product=True),
        example,
        "model",
    ),
)

RETRIEVERS = (
    Descriptor(
        models.TwoTower, lambda: models.TwoTower(RICH, **SMALL, hidden_units=(6,), vector_dim=3), example, "model"
    ),
)

EXPERTS = {**SMALL, "expert_units": (6, 5), "tower_units": (4,), "batch_norm": True, "task_weights": {"buy": 2.0}}

MULTI_TASK_MODELS = (
    Descriptor(
        models.SharedBottom, lambda: models.SharedBottom(RICH_TASKS, **DEEP, tower_units=(4,)), example, "model"
    ),
    Descriptor(models.ESMM, lambda: models.ESMM(RICH_TASKS, **DEEP), example, "model"),
    Descriptor(
        models.MMoE, lambda: models.MMoE(RICH_TASKS, **EXPERTS, num_experts=2, gate_units=(5,)), example, "model"
    ),
    Descriptor(models.PLE, lambda: models.PLE(RICH_TASKS, **EXPERTS), example, "model"),
    Descriptor(
        models.DHEN,
        lambda: models.DHEN(BEHAVIOUR, **SMALL, tower_units=(4,), encoder_layers=1, auxiliary_weight={"clicks": 0.1}),
        behaviour,
        "model",
        untrained={**KEY_BIAS, **NEXT_EVENT},
    ),
)

SURVIVAL_MODELS = (
    Descriptor(
        models.CreativeSurvival,
        lambda: models.CreativeSurvival(
            RICH_LIVES, **DEEP, task_weights={"long": 0.7}, base_hazards={"short": (0.1, 0.2, 0.3)}
        ),
        lambda batch: {"features": {**(whole := example(batch)["features"]), "image": holed(whole["image"])}},
        "model",
    ),
)


# --- feature kinds --------------------------------------------------------------------------------------------------

FEATURES = (
    Descriptor(CategoricalFeature, embedded(ITEM, {"item": 8}), one_feature("item"), "feature"),
    Descriptor(MultiFeature, embedded({**TAGS, "pooling": "max"}, {"tags": 7}), one_feature("tags"), "feature"),
    Descriptor(SequenceFeature, embedded({**CLICKS, "shares": None}, {"clicks": 8}), one_feature("clicks"), "feature"),
    Descriptor(NumericFeature, embedded(PRICE, {}), one_feature("price"), "feature"),
    Descriptor(VectorFeature, embedded(IMAGE, {}), one_feature("image"), "feature"),
)

NETWORKS: tuple[Descriptor, ...] = (
    *LAYERS,
    *FIELD_BLOCKS,
    *BEHAVIOUR_LAYERS,
    *MULTI_TASK_LAYERS,
    *SURVIVAL_LAYERS,
    *MODELS,
    *RETRIEVERS,
    *MULTI_TASK_MODELS,
    *SURVIVAL_MODELS,
    *FEATURES,
)
"""Everything that maps tensors to tensors."""
