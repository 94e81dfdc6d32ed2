"""OutRank: which fields of a log tell something about its label, before any model; no TensorFlow.

- `rank_log`: the whole of it, one pass. `config`: settings. `result`: what comes out.
- `fields`: columns as codes. `batches`: mini-batches. `controls`: made-up noise. `transforms`: roots and logarithms.
- `information`: the score. `ranker`: all scores of a batch. `schedule`: which pairs, when there are too many.
  `medians`: over batches. `three_mr`: the order. `conclude`: from scores to verdicts.
- `statistics`, `row_profile`, `anomalies`: what the data look like.
- `report`, `chart`: tables, files and a picture. `reduced_spec`: the spec with the suggested fields alone.
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
