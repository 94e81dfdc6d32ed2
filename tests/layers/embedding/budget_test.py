"""A budget in, tables that keep it out."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfctr.layers.embedding import (
    DoubleHashedTable,
    FeatureEmbedding,
    HashedTable,
    QuotientRemainderTable,
    format_bytes,
    parse_bytes,
    plan_tables,
)
from tfctr.spec import BoundSpec, FeatureSpec

DIM = 8


def spec_of(**rows: int) -> BoundSpec:
    features = [{"kind": "categorical", "name": name, "role": "item"} for name in rows]
    tasks = [{"name": "click", "label": "clicked"}]
    spec = FeatureSpec(name="ads", features=features, tasks=tasks, split={"by": "hash", "column": "row"})
    return spec.bind(rows)


def power_law(rows: int, total: int = 1_000_000) -> np.ndarray:
    """Counts of padding, OOV and values that fall like 1/rank."""
    shares = 1 / np.arange(1, rows - 1)
    return np.concatenate([[0, 10], total * shares / shares.sum()])


def flat(rows: int, count: int = 2) -> np.ndarray:
    return np.concatenate([[0, 0], np.full(rows - 2, count)])


SPEC = spec_of(user=20_000, item=4_000, device=20)
COUNTS = {"user": power_law(20_000), "item": power_law(4_000), "device": power_law(20)}
WHOLE = (20_000 + 4_000 + 20) * DIM * 4


@pytest.mark.parametrize(
    ("text", "size"),
    [("64 MB", 64 * 10**6), ("1.5 GiB", 3 * 2**29), ("10kb", 10_000), (" 7 B ", 7), ("512", 512), (512, 512)],
)
def test_sizes_are_read(text: str | int, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "MB", "64 MBit", "-1 MB", "1,5 GB", "0", 0, True, "0.2 B"])
def test_what_is_no_size_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="a size"):
        parse_bytes(text)  # type: ignore[arg-type]  # on purpose


def test_sizes_are_written() -> None:
    assert [format_bytes(n) for n in (999, 1_000, 15_360, 123_456_789, 10**12)] == [
        "999 B", "1.00 kB", "15.4 kB", "123 MB", "1.00 TB",
    ]  # fmt: skip


def test_nothing_is_compressed_where_everything_fits() -> None:
    plan = plan_tables(SPEC, COUNTS, DIM, WHOLE)
    assert [choice.kind for choice in plan.choices] == ["full"] * 3
    assert plan.tables == {}
    assert plan.bytes_after == plan.bytes_before == WHOLE
    assert plan.private_share == 1


def test_small_and_frequent_stay_full_and_the_rest_fits() -> None:
    plan = plan_tables(SPEC, COUNTS, DIM, "250 kB")
    kinds = {choice.vocabulary: choice.kind for choice in plan.choices}
    assert kinds["device"] == "full"
    assert kinds["user"] in ("hashed", "double-hashed")
    assert 200_000 < plan.bytes_after <= 250_000
    assert plan.private_share > 0.8  # the frequent ids keep their rows
    (user,) = (choice for choice in plan.choices if choice.vocabulary == "user")
    assert user.private_share == pytest.approx(COUNTS["user"][: user.private_rows].sum() / COUNTS["user"].sum())


def test_the_bytes_said_are_the_bytes_built() -> None:
    for budget in (700_000, 250_000, 100_000, 40_000):
        plan = plan_tables(SPEC, COUNTS, DIM, budget)
        layer = FeatureEmbedding(SPEC, DIM, tables=plan.tables)
        layer.build()
        built = sum(lookup.fused_table.serving_bytes() for lookup in layer.lookups)
        fused_paddings = sum(choice.kind == "full" for choice in plan.choices) - 1  # one row 0 for them all
        assert built == plan.bytes_after - max(0, fused_paddings) * DIM * 4
        assert built <= budget


def test_every_form_is_chosen_where_its_rule_says() -> None:
    spec = spec_of(alike=10_000, headed=10_000, skewed=10_000, small=100)
    skewed = np.concatenate([[0, 0], np.full(998, 1000.0), np.full(9_000, 1.0)])  # the tail is 1 % of look-ups
    counts = {"alike": flat(10_000), "headed": power_law(10_000), "skewed": skewed, "small": flat(100)}
    plan = plan_tables(spec, counts, DIM, 9_000 * DIM * 4)
    assert {choice.vocabulary: choice.kind for choice in plan.choices} == {
        "alike": "quotient-remainder", "headed": "double-hashed", "skewed": "hashed", "small": "full",
    }  # fmt: skip
    assert {name: type(table) for name, table in plan.tables.items()} == {
        "alike": QuotientRemainderTable, "headed": DoubleHashedTable, "skewed": HashedTable,
    }  # fmt: skip


def test_an_impossible_budget_says_the_least_and_the_least_is_possible() -> None:
    with pytest.raises(ValueError, match="at least") as refusal:
        plan_tables(SPEC, COUNTS, DIM, "1 kB")
    least = int(str(refusal.value).split("(")[1].split(" bytes")[0])
    assert plan_tables(SPEC, COUNTS, DIM, least).bytes_after == least
    with pytest.raises(ValueError, match="at least"):
        plan_tables(SPEC, COUNTS, DIM, least - 1)


def test_slots_count_when_an_optimizer_is_named() -> None:
    weights = plan_tables(SPEC, COUNTS, DIM, 300_000)
    with_slots = plan_tables(SPEC, COUNTS, DIM, 900_000, optimizer="lazy_adam")
    assert [choice.private_rows for choice in with_slots.choices] == [c.private_rows for c in weights.choices]
    assert with_slots.bytes_after == 3 * weights.bytes_after
    assert "slots of lazy_adam" in str(with_slots)
    with pytest.raises(ValueError, match="lazy_adam, adam"):
        plan_tables(SPEC, COUNTS, DIM, 900_000, optimizer="adamw")


def test_the_plan_prints_a_table() -> None:
    lines = str(plan_tables(SPEC, COUNTS, DIM, "250 kB")).splitlines()
    assert lines[0] == "embedding budget 250 kB (weights)"
    assert [line.split()[0] for line in lines[2:]] == ["user", "item", "device", "all"]
    assert lines[-1].split()[1] == "24,020"


def test_counts_must_fit() -> None:
    with pytest.raises(ValueError, match=r"'item' has 4000 rows.*none are given"):
        plan_tables(SPEC, {"user": COUNTS["user"]}, DIM, "1 MB")
    with pytest.raises(ValueError, match=r"'user' has 20000 rows.*3 of them"):
        plan_tables(SPEC, {**COUNTS, "user": np.ones(3)}, DIM, "1 MB")


@settings(max_examples=30)
@given(st.integers(30_000, 800_000), st.integers(0, 2**32), st.floats(0.2, 2))
def test_no_plan_exceeds_its_budget(budget: int, seed: int, exponent: float) -> None:
    rng = np.random.default_rng(seed)
    counts = {name: np.sort(rng.pareto(exponent, rows) * 5)[::-1].round() for name, rows in SPEC.rows.items()}
    plan = plan_tables(SPEC, counts, DIM, budget)
    assert plan.bytes_after <= budget
    assert 0 <= plan.private_share <= 1
    for choice in plan.choices:
        template = choice.template()
        if template is not None:
            shapes = template.sized(choice.rows, DIM, "t").weight_shapes().values()
            assert sum(rows for rows, _ in shapes) == choice.trained_rows < choice.rows


@pytest.mark.parametrize("kind", [HashedTable, DoubleHashedTable])
def test_private_ids_share_with_nobody(kind: type[HashedTable]) -> None:
    keras.utils.set_random_seed(0)
    table = kind(rows=1000, dim=4, compression=50, private=100)
    table.build()
    assert table.embeddings.shape == (100 + 18, 4)
    vectors = keras.ops.convert_to_numpy(table(np.arange(1000)))
    np.testing.assert_array_equal(vectors[1:100], keras.ops.convert_to_numpy(table.embeddings)[1:100])
    shared = {tuple(vector) for vector in vectors[100:].tolist()}
    assert len(shared) <= (18 if kind is HashedTable else 18 * 18)
    assert not shared & {tuple(vector) for vector in vectors[:100].tolist()}
    with pytest.raises(ValueError, match="private"):
        kind(rows=10, dim=2, private=10)
