"""The data room: rows in, histories, splits, batches, public data sets, a simulator.

- `read_log`: any raw log as typed batches; `readers` has a file for each format, `convert` the types and checks.
- `bad_rows`: rows that cannot be read. `write_log`: a table as a raw log.
- `histories`: what a user did strictly before each row. `columns`: what a raw log must have.
- `survival`: durations with events, and where time is cut.
- `splits`: train, valid, test. `prepare`: all of it, from a raw log to rows on disk (`fingerprint`, `locks`).
- `graph`: who met whom, and groups of ids that behave alike.
- `datasets`: public data sets, fetched on demand.
- `batches`: transformed examples as `tf.data` (imports TensorFlow). `simulator`: a log with a known truth.
- `errors`: what is said when rows cannot be used.
"""

from tfctr.data.bad_rows import BadRow, BadRows
from tfctr.data.errors import BadRowsError, DataError, FetchError
from tfctr.data.histories import add_histories
from tfctr.data.prepare import PreparedData, load_split, prepare, prepare_table
from tfctr.data.read_log import read_log, read_table
from tfctr.data.survival import signed_durations, with_cut_points
from tfctr.data.write_log import write_log

__all__ = [
    "BadRow",
    "BadRows",
    "BadRowsError",
    "DataError",
    "FetchError",
    "PreparedData",
    "add_histories",
    "load_split",
    "prepare",
    "prepare_table",
    "read_log",
    "read_table",
    "signed_durations",
    "with_cut_points",
    "write_log",
]
