"""Sequence layers: ``call(target, sequence, mask=None, times=None)`` to ``(batch, k)``.

Padded positions never change the output.

- `din_attention`: target attention by a small MLP. `local_activation_unit`: its scorer.
- `softmax_attention`: target attention by products. `sdim_attention`: its sample by hash collision, for long sequences.
- `_latest_events`: cuts a sequence to its last events, or to the last that a search kept.
- `sum_pooling`, `mean_pooling`: the same vector for every candidate.
- `behaviour_encoder`: a causal transformer that predicts the next event; `transformer_encoder`, `multi_head_attention`:
  its parts, which keep a sequence.
"""

from tfctr.layers.sequence._latest_events import latest_events
from tfctr.layers.sequence.behaviour_encoder import BehaviourEncoder
from tfctr.layers.sequence.din_attention import DINAttention
from tfctr.layers.sequence.local_activation_unit import LocalActivationUnit
from tfctr.layers.sequence.mean_pooling import MeanPooling
from tfctr.layers.sequence.multi_head_attention import MultiHeadAttention
from tfctr.layers.sequence.sdim_attention import SDIMAttention
from tfctr.layers.sequence.softmax_attention import SoftmaxAttention
from tfctr.layers.sequence.sum_pooling import SumPooling
from tfctr.layers.sequence.transformer_encoder import TransformerEncoder

__all__ = [
    "BehaviourEncoder",
    "DINAttention",
    "LocalActivationUnit",
    "MeanPooling",
    "MultiHeadAttention",
    "SDIMAttention",
    "SoftmaxAttention",
    "SumPooling",
    "TransformerEncoder",
    "latest_events",
]
