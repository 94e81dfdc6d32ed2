"""Totals of trained weights against published logs of FuxiCTR on Frappe_x1 and MovieLensLatest_x1.

FuxiCTR gives every field a table with a padding row of its own; our fused table has one padding row for all
fields. A published total is therefore ours plus (fields - 1) rows of everything that is looked up by id.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.models.specs import categorical, make_spec
from tfctr.models import DNN, FM, LR, AutoInt, CTRModel, DCNv2, DeepFM, FinalMLP, WideDeep
from tfctr.spec import BoundSpec

FRAPPE = {
    "user": 956,
    "item": 4084,
    "daytime": 9,
    "weekday": 9,
    "isweekend": 4,
    "homework": 5,
    "cost": 4,
    "weather": 11,
    "country": 82,
    "city": 235,
}
"""Rows of the tables, padding and out-of-vocabulary included; they add up to 5,399."""
OLDER_FRAPPE = {name: rows - 1 for name, rows in FRAPPE.items()}
"""Logs older than late 2022 have 10 rows fewer: 5,389."""
MOVIELENS = {"user": 16_977, "item": 23_606, "tag": 49_659}

TOWER = {"hidden_units": (400, 400, 400), "batch_norm": True}
ATTENTION = {"num_heads": 4, "head_dim": 32}
ID_WEIGHTS = 1  # first-order weights, one a row
DIM = 10


def trained(model: CTRModel) -> int:
    model.build()
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def spec_of(rows: dict[str, int]) -> BoundSpec:
    return make_spec(*map(categorical, rows), rows=rows)


@pytest.mark.parametrize(
    ("model", "rows", "settings", "looked_up", "published"),
    [
        (LR, OLDER_FRAPPE, {}, ID_WEIGHTS, 5_390),
        (FM, OLDER_FRAPPE, {}, DIM + ID_WEIGHTS, 59_280),
        (DNN, OLDER_FRAPPE, TOWER, DIM, 417_891),
        # The published logs of these two lack the linear part's bias.
        (WideDeep, OLDER_FRAPPE, TOWER, DIM + ID_WEIGHTS, 423_280 + 1),
        (DeepFM, OLDER_FRAPPE, TOWER, DIM + ID_WEIGHTS, 423_280 + 1),
        (DCNv2, OLDER_FRAPPE, {"num_cross_layers": 4, "hidden_units": ()}, DIM, 94_391),
        (DCNv2, OLDER_FRAPPE, {"num_cross_layers": 4, **TOWER}, DIM, 458_391),
        (AutoInt, OLDER_FRAPPE, {"num_layers": 6, **ATTENTION, "attention": {"residual": "auto"}}, DIM, 306_051),
        (
            AutoInt,
            OLDER_FRAPPE,
            {"num_layers": 5, **ATTENTION, "attention": {"residual": "auto", "layer_norm": "before_relu"}, **TOWER},
            DIM,
            622_180,
        ),
        (
            FinalMLP,
            FRAPPE,
            {
                "hidden_units1": (400,),
                "hidden_units2": (100,),
                "batch_norm": True,
                "gate_units": (400,),
                "context1": ("user",),
                "context2": ("item",),
                "num_heads": 5,
            },
            DIM,
            253_392,
        ),
        (
            FinalMLP,
            MOVIELENS,
            {
                "hidden_units1": (400,),
                "hidden_units2": (800,),
                "batch_norm": True,
                "gate_units": (800,),
                "num_heads": 10,
            },
            DIM,
            1_040_902,
        ),
    ],
)
def test_published_totals(
    model: type[CTRModel], rows: dict[str, int], settings: dict[str, Any], looked_up: int, published: int
) -> None:
    common_padding = (len(rows) - 1) * looked_up
    assert trained(model(spec_of(rows), embedding_dim=DIM, **settings)) + common_padding == published


def test_reference_variant_of_autoint_by_its_formula() -> None:
    # Per layer 4 (in · A + A) + 2 A with A = 128: biases on four projections, and LayerNorm.
    spec = spec_of({"user": 956, "item": 4084})
    model = AutoInt(spec, embedding_dim=DIM, num_layers=2, **ATTENTION, variant="reference", wide=True)
    layers = sum(4 * (width * 128 + 128) + 2 * 128 for width in (DIM, 128))
    table_rows = 956 + 4084 - 1
    assert trained(model) == table_rows * (DIM + ID_WEIGHTS) + layers + 2 * 128 + 1
