"""Accumulators: metrics of streams too long to hold, in memory that does not grow with the rows.

Each one has `add(rows...)`, `merge(other)`, its results, and `state()` / `from_state()` as numpy arrays, so that parts
made on different machines (Beam, `tf.distribute`, shards of a log) are put together by adding.

- `sums`: logloss, normalized entropy, Brier, calibration ratio, equal-width ECE: exact.
- `histogram`: AUC, calibration slope, equal-mass ECE: within a bound computed from the data.
- `group_sample`: GAUC and ranking from rows in any order: exact while they fit, then a sample of groups.
- `ordered_groups`: GAUC from rows sorted by group: exact at any length.
- `evaluation`: all of them behind one `add`.
"""

from tfctr.training.metrics.streaming.evaluation import StreamingEvaluation
from tfctr.training.metrics.streaming.group_sample import GroupSample
from tfctr.training.metrics.streaming.histogram import AUCEstimate, ECEEstimate, LogitHistogram
from tfctr.training.metrics.streaming.ordered_groups import OrderedGroups
from tfctr.training.metrics.streaming.sums import BinarySums

__all__ = [
    "AUCEstimate",
    "BinarySums",
    "ECEEstimate",
    "GroupSample",
    "LogitHistogram",
    "OrderedGroups",
    "StreamingEvaluation",
]
