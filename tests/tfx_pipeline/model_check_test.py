"""Mistakes in what training is told are found before anything runs."""

from collections.abc import Callable

import pytest

from tfctr.spec import SpecError
from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.model_check import check_settings


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"model": "FinalMPL"}, "unknown model 'FinalMPL' (did you mean 'FinalMLP'?)"),
        ({"model": "DNN", "hyperparameters": {"hiden_units": [8]}}, "hiden_units: DNN has no such hyperparameter (did"),
        ({"model": "DNN", "hyperparameters": {"hidden_units": "32,16"}}, "takes a list, as in 'hidden_units=[32,16]'"),
        ({"model": "DNN", "hyperparameters": {"hidden_units": 32}}, "as in 'hidden_units=[32]'; received 32"),
        ({"hyperparameters": {"embedding_budget": "64 megs"}}, "hyperparameters.embedding_budget: a size in bytes is"),
        ({"hyperparameters": {"embedding_budget": "0 MB"}}, "hyperparameters.embedding_budget: a size is at least one"),
        ({"hyperparameters": {"embedding_budget": True}}, "hyperparameters.embedding_budget: a size in bytes is a"),
        ({"hyperparameters": {"embedding_budget": 9, "tables": {}}}, "give it or `tables`, not both"),
        ({"hyperparameters": {"embeding_budget": "1 MB"}}, "(did you mean 'embedding_budget'?)"),
        ({"fit": {"epoch": 3}}, "fit.epoch: no such setting (did you mean 'epochs'?)"),
        ({"fit": {"epochs": 0}}, "fit.epochs: "),
    ],
)  # fmt: skip
def test_mistakes(settings: Callable[..., PipelineConfig], changes: dict[str, object], problem: str) -> None:
    config = settings(**changes)
    with pytest.raises(SpecError) as error:
        check_settings(config, config.read_spec())
    assert problem in str(error.value)


def test_what_a_model_needs_of_the_spec(settings: Callable[..., PipelineConfig]) -> None:
    config = settings(model="DIN")
    spec = config.read_spec()
    without = spec.model_copy(update={"features": tuple(f for f in spec.features if f.kind != "sequence")})
    with pytest.raises(SpecError):
        check_settings(config, without)


def test_hyperparameters_of_model_and_base(settings: Callable[..., PipelineConfig]) -> None:
    config = settings(model="DNN", hyperparameters={"hidden_units": [8], "embedding_dim": 4})
    check_settings(config, config.read_spec())


@pytest.mark.parametrize("budget", ["64 MB", 4096, None])
def test_a_budget_is_no_argument_of_the_model_and_yet_allowed(
    settings: Callable[..., PipelineConfig], budget: object
) -> None:
    config = settings(model="DNN", hyperparameters={"embedding_budget": budget})
    check_settings(config, config.read_spec())
