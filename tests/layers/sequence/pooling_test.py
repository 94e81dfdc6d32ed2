from __future__ import annotations

import numpy as np
import pytest

from tfctr.layers.sequence import MeanPooling, SumPooling

EVENTS = np.array([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]], "float32")


@pytest.mark.parametrize(
    ("layer", "whole", "masked"),
    [(SumPooling(), [[4, 6], [12, 14]], [[1, 2], [0, 0]]), (MeanPooling(), [[2, 3], [6, 7]], [[1, 2], [0, 0]])],
)
def test_only_kept_events_count(layer: SumPooling, whole: list, masked: list) -> None:
    target = np.ones((2, 2))
    assert layer(target, EVENTS).numpy().tolist() == whole
    mask = np.array([[True, False], [False, False]])
    events = np.where(mask[..., None], EVENTS, np.nan)
    assert layer(target, events, mask=mask).numpy().tolist() == masked
