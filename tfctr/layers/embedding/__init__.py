"""Ids, numbers and vectors to embeddings.

- `feature_embedding`: the whole example at once. `first_order`: one weight a feature.
- `table`: the protocol of a table; `full_table`, `hashed_table`, `double_hashed_table`,
  `quotient_remainder_table`: its forms. `fused_lookup`: many features, one table, one gather.
- `penalties`: regularisation of the rows a batch touches, or of the whole table. `mini_batch_aware`: DIN's.
"""

from tfctr.layers.embedding.double_hashed_table import DoubleHashedTable
from tfctr.layers.embedding.feature_embedding import EmbeddedFeatures, FeatureEmbedding
from tfctr.layers.embedding.first_order import FirstOrder
from tfctr.layers.embedding.full_table import FullTable
from tfctr.layers.embedding.fused_lookup import FusedLookup
from tfctr.layers.embedding.hashed_table import HashedTable
from tfctr.layers.embedding.mini_batch_aware import MiniBatchAware
from tfctr.layers.embedding.penalties import BatchL2, RowPenalty, TableL2
from tfctr.layers.embedding.quotient_remainder_table import QuotientRemainderTable
from tfctr.layers.embedding.table import EmbeddingTable

__all__ = [
    "BatchL2",
    "DoubleHashedTable",
    "EmbeddedFeatures",
    "EmbeddingTable",
    "FeatureEmbedding",
    "FirstOrder",
    "FullTable",
    "FusedLookup",
    "HashedTable",
    "MiniBatchAware",
    "QuotientRemainderTable",
    "RowPenalty",
    "TableL2",
]
