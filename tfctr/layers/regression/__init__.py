"""Regression: the loss of numbers in their own unit.

- `regression_loss`: squared error or Huber's, of what is left when mean and deviation of the labels are taken out.
"""

from tfctr.layers.regression.regression_loss import RegressionLoss

__all__ = ["RegressionLoss"]
