"""Plans: methods that take more than one fit, made of named stages that a killed run continues.

- `plan`: the base. `stage`: what a stage works with and leaves. `fit`: the plan with one stage.
- `graph_hash`: ids grouped by who met whom, then a fit with a row for each group.
- `low_rank`: a trained model, cut by the rank of what its layers put out, and tuned.
- `optembed`: search for the table that is worth its memory; `_evolution`: the search over widths.
"""

from tfctr.plans.fit import Fit
from tfctr.plans.graph_hash import GraphHash
from tfctr.plans.low_rank import LowRank, compress, output_statistics
from tfctr.plans.optembed import OptEmbed
from tfctr.plans.plan import Plan
from tfctr.plans.stage import Stage

PLANS: dict[str, type[Plan]] = {
    "Fit": Fit,
    "GraphHash": GraphHash,
    "LowRank": LowRank,
    "OptEmbed": OptEmbed,
}
"""Every plan by the name that commands and files use."""

__all__ = ["PLANS", "Fit", "GraphHash", "LowRank", "OptEmbed", "Plan", "Stage", "compress", "output_statistics"]
