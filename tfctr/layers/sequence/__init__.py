"""Sequence layers: ``call(target, sequence, mask=None, times=None)`` to ``(batch, k)``.

Padded positions never change the output.

- `din_attention`: target attention. `local_activation_unit`: its scorer.
- `sum_pooling`, `mean_pooling`: the same vector for every candidate.
"""

from tfctr.layers.sequence.din_attention import DINAttention
from tfctr.layers.sequence.local_activation_unit import LocalActivationUnit
from tfctr.layers.sequence.mean_pooling import MeanPooling
from tfctr.layers.sequence.sum_pooling import SumPooling

__all__ = ["DINAttention", "LocalActivationUnit", "MeanPooling", "SumPooling"]
