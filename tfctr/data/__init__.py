"""The data room: rows in, histories, splits, batches, public data sets, a simulator.

- `histories`: what a user did strictly before each row. `columns`: what a raw log must have.
- `batches`: transformed examples as `tf.data` (imports TensorFlow). `simulator`: a log with a known truth.
- `errors`: what is said when rows cannot be used.
"""

from tfctr.data.errors import BadRowsError, DataError, FetchError
from tfctr.data.histories import add_histories

__all__ = ["BadRowsError", "DataError", "FetchError", "add_histories"]
