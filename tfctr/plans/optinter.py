"""OptInter: learn for each pair of features whether to memorize it, to factorize it or to leave it out."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar, Literal

import keras
import numpy as np
from pydantic import Field

from tfctr.data.batches import BatchPlan
from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import FusedLookup, format_bytes
from tfctr.layers.interaction import PAIR_OPS, PairOpMixture
from tfctr.models import CTRModel, OptInterNet
from tfctr.plans._registry import register_plan
from tfctr.plans.plan import Plan
from tfctr.plans.stage import Arrays, Stage
from tfctr.spec import CrossFeature, FeatureSpec, Problem
from tfctr.spec._base import Frozen
from tfctr.training.optimizers import DenseAdam, Split, make_optimizer
from tfctr.training.steps import BilevelStep, Step

_STILL_MIXED = 0.1
"""A search that ends above this temperature has not made its choices hard."""


class OptInterSettings(Frozen):
    """Numbers of OptInter. Defaults are those of the released code on Criteo.

    Args:
        search_epochs: Most epochs of the search; it ends at `search_patience` epochs without a better one. What counts
            are the weights of the best.
        search_patience: Epochs without a better one that end the search.
        temperature_step: τ, by which the temperature falls at each training step, from 1 on. 5e-5 is for some 20,000
            steps; a short search wants a larger one.
        lowest_temperature: What the temperature falls to.
        alpha_rate: Learning rate of the logits of the ways, which have an Adam of their own.
        levels: ``joint`` lets the logits learn from the batches that weights learn from. ``bilevel`` hands them rows of
            their own (`BilevelStep`), on which a pair that was learned by heart is worth nothing; the paper's ablation.
        order: Of ``bilevel``: 1, or 2 with the part through the weights' step.
        search_share: Of ``bilevel``: share of the training rows that logits learn from. All rows train what is chosen.
    """

    search_epochs: int = Field(default=10, ge=1)
    search_patience: int = Field(default=1, ge=1)
    temperature_step: float = Field(default=5e-5, ge=0)
    lowest_temperature: float = Field(default=0.01, gt=0, le=1)
    alpha_rate: float = Field(default=1e-3, ge=0)
    levels: Literal["joint", "bilevel"] = "joint"
    order: Literal[1, 2] = 1
    search_share: float = Field(default=0.2, gt=0, lt=1)

    def temperature(self, step: int) -> float:
        """Return the temperature of a training step, from 0: ``max(lowest, 1 - τ step)``."""
        return max(self.lowest_temperature, 1.0 - self.temperature_step * step)


class Temperature(keras.callbacks.Callback):
    """Sets the temperature of a mixture before each training step, from the number of the step alone.

    A run that is continued in the middle of an epoch goes on at the right one: `fit` keeps what a callback counts.
    Where several steps are one execution, they have the temperature of the first.

    Args:
        mixture: The mixture.
        settings: Of the plan.
        steps_per_epoch: Steps of an epoch.
    """

    def __init__(self, mixture: PairOpMixture, settings: OptInterSettings, steps_per_epoch: int):
        super().__init__()
        self._mixture, self._settings, self._steps_per_epoch = mixture, settings, steps_per_epoch
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        step = self.epoch * self._steps_per_epoch + batch
        self._mixture.temperature.assign(self._settings.temperature(step))


@register_plan(
    paper="Lyu et al., ICDE 2022",
    model="OptInterNet",
    hyperparameters={"embedding_dim": 4, "cross_dim": 3, "hidden_units": [6]},
    settings={"search_epochs": 1, "temperature_step": 0.05, "alpha_rate": 0.05},
)
class OptInter(Plan):
    """Search for the way in which each pair of features is treated, then train what was chosen from scratch.

    1. ``search``: weights and logits of the ways (`PairOpMixture`) learn together from the same batches, the logits by
       an Adam of their own; step by step a falling temperature makes mixtures choices. What is left is the way of each
       pair in the epoch that judged best. With ``levels="bilevel"`` the logits learn from rows held out.
    2. ``retrain``: a new `OptInterNet` with these ways: a table for each memorized pair, vectors for the features of
       factorized ones, nothing for the others.

    The pairs are the crosses of the spec. The search holds the rows of all of them at once; `min_count` of the crosses
    and hash buckets keep them few. What is served afterwards has the rows of memorized pairs alone. The transform still
    makes the ids of all crosses: leave those that nobody memorized out of the next spec.

    Args:
        model: `OptInterNet`, or a class derived from it.
        hyperparameters, config: See `Plan`.
        **settings: See `OptInterSettings`.

    Reference: Lyu et al., "Memorize, Factorize, or be Naive", ICDE 2022, arXiv 2108.01265, and its released code, of
    which these slips are not repeated: a temperature that also falls in evaluation, norms that never train, an epoch
    chosen by test rows, and cross values that are looked up in the dictionaries of other pairs.
    """

    STAGES: ClassVar[tuple[str, ...]] = ("search", "retrain")
    Settings: ClassVar[type[Frozen]] = OptInterSettings
    OWN: ClassVar[tuple[str, ...]] = ("pair_ops",)
    settings: OptInterSettings

    @classmethod
    def problems(cls, model: type[CTRModel], spec: FeatureSpec) -> list[Problem]:
        if issubclass(model, OptInterNet):
            return []
        return [Problem(f"OptInter chooses the pairs of OptInterNet; {model.__name__} has none", "model")]

    def search(self, stage: Stage) -> Arrays:
        """Train the mixture; what is left are the way of each pair, by its place in `PAIR_OPS`, and the logits."""
        settings, model = self.settings, stage.model()
        (mixture,) = layers_of(model, PairOpMixture)
        train, step = self._learners(stage, model, mixture)
        schedule = {"epochs": settings.search_epochs, "patience": settings.search_patience}
        steps = train.steps_per_epoch
        result = stage.fit(
            model,
            train=train,
            config=stage.config.model_copy(update=schedule),
            callbacks=(Temperature(mixture, settings, steps),),
            step=step,
        )
        chosen = mixture.chosen()
        stage.note(**{way: str(Counter(chosen)[way]) for way in PAIR_OPS})
        self._advise(stage, chosen, len(result.history) * steps)
        return {
            "ways": np.array([PAIR_OPS.index(way) for way in chosen], np.int8),
            "alpha": np.asarray(keras.ops.convert_to_numpy(mixture.alpha)),
        }

    def _learners(self, stage: Stage, model: CTRModel, mixture: PairOpMixture) -> tuple[BatchPlan, Step | None]:
        """Compile the model so that logits have an optimizer of their own; the batches, and the step of two levels."""
        settings, optimizer = self.settings, make_optimizer(stage.config)
        if settings.levels == "joint":
            apart = DenseAdam(settings.alpha_rate)
            model.compile(Split(optimizer, apart, (mixture.alpha.name,)), jit_compile=stage.config.jit_compile)
            return stage.train, None
        mixture.alpha.trainable = False
        model.compile(optimizer, jit_compile=stage.config.jit_compile)
        train, search = stage.train_and_search(settings.search_share)
        adam = keras.optimizers.Adam(settings.alpha_rate)
        return train, BilevelStep(search, lambda _: [mixture.alpha], adam, order=settings.order)

    def _advise(self, stage: Stage, chosen: tuple[str, ...], steps: int) -> None:
        """Say what to change when the choices mean little."""
        temperature = self.settings.temperature(steps)
        if temperature > _STILL_MIXED:
            falls = (1 - self.settings.lowest_temperature) / steps
            stage.note(advice=f"the temperature fell to {temperature:.2f} only; raise temperature_step to {falls:.1g}")
        elif set(chosen) == {"naive"}:
            stage.note(advice="no pair is worth anything; the model is a plain network on the fields")

    def retrain(self, stage: Stage) -> CTRModel:
        """Train what was chosen, from weights of its own."""
        crosses = [feature.name for feature in stage.spec.spec.features if isinstance(feature, CrossFeature)]
        ways = [PAIR_OPS[place] for place in stage.arrays("search")["ways"]]
        model = stage.model(pair_ops=dict(zip(crosses, ways, strict=True)))
        stage.fit(model)
        size = sum(lookup.fused_table.serving_bytes() for lookup in layers_of(model, FusedLookup))
        stage.note(bytes=format_bytes(size))
        return model
