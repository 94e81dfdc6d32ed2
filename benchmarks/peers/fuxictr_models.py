"""FuxiCTR's DNN, DeepFM and FinalMLP from its package's parts. For the environment that `make peers` made.

The package holds the base class with the training loop, the layers, and of the model zoo only the models for long
histories; the zoo's models for plain fields live in the repository beside it. They are put together here
from the package's parts in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fuxictr.features import FeatureMap
from fuxictr.pytorch.layers import FactorizationMachine, FeatureEmbedding, MLP_Block
from fuxictr.pytorch.models import BaseModel
from model_zoo.LongCTR.FinalMLP.FinalMLP import FeatureSelection, InteractionAggregation

PROTOCOL = {"optimizer": "adam", "loss": "binary_crossentropy", "metrics": ["AUC", "logloss"], "verbose": 0}


def feature_map(table_rows: Mapping[str, int], label: str, embedding_dim: int, folder: Path) -> FeatureMap:
    """Return the description of categorical fields, as FuxiCTR's own preprocessing would write it.

    Args:
        table_rows: Field -> rows of its table; id 0 is padding.
        label: Name of the label's column.
        embedding_dim: Width of the embeddings.
        folder: Where FuxiCTR may keep files.
    """
    described = FeatureMap(folder.name, str(folder))
    for name, rows in table_rows.items():
        described.features[name] = {"source": "", "type": "categorical", "vocab_size": rows, "padding_idx": 0}
    described.labels = [label]
    described.num_fields = len(table_rows)
    described.default_emb_dim = embedding_dim
    described.set_column_index()
    return described


def perceptron(
    features: FeatureMap, hidden_units: Sequence[int], batch_norm: bool, net_dropout: float, activation: Any = None
) -> MLP_Block:
    """Return a perceptron from the flattened embeddings to one number."""
    return MLP_Block(
        input_dim=features.sum_emb_out_dim(),
        output_dim=1,
        hidden_units=list(hidden_units),
        hidden_activations="relu",
        output_activation=activation,
        dropout_rates=net_dropout,
        batch_norm=batch_norm,
    )


class DNN(BaseModel):
    """A perceptron on the flattened embeddings.

    Args:
        features: From `feature_map`.
        learning_rate: Of Adam.
        hidden_units: Widths of the hidden layers.
        batch_norm: Whether each of them normalises.
        net_dropout: Share of hidden units dropped.
        **options: Of FuxiCTR's `BaseModel`: `model_root`, `embedding_regularizer`, `eval_steps`, …
    """

    def __init__(
        self,
        features: FeatureMap,
        learning_rate: float = 1e-3,
        hidden_units: Sequence[int] = (400, 400, 400),
        batch_norm: bool = False,
        net_dropout: float = 0.0,
        **options: Any,
    ):
        super().__init__(features, model_id="DNN", **PROTOCOL, **options)
        self.embedding_layer = FeatureEmbedding(features, features.default_emb_dim)
        self.mlp = perceptron(features, hidden_units, batch_norm, net_dropout, self.output_activation)
        self.compile(PROTOCOL["optimizer"], PROTOCOL["loss"], learning_rate)
        self.reset_parameters()
        self.model_to_device()

    def forward(self, inputs: Any) -> dict[str, Any]:
        """Return the probabilities under FuxiCTR's key."""
        return {"y_pred": self.mlp(self.embedding_layer(self.get_inputs(inputs), flatten_emb=True))}


class DeepFM(BaseModel):
    """A factorization machine beside the perceptron; arguments as of `DNN`."""

    def __init__(
        self,
        features: FeatureMap,
        learning_rate: float = 1e-3,
        hidden_units: Sequence[int] = (400, 400, 400),
        batch_norm: bool = False,
        net_dropout: float = 0.0,
        **options: Any,
    ):
        super().__init__(features, model_id="DeepFM", **PROTOCOL, **options)
        self.embedding_layer = FeatureEmbedding(features, features.default_emb_dim)
        self.machine = FactorizationMachine(features)
        self.mlp = perceptron(features, hidden_units, batch_norm, net_dropout)
        self.compile(PROTOCOL["optimizer"], PROTOCOL["loss"], learning_rate)
        self.reset_parameters()
        self.model_to_device()

    def forward(self, inputs: Any) -> dict[str, Any]:
        """Return the probabilities under FuxiCTR's key."""
        columns = self.get_inputs(inputs)
        fields = self.embedding_layer(columns)
        logit = self.machine(columns, fields) + self.mlp(fields.flatten(start_dim=1))
        return {"y_pred": self.output_activation(logit)}


class FinalMLP(BaseModel):
    """Two perceptrons on gated embeddings, fused by a multi-head bilinear map.

    Args:
        features: From `feature_map`.
        learning_rate: Of Adam.
        hidden_units1: Widths of the first perceptron; `hidden_units2` of the second.
        dropout1: Share of hidden units dropped in the first; `dropout2` in the second.
        batch_norm: Whether the layers of both normalise.
        gate_units: Widths of the gates' hidden layers.
        context1: Fields that steer the first gate; `context2` the second.
        num_heads: Heads of the bilinear map.
        **options: Of FuxiCTR's `BaseModel`.
    """

    def __init__(
        self,
        features: FeatureMap,
        learning_rate: float = 1e-3,
        hidden_units1: Sequence[int] = (400,),
        hidden_units2: Sequence[int] = (100,),
        dropout1: float = 0.0,
        dropout2: float = 0.0,
        batch_norm: bool = False,
        gate_units: Sequence[int] = (400,),
        context1: Sequence[str] = (),
        context2: Sequence[str] = (),
        num_heads: int = 1,
        **options: Any,
    ):
        super().__init__(features, model_id="FinalMLP", **PROTOCOL, **options)
        dim = features.default_emb_dim
        width = features.sum_emb_out_dim()
        self.embedding_layer = FeatureEmbedding(features, dim)
        self.mlp1, self.mlp2 = (
            MLP_Block(
                input_dim=width,
                hidden_units=list(units),
                hidden_activations="relu",
                dropout_rates=dropout,
                batch_norm=batch_norm,
            )
            for units, dropout in ((hidden_units1, dropout1), (hidden_units2, dropout2))
        )
        self.fs_module = FeatureSelection(features, width, dim, list(gate_units), list(context1), list(context2))
        self.fusion_module = InteractionAggregation(hidden_units1[-1], hidden_units2[-1], num_heads=num_heads)
        self.compile(PROTOCOL["optimizer"], PROTOCOL["loss"], learning_rate)
        self.reset_parameters()
        self.model_to_device()

    def forward(self, inputs: Any) -> dict[str, Any]:
        """Return the probabilities under FuxiCTR's key."""
        fields = self.get_inputs(inputs)
        first, second = self.fs_module(fields, self.embedding_layer(fields, flatten_emb=True))
        return {"y_pred": self.output_activation(self.fusion_module(self.mlp1(first), self.mlp2(second)))}
