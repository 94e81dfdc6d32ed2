"""The data room: rows in, histories, splits, batches, public data sets, a simulator.

- `_read_log`: any raw log as typed batches; `_readers` has a file for each format, `_convert` the types and checks.
- `frames`: data frames, dicts and what else holds rows in memory, as one table.
- `bad_rows`: rows that cannot be read. `_write_log`: a table as a raw log. `_input_rows`: what a model is asked about.
- `histories`: what a user did strictly before each row. `_columns`: what a raw log must have.
- `_time_zones`: the clocks of a zone, for reading times and for features made of them.
- `survival`: durations with events, and where time is cut.
- `holdouts`: folds of small tables, by row or by group.
- `_splits`: train, valid, test. `_prepare`: all of it, from a raw log to rows on disk (`_fingerprint`, `_locks`).
- `graph`: who met whom, and groups of ids that behave alike.
- `datasets`: public data sets, fetched on demand.
- `batches`: transformed examples as `tf.data` (imports TensorFlow). `simulator`: a log with a known truth.
- `errors`: what is said when rows cannot be used.
"""

from tfctr.data._convert import times_as_seconds
from tfctr.data._prepare import PreparedData, load_split, prepare, prepare_table
from tfctr.data._read_log import read_log, read_table
from tfctr.data._time_zones import ZoneClocks, zone_clocks
from tfctr.data._write_log import write_log
from tfctr.data.bad_rows import BadRow, BadRows
from tfctr.data.errors import BadRowsError, DataError, FetchError
from tfctr.data.frames import as_table
from tfctr.data.histories import add_histories
from tfctr.data.holdouts import Holdout, group_holdouts, random_holdouts
from tfctr.data.survival import signed_durations, with_cut_points

__all__ = [
    "BadRow",
    "BadRows",
    "BadRowsError",
    "DataError",
    "FetchError",
    "Holdout",
    "PreparedData",
    "ZoneClocks",
    "add_histories",
    "as_table",
    "group_holdouts",
    "load_split",
    "prepare",
    "prepare_table",
    "random_holdouts",
    "read_log",
    "read_table",
    "signed_durations",
    "times_as_seconds",
    "with_cut_points",
    "write_log",
    "zone_clocks",
]
