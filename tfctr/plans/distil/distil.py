"""Distil: a large teacher, then a small student that learns from its answers and from the labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import keras
import numpy as np
from pydantic import Field

from tfctr.data.batches import SeededPlan
from tfctr.layers._base import dtype_policy
from tfctr.models import MODELS, CTRModel
from tfctr.plans._registry import register_plan
from tfctr.plans.distil._ratios import ada, annealed, constant, wls
from tfctr.plans.distil._step import DistilStep
from tfctr.plans.distil._teacher import TEACHER, class_means, joint_logits, labels_of, logits_of
from tfctr.plans.distil._triangle_step import TriangleStep, ratio_network
from tfctr.plans.plan import Plan
from tfctr.plans.stage import Arrays, Stage, read_model
from tfctr.spec import FeatureSpec, Problem, suggest
from tfctr.spec._base import Frozen


class DistilSettings(Frozen):
    """Numbers of Distil.

    Args:
        teacher: Name of the teacher's model.
        teacher_hyperparameters: Its keyword arguments.
        members: Teachers of as many seeds; their logits are averaged.
        teacher_files: Trained models, ``.keras`` files of the same spec, which teach in place of `teacher`.
        ratio: What a row's teacher counts beside its label: ``constant`` is `alpha` everywhere; ``annealed`` falls from
            `alpha` to 0; ``wls`` grows where the student is behind; ``ada`` is as sure as the teacher is of the label;
            ``tgeo``, the paper's, learns it by validation rows.
        alpha: Of ``constant`` and ``annealed``.
        temperature: τ, by which logits are divided before they are compared; the released script has 1.5.
        search_share: Share of the training rows that ``tgeo`` keeps as validation rows.
        ratio_units: Hidden units of the network of ``tgeo``.
        ratio_rate: Its learning rate, which no `rate_factor` cuts. The released script has 0.1 for full batches; at
            more than 0.01 the ratios of all rows soon end at 0 or 1.
        ratio_decay: Its weight decay.
        ratio_every: Steps of the student for one of the network.
        ratio_batches: Size of the batches of validation rows that the network learns from, in training batches. The
            released script takes all rows at once; what few rows say of a row's ratio is mostly chance.
        ratio_standardize: Whether the network sees its inputs standardized, see `ratio_network`. The paper's does not;
            with a teacher that is wrong in half of the rows its ratio then falls to 0 in all of them.
    """

    teacher: str = "DNN"
    teacher_hyperparameters: dict[str, Any] = Field(default_factory=dict)
    members: int = Field(default=1, ge=1)
    teacher_files: tuple[str, ...] = ()
    ratio: Literal["tgeo", "constant", "annealed", "wls", "ada"] = "constant"
    alpha: float = Field(default=0.9, ge=0, le=1)
    temperature: float = Field(default=1.5, gt=0)
    search_share: float = Field(default=0.1, gt=0, lt=1)
    ratio_units: tuple[int, ...] = (32, 16)
    ratio_rate: float = Field(default=1e-2, gt=0)
    ratio_decay: float = Field(default=0.05, ge=0)
    ratio_every: int = Field(default=5, ge=1)
    ratio_batches: int = Field(default=8, ge=1)
    ratio_standardize: bool = True


@register_plan(
    paper="Hu et al., ICLR 2024",
    model="DNN",
    hyperparameters={"embedding_dim": 4, "hidden_units": (8,)},
    settings={
        "teacher_hyperparameters": {"embedding_dim": 4, "hidden_units": (16,)},
        "members": 2,
        "ratio": "tgeo",
        "ratio_every": 2,
    },
)
class Distil(Plan):
    """Train a teacher, or several, and a student by their answers: TGeo-KD and simpler mixtures.

    1. ``teach``: the teachers are trained, and answer all training rows once; their logits are what is left of them.
    2. ``student``: the model is trained on ``α_i τ² KL_i + (1 - α_i) CE_i`` of each row. With ``tgeo`` a small network
       says α_i from what student, teacher and label say and what the teacher says on average of rows with that label;
       it descends on the logloss of validation rows after the student's step.

    The default is a constant ratio of 0.9: for teachers that are trained on the rows of the student, and so are wrong
    nowhere in particular, it gave the best student where any teaching helped (``benchmarks/RESULTS.md``). With ``tgeo``
    results vary more from seed to seed. It is for a teacher of other data or another time, which may be wrong of some.

    What is ours of ``tgeo``: the network sees standardized states, its slopes are not scaled by the student's rate,
    which is cut now and then, and its batches are larger than those of training. Without, the ratios of all rows follow
    chance and what they have in common; a teacher that is wrong in half of the rows is not told from one that is right.

    What is left is the student alone, as large and as fast as one without a teacher. For a spec with one binary task
    and rows that can be told apart: an `ArrayPlan`, a `FilePlan` or a `ParquetPlan`. A teacher that has learned its
    training rows by heart teaches little beside the labels: stop it early, or hand trained ones in.

    Args:
        model, hyperparameters, config: See `Plan`; of the student. Teachers are fitted with the same `config`.
        **settings: See `DistilSettings`.

    Reference: Hu et al., "Less or More From Teacher: Exploiting Trilateral Geometry For Knowledge Distillation", ICLR
    2024, arXiv 2312.15112. In its released code nothing trains the network, the logloss is taken of probabilities that
    went through a softmax again, and the mean answer is that of the batch: none of this is repeated here.
    """

    STAGES: ClassVar[tuple[str, ...]] = ("teach", "student")
    Settings: ClassVar[type[Frozen]] = DistilSettings
    settings: DistilSettings

    @classmethod
    def problems(cls, model: type[CTRModel], spec: FeatureSpec) -> list[Problem]:
        if len(spec.tasks) == 1 and spec.tasks[0].kind == "binary":
            return []
        tasks = ", ".join(f"{task.name} ({task.kind})" for task in spec.tasks)
        return [Problem(f"Distil teaches one binary task, the spec has {tasks}; keep one", "tasks")]

    @classmethod
    def settings_problems(cls, settings: Any, spec: FeatureSpec) -> list[Problem]:
        if settings.teacher_files:
            return []
        if settings.teacher not in MODELS:
            hint = suggest(settings.teacher, MODELS)
            return [Problem(f"unknown model {settings.teacher!r}{hint}; there are {', '.join(MODELS)}", "teacher")]
        return list(MODELS[settings.teacher].problems(spec))

    def teach(self, stage: Stage) -> Arrays:
        """Train the teachers; what is left are their logits for the training rows, and their means by label."""
        rows = stage.rows()
        logits = joint_logits([logits_of(teacher, rows) for teacher in self._teachers(stage)])
        labels = labels_of(rows)
        means = class_means(logits, labels)
        stage.note(teacher_says_of_0=float(means[0]), teacher_says_of_1=float(means[1]))
        return {"logits": logits, "means": means}

    def student(self, stage: Stage) -> CTRModel:
        """Train the student on labels and answers."""
        found = stage.arrays("teach")
        taught = stage.rows().with_columns({TEACHER: found["logits"]})
        if self.settings.ratio == "tgeo":
            train, search = taught.split(self.settings.search_share, seed=stage.config.seed)
            step: DistilStep = self._triangle_step(stage, train, search, found["means"])
        else:
            train, step = taught, self._simple_step(stage, taught)
        model = stage.model()
        stage.fit(model, train=train, step=step)
        stage.note(mean_ratio=_mean_ratio(step, model, train))
        return model

    def _teachers(self, stage: Stage) -> Any:
        """Yield one trained teacher after the other, so that one at a time is in memory."""
        settings = self.settings
        if settings.teacher_files:
            for file in settings.teacher_files:
                teacher = read_model(Path(file))
                if teacher.spec.to_config() != stage.spec.to_config():
                    raise ValueError(f"{file} was trained with another spec or other vocabularies than these rows")
                yield teacher
            return
        for member in range(settings.members):
            config = stage.config.model_copy(update={"seed": stage.config.seed + member})
            keras.utils.set_random_seed(config.seed)
            with dtype_policy(config.precision):
                teacher = MODELS[settings.teacher](stage.spec, **settings.teacher_hyperparameters)
                teacher.build()
            stage.fit(teacher, config=config, part=f"teacher_{member + 1}")
            yield teacher

    def _simple_step(self, stage: Stage, train: SeededPlan) -> DistilStep:
        settings = self.settings
        rules = {"constant": constant(settings.alpha), "annealed": annealed(settings.alpha), "wls": wls, "ada": ada}
        of_ratio = {"ratio": settings.ratio, "alpha": settings.alpha}
        return DistilStep(rules[settings.ratio], settings.temperature, _steps(stage, train), settings=of_ratio)

    def _triangle_step(self, stage: Stage, train: SeededPlan, search: SeededPlan, means: np.ndarray) -> DistilStep:
        settings = self.settings
        return TriangleStep(
            ratio_network(settings.ratio_units, stage.config.seed, standardize=settings.ratio_standardize),
            # Slopes are as small as rate / rows: Keras' epsilon of 1e-7 would be larger than what it is added to.
            keras.optimizers.Adam(settings.ratio_rate, epsilon=1e-12, weight_decay=settings.ratio_decay or None),
            means,
            temperature=settings.temperature,
            steps=_steps(stage, train),
            search=search.with_batch_size(search.batch_size * settings.ratio_batches),
            every=settings.ratio_every,
            settings=settings.model_dump(mode="json"),
        )


def _steps(stage: Stage, train: SeededPlan) -> int:
    return stage.config.epochs * train.steps_per_epoch


def _mean_ratio(step: DistilStep, model: CTRModel, train: SeededPlan) -> float:
    """The mean of α over some batches: what the teacher counted in the end."""
    ratios = []
    for features, labels, *_ in train.epoch(0).take(20):
        logit = keras.ops.cast(model.logits(features, training=False), "float32")
        ratios.append(np.mean(step.alpha(logit, features[TEACHER][:, None], labels)))
    return float(np.mean(ratios))
