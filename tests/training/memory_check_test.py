"""Slots and gradients that would not fit are refused before they are made."""

from __future__ import annotations

import pytest

from tests.training.planted import SPEC, train_plan, valid_data
from tfctr.layers.embedding import FullTable, TooLargeError
from tfctr.models import LR
from tfctr.training import FitConfig, fit
from tfctr.training._memory_check import refuse_untrainable
from tfctr.training.optimizers import LazyAdam, LazySGD

ROWS = 1_000_000
WEIGHTS = (ROWS + 60) * 4


def model() -> LR:
    return LR(SPEC.bind({"user": ROWS, "item": 60}))


def test_weights_slots_and_gradients_are_counted() -> None:
    refuse_untrainable(model(), LazyAdam(), limit=round(3.1 * WEIGHTS))
    with pytest.raises(TooLargeError, match="slots of LazyAdam"):
        refuse_untrainable(model(), LazyAdam(), limit=round(2.9 * WEIGHTS))
    refuse_untrainable(model(), LazySGD(), limit=round(1.1 * WEIGHTS))
    with pytest.raises(TooLargeError):
        refuse_untrainable(model(), LazySGD(gradient_accumulation_steps=2), limit=round(1.9 * WEIGHTS))


def test_what_is_there_already_is_not_counted_again() -> None:
    built = model()
    built.build()
    refuse_untrainable(built, LazyAdam(), limit=round(2.1 * WEIGHTS))
    with pytest.raises(TooLargeError):
        refuse_untrainable(built, LazyAdam(), limit=round(1.9 * WEIGHTS))
    optimizer = LazyAdam()
    optimizer.build(built.trainable_variables)
    refuse_untrainable(built, optimizer, limit=1)


def test_fit_refuses_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFCTR_MEMORY_LIMIT", "5 MB")
    refused = model()
    with pytest.raises(TooLargeError, match=r"Free: 5\.00 MB"):
        fit(refused, train_plan(), valid_data(), FitConfig(epochs=1))
    assert not refused.built


def test_fit_refuses_rows_that_no_checkpoint_would_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FullTable, "has_external_rows", True)
    with pytest.raises(ValueError, match="placement='default_device'"):
        fit(LR(SPEC.bind({"user": 120, "item": 60})), train_plan(), valid_data(), FitConfig(epochs=1))
