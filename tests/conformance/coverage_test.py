"""Everything public stands in the table, once."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections import Counter
from types import ModuleType
from typing import get_args

import keras

import tfctr.layers
import tfctr.models
from tests.conformance.descriptors import DESCRIPTORS, METRICS, NETWORKS
from tfctr import models
from tfctr.layers.domains._by_group import ByGroup
from tfctr.layers.embedding import EmbeddingTable, RowPenalty
from tfctr.models._own_step import OwnStep
from tfctr.models._traced_once import TracedOnce
from tfctr.spec import AnyFeature
from tfctr.training import metrics
from tfctr.training.metrics import keras_metrics

ABSTRACT = {
    ByGroup,
    tfctr.layers.KernelLayer,
    tfctr.layers.Layer,
    EmbeddingTable,
    RowPenalty,
    models.CTRModel,
    models.DomainModel,
    models.HistoryModel,
    models.MultiTaskModel,
    OwnStep,
    TracedOnce,
}
"""Bases that nobody makes one of."""

RESULTS = {
    metrics.CalibrationCurve,
    metrics.Confusion,
    metrics.DeLongResult,
    metrics.DomainFigures,
    metrics.GroupedResult,
    metrics.Interval,
    metrics.PermutationResult,
    metrics.ROCCurve,
    metrics.RankingResult,
    metrics.Recalibration,
    metrics.Resampled,
    metrics.TopLists,
}
"""What metrics return: described by the metric that returns it."""


def public_classes(package: ModuleType, *bases: type) -> set[type]:
    """Classes defined anywhere in `package` under a public name, of these bases."""
    found: set[type] = set()
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(info.name)
        for name, member in vars(module).items():
            if inspect.isclass(member) and issubclass(member, bases) and not name.startswith("_"):
                found |= {member} if member.__module__ == info.name else set()
    return found - ABSTRACT


def listed(kind: str) -> set[type]:
    return {recipe.cls for recipe in NETWORKS if recipe.kind == kind}


def test_every_layer_and_penalty_is_listed() -> None:
    assert listed("layer") == public_classes(tfctr.layers, keras.layers.Layer, RowPenalty)


def test_every_model_is_listed_and_can_be_named() -> None:
    public = public_classes(tfctr.models, keras.Model)
    assert listed("model") == public
    assert {model.__name__: model for model in models.MODELS.values()} == models.MODELS
    assert set(models.MODELS.values()) == public


def test_every_feature_kind_is_listed() -> None:
    union = get_args(AnyFeature)[0]
    assert listed("feature") == set(get_args(union))


def test_every_metric_is_listed() -> None:
    public = {getattr(metrics, name) for name in metrics.__all__}
    public |= {
        member
        for member in vars(keras_metrics).values()
        if inspect.isclass(member)
        and issubclass(member, keras.metrics.Metric)
        and member.__module__ == keras_metrics.__name__
        and not member.__name__.startswith("_")
    }
    assert {recipe.public for recipe in METRICS} == public - RESULTS


def test_nothing_is_listed_twice() -> None:
    names = Counter(f"{recipe.kind}.{recipe.name}" for recipe in DESCRIPTORS)
    assert [name for name, count in names.items() if count > 1] == []
