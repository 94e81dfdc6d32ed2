"""An id out of range: an error in debug mode, out-of-vocabulary in production."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.models.specs import categorical, make_spec, sequence
from tests.training.planted import arrays, bound, train_plan, valid_data
from tests.training.planted_rows import ITEMS
from tfctr.data.batches import array_dataset
from tfctr.models import DNN
from tfctr.training import FitConfig, fit
from tfctr.training.id_check import CheckedBatches, IdOutOfRangeError, check_ids


def outside() -> np.ndarray:
    items = arrays()["item"].copy()
    items[1234] = ITEMS
    return items


def model() -> DNN:
    keras.utils.set_random_seed(1)
    return DNN(bound(), embedding_dim=4, hidden_units=(8,))


def test_debug_mode_stops_and_names_the_id() -> None:
    config = FitConfig(epochs=1, debug=True)
    with pytest.raises(
        IdOutOfRangeError, match=rf"item has {ITEMS} in row \d+ \(1 of 128\), allowed are 0..{ITEMS - 1}"
    ):
        fit(model(), train_plan(item=outside()), valid_data(), config)


def test_debug_mode_looks_at_validation_rows_too() -> None:
    valid = array_dataset({**arrays(), "item": outside()}, bound().spec, batch_size=256)
    with pytest.raises(IdOutOfRangeError, match="item has"):
        fit(model(), train_plan(), valid, FitConfig(epochs=1, debug=True))


def test_debug_mode_changes_nothing_where_all_is_well() -> None:
    plain = fit(model(), train_plan(), valid_data(), FitConfig(epochs=2)).best
    checked = fit(model(), train_plan(), valid_data(), FitConfig(epochs=2, debug=True)).best
    assert checked["val_logloss"] == plain["val_logloss"]


def test_production_answers_it_as_out_of_vocabulary() -> None:
    fit(model(), train_plan(item=outside()), valid_data(), FitConfig(epochs=1))
    answering = model()
    answering.build()
    features = {"user": np.array([5, 5, 5]), "price": np.zeros(3, np.float32)}
    odd = np.asarray(answering({**features, "item": np.array([ITEMS, -4, 10**12])}))
    oov = np.asarray(answering({**features, "item": np.array([1, 1, 1])}))
    np.testing.assert_array_equal(odd, oov)


def test_every_feature_at_fault_is_named() -> None:
    spec = make_spec(categorical("item"), categorical("user"), sequence("seen", "item", 2), rows={"item": 5, "user": 4})
    batch = {
        "item": np.array([1, 4, 0]),
        "user": np.array([1, 4, -1]),
        "seen": np.array([[1, 0], [5, 9], [4, 4]]),
    }
    with pytest.raises(IdOutOfRangeError) as error:
        check_ids(batch, spec)
    assert "user has 4 in row 1, -1 in row 2 (2 of 3), allowed are 0..3" in str(error.value)
    assert "seen has 5 in row 1, 9 in row 1 (2 of 6), allowed are 0..4" in str(error.value)
    assert "item has" not in str(error.value)


def test_batches_in_a_list_are_checked_too() -> None:
    batches = [({"item": np.array([1]), "user": np.array([10**6])}, np.zeros((1, 1)))]
    with pytest.raises(IdOutOfRangeError, match="user has 1000000"):
        CheckedBatches(bound())(batches)
    assert CheckedBatches(bound(), active=False)(batches) is batches
