"""Gates: what a model must reach, on the whole and on slices, before it is pushed."""

from __future__ import annotations

from pydantic import Field

from tfctr.spec.base import Frozen


class Gates(Frozen):
    """Bounds that an evaluated model must keep. A bound that is None is not checked.

    Args:
        auc_min: Lower bound of the AUC.
        logloss_max: Upper bound of the logloss (nats).
        auc_drop_max: The AUC may be at most this much below that of the last blessed model.
        logloss_rise_max: The logloss may be at most this much above that of the last blessed model.
        calibration_min, calibration_max: Bounds of mean prediction over mean label.
        slices: Raw columns; each value is a slice that must keep `slice_auc_min`. Tuples make crosses.
        slice_auc_min: Lower bound of the AUC in each slice that has `slice_rows_min` rows.
        slice_rows_min: Smaller slices are reported and cannot veto.
    """

    auc_min: float | None = Field(default=0.5, ge=0, le=1)
    logloss_max: float | None = Field(default=None, gt=0)
    auc_drop_max: float | None = Field(default=0.005, ge=0)
    logloss_rise_max: float | None = Field(default=0.01, ge=0)
    calibration_min: float | None = Field(default=0.8, gt=0)
    calibration_max: float | None = Field(default=1.25, gt=0)
    slices: tuple[tuple[str, ...], ...] = ()
    slice_auc_min: float | None = Field(default=None, ge=0, le=1)
    slice_rows_min: int = Field(default=1000, ge=1)
