"""Accumulators: metrics of streams too long to hold, in memory that does not grow with the rows.

Each one has `add(rows...)`, `merge(other)`, its results, and `state()` / `from_state()` as numpy arrays, so that parts
made on different machines (Beam, `tf.distribute`, shards of a log) are put together by adding.

- `sums`: logloss, normalized entropy, Brier, calibration ratio, equal-width ECE: exact.
- `histogram`: AUC, calibration slope, equal-mass ECE: within a bound computed from the data.
- `group_sample`: GAUC and ranking from rows in any order: exact while they fit, then a sample of groups.
- `ordered_groups`: GAUC from rows sorted by group: exact at any length.
- `evaluation`: all of them behind one `add`.
- `sum_stream`: any `SumMetric`, such as errors of ratings or precision at a threshold: exact.
- `group_stream`: any figure of each user, where the rows of a user come together: exact.
- `exposure_counts`: coverage, Gini index and entropy of what was shown: exact.

What does not stream: area under precision and recall, lift of the first rows, agreement of two orders over one long
list, permutation tests and DeLong's test. Each of them needs all rows at once.
"""

from tfctr.training.metrics.streaming.evaluation import StreamingEvaluation
from tfctr.training.metrics.streaming.exposure_counts import ExposureCounts
from tfctr.training.metrics.streaming.group_sample import GroupSample
from tfctr.training.metrics.streaming.group_stream import GroupStream
from tfctr.training.metrics.streaming.histogram import AUCEstimate, ECEEstimate, LogitHistogram
from tfctr.training.metrics.streaming.ordered_groups import OrderedGroups
from tfctr.training.metrics.streaming.sum_stream import SumStream
from tfctr.training.metrics.streaming.sums import BinarySums

__all__ = [
    "AUCEstimate",
    "BinarySums",
    "ECEEstimate",
    "ExposureCounts",
    "GroupSample",
    "GroupStream",
    "LogitHistogram",
    "OrderedGroups",
    "StreamingEvaluation",
    "SumStream",
]
