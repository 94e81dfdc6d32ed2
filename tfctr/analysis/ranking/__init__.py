"""OutRank: which fields of a log tell something about its label, before any model; no TensorFlow.

- `rank_log`: the whole of it, one pass. `config`: settings. `result`: what comes out.
- `_fields`: columns as codes. `_batches`: mini-batches. `_controls`: made-up noise. `_transforms`: roots
  and logarithms.
- `_information`: the score. `_ranker`: all scores of a batch. `_schedule`: which pairs, when there are too many.
  `_medians`: over batches. `_three_mr`: the order. `_conclude`: from scores to verdicts.
- `_statistics`, `_row_profile`, `_anomalies`: what the data look like.
- `_report`, `_chart`: tables, files and a picture. `_reduced_spec`: the spec with the suggested fields alone.
"""

from tfctr.analysis.ranking.config import RankingConfig
from tfctr.analysis.ranking.rank_log import rank_features
from tfctr.analysis.ranking.result import Anomaly, FeatureRanking, Interaction, RankedField, Redundancy

__all__ = [
    "Anomaly",
    "FeatureRanking",
    "Interaction",
    "RankedField",
    "RankingConfig",
    "Redundancy",
    "rank_features",
]
