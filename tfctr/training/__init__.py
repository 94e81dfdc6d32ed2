"""Training: the fit driver, sparse optimizers, metrics.

- `fit`: trains with exact resume, early stopping and a readable progress. `config`: its settings.
- `checkpoint`: the state of a run. `evaluation`: figures of a model on rows. `divergence`: why a loss blew up.
- `optimizers`: row-wise optimizers for embedding tables. `metrics`: AUC, logloss, GAUC, calibration and more.
"""

from tfctr.training.config import FitConfig
from tfctr.training.evaluation import evaluate, predictions
from tfctr.training.fit import FitResult, fit

__all__ = ["FitConfig", "FitResult", "evaluate", "fit", "predictions"]
