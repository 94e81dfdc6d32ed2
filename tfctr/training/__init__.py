"""Training: the fit driver, sparse optimizers, metrics.

- `_fit`: trains with exact resume, early stopping and a readable progress. `config`: its settings.
- `_checkpoint`: the state of a run. `evaluation`: figures of a model on rows. `_divergence`: why a loss blew up.
- `id_check`: the debug mode of ids. `_memory_check`: what would not fit is refused. `growth`: yesterday's model for
  today's vocabularies.
- `_clustered_tables`: tables whose ids share rows by groups (GraphHash).
- `retrieval`: figures of a two-tower model that searches all items.
- `strategy`: several devices and workers. `_curves`: pictures and TensorBoard's files of a run.
- `optimizers`: row-wise optimizers for embedding tables. `metrics`: AUC, logloss, GAUC, calibration and more.
"""

from tfctr.training._clustered_tables import clustered_tables
from tfctr.training._fit import FitResult, fit
from tfctr.training.config import FitConfig
from tfctr.training.evaluation import evaluate, predictions
from tfctr.training.id_check import check_ids
from tfctr.training.retrieval import evaluate_retrieval
from tfctr.training.strategy import choose_strategy

__all__ = [
    "FitConfig",
    "FitResult",
    "check_ids",
    "choose_strategy",
    "clustered_tables",
    "evaluate",
    "evaluate_retrieval",
    "fit",
    "predictions",
]
