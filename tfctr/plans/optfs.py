"""OptFS: learn which values of which features are worth keeping, go back, and train what is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import keras
import numpy as np
from pydantic import Field

from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import FeatureGates, FusedLookup, PrunedTable, format_bytes
from tfctr.models import CTRModel
from tfctr.plans._registry import register_plan
from tfctr.plans._take_over import take_others_over
from tfctr.plans.plan import Plan
from tfctr.plans.stage import Arrays, Stage
from tfctr.spec import FeatureSpec, Problem, table_of
from tfctr.spec._base import Frozen
from tfctr.training.optimizers import DenseAdam, Split, make_optimizer


class OptFSSettings(Frozen):
    """Numbers of OptFS. Defaults are those of the released code.

    Args:
        search_epochs: Epochs of the search; there is no early stopping, the gates of the last one count.
        final_temperature: γ, which the temperature rises to.
        schedule: ``paper``: the temperature of epoch t of T, from 0, is γ^(t / T); ``reference``, as in the released
            code: γ^(t / (T - 1)), so that the last epoch has γ itself.
        strength: λ of the loss ``λ Σ σ(τ c)`` over all gates. No smooth knob: Adam moves the gate of a value that no
            batch has by about its rate a step, whatever λ is.
        initial_gate: c₀, where all gates begin.
        gate_rate: Learning rate of the gates. None takes the run's, or a higher one where the search has so few steps
            that a gate for which nothing speaks would not close within a quarter of them.
        gate_epsilon: `epsilon` of the gates' Adam. With Keras' 1e-7 gates of values that are rarely seen do not move,
            since their gradients are smaller, and nothing is dropped for being rare.
        rewind_epoch: Epoch of the search, from 0, whose weights at its beginning the training of what is left starts
            from; 0 are the weights before training.
    """

    search_epochs: int = Field(default=20, ge=1)
    final_temperature: float = Field(default=200.0, ge=1)
    schedule: Literal["paper", "reference"] = "paper"
    strength: float = Field(default=1e-8, ge=0)
    initial_gate: float = Field(default=0.5, gt=0)
    gate_rate: float | None = Field(default=None, gt=0)
    gate_epsilon: float = Field(default=1e-8, gt=0)
    rewind_epoch: int = Field(default=1, ge=0)

    def rate(self, stage: Stage) -> float:
        """Return the learning rate of the gates: Adam moves a gate by about this much a step."""
        if self.gate_rate is not None:
            return self.gate_rate
        steps = self.search_epochs * stage.train.steps_per_epoch
        return max(stage.config.learning_rate, 4 * self.initial_gate / steps)

    def temperature(self, epoch: int) -> float:
        """Return the temperature of an epoch of the search, from 0."""
        steps = self.search_epochs if self.schedule == "paper" else self.search_epochs - 1
        return float(self.final_temperature ** (epoch / steps if steps else 1.0))


class Temperature(keras.callbacks.Callback):
    """Sets the gates' temperature at the beginning of each epoch."""

    def __init__(self, gates: FeatureGates, settings: OptFSSettings):
        super().__init__()
        self._gates, self._settings = gates, settings

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._gates.temperature.assign(self._settings.temperature(epoch))


@register_plan(
    paper="Lyu et al., WWW 2023",
    model="FM",
    hyperparameters={"embedding_dim": 4},
    settings={"search_epochs": 2, "gate_rate": 0.05, "strength": 1e-3},
)
class OptFS(Plan):
    """Search for the values of features that are worth keeping, then train the model on these alone.

    1. ``search``: weights and gates (`FeatureGates`) learn together from the same batches, the gates by an Adam of
       their own; from epoch to epoch a rising temperature makes soft gates hard. What is left is which gates are open,
       and the weights as they were at the beginning of an early epoch.
    2. ``retrain``: the model with the rows of open gates alone (`PrunedTable`), in embeddings and linear part, from
       these weights, with a new optimizer.

    Works with every model and any number of tasks. All values of all features have gates: ids, out-of-vocabulary and
    hash buckets among them, buckets of numbers; a plain number or vector has one gate as a field, and where that is
    closed it says nothing. Tables stay one table and one look-up: what is served is smaller by the rows that went, and
    larger by one whole number an id that tells which row it has.

    Args:
        model, hyperparameters, config: See `Plan`.
        **settings: See `OptFSSettings`.

    Reference: Lyu et al., "Optimizing Feature Set for Click-Through Rate Prediction", WWW 2023, arXiv 2301.10909, and
    its released code, of which these slips are not repeated: an inner-product model whose gates stay soft, and biases
    of the cross network that are not taken back.
    """

    STAGES: ClassVar[tuple[str, ...]] = ("search", "retrain")
    Settings: ClassVar[type[Frozen]] = OptFSSettings
    OWN: ClassVar[tuple[str, ...]] = ("table", "tables", "value_gates")
    settings: OptFSSettings

    @classmethod
    def problems(cls, model: type[CTRModel], spec: FeatureSpec) -> list[Problem]:
        if spec.tables:
            return []
        return [Problem("OptFS chooses among values of features, and the spec has no feature of ids", "features")]

    def search(self, stage: Stage) -> Arrays:
        """Train with gates; what is left are the gates' logits, and the weights to go back to."""
        settings, model = self.settings, self._gated(stage)
        apart = DenseAdam(settings.rate(stage), epsilon=settings.gate_epsilon)
        model.compile(Split(make_optimizer(stage.config), apart, ("gates",)), jit_compile=stage.config.jit_compile)
        epochs = settings.search_epochs
        early = stage.snapshot(min(settings.rewind_epoch, epochs - 1), lambda: dict(_numbered(model)))
        stage.fit(
            model,
            config=stage.config.model_copy(update={"epochs": epochs, "patience": epochs, "rate_factor": 1.0}),
            callbacks=(Temperature(model.value_gates, settings), early),
            keep="last",
        )
        ids, fields = model.value_gates.kept()
        rows, kept = sum(len(mask) - 1 for mask in ids.values()), sum(int(mask.sum()) for mask in ids.values())
        stage.note(rows=rows, kept=kept, dropped_fields=", ".join(dropped(stage.spec.spec, ids, fields)))
        if kept in (0, rows):
            more = (
                "fewer: lower strength or gate_rate" if not kept else "more: raise strength, gate_rate or search_epochs"
            )
            stage.note(advice=f"{'every' if not kept else 'no'} value was dropped; to drop {more}")
        return {"gates": np.asarray(model.value_gates.gates), **early.read()}

    def retrain(self, stage: Stage) -> CTRModel:
        """Train what is left, from the weights of an early epoch."""
        found, before = stage.arrays("search"), self._gated(stage)
        for name, weight in _numbered(before):
            weight.assign(found[name])
        before.value_gates.gates.assign(found["gates"])
        ids, fields = before.value_gates.kept()
        changes: dict[str, Any] = (
            {} if all(fields.values()) else {"value_gates": FeatureGates(stage.spec, ids=False, hard=True)}
        )
        template = PrunedTable(kept={name: int(mask.sum()) for name, mask in ids.items()})
        model = stage.model(table=template, **changes)
        take_over(model, before, ids)
        if changes:
            model.value_gates.gates.assign([1.0 if fields[name] else -1.0 for name in model.value_gates.fields])
        stage.fit(model)
        size = sum(lookup.fused_table.serving_bytes() for lookup in layers_of(model, FusedLookup))
        stage.note(bytes=format_bytes(size))
        return model

    def _gated(self, stage: Stage) -> CTRModel:
        """The model of the search before training: the same weights each time."""
        return stage.model(
            value_gates=FeatureGates(
                stage.spec, initial=self.settings.initial_gate, strength=self.settings.strength, name="value_gates"
            )
        )


def dropped(spec: FeatureSpec, ids: Mapping[str, np.ndarray], fields: Mapping[str, bool]) -> list[str]:
    """Return the features of which nothing is kept, in the order of the spec."""
    return [f.name for f in spec.features if not (fields[f.name] if f.name in fields else ids[table_of(f)].any())]


def _numbered(model: CTRModel) -> list[tuple[str, Any]]:
    """All weights but the gates', under names that another model of the same settings gives them too."""
    gates = {id(weight) for weight in model.value_gates.weights}
    return [(f"weight_{place}", weight) for place, weight in enumerate(model.weights) if id(weight) not in gates]


def take_over(model: CTRModel, before: CTRModel, kept: Mapping[str, np.ndarray]) -> None:
    """Give a model with pruned tables the weights of one with whole tables.

    Args:
        model: Built, its tables `PrunedTable`.
        before: Built, of the same settings.
        kept: Vocabulary -> which ids keep their row, bool ``(rows,)``.
    """
    pairs = list(zip(layers_of(model, FusedLookup), layers_of(before, FusedLookup), strict=True))
    for target, source in pairs:
        assert isinstance(target.fused_table, PrunedTable)
        mask = target.fused(kept, np.zeros(target.rows, bool))
        target.fused_table.keep(mask, np.asarray(source.fused_table.embeddings))
    take_others_over(model, before)
