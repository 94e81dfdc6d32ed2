"""The hyper-parameter `embedding_budget`: tables chosen from what the transform has counted."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from tfctr.models import CTRModel
from tfctr.models._budget import plan_model
from tfctr.transform import TransformOutput
from tfx_pipeline.model_check import BUDGET

logger = logging.getLogger(__name__)


def within_budget(
    model: type[CTRModel], hyperparameters: Mapping[str, Any], transform: TransformOutput
) -> dict[str, Any]:
    """Return what `model` takes: `embedding_budget`, where it is given, becomes the `tables` that keep it.

    The budget counts the weights, which is what is saved and served; the log gets a line a vocabulary.

    Args:
        model: Class of the model.
        hyperparameters: As the settings give them.
        transform: Knows the vocabularies and how often each id was seen in training.

    Raises:
        ValueError: When no choice of tables keeps the budget; says the least possible.
    """
    options = dict(hyperparameters)
    budget = options.pop(BUDGET, None)
    if budget is None:
        return options
    counts = {table: transform.vocabulary_counts(table) for table in transform.spec.tables}
    plan = plan_model(model, transform.bound_spec, counts, budget, options)
    logger.info("%s", plan)
    return {**options, "tables": plan.tables}
