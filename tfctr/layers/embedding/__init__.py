"""Ids, numbers and vectors to embeddings.

- `feature_embedding`: the whole example at once. `first_order`: one weight a feature. `feature_gates`: a gate for each
  value, which both share.
- `table`: the protocol of a table; `full_table`, `hashed_table`, `double_hashed_table`,
  `quotient_remainder_table`, `mapped_table`, `distributed_table`: its forms. `id_map`: rows of ids, written down.
  `fused_lookup`: many features, one table, one gather. `_gather`: rows of a table without a read of the whole.
- `low_rank_table`: short codes and one map back to the full width.
- `searched_table`: rows and widths under search; `pruned_table`: what is left of it. `soft_selection_table`: single
  numbers under search; `sparse_table`: what is left of it. `_ranked_bits`: who has a row, in a bit and a half.
- `_precision`: rows in 8 or 4 bits a number.
- `budget`: forms and sizes that fit a budget in bytes, with `table_choice` and `byte_size`. `memory`: what tables
  will take, and the refusal of what does not fit.
- `missing_vector`: a learned vector where there is none. `_row_rates`: learning rates and freezing by vocabulary.
- `penalties`: regularisation of the rows a batch touches, or of the whole table. `mini_batch_aware`: DIN's.
"""

from tfctr.layers.embedding.budget import plan_tables
from tfctr.layers.embedding.byte_size import format_bytes, parse_bytes
from tfctr.layers.embedding.distributed_table import DistributedTable
from tfctr.layers.embedding.double_hashed_table import DoubleHashedTable
from tfctr.layers.embedding.feature_embedding import EmbeddedFeatures, FeatureEmbedding
from tfctr.layers.embedding.feature_gates import FeatureGates
from tfctr.layers.embedding.first_order import FirstOrder
from tfctr.layers.embedding.full_table import FullTable
from tfctr.layers.embedding.fused_lookup import FusedLookup
from tfctr.layers.embedding.hashed_table import HashedTable
from tfctr.layers.embedding.id_map import IdMap
from tfctr.layers.embedding.low_rank_table import LowRankTable
from tfctr.layers.embedding.mapped_table import MappedTable
from tfctr.layers.embedding.memory import MemoryEstimate, TooLargeError, estimate_memory
from tfctr.layers.embedding.mini_batch_aware import MiniBatchAware
from tfctr.layers.embedding.missing_vector import MissingVector
from tfctr.layers.embedding.penalties import BatchL2, RowPenalty, TableL2
from tfctr.layers.embedding.pruned_table import PrunedTable
from tfctr.layers.embedding.quotient_remainder_table import QuotientRemainderTable
from tfctr.layers.embedding.searched_table import SearchedTable
from tfctr.layers.embedding.soft_selection_table import SoftSelectionTable
from tfctr.layers.embedding.sparse_table import SparseTable
from tfctr.layers.embedding.table import EmbeddingTable
from tfctr.layers.embedding.table_choice import TableChoice, TablePlan

__all__ = [
    "BatchL2",
    "DistributedTable",
    "DoubleHashedTable",
    "EmbeddedFeatures",
    "EmbeddingTable",
    "FeatureEmbedding",
    "FeatureGates",
    "FirstOrder",
    "FullTable",
    "FusedLookup",
    "HashedTable",
    "IdMap",
    "LowRankTable",
    "MappedTable",
    "MemoryEstimate",
    "MiniBatchAware",
    "MissingVector",
    "PrunedTable",
    "QuotientRemainderTable",
    "RowPenalty",
    "SearchedTable",
    "SoftSelectionTable",
    "SparseTable",
    "TableChoice",
    "TableL2",
    "TablePlan",
    "TooLargeError",
    "estimate_memory",
    "format_bytes",
    "parse_bytes",
    "plan_tables",
]
