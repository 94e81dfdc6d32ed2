"""Accumulators: equal to the exact functions within the bounds they state, however rows are cut and merged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.metrics.strategies import samples
from tfctr.training import metrics
from tfctr.training.metrics import (
    BinarySums,
    GroupSample,
    LogitHistogram,
    OrderedGroups,
    StreamingEvaluation,
)

ROUNDING = 1e-9


def logged(rows: int, seed: int = 0, users: int = 200) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-rng.normal(-2, 1.3, rows)))
    y = (rng.random(rows) < p**1.1).astype(float)
    return y, p, rng.integers(0, users, rows), rng.choice([0, 0.5, 1, 2], rows)


def same(found: dict[str, float], expected: dict[str, float], rel: float = 1e-9) -> None:
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, rel=rel, abs=1e-9, nan_ok=True)


@given(samples(), st.integers(2, 300), st.lists(st.integers(0, 40), max_size=3))
def test_stream_is_within_its_bounds_of_the_exact_figures(sample, bins, cuts):
    y, p, w, g = sample
    stream = StreamingEvaluation(bins=bins)
    for part in np.split(np.arange(len(y)), sorted(min(cut, len(y)) for cut in cuts)):
        stream.add(y[part], p[part], g[part], w[part])
    exact = metrics.evaluate_arrays(y, p, g, w, ks=(2,))
    if not (w > 0).any():
        assert stream.result()["rows"] == 0
        return
    found = stream.result(ks=(2,))
    bounds = {
        name: found.pop(f"{name}_error") for name in ("auc", "ece_mass", "calibration_slope", "calibration_intercept")
    }
    assert found.pop("gauc_standard_error") == 0
    assert found.pop("gauc_sampled_share") == 1
    for name in ("auc", "ece_mass"):  # bounds that always hold
        value, expected = found.pop(name), exact.pop(name)
        assert math.isnan(value) == math.isnan(expected)
        assert math.isnan(value) or abs(value - expected) <= bounds[name] + ROUNDING
    for name in ("calibration_slope", "calibration_intercept"):  # a bound of first order: for narrow bins only
        value, expected = found.pop(name), exact.pop(name)
        assert math.isnan(value) or not math.isnan(expected)
    same(found, exact)


@pytest.mark.parametrize("bins", [64, 1024, 65_536])
def test_histogram_errors_keep_their_bounds_and_fall_with_the_bins(bins):
    y, p, _, w = logged(20_000)
    histogram = LogitHistogram(bins=bins).add(y, p, w)
    area, fit, ece = (
        histogram.auc(),
        histogram.recalibration(),
        histogram.expected_calibration_error(),
    )
    exact = metrics.recalibration(y, p, w)
    assert abs(area.value - metrics.auc(y, p, w)) <= area.error + ROUNDING
    assert abs(fit.slope - exact.slope) <= fit.slope_error + ROUNDING
    assert abs(fit.intercept - exact.intercept) <= fit.intercept_error + ROUNDING
    assert abs(ece.value - metrics.expected_calibration_error(y, p, w, binning="mass")) <= ece.error + ROUNDING
    # the docstring's figure, for one deviation of the logits and the width of a bin
    assert area.error == pytest.approx(7e-5 / 1.3 * 65_536 / bins, rel=0.4)
    if bins == 65_536:
        assert abs(area.value - metrics.auc(y, p, w)) < 5e-6
        assert fit.slope_error < 1e-9
        assert ece.error < 0.01


@given(samples(min_rows=5))
def test_slope_of_narrow_bins_is_within_its_bound(sample):
    y, p, w, _ = sample
    p = 0.05 + 0.9 * p
    fit, exact = LogitHistogram().add(y, p, w).recalibration(), metrics.recalibration(y, p, w)
    if math.isnan(exact.slope):
        assert math.isnan(fit.slope)
    elif abs(exact.slope) < 100:
        assert abs(fit.slope - exact.slope) <= 1.01 * fit.slope_error + 1e-7 * (1 + abs(exact.slope))


def test_bins_too_wide_for_a_slope_say_so():
    y, p, _, w = logged(1000)
    assert math.isnan(LogitHistogram(bins=2).add(y, p, w).recalibration().slope)


def test_a_constant_prediction_is_exact_in_any_histogram():
    histogram = LogitHistogram(bins=2).add([0, 1, 1, 0], [0.3, 0.3, 0.3, 0.3])
    assert histogram.auc() == (0.5, 0.0)
    assert math.isnan(histogram.recalibration().slope)


def test_probabilities_beyond_the_histogram_are_counted_in_its_error():
    histogram = LogitHistogram().add([0, 1], [1e-9, 1e-8])  # both below the cut at 1e-7
    assert histogram.auc() == (0.5, 0.5)


MAKERS = {
    "sums": BinarySums,
    "histogram": lambda: LogitHistogram(bins=128),
    "sample": lambda: GroupSample(max_rows=300),
    "evaluation": lambda: StreamingEvaluation(bins=128, max_group_rows=300),
}


def part_of(name: str, seed: int) -> Any:
    y, p, g, w = logged(150, seed, users=60)
    accumulator = MAKERS[name]()
    if name in ("sums", "histogram"):
        return accumulator.add(y, p, w)
    return accumulator.add(y, p, g, w)


def flat_state(accumulator: Any) -> dict[str, np.ndarray]:
    state = accumulator.state()
    flat: dict[str, np.ndarray] = {}
    for name, value in state.items():
        flat |= {f"{name}/{n}": v for n, v in value.items()} if isinstance(value, dict) else {name: value}
    return {name: np.sort(array, axis=-1) for name, array in flat.items()}


@pytest.mark.parametrize("name", MAKERS)
def test_merging_is_associative_and_commutative(name):
    left = part_of(name, 1).merge(part_of(name, 2)).merge(part_of(name, 3))
    right = part_of(name, 3).merge(part_of(name, 1).merge(part_of(name, 2)))
    one, two = flat_state(left), flat_state(right)
    assert one.keys() == two.keys()
    for key in one:
        np.testing.assert_allclose(one[key], two[key], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", MAKERS)
def test_state_goes_on_elsewhere(name):
    original = part_of(name, 1)
    restored = type(original).from_state(original.state())
    before = {key: array.copy() for key, array in flat_state(original).items()}
    restored.merge(part_of(name, 2))
    expected = flat_state(part_of(name, 1).merge(part_of(name, 2)))
    for key, array in flat_state(restored).items():
        np.testing.assert_allclose(array, expected[key], rtol=1e-12, atol=1e-12)
    for key, array in flat_state(original).items():  # the state was a copy
        np.testing.assert_array_equal(array, before[key])


@pytest.mark.parametrize("name", MAKERS)
def test_merging_does_not_change_the_other(name):
    other = part_of(name, 2)
    before = flat_state(other)
    MAKERS[name]().merge(other).merge(part_of(name, 3))
    for key, array in flat_state(other).items():
        np.testing.assert_array_equal(array, before[key])


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (BinarySums(), BinarySums(bins=3)),
        (LogitHistogram(), LogitHistogram(bins=3)),
        (GroupSample(), GroupSample(max_rows=3)),
        (OrderedGroups(), OrderedGroups(weighting="clicks")),
    ],
)
def test_accumulators_of_other_settings_do_not_merge(one, two):
    with pytest.raises(ValueError, match="merge"):
        one.merge(two)


def test_nan_predictions_make_every_figure_nan():
    stream = StreamingEvaluation(bins=64).add([0, 1, 1], [0.1, np.nan, 0.4]).add([0], [0.2])
    figures = stream.result()
    assert figures.pop("rows") == 4
    assert all(math.isnan(value) for value in figures.values())


def test_groups_for_some_rows_only_is_an_error():
    stream = StreamingEvaluation(bins=64).add([0, 1], [0.1, 0.2], groups=[1, 1]).add([0], [0.2])
    with pytest.raises(ValueError, match="Groups were given for 2 of 3 rows"):
        stream.result()


def test_a_sample_of_groups_keeps_whole_groups_within_its_error():
    y, p, g, w = logged(60_000, users=3000)
    sample = GroupSample(max_rows=10_000)
    for part in np.array_split(np.arange(len(y)), 17):
        sample.add(y[part], p[part], g[part], w[part])
    result, exact = sample.gauc(), metrics.gauc(y, p, g, w)
    assert result.sampled_share == 0.125  # 45,000 rows of weight above 0, halved until 10,000 hold them
    assert 0 < result.rows <= 10_000
    assert result.groups == pytest.approx(3000 * 0.125, rel=0.2)
    assert 0 < result.standard_error < 0.02
    assert abs(result.value - exact.value) < 4 * result.standard_error
    kept = metrics.gauc(*whole_groups_like(sample, y, p, g, w))
    assert result.value == pytest.approx(kept.value, abs=1e-12)


def whole_groups_like(sample: GroupSample, y: Any, p: Any, g: Any, w: Any) -> tuple[Any, ...]:
    """All rows, from the log, of the groups the sample holds."""
    held = set(sample.state()["hashes"].tolist())
    from tfctr.training.metrics.streaming.group_sample import hash_groups

    kept = np.array([h in held for h in hash_groups(g).tolist()])
    return y[kept], p[kept], g[kept], w[kept]


def test_the_sample_depends_on_the_rows_and_not_on_their_order():
    y, p, g, w = logged(4000, users=400)
    order = np.random.default_rng(9).permutation(len(y))
    one = GroupSample(max_rows=700).add(y, p, g, w)
    parts = [GroupSample(max_rows=700).add(y[i], p[i], g[i], w[i]) for i in np.array_split(order, 7)]
    two = GroupSample(max_rows=700)
    for part in parts:
        two.merge(part)
    assert one.level == two.level > 0
    assert one.gauc() == two.gauc()


def test_memory_of_a_stream_does_not_grow_with_its_rows():
    def size(accumulator: StreamingEvaluation) -> int:
        return sum(array.nbytes for part in accumulator.state().values() for array in part.values())

    stream = StreamingEvaluation(bins=1024, max_group_rows=2000)
    sizes = []
    for step in range(30):
        y, p, g, _ = logged(2000, seed=step, users=10_000)
        stream.add(y, p, g)
        sizes.append(size(stream))
    limit = 1024 * 7 * 8 + 2000 * 24 + 1000
    assert max(sizes) <= limit
    assert stream.result()["rows"] == 60_000


@given(samples(min_rows=0), st.lists(st.integers(0, 40), max_size=4), st.integers(1, 4))
def test_ordered_groups_are_exact_for_any_cuts_and_merges(sample, cuts, every):
    order = np.argsort(sample.groups, kind="stable")
    y, p, w, g = (column[order] for column in sample)
    shards = [OrderedGroups(min_rows=2)]
    for i, part in enumerate(np.split(np.arange(len(y)), sorted(min(cut, len(y)) for cut in cuts))):
        shards[-1].add(y[part], p[part], g[part], w[part])
        if i % every == 0:
            shards.append(OrderedGroups(min_rows=2).restore(OrderedGroups(min_rows=2).state()))
    right = shards[-1]
    for shard in reversed(shards[:-1]):  # from the right: a different bracketing than from the left
        right = OrderedGroups(min_rows=2).restore(shard.state()).merge(right)
    left = shards[0]
    for shard in shards[1:]:
        left.merge(shard)
    expected = metrics.gauc(y, p, g, w, min_rows=2)
    for result in (left.result(), right.result()):
        assert result.value == pytest.approx(expected.value, abs=1e-12, nan_ok=True)
        assert (result.groups, result.used_rows) == (expected.groups, expected.used_rows)


def test_rows_out_of_order_are_refused():
    ordered = OrderedGroups().add([0, 1], [0.1, 0.2], [5, 5])
    with pytest.raises(ValueError, match=r"key .*3.* comes after .*5"):
        ordered.add([0], [0.1], [3])
    with pytest.raises(ValueError, match="sorted by group"):
        OrderedGroups().add([0, 1], [0.1, 0.2], [5, 4])


@pytest.mark.parametrize(
    "make", [lambda: BinarySums(bins=0), lambda: LogitHistogram(bins=1), lambda: GroupSample(max_rows=0)]
)
def test_bad_settings_are_named(make):
    with pytest.raises(ValueError, match="must be at least"):
        make()
