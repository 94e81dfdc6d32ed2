"""Training steps of a plan's own, which `fit` puts in place of Keras': `fit(model, train, valid, step=…)`.

- `step`: the base: a training batch, and a search batch from a plan of its own beside it.
- `bilevel`: weights learn from training rows, the architecture from search rows.
- `_derivatives`: gradients at other weights than the model has, and by finite differences.
"""

from tfctr.training.steps._derivatives import displaced, gradients_of, loss_of, norm_of
from tfctr.training.steps.bilevel import BilevelStep
from tfctr.training.steps.step import Step

__all__ = ["BilevelStep", "Step", "displaced", "gradients_of", "loss_of", "norm_of"]
