"""Rows find the groups that they came from, and what finds them moves in training alone."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import adjusted_rand_score

from tfctr.layers.domains import DistributionRouting

ROWS = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], "float32")
CENTRES = np.array([[0.8, 0.6], [0.6, 0.8]], "float32")
CLOSE = {"rtol": 0, "atol": 1e-6}


def routing(**options: Any) -> DistributionRouting:
    layer = DistributionRouting(2, **options)
    layer.build(ROWS.shape)
    layer.centres.assign(CENTRES)
    return layer


def unit_rows(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def mirrored(first: list[float]) -> np.ndarray:
    """Centres of the batch by hand: the second has the numbers of the first turned round."""
    return np.array([first, first[::-1]])


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_the_iterated_form_by_hand() -> None:
    layer = routing()
    rows = unit_rows(ROWS)
    temporary = layer.temporary(rows, CENTRES)
    np.testing.assert_allclose(temporary, mirrored([0.998461, 0.055456]), **CLOSE)
    np.testing.assert_allclose(layer.coefficients(rows, temporary)[0], [0.999919, 0.000081], **CLOSE)
    routed = layer(ROWS, training=True)
    np.testing.assert_allclose(layer.centres, mirrored([0.832527, 0.553984]), **CLOSE)
    np.testing.assert_allclose(routed.coefficients[0], [0.941884, 0.058116], **CLOSE)  # of the centres that were kept
    np.testing.assert_array_equal(routed.clusters, [0, 0, 1, 1])


def test_the_first_port_by_hand() -> None:
    layer = routing(mode="port_a", iterations=1)
    steps = [([0.795047, 0.606548], [0.549834, 0.450166]), ([0.790338, 0.612671], [0.546986, 0.453014])]
    steps.append(([0.785865, 0.618398], [0.5443, 0.4557]))
    centres = CENTRES
    for centre, coefficients in steps:
        np.testing.assert_allclose(layer.coefficients(ROWS, centres)[0], coefficients, rtol=0, atol=2e-6)
        centres = layer.moved(ROWS, centres)
        np.testing.assert_allclose(centres, mirrored(centre), **CLOSE)
    three = routing(mode="port_a")
    np.testing.assert_array_equal(three(ROWS, training=True).clusters, [0, 0, 1, 1])
    np.testing.assert_allclose(three.centres, mirrored([0.785865, 0.618398]), **CLOSE)  # towards each other


def test_the_second_port_by_hand() -> None:
    for iterations in (1, 3):  # all passes use the same centres
        layer = routing(mode="port_b", iterations=iterations)
        layer(ROWS, training=True)
        np.testing.assert_allclose(layer.centres, mirrored([0.796368, 0.604812]), **CLOSE)


# --- state ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["iterated", "port_a", "port_b"])
def test_centres_keep_length_one_and_answers_leave_them_alone(mode: Any) -> None:
    rng = np.random.default_rng(0)
    layer = DistributionRouting(3, mode=mode, revive=True)
    for _ in range(5):
        layer(rng.normal(size=(16, 6)) * 3, training=True)
        np.testing.assert_allclose(np.linalg.norm(layer.centres, axis=1), np.ones(3), rtol=1e-5)
    before = layer.get_weights()
    for rows in (16, 1):
        layer(rng.normal(size=(rows, 6)), training=False)
    for one, other in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_gradient_passes_and_nothing_trains() -> None:
    layer, rows = routing(), tf.constant(ROWS)
    with tf.GradientTape() as tape:
        tape.watch(rows)
        total = tf.reduce_sum(layer(rows, training=True).coefficients[:, 0])
    assert tape.gradient(total, rows) is None
    assert layer.trainable_weights == []
    assert {weight.name for weight in layer.weights} == {"centres", "usage", "steps"}


def test_routing_runs_in_float32() -> None:
    layer = DistributionRouting(2, dtype="mixed_float16")
    routed = layer(tf.cast(ROWS * 1e-4, "float16"), training=True)  # squares of such numbers vanish in half precision
    assert routed.coefficients.dtype == tf.float32
    assert keras.backend.standardize_dtype(layer.centres.dtype) == "float32"
    np.testing.assert_allclose(np.linalg.norm(layer.centres, axis=1), np.ones(2), rtol=1e-5)


def test_one_cluster_takes_all() -> None:
    routed = DistributionRouting(1)(ROWS, training=True)
    np.testing.assert_array_equal(routed.coefficients, np.ones((4, 1)))
    np.testing.assert_array_equal(routed.clusters, np.zeros(4))


def test_a_row_of_zeros_is_no_trouble() -> None:
    layer = routing()
    routed = layer(np.zeros((1, 2), "float32"), training=True)
    np.testing.assert_allclose(routed.coefficients, [[0.5, 0.5]], rtol=1e-6)
    np.testing.assert_allclose(layer.centres, CENTRES, rtol=1e-6)


def test_warming_ends_after_its_steps() -> None:
    layer = routing(warm_up=2)
    warming = []
    for _ in range(3):
        layer(ROWS, training=True)
        layer(ROWS, training=False)  # is no step
        warming.append(bool(layer.warming))
    assert warming == [True, True, False]


# --- groups in the data -----------------------------------------------------------------------------------------------

WIDTH, GROUPS = 24, 3


def planted(seed: int, *, length: float = 1.0) -> tuple[np.ndarray, np.random.Generator]:
    """Three directions at right angles."""
    rng = np.random.default_rng(seed)
    directions, _ = np.linalg.qr(rng.normal(size=(WIDTH, GROUPS)))
    return length * directions.T, rng


def routed_groups(
    seed: int, *, batches: int = 20, length: float = 1.0, **options: Any
) -> tuple[float, DistributionRouting]:
    """ARI of clusters and groups on fresh rows, after some batches of 512 rows around the directions."""
    directions, rng = planted(seed, length=length)
    keras.utils.set_random_seed(seed)
    layer = DistributionRouting(GROUPS, **options)
    layer.build((None, WIDTH))

    def rows(number: int) -> tuple[np.ndarray, np.ndarray]:
        group = rng.integers(0, GROUPS, number)
        return (directions[group] + length * rng.normal(scale=0.1, size=(number, WIDTH))).astype("float32"), group

    for _ in range(batches):
        layer(rows(512)[0], training=True)
    inputs, group = rows(600)
    return float(adjusted_rand_score(group, layer(inputs).clusters)), layer


@pytest.mark.parametrize("seed", range(6))
def test_groups_are_found(seed: int) -> None:
    """However long the rows are; no cluster is left without rows, and centres point apart."""
    found, layer = routed_groups(seed, length=0.1)
    assert found >= 0.9
    assert np.array(layer.usage).min() > 0.01
    assert np.abs(np.array(layer.cosines()) - np.eye(GROUPS)).max() < 0.9


@pytest.mark.parametrize("mode", ["port_a", "port_b"])
def test_without_unit_rows_and_temperature_centres_are_drawn_together(mode: Any) -> None:
    _, layer = routed_groups(0, length=0.1, mode=mode)
    assert np.array(layer.cosines()).min() > 0.9


def test_a_cluster_without_rows_is_given_new_ones() -> None:
    """Two centres stand at one group, where the first takes every row; the third one has two groups to itself."""
    found = {}
    for revive in (False, True):
        directions, rng = planted(1)
        layer = DistributionRouting(GROUPS, revive=revive, window=5)
        layer.build((None, WIDTH))
        layer.centres.assign(np.stack([directions[0], directions[0], (directions[1] + directions[2]) / np.sqrt(2)]))
        group = rng.integers(0, GROUPS, 256)
        rows = (directions[group] + rng.normal(scale=0.1, size=(256, WIDTH))).astype("float32")
        for _ in range(25):
            layer(rows, training=True)
        found[revive] = float(adjusted_rand_score(group, layer(rows).clusters)), float(np.min(layer.usage))
    assert found[False][0] < 0.7, found
    assert found[False][1] < 0.01, found
    assert found[True][0] > 0.9, found
    assert found[True][1] > 0.1, found


@pytest.mark.parametrize("centred", [False, True])
def test_what_all_rows_have_in_common_draws_centres_together_unless_rows_are_centred(centred: bool) -> None:
    directions, rng = planted(2)
    common = 20 * rng.normal(size=WIDTH) / np.sqrt(WIDTH)
    group = rng.integers(0, GROUPS, 512)
    rows = (common + directions[group] + rng.normal(scale=0.1, size=(512, WIDTH))).astype("float32")
    keras.utils.set_random_seed(2)
    layer = DistributionRouting(GROUPS, centred=centred)
    for _ in range(20):
        layer(rows, training=True)
    apart = np.array(layer.cosines())[np.triu_indices(GROUPS, 1)].max()
    assert (apart < 0) == centred, apart
    assert (adjusted_rand_score(group, layer(rows).clusters) > 0.9) == centred
    assert (apart > 0.9) == (not centred)


def test_the_mean_begins_with_the_first_batch_and_follows_the_others() -> None:
    layer = DistributionRouting(2, centred=True, momentum=0.75)
    layer(ROWS, training=False)
    np.testing.assert_array_equal(layer.mean, np.zeros(2))
    layer(ROWS, training=True)
    np.testing.assert_allclose(layer.mean, ROWS.mean(axis=0), **CLOSE)
    layer(ROWS + 4, training=True)
    np.testing.assert_allclose(layer.mean, ROWS.mean(axis=0) + 1, **CLOSE)
    before = layer.get_weights()
    moved = layer(ROWS + 4)
    np.testing.assert_array_equal(layer.mean, before[-1])
    far = unit_rows(ROWS + 4 - before[-1])
    np.testing.assert_allclose(moved.coefficients, layer.coefficients(far, np.array(layer.centres)), **CLOSE)


def test_the_codes_of_others_have_no_mean() -> None:
    layer = DistributionRouting(2, centred=True, mode="port_b")
    layer(ROWS, training=True)
    assert layer.mean is None


def test_it_stays_what_it_was_when_it_is_saved(tmp_path: Any) -> None:
    _, layer = routed_groups(0, batches=3, warm_up=7, centred=True)
    inputs = keras.Input((WIDTH,))
    model = keras.Model(inputs, list(layer(inputs)))
    model.save(tmp_path / "routing.keras")
    loaded = keras.saving.load_model(tmp_path / "routing.keras")
    rows = np.random.default_rng(3).normal(size=(50, WIDTH)).astype("float32")
    for one, other in zip(model(rows), loaded(rows), strict=True):
        np.testing.assert_array_equal(one, other)
    assert int(loaded.layers[-1].steps) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clusters": 0}, "clusters=0"),
        ({"clusters": 2, "iterations": 0}, "iterations=0"),
        ({"clusters": 2, "window": 0}, "window=0"),
        ({"clusters": 2, "momentum": 1.0}, "momentum=1.0"),
        ({"clusters": 2, "temperature": 0.0}, "temperature=0.0"),
        ({"clusters": 2, "mode": "port_c"}, "mode='port_c'"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DistributionRouting(**options)
