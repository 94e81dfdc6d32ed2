"""Training: the fit driver, sparse optimizers, metrics.

- `fit`: trains with exact resume, early stopping and a readable progress. `config`: its settings.
- `checkpoint`: the state of a run. `evaluation`: figures of a model on rows. `divergence`: why a loss blew up.
- `strategy`: several devices and workers. `curves`: pictures and TensorBoard's files of a run.
- `optimizers`: row-wise optimizers for embedding tables. `metrics`: AUC, logloss, GAUC, calibration and more.
"""

from tfctr.training.config import FitConfig
from tfctr.training.evaluation import evaluate, predictions
from tfctr.training.fit import FitResult, fit
from tfctr.training.strategy import choose_strategy

__all__ = ["FitConfig", "FitResult", "choose_strategy", "evaluate", "fit", "predictions"]
