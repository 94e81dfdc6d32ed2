"""The models of a study by name: what each predicts, and whether chance has a part in its training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tfctr.benchmark.ads._design import DesignMatrix
from tfctr.benchmark.ads._features import seen_by
from tfctr.benchmark.ads._linear_models import linear_svr, logistic, popularity, rbf_svr
from tfctr.benchmark.ads._package_models import package_model
from tfctr.benchmark.ads.config import STARS, Predicts, StudyConfig, StudyError
from tfctr.benchmark.trial import Splits
from tfctr.models import MODELS
from tfctr.spec import FeatureSpec, suggest
from tfctr.training.metrics.metric_inputs import Floats

Predict = Callable[[Splits, StudyConfig, int], Floats]


@dataclass(frozen=True)
class StudyModel:
    """A model of a study.

    Args:
        name: In tables.
        predicts: Probabilities of a click, or stars.
        predict: A fold, the settings and a seed -> answers on the test rows, float64 ``(rows,)``.
        random: Whether seeds differ.
        personal: Whether it looks at anything of the user at all.
        crosses: Whether it needs categories and numbers of users to cross.
    """

    name: str
    predicts: Predicts
    predict: Predict
    random: bool = False
    personal: bool = True
    crosses: bool = False

    def fits(self, spec: FeatureSpec) -> bool:
        """Whether it can be made of these features."""
        return not self.crosses or DesignMatrix.can_cross(spec)


BASELINES = (
    StudyModel("popularity", "clicks", popularity, personal=False),
    StudyModel("logistic", "clicks", logistic),
    StudyModel("logistic-crossed", "clicks", partial(logistic, crossed=True), crosses=True),
    StudyModel("linear-svr", "stars", linear_svr),
    StudyModel("rbf-svr", "stars", rbf_svr),
)


def find_model(name: str, spec: FeatureSpec) -> StudyModel:
    """Return the model of this name.

    Args:
        name: Of a baseline, or of a model in `MODELS`; with `STARS` behind it, it predicts stars.
        spec: What it will see.

    Raises:
        StudyError: For an unknown name, or a model that needs what the table has not, such as histories.
    """
    baselines = {model.name: model for model in BASELINES}
    if name in baselines:
        return baselines[name]
    kind = name.removesuffix(STARS)
    predicts: Predicts = "clicks" if kind == name else "stars"
    if kind not in MODELS:
        known = [*baselines, *MODELS]
        raise StudyError(f"no model {name!r}{suggest(name, known)}")
    if problems := MODELS[kind].problems(seen_by(spec, "with", predicts)):
        raise StudyError(f"{name} cannot be made of a study's features: {problems[0].message}")
    return StudyModel(name, predicts, partial(package_model, name=kind), random=True)
