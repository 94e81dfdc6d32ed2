"""Plans: methods that take more than one fit, made of named stages that a killed run continues.

- `plan`: the base. `stage`: what a stage works with and leaves. `fit`: the plan with one stage.
- `distil`: a student that learns from a teacher's answers and from labels, the share of each found row by row.
- `dnis`: search for the numbers of vectors that are worth keeping. `_take_over`: weights from model to model.
- `graph_hash`: ids grouped by who met whom, then a fit with a row for each group.
- `low_rank`: a trained model, cut by the rank of what its layers put out, and tuned.
- `optembed`: search for the table that is worth its memory; `_evolution`: the search over widths.
- `optfs`: search for the values of features that are worth keeping.
- `optinter`: search for the way in which each pair of features is treated.
"""

# A line a plan: its file registers it, and every list of plans follows.
from tfctr.plans._registry import PLAN_ENTRIES, PLANS, PlanEntry, register_plan
from tfctr.plans.distil import Distil as Distil
from tfctr.plans.dnis import DNIS as DNIS
from tfctr.plans.fit import Fit as Fit
from tfctr.plans.graph_hash import GraphHash as GraphHash
from tfctr.plans.low_rank import LowRank as LowRank
from tfctr.plans.low_rank import compress, output_statistics
from tfctr.plans.optembed import OptEmbed as OptEmbed
from tfctr.plans.optfs import OptFS as OptFS
from tfctr.plans.optinter import OptInter as OptInter
from tfctr.plans.plan import Plan
from tfctr.plans.stage import Stage

__all__ = [
    "PLANS",
    "PLAN_ENTRIES",
    "Plan",
    "PlanEntry",
    "Stage",
    "compress",
    "output_statistics",
    "register_plan",
    *PLANS,
]
