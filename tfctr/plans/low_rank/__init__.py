"""Post-training compression: outputs of trained layers are of low rank, so thinner layers can give them.

- `low_rank`: the plan. `_factorable`: what of a model can be factored, and its bytes. `_output_statistics`: what
  a pass over the data tells of outputs. `_factors`: a map or a table in two. `_ranks`: how thin each becomes.
  `surgery`: the new model.
"""

from tfctr.plans.low_rank._output_statistics import output_statistics
from tfctr.plans.low_rank.low_rank import LowRank
from tfctr.plans.low_rank.surgery import compress

__all__ = ["LowRank", "compress", "output_statistics"]
