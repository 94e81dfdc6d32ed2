"""Unified low-rank compression: train, look at outputs, cut, train on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from tfctr.layers.embedding import format_bytes
from tfctr.models import CTRModel
from tfctr.plans._registry import register_plan
from tfctr.plans.low_rank._factorable import factorable_parts, model_bytes
from tfctr.plans.low_rank._factors import Method
from tfctr.plans.low_rank._output_statistics import output_statistics
from tfctr.plans.low_rank.surgery import check_ratio, compress
from tfctr.plans.plan import Plan
from tfctr.plans.stage import Arrays, Stage, read_model
from tfctr.spec._base import Frozen
from tfctr.training import evaluate

JUDGED_ON = 16_384
"""Validation rows that ranks are judged on, rounded up to whole batches; each of some hundred trials asks them all."""


class LowRankSettings(Frozen):
    """Numbers of `LowRank`.

    Args:
        ratio: Bytes of all weights before, over those after. The paper reaches 3 to 5.
        method: ``"outputs"`` cuts by what layers put out (atomic feature mimicking), ``"weights"`` by plain SVD.
        inner_activation: Whether the activation of a tower stands between its two factors too, as in the released
            networks. It breaks the likeness to the trained model, which tuning has to win back.
        tuning_epochs: Most epochs of the last stage; None takes the run's, 0 leaves the cut model as it is.
        tuning_rate: Learning rate of the last stage over the run's. The paper's schedule is not published; a tenth
            keeps near what was learned.
        base: File of a trained ``.keras`` model to compress; None trains one first.
    """

    ratio: float = Field(default=4.0, gt=1)
    method: Method = "outputs"
    inner_activation: bool = False
    tuning_epochs: int | None = Field(default=None, ge=0)
    tuning_rate: float = Field(default=0.1, gt=0)
    base: str | None = None


@register_plan(
    paper="Yu et al., KDD 2024", hyperparameters={"hidden_units": (16, 16)}, settings={"ratio": 2, "tuning_epochs": 1}
)
class LowRank(Plan):
    """Make a trained model smaller: the outputs of its layers and tables are of low rank, though their weights are not.

    1. ``base``: the model, trained or read from a file.
    2. ``statistics``: one pass over the training rows for mean and covariance of the outputs of each linear map, before
       BatchNorm and activation, and for the counts of ids.
    3. ``cut``: each map becomes two, each table codes and an expansion. Each is tried alone with each rank on
       validation rows, and bytes go where they keep the outputs nearest to the base's as far as the ratio lets them.
    4. ``tune``: all weights train on, with a smaller rate.

    What is cut: the towers that a model itself is made of, and plain tables wider than 1. A linear part, the maps
    inside attention, gates and experts, and tables that another method made stay as they are. Every layer above a
    table sees expanded vectors; the released code folds the expansion into an MLP's first map, which is cut by its
    outputs here. Ranks are chosen for the whole model, where the paper sets them by hand.

    Args:
        model, hyperparameters, config: See `Plan`.
        **settings: See `LowRankSettings`.

    Raises:
        ValueError: In the first stage, before anything is trained, for a ratio that no ranks give.

    Reference: Yu et al., "Unified Low-rank Compression Framework for Click-through Rate Prediction", KDD 2024,
    arXiv 2405.18146; Yu & Wu, "Compressing Transformers: Features Are Low-Rank, but Weights Are Not!", AAAI 2023.
    """

    STAGES: ClassVar[tuple[str, ...]] = ("base", "statistics", "cut", "tune")
    Settings: ClassVar[type[Frozen]] = LowRankSettings
    settings: LowRankSettings

    def base(self, stage: Stage) -> CTRModel:
        """The trained model."""
        model = stage.model() if self.settings.base is None else self._read(stage)
        check_ratio(model, factorable_parts(model), self.settings.ratio)
        if self.settings.base is None:
            stage.fit(model)
        stage.note(bytes=format_bytes(model_bytes(model)))
        return model

    def statistics(self, stage: Stage) -> Arrays:
        """Look at its outputs."""
        return output_statistics(stage.trained("base"), stage.train.epoch(0, 0))

    def cut(self, stage: Stage) -> CTRModel:
        """Replace maps and tables by thin ones."""
        settings = self.settings
        model = compress(
            stage.trained("base"),
            stage.arrays("statistics"),
            _first(stage.valid, JUDGED_ON),
            settings.ratio,
            method=settings.method,
            inner_activation=settings.inner_activation,
        )
        figures = evaluate(model, stage.valid).items()
        shown = {f"val_{name}": value for name, value in figures if name.endswith(("auc", "c_index", "r2"))}
        stage.note(bytes=format_bytes(model_bytes(model)), **shown)
        return model

    def tune(self, stage: Stage) -> CTRModel:
        """Train on."""
        model, config = stage.trained("cut"), stage.config
        changes = {"learning_rate": config.learning_rate * self.settings.tuning_rate}
        if self.settings.tuning_epochs is not None:
            changes["epochs"] = self.settings.tuning_epochs
        if self.settings.tuning_epochs != 0:
            stage.fit(model, config=config.model_copy(update=changes))
        return model

    def _read(self, stage: Stage) -> CTRModel:
        """The model of the file.

        Raises:
            ValueError: When it is no model, of another class or for another spec.
        """
        path = Path(self.settings.base or "")
        model = read_model(path)
        if type(model) is not self.model:
            raise ValueError(f"{path} holds a {type(model).__name__}; the plan compresses a {self.model.__name__}")
        if model.spec != stage.spec:
            raise ValueError(
                f"{path} was trained for another spec or other vocabularies; give the rows it was trained on"
            )
        return model


def _first(batches: Iterable[Any], rows: int) -> Iterator[Any]:
    """The first batches, until they have so many rows."""
    for batch in batches:
        yield batch
        rows -= len(next(iter(batch[0].values())))
        if rows <= 0:
            return
