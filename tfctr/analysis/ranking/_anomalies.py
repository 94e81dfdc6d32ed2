"""What in the data deserves a look before a model is trained on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tfctr.analysis.ranking._statistics import FieldStatistics
from tfctr.analysis.ranking.result import Anomaly, RankedField, Redundancy

SPARSE = 0.5
"""A field with values in a smaller share of the rows is sparse."""

DRIFT = 0.2
"""Coverage that differs by more between batches changed while the log was written."""

DOMINATED = 0.99
"""A value in a larger share of the rows leaves little to learn."""

DISTINCT = 0.95
"""More distinct values a row: nearly every row has its own. The count is an estimate, hence not 1."""

MANY_RARE = 0.5
"""Share of rows in rare values from which on they are reported."""

LEAK = 0.9
"""A field that tells a larger share of the label's entropy than this knows the outcome."""

SEEN = 30
"""With fewer rows nothing is said about distinct values."""


def unusable_fields(statistics: Mapping[str, FieldStatistics], numeric: frozenset[str]) -> dict[str, str]:
    """Return the fields that cannot help a model, with the reason: never a value, one value, a value of its own a row.

    A number may well be different in every row; only codes are judged by that.
    """
    found = {}
    for name, counted in statistics.items():
        there = counted.rows - counted.missing
        if not there:
            found[name] = "never has a value"
        elif counted.cardinality == 1 and not counted.missing:
            found[name] = f"is always {counted.counts.most_frequent()[0]!r}"
        elif name not in numeric and there >= SEEN and counted.cardinality > DISTINCT * there:
            found[name] = "has a value of its own in nearly every row"
    return found


_UNUSABLE_KINDS = {"never": "empty", "is": "constant", "has": "distinct"}


def find_anomalies(
    fields: Sequence[RankedField],
    statistics: Mapping[str, FieldStatistics],
    unusable: Mapping[str, str],
    redundancies: Sequence[Redundancy],
    label_entropy: float,
    rare_count: int,
) -> tuple[Anomaly, ...]:
    """Return what to look at, field by field in the order of the ranking, then pairs."""
    found: list[Anomaly] = []
    for field in fields:
        if field.name in unusable:
            reason = unusable[field.name]
            found.append(Anomaly(_UNUSABLE_KINDS[reason.split()[0]], field.name, reason))
            continue
        found += _of_values(field.name, statistics[field.name], rare_count)
        if field.score > LEAK * label_entropy:
            share = field.score / label_entropy
            message = f"tells {share:.0%} of the label: is it known before the click, or a consequence of it?"
            found.append(Anomaly("leak", field.name, message))
    for pair in redundancies:
        if pair.same and not {pair.first, pair.second} & set(unusable):
            found.append(Anomaly("duplicate", pair.second, f"tells the same as {pair.first}, value by value"))
    return tuple(found)


def _of_values(name: str, counted: FieldStatistics, rare_count: int) -> Iterator[Anomaly]:
    if counted.coverage < SPARSE:
        yield Anomaly("sparse", name, f"has a value in {counted.coverage:.1%} of the rows")
    if counted.highest_coverage - counted.lowest_coverage > DRIFT:
        low, high = counted.lowest_coverage, counted.highest_coverage
        yield Anomaly("drifting", name, f"has values in {low:.0%} to {high:.0%} of the rows, from batch to batch")
    value, rows = counted.counts.most_frequent()
    if rows > DOMINATED * counted.rows:
        yield Anomaly("dominated", name, f"is {value!r} in {rows / counted.rows:.2%} of the rows")
    there = counted.rows - counted.missing
    rare = counted.counts.rows_of_rare(rare_count)
    if rare > MANY_RARE * there:
        often = "once" if rare_count == 1 else f"at most {rare_count} times"
        yield Anomaly("rare", name, f"has values seen {often} in {rare / there:.0%} of its rows")
