"""OptEmbed's tables: the step's slope, the draw of widths, what is left after the search."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import FeatureEmbedding, FullTable, FusedLookup, PrunedTable, SearchedTable, TableL2
from tfctr.layers.embedding.searched_table import step
from tfctr.models import FM, quantize_tables
from tfctr.spec import FeatureSpec

IDS = np.arange(6)[:, np.newaxis]
ROWS = np.array([[9.0, 9, 9, 9], [0.1, -0.1, 0, 0], [1, 2, 3, 4], [0, 0, 0, 0.3], [-4, 3, -2, 1], [0.2, 0.1, 0.1, 0.1]])
NORMS = np.abs(ROWS).sum(1)


def table(threshold: float = 0.0, **options: object) -> SearchedTable:
    made = SearchedTable(6, 4, pressure=0.0, **options)
    made.build()
    made.embeddings.assign(ROWS)
    made.thresholds.assign(np.full(made.thresholds.shape, threshold))
    return made


def answers(layer: keras.layers.Layer, **options: object) -> np.ndarray:
    return keras.ops.convert_to_numpy(layer(IDS, **options))[:, 0]


def test_slope_of_the_step_at_the_paper_s_points() -> None:
    z = tf.constant([0.0, 0.1, 0.3, 0.4, 0.5, 1.0, 1.01, -0.1, -0.5, -1.01])
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = step(z)
    np.testing.assert_array_equal(value, [0, 1, 1, 1, 1, 1, 1, 0, 0, 0])
    np.testing.assert_allclose(tape.gradient(value, z), [2, 1.6, 0.8, 0.4, 0.4, 0.4, 0, 1.6, 0.4, 0], atol=1e-6)


def test_rows_below_the_threshold_are_zero() -> None:
    expected = ROWS * (NORMS > 0.4)[:, np.newaxis]
    expected[0] = 0
    np.testing.assert_allclose(answers(table(0.4)), expected, rtol=1e-6)
    np.testing.assert_array_equal(table(0.4).kept_rows(), [False, False, True, False, True, True])
    np.testing.assert_array_equal(table(0.4, norm=2).kept_rows(), [False, False, True, False, True, False])


def test_with_everything_on_it_is_the_plain_table() -> None:
    plain = FullTable(6, 4)
    plain.build()
    plain.embeddings.assign(ROWS)
    np.testing.assert_array_equal(answers(table()), answers(plain))


@pytest.mark.parametrize("per_row", [False, True])
def test_thresholds_feel_the_loss_and_the_pressure(per_row: bool) -> None:
    layer = table(0.1, per_row=per_row)
    layer.pressure = 0.5
    with tf.GradientTape() as tape:
        out = tf.reduce_sum(layer(IDS))
        loss = out + sum(layer.losses)
    count = 6 if per_row else 1
    assert float(sum(layer.losses)) == pytest.approx(0.5 * count * np.exp(-0.1), rel=1e-6)
    z = np.abs(NORMS - 0.1)
    slope = np.where(z <= 0.4, 2 - 4 * z, np.where(z <= 1, 0.4, 0))
    of_loss = -slope * ROWS.sum(1)  # d step / d t = - slope
    of_loss[0] = 0
    found = tf.convert_to_tensor(tape.gradient(loss, layer.thresholds.value))
    expected = of_loss if per_row else of_loss.sum(keepdims=True)
    np.testing.assert_allclose(found[:, 0], expected - 0.5 * np.exp(-0.1), rtol=1e-4, atol=1e-5)


def test_widths_are_drawn_evenly_for_each_row_of_data() -> None:
    layer = SearchedTable(3, 4, pressure=0.0)
    layer.build()
    layer.embeddings.assign(np.ones((3, 4)))
    ids = np.tile([[1, 2]], (4000, 1))
    shown = keras.ops.convert_to_numpy(layer(ids, training=True))
    np.testing.assert_array_equal(shown[:, 0], shown[:, 1])  # one draw for all ids of the vocabulary
    widths = shown[:, 0].sum(1)
    assert widths.mean() == pytest.approx(2.5, abs=0.1)
    np.testing.assert_allclose(shown[:, 0].mean(0), [1, 3 / 4, 2 / 4, 1 / 4], atol=0.04)
    assert np.all(np.diff(shown[:, 0], axis=1) <= 0)  # a prefix
    assert np.all(keras.ops.convert_to_numpy(layer(ids, training=False)) == 1)


def test_a_width_is_shown_until_another_is_set() -> None:
    layer = table()
    layer.set_width(2)
    assert np.all(answers(layer)[:, 2:] == 0)
    layer.set_width(4)
    np.testing.assert_allclose(answers(layer)[1:], ROWS[1:], rtol=1e-6)
    with pytest.raises(ValueError, match="between 1 and 4"):
        layer.set_width(5)


def test_compacted_it_answers_the_same_from_fewer_numbers() -> None:
    layer = table(0.4)
    layer.set_width(3)
    small = layer.compact()
    assert isinstance(small, PrunedTable)
    assert small.embeddings.shape == (4, 3)  # three ids and the shared row
    np.testing.assert_array_equal(small.kept_ids(), [False, False, True, False, True, True])
    np.testing.assert_allclose(answers(small), answers(layer), atol=1e-7)
    assert small.serving_bytes() == 4 * 4 * 3 + 12
    assert sum(np.asarray(weight).nbytes for weight in small.weights) == small.serving_bytes()


def test_who_has_a_row_takes_a_bit_and_a_half_an_id() -> None:
    assert PrunedTable(64_000, 2, kept=100).serving_bytes() == 101 * 2 * 4 + 64_000 // 8 + 64_000 // 64 * 4
    small = PrunedTable(400, 2, kept=300)
    small.build()
    assert sum(np.asarray(weight).nbytes for weight in small.weights) == small.serving_bytes()
    kept = np.arange(400) % 4 > 0
    small.keep(kept, np.arange(800).reshape(400, 2))
    np.testing.assert_array_equal(small.kept_ids(), kept)
    every = keras.ops.convert_to_numpy(small(np.arange(400)))
    np.testing.assert_array_equal(every, np.where(kept[:, None], np.arange(800).reshape(400, 2), 0))


def test_a_table_that_keeps_all_ids_has_no_places() -> None:
    layer = table()
    layer.set_width(3)
    small = layer.compact()
    assert [weight.name for weight in small.weights] == ["embeddings"]
    assert small.serving_bytes() == 4 * 6 * 3
    np.testing.assert_allclose(answers(small), answers(layer), atol=1e-7)
    with tf.GradientTape() as tape:
        out = tf.reduce_sum(small(IDS))
    gradient = tf.convert_to_tensor(tape.gradient(out, small.embeddings.value))
    np.testing.assert_array_equal(gradient, np.where(IDS > 0, np.ones((6, 3)), 0))  # the padding does not train


def test_pruned_rows_and_padding_do_not_train() -> None:
    small = PrunedTable(6, 4, kept=2, width=2)
    with tf.GradientTape() as tape:
        out = tf.reduce_sum(small(IDS))
    gradient = tf.convert_to_tensor(tape.gradient(out, small.embeddings.value))
    np.testing.assert_array_equal(gradient, [[0, 0], [1, 1], [1, 1]])


def joint_embedding(joint: bool = True, **options: object) -> FeatureEmbedding:
    """Three vocabularies pruned to two widths, ids and rows the same whether tables are joint or not."""
    spec = FeatureSpec(
        name="joint",
        features=[{"kind": "categorical", "name": name, "role": "item"} for name in ("a", "b", "c")],
        tasks=[{"name": "click", "label": "clicked"}],
        split={"by": "hash", "column": "row"},
    ).bind({"a": 9, "b": 5, "c": 7})
    kept = {"a": (6, 2), "b": (None, 3), "c": (2, 2)}
    tables = {name: PrunedTable(kept=rows, width=width, joint=joint) for name, (rows, width) in kept.items()}
    made = FeatureEmbedding(spec, 4, tables=tables, **options)
    made.build()
    rng = np.random.default_rng(0)
    masks = {name: np.arange(rows) % spec.rows[name] > 0 for name, rows in spec.rows.items()}
    masks |= {"a": np.isin(np.arange(9), [1, 2, 3, 5, 7, 8]), "c": np.isin(np.arange(7), [2, 6])}
    values = {name: rng.normal(size=(rows, 4)).astype("float32") for name, rows in spec.rows.items()}
    for lookup in made.lookups:
        rows = lookup.fused(values, np.zeros((lookup.rows, 4), "float32"))
        lookup.fused_table.keep(lookup.fused(masks, np.zeros(lookup.rows, bool)), rows)
    return made


def test_vocabularies_of_one_width_share_a_table_and_answer_as_before() -> None:
    joint, apart = joint_embedding(), joint_embedding(joint=False)
    assert [list(lookup.vocabularies) for lookup in joint.lookups] == [["a", "c"], ["b"]]
    assert [list(lookup.vocabularies) for lookup in apart.lookups] == [["a"], ["b"], ["c"]]
    rng = np.random.default_rng(1)
    features = {name: rng.integers(0, rows + 1, 50) for name, rows in joint.spec.rows.items()}  # out of range, too
    np.testing.assert_array_equal(joint(features).fields, apart(features).fields)
    assert joint.lookups[0].fused_table.serving_bytes() == 4 * 2 * (1 + 6 + 2) + 12
    again = FeatureEmbedding.from_config(joint.get_config())
    assert [list(lookup.vocabularies) for lookup in again.lookups] == [["a", "c"], ["b"]]


@pytest.mark.parametrize("precision", [None, "int4"])
def test_a_model_with_joint_tables_is_read_again(precision: str | None, tmp_path: Path) -> None:
    joint = joint_embedding()
    model = FM(joint.spec, embedding_dim=4, tables=joint.tables, embedding_l2=TableL2(1e-3))
    model.build()
    model = model if precision is None else quantize_tables(model, precision)
    assert len(layers_of(model, FusedLookup)) == 3
    model.save(tmp_path / "model.keras")
    again, features = keras.saving.load_model(tmp_path / "model.keras"), dict.fromkeys("abc", np.arange(5))
    np.testing.assert_array_equal(again.predict_on_batch(features), model.predict_on_batch(features))


def test_of_width_one_all_share_a_table_and_other_rates_do_not() -> None:
    joint = joint_embedding()
    line = FeatureEmbedding(joint.spec, 1, tables=joint.tables)
    assert [list(lookup.vocabularies) for lookup in line.lookups] == [["a", "b", "c"]]
    rates = FeatureEmbedding(joint.spec, 4, tables=joint.tables, learning_rates={"c": 0.5})
    assert [list(lookup.vocabularies) for lookup in rates.lookups] == [["a"], ["b"], ["c"]]


def test_nothing_kept_is_zero() -> None:
    small = PrunedTable(6, 4, kept=0, width=1)
    assert not answers(small).any()


def test_a_table_of_width_one_is_not_searched() -> None:
    assert type(SearchedTable().sized(5, 1, "weights")) is FullTable
    assert PrunedTable(kept=3, width=4).sized(6, 1, "weights").shape == (4, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PrunedTable(6, 4, kept=6), "below the 6 rows"),
        (lambda: PrunedTable(6, 4, width=0), "at least 1"),
        (lambda: SearchedTable(6, 4, norm=3), "1 or 2"),
        (lambda: table(0.4).compact().keep(np.ones(6, bool)), "keeps 3 ids"),
    ],
)  # fmt: skip
def test_wrong_arguments(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
