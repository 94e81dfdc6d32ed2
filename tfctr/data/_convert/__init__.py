"""From what a file holds to the types of the spec, whole columns at a time, bad rows set apart.

- `problems`: the bad rows of one batch. `values`: one value a row. `lists`: lists and vectors, `list_text`:
  texts of lists. `times`: times, `time_text`: texts of times by format.
- `checks`: labels, weights, masks, times. `batch`: all of it for a batch.
- `typed`: a column whose rows must all be good.
"""

from tfctr.data._convert.batch import Converter
from tfctr.data._convert.times import times_as_seconds

__all__ = ["Converter", "times_as_seconds"]
