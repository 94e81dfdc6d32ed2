"""From what a file holds to the types of the spec, whole columns at a time, bad rows set apart.

- `problems`: the bad rows of one batch. `values`: one value a row. `lists`: lists and vectors.
- `checks`: labels, weights, masks, times. `batch`: all of it for a batch.
- `typed`: a column whose rows must all be good.
"""

from tfctr.data._convert.batch import Converter

__all__ = ["Converter"]
