"""From the logits of hazards to what people ask for: hazards, the survival curve, the expected life.

A model predicts the integrated hazard of each interval, ``x_l = -log(1 - h_l) = softplus(a_l)``: unlike the hazard h it
keeps all digits in float32 where h is near 0 and where it is near 1, so that the likelihood needs no clipping.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from keras import ops

from tfctr.layers._base import Tensor


def integrated_hazards(logits: Tensor) -> Tensor:
    """Return ``softplus(a)``, float32 also under mixed precision.

    Args:
        logits: Logits a of the hazards, ``(batch, intervals)``.
    """
    return ops.softplus(ops.cast(logits, "float32"))


def hazards(integrated: Tensor) -> Tensor:
    """Return the hazard of each interval, ``h_l = Pr(event in l | no event before l)``.

    Args:
        integrated: What a model returns, ``(batch, intervals)``, at least 0.
    """
    return -ops.expm1(-integrated)


def survival_curve(integrated: Tensor) -> Tensor:
    """Return ``S_l = prod_(i<=l) (1 - h_i)``, the probability of lasting beyond each cut point.

    Args:
        integrated: What a model returns, ``(batch, intervals)``, at least 0.

    Example:
        >>> hazard = np.array([[0.1, 0.2, 0.3, 0.4]], "float32")
        >>> print(np.round(ops.convert_to_numpy(survival_curve(-np.log(1 - hazard))), 4))
        [[0.9    0.72   0.504  0.3024]]
    """
    return ops.exp(-ops.cumsum(ops.cast(integrated, "float32"), axis=1))


def expected_life(integrated: Tensor, cut_points: Sequence[float], start: float = 0.0) -> Tensor:
    """Return the expected life up to the last cut point, ``sum_l S_(l-1) (t_l - t_(l-1))``, float32 ``(batch, 1)``.

    Args:
        integrated: What a model returns, ``(batch, intervals)``, at least 0.
        cut_points: Upper ends of the intervals.
        start: Where the first interval begins.
    """
    curve = survival_curve(integrated)  # (batch, intervals)
    before = ops.concatenate([ops.ones_like(curve[:, :1]), curve[:, :-1]], axis=1)
    widths = np.diff(np.asarray((start, *cut_points), "float32"))  # (intervals,)
    return ops.sum(before * widths, axis=1, keepdims=True)
