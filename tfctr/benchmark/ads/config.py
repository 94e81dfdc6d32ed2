"""What a study compares: splits, models, features, seeds."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field, field_validator

from tfctr.data import DataError
from tfctr.spec._base import Frozen

SplitKind = Literal["pairs", "users", "ads", "categories"]
SPLITS: tuple[SplitKind, ...] = get_args(SplitKind)
Personality = Literal["without", "with", "permuted"]
Predicts = Literal["clicks", "stars"]
STARS = "-stars"
"""Ends the name of a model of the package that predicts stars, and not clicks."""

DEFAULT_MODELS = (
    "popularity",
    "logistic",
    "logistic-crossed",
    "linear-svr",
    "rbf-svr",
    "LR",
    "FM",
    "DCNv2",
    "FM-stars",
    "DCNv2-stars",
)


class StudyError(DataError):
    """A study cannot be made as it was asked for; the message says why."""


class StudyConfig(Frozen):
    """Settings of a study.

    Args:
        splits: `pairs` deals out ratings one by one and is optimistic; `users`, `ads` and `categories` hold whole ones
            out. Only under `users` can personality be told from the id of a user.
        models: `popularity`, `logistic`, `logistic-crossed`, `linear-svr`, `rbf-svr`, and models of the package: `FM`
            predicts clicks, `FM-stars` ratings.
        personality: Features: `without` the questionnaire, `with` it, and `permuted`, where its answers are dealt out
            among users by chance: a control that must show no gain.
        folds: Parts of each split; every row is judged once.
        seeds: How many times a model whose training is random is trained.
        valid_share: Share of what is not judged that decides on epochs and penalties.
        leave_out: Columns of the table that no model sees.
        k: Length of the lists that are judged.
        samples: Resamples of users for each interval.
        level: Share of them inside the interval.
        settings: Model of the package -> hyper-parameters, `batch_size` and `fit`, in place of the small defaults.
        svr_rows: `rbf-svr` learns from no more rows than this, drawn by chance: its cost grows with their square.
        fold_seed: Of the dealing of rows and the permutation; the same folds for all models.
        bootstrap_seed: Of the resampling of users.
    """

    splits: tuple[SplitKind, ...] = SPLITS
    models: tuple[str, ...] = DEFAULT_MODELS
    personality: tuple[Personality, ...] = ("without", "with")
    folds: int = Field(default=5, ge=2)
    seeds: int = Field(default=3, ge=1)
    valid_share: float = Field(default=0.1, gt=0, lt=1)
    leave_out: tuple[str, ...] = ()
    k: int = Field(default=10, ge=1)
    samples: int = Field(default=1000, ge=1)
    level: float = Field(default=0.95, gt=0, lt=1)
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)
    svr_rows: int = Field(default=4000, ge=10)
    fold_seed: int = Field(default=0, ge=0)
    bootstrap_seed: int = Field(default=0, ge=0)

    @field_validator("splits", "models", "personality")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names or len(set(names)) < len(names):
            raise ValueError(f"name at least one, each once; received {', '.join(names) or 'none'}")
        return names
