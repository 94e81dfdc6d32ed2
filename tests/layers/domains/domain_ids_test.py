"""Known domains are groups; unknown ones, and those that are hidden in training, are group 0."""

from __future__ import annotations

import numpy as np
import pytest

from tfctr.layers.domains import DomainIds

IDS = np.array([0, 1, 2, 3, 6, 7, -1, 2])


def test_only_known_ids_stay() -> None:
    layer = DomainIds(7, first=2)
    for training in (False, True):
        np.testing.assert_array_equal(layer(IDS, training=training), [0, 0, 2, 3, 6, 0, 0, 2])


def test_training_hides_a_share_of_the_rows_anew_each_time() -> None:
    layer, ids = DomainIds(7, first=2, unknown_rate=0.25), np.full(4000, 5)
    one, other = (np.array(layer(ids, training=True)) for _ in range(2))
    assert set(one) == {0, 5}
    assert 0.2 < (one == 0).mean() < 0.3
    assert (one != other).mean() > 0.2
    np.testing.assert_array_equal(layer(ids), ids)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_what_is_no_share_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match=str(rate)):
        DomainIds(7, first=2, unknown_rate=rate)
