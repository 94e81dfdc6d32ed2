"""Counts over the single values of a column, batch by batch."""

from __future__ import annotations

import statistics

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tfctr.analysis._distinct import DistinctCounter
from tfctr.analysis._marker_counts import MarkerCounts
from tfctr.analysis.log_sample import value_type, wider
from tfctr.data._convert.values import numbers_of_truths

_EXAMPLES = 3
MOST_FEW = 30
"""A column of at most so many different values has them all kept."""
_KEPT_NUMBERS = 10_000

_DAY_FIRST = r"^\s*(1[3-9]|2[0-9]|3[01])[/.-][0-9]"
_MONTH_FIRST = r"^\s*[0-9]{1,2}[/.-](1[3-9]|2[0-9]|3[01])[/.-]"


class ValueStatistics:
    """What the values of a column, or the entries of its lists, look like.

    Attributes:
        type: `string`, `int`, `float`, `bool` or `null`: the narrowest type that holds all of them.
        count: Values, missing ones left out.
        mean_characters: Average length of a value as text.
        minimum, maximum: Of numbers; NaN left out; None without numbers.
        ascending: Whether numbers never fall from one row to the next.
        whole: Whether no number has a fraction.
        markers: Values that may mean a missing one.
        examples: The first few different values, as text.
        day_first, month_first: Whether a text begins like a date of which only the first number, or only the second,
            can be a day: 31/12/2024, 12/31/2024.
        few: All different values as text where there are at most 30; None where there are more.
    """

    def __init__(self) -> None:
        self.type = "null"
        self.count = 0
        self.minimum: float | None = None
        self.maximum: float | None = None
        self.ascending = True
        self.whole = True
        self.markers = MarkerCounts()
        self.examples: tuple[str, ...] = ()
        self.day_first = self.month_first = False
        self.few: tuple[str, ...] | None = ()
        self._commonest: str | None = None
        self._commonest_count = 0
        self._characters = 0
        self._distinct = DistinctCounter()
        self._first_numbers: list[float] = []
        self._ones = 0

    def update(self, values: pa.Array) -> None:
        """Count the values of one batch."""
        values = values.drop_null()
        if not len(values):
            return
        self.count += len(values)
        texts = values if pa.types.is_string(values.type) else values.cast(pa.string())
        self.type = wider(self.type, "string" if _has_codes(texts) else value_type(values))
        self._characters += pc.sum(pc.utf8_length(texts)).as_py()
        self.markers.update(texts)
        distinct = pc.unique(texts)
        if self.type == "string":
            self.day_first |= pc.any(pc.match_substring_regex(distinct, _DAY_FIRST)).as_py()
            self.month_first |= pc.any(pc.match_substring_regex(distinct, _MONTH_FIRST)).as_py()
        uniques = distinct.to_pylist()
        self._distinct.update(uniques)
        if self.few is not None:
            several = tuple(dict.fromkeys([*self.few, *uniques[: MOST_FEW + 1]]))
            self.examples, self.few = several[:_EXAMPLES], several if len(several) <= MOST_FEW else None
        self._count_commonest(texts)
        if self.type in ("int", "float"):
            self._update_numbers(values.cast(pa.float64(), safe=False))
        elif self.type == "bool":
            self._ones += pc.sum(pc.equal(numbers_of_truths(texts), "1")).as_py()

    def _count_commonest(self, texts: pa.Array) -> None:
        """Count, in all batches, the value that was the most frequent one in the first."""
        if self._commonest is None:
            counted = pc.value_counts(texts)
            self._commonest = counted.field("values")[int(np.argmax(counted.field("counts").to_numpy()))].as_py()
        self._commonest_count += pc.sum(pc.equal(texts, self._commonest)).as_py()

    def _update_numbers(self, numbers: pa.Array) -> None:
        numbers = numbers.filter(pc.is_finite(numbers))
        if not len(numbers):
            return
        ends = pc.min_max(numbers).as_py()
        array = numbers.to_numpy(zero_copy_only=False)
        self.whole = self.whole and bool((array == np.trunc(array)).all())
        follows = self.maximum is None or array[0] >= self.maximum
        self.ascending = self.ascending and follows and bool((array[1:] >= array[:-1]).all())
        self.minimum = ends["min"] if self.minimum is None else min(self.minimum, ends["min"])
        self.maximum = ends["max"] if self.maximum is None else max(self.maximum, ends["max"])
        self._ones += int((array == 1).sum())
        self._first_numbers += array[: _KEPT_NUMBERS - len(self._first_numbers)].tolist()

    @property
    def distinct(self) -> int:
        """Number of different values, estimated where there are many."""
        return self._distinct.count

    @property
    def distinct_is_exact(self) -> bool:
        """Whether `distinct` is not an estimate."""
        return self._distinct.exact

    @property
    def mean_characters(self) -> float:
        """Average length of a value as text."""
        return self._characters / self.count if self.count else 0.0

    @property
    def share_of_ones(self) -> float:
        """Share of the values that are the number 1: the rate of a 0/1 label."""
        return self._ones / self.count if self.count else 0.0

    @property
    def commonest(self) -> str:
        """The value that was the most frequent one among the first rows."""
        return self._commonest or ""

    @property
    def share_of_commonest(self) -> float:
        """Share of the values that are `commonest`."""
        return self._commonest_count / self.count if self.count else 0.0

    @property
    def is_dense_near_zero(self) -> bool:
        """Whether most of the numbers from 0 to 9 occur, as they do among counts and seldom among codes."""
        return len({number for number in self._first_numbers if number in range(10)}) >= 5

    def share_within(self, other: ValueStatistics) -> float:
        """Share of the different values that occur in another column, too."""
        return self._distinct.share_within(other._distinct)

    @property
    def mean(self) -> float:
        """Average of the first 10,000 numbers."""
        return statistics.fmean(self._first_numbers) if self._first_numbers else 0.0

    @property
    def median(self) -> float:
        """Median of the first 10,000 numbers."""
        return statistics.median(self._first_numbers) if self._first_numbers else 0.0

    @property
    def is_number(self) -> bool:
        """Whether every value is a number."""
        return self.type in ("int", "float")

    def is_binary(self) -> bool:
        """Whether the values are the numbers 0 and 1, or true and false or the like, and both occur."""
        if self.type == "bool":
            return self.distinct == 2
        return self.is_number and (self.minimum, self.maximum) == (0.0, 1.0) and self.distinct == 2


def _has_codes(texts: pa.Array) -> bool:
    """Whether a leading zero shows that digits are a code, such as a zip, and no number."""
    return bool(pc.any(pc.match_substring_regex(texts, r"^[-+]?0[0-9]+$")).as_py())
