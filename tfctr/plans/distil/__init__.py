"""A student that learns from a teacher's answers and from labels.

- `distil`: the plan. `_teacher`: a teacher's answers, row by row. `_losses`: what a row costs.
- `_ratios`: the share of the teacher by simple rules; `_triangle_step`: TGeo-KD's, found by validation rows.
"""

from tfctr.plans.distil.distil import Distil, DistilSettings

__all__ = ["Distil", "DistilSettings"]
