"""Optimizers whose step costs as much as the rows a batch touches, not as the table is long.

- `_row_wise`, `_checked`: what they share. `_joint`: the gradients of all replicas; `_accumulating`: of several
  batches. `_rated`: learning rates by row. `_sparse_rows`: rows of a gradient and of a variable.
- `lazy_adam`, `lazy_adagrad`, `lazy_ftrl`, `lazy_sgd`, `dense_adam`: the rules.
"""

from __future__ import annotations

from typing import Any

import keras

from tfctr.training.config import FitConfig
from tfctr.training.optimizers.dense_adam import DenseAdam
from tfctr.training.optimizers.lazy_adagrad import LazyAdagrad
from tfctr.training.optimizers.lazy_adam import LazyAdam
from tfctr.training.optimizers.lazy_ftrl import LazyFtrl
from tfctr.training.optimizers.lazy_sgd import LazySGD
from tfctr.training.optimizers.split import Split

_CLASSES = {
    "lazy_adam": LazyAdam,
    "lazy_adagrad": LazyAdagrad,
    "lazy_ftrl": LazyFtrl,
    "lazy_sgd": LazySGD,
    "adam": DenseAdam,
}


def make_optimizer(config: FitConfig) -> keras.optimizers.Optimizer:
    """Return the optimizer that the settings name."""
    batches = config.gradient_accumulation_steps
    return _CLASSES[config.optimizer](
        learning_rate=config.learning_rate,
        global_clipnorm=config.clip_norm,
        gradient_accumulation_steps=batches if batches > 1 else None,
    )


def name_of(optimizer: keras.optimizers.Optimizer) -> str | None:
    """Return the name by which the settings know an optimizer; None for one of another class."""
    return next((name for name, known in _CLASSES.items() if type(rule_of(optimizer)) is known), None)


def rule_of(optimizer: keras.optimizers.Optimizer) -> Any:
    """Return the optimizer that steps: the one inside where a loss-scaling optimizer wraps it."""
    return getattr(optimizer, "inner_optimizer", optimizer)


__all__ = [
    "DenseAdam",
    "LazyAdagrad",
    "LazyAdam",
    "LazyFtrl",
    "LazySGD",
    "Split",
    "make_optimizer",
    "name_of",
    "rule_of",
]
