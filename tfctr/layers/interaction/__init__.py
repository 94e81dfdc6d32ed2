"""Interaction layers: ``(batch, fields, dim)`` to ``(batch, k)`` or ``(batch, fields', dim')``.

- `factorization_machine`: all pairs' inner products. `cross_net_v2`, `cross_net_mixture`: DCN-V2's crosses.
- `interacting_layer`: AutoInt's attention over fields.
- `feature_gate`, `multi_head_bilinear_fusion`: FinalMLP's two parts.
- `pair_op_mixture`: OptInter's three ways for a pair of fields.
- `flatten`: fields side by side.
"""

from tfctr.layers.interaction.cross_net_mixture import CrossNetMixture
from tfctr.layers.interaction.cross_net_v2 import CrossNetV2
from tfctr.layers.interaction.factorization_machine import FactorizationMachine
from tfctr.layers.interaction.feature_gate import FeatureGate
from tfctr.layers.interaction.flatten import flatten_fields
from tfctr.layers.interaction.interacting_layer import InteractingLayer
from tfctr.layers.interaction.multi_head_bilinear_fusion import MultiHeadBilinearFusion
from tfctr.layers.interaction.pair_op_mixture import PAIR_OPS, PairOpMixture, pair_products

__all__ = [
    "PAIR_OPS",
    "CrossNetMixture",
    "CrossNetV2",
    "FactorizationMachine",
    "FeatureGate",
    "InteractingLayer",
    "MultiHeadBilinearFusion",
    "PairOpMixture",
    "flatten_fields",
    "pair_products",
]
