"""Survival: hazards of intervals of time, the curve they make, and their likelihood.

- `hazard_head`: features to the logits of hazards. `curves`: logits to hazards, survival curve, expected life.
- `survival_loss`: the negative log-likelihood that lets censored rows tell what they know.
"""

from tfctr.layers.survival.curves import expected_life, hazards, integrated_hazards, survival_curve
from tfctr.layers.survival.hazard_head import HazardHead
from tfctr.layers.survival.survival_loss import SurvivalLoss

__all__ = ["HazardHead", "SurvivalLoss", "expected_life", "hazards", "integrated_hazards", "survival_curve"]
