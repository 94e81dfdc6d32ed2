"""An embedding budget for a whole model: the widths of all its embeddings counted together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import FusedLookup, TablePlan, plan_tables
from tfctr.models.ctr_model import CTRModel
from tfctr.spec import BoundSpec


def plan_model(
    model: type[CTRModel],
    spec: BoundSpec,
    counts: Mapping[str, np.ndarray],
    budget: str | int,
    hyperparameters: Mapping[str, Any] | None = None,
    **options: Any,
) -> TablePlan:
    """Choose the tables of a model so that all its embeddings fit a budget; see `plan_tables` for the rule.

    A model is made to be asked which embeddings it has, and never built: no memory is taken.

    Args:
        model: Class of the model.
        spec: Bound spec.
        counts: Vocabulary -> times each id was seen in training, ``(rows,)``.
        budget: Bytes, such as ``"64 MB"``.
        hyperparameters: Keyword arguments the model will be given, `tables` apart.
        **options: `optimizer`, `compression`, `full_rows` of `plan_tables`.

    Returns:
        The plan; give ``plan.tables`` to the model as `tables`.

    Raises:
        ValueError: When no plan fits; says the least possible.
    """
    return plan_tables(spec, counts, numbers_per_id(model(spec, **(hyperparameters or {}))), budget, **options)


def numbers_per_id(model: CTRModel) -> dict[str, int]:
    """Return the numbers a model keeps for one id of each vocabulary: the widths of its embeddings, summed."""
    kept: Counter[str] = Counter()
    for lookup in layers_of(model, FusedLookup):
        for vocabulary in lookup.vocabularies:
            kept[vocabulary] += lookup.dim
    return dict(kept)
