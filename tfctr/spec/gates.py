"""Gates: what a model must reach, on the whole and on slices, before it is pushed."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Discriminator, Field, Tag

from tfctr.spec._base import Frozen


def _one_column_as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Slice = Annotated[tuple[str, ...], BeforeValidator(_one_column_as_list, json_schema_input_type=str | list[str])]
"""Raw columns whose values together make a slice; one column may stand without a list around it."""


NUMBER, BY_TASK = "a number", "by task"
"""The two forms of a bound in a label's unit."""

_Positive = Annotated[float, Field(gt=0)]
UnitBound = Annotated[
    Annotated[_Positive, Tag(NUMBER)] | Annotated[dict[str, _Positive], Tag(BY_TASK)],
    Discriminator(lambda value: BY_TASK if isinstance(value, dict) else NUMBER),
]
"""A bound in the unit of a label: one number for all regression tasks, or task -> number."""


class Gates(Frozen):
    """Bounds that an evaluated model must keep. A bound that is None is not checked.

    Args:
        auc_min: Lower bound of the AUC.
        logloss_max: Upper bound of the logloss (nats).
        auc_drop_max: The AUC may be at most this much below that of the last blessed model.
        logloss_rise_max: The logloss may be at most this much above that of the last blessed model.
        calibration_min, calibration_max: Bounds of mean prediction over mean label.
        slices: Raw columns; each value is a slice that must keep `slice_auc_min` or `slice_rmse_max`. A list of columns
            makes their cross. The values of `meta.domain` are slices without being named; unnamed they cannot veto.
        slice_auc_min: Lower bound of the AUC in each slice that has `slice_rows_min` rows.
        slice_rows_min: Smaller slices are reported and cannot veto.
        c_index_min: Lower bound of the C-index of survival tasks, for which the bounds above do not count.
        c_index_drop_max: Their C-index may be at most this much below that of the last blessed model.
        brier_max: Upper bound of their integrated Brier score.
        r2_min: Lower bound of R² of regression tasks, for which only this bound and those below count; 0 is no better
            than the mean of the labels.
        r2_drop_max: Their R² may be at most this much below that of the last blessed model.
        rmse_max: Upper bound of their RMSE, in the label's unit: a number, or task -> number.
        mae_max: Upper bound of their mean absolute error, likewise.
        slice_rmse_max: Upper bound of their RMSE in each slice that has `slice_rows_min` rows, likewise.
    """

    auc_min: float | None = Field(default=0.5, ge=0, le=1)
    logloss_max: float | None = Field(default=None, gt=0)
    auc_drop_max: float | None = Field(default=0.005, ge=0)
    logloss_rise_max: float | None = Field(default=0.01, ge=0)
    calibration_min: float | None = Field(default=0.8, gt=0)
    calibration_max: float | None = Field(default=1.25, gt=0)
    slices: tuple[Annotated[Slice, Field(min_length=1)], ...] = ()
    slice_auc_min: float | None = Field(default=None, ge=0, le=1)
    slice_rows_min: int = Field(default=1000, ge=1)
    c_index_min: float | None = Field(default=0.5, ge=0, le=1)
    c_index_drop_max: float | None = Field(default=0.005, ge=0)
    brier_max: float | None = Field(default=None, gt=0)
    r2_min: float | None = Field(default=0.0, le=1)
    r2_drop_max: float | None = Field(default=0.005, ge=0)
    rmse_max: UnitBound | None = None
    mae_max: UnitBound | None = None
    slice_rmse_max: UnitBound | None = None


def bound_for(bound: float | dict[str, float] | None, task: str) -> float | None:
    """Return what a bound in a label's unit demands of one task; None where it demands nothing.

    >>> bound_for(0.9, "rating"), bound_for({"price": 500.0}, "price"), bound_for({"price": 500.0}, "rating")
    (0.9, 500.0, None)
    """
    return bound.get(task) if isinstance(bound, dict) else bound
