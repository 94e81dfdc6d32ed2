"""Layers for many domains, or many hidden groups: a row goes through the weights of its own group alone.

- `distribution_routing`: finds groups of rows without labels (AdaptDHM). `domain_ids`: ids of domains as groups.
- `group_towers`: a tower a group, the product of shared and own weights or own ones. `_row_blocks`: what keeps its cost
  that of one tower; `_by_group`: weights of groups. `partitioned_norm`: normalisation by domain (STAR).
- `gated_mlp`: a tower whose layers are gated by what is known of a row (PEPNet).
- `_mixed_logit`: a probability that is a mean of several.
"""

from tfctr.layers.domains._mixed_logit import mixed_logit
from tfctr.layers.domains.distribution_routing import DistributionRouting, Routed
from tfctr.layers.domains.domain_ids import DomainIds
from tfctr.layers.domains.gated_mlp import GatedMLP
from tfctr.layers.domains.group_towers import GroupTowers
from tfctr.layers.domains.partitioned_norm import PartitionedNorm

__all__ = [
    "DistributionRouting",
    "DomainIds",
    "GatedMLP",
    "GroupTowers",
    "PartitionedNorm",
    "Routed",
    "mixed_logit",
]
