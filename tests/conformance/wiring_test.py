"""Every model is wired up: one suite over all of `MODELS`."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from tests.conformance import wiring
from tests.conformance.network_table import NETWORKS
from tests.conformance.wiring_table import NO_TIMES, WIRING, wiring_of
from tfctr.layers._base import constructor_arguments
from tfctr.layers.embedding import FeatureEmbedding
from tfctr.models import DNN, MODELS, CTRModel
from tfctr.models.extra_signature import RANK_WITH_STATE
from tfctr.spec import SurvivalTask
from tfctr.testing import Recipe

ROWS = 6
RECIPES: dict[str, Recipe] = {d.name: d for d in NETWORKS if d.kind == "model"}
OF_ALL_MODELS = set(constructor_arguments(CTRModel))
every_model = pytest.mark.parametrize("name", MODELS)


@functools.cache
def made(name: str) -> CTRModel:
    """One filled model for all checks; they leave its weights as they are. Its tasks have negative rates."""
    recipe = RECIPES[MODELS[name].__name__].make()
    options = {"spec": wiring.with_rates(recipe.spec), **wiring_of(name).light}
    return wiring.variant(recipe, features(name), build=True, **options)


def features(name: str) -> wiring.Features:
    return RECIPES[MODELS[name].__name__].inputs(ROWS)["features"]


def labels(name: str) -> Any:
    tasks = made(name).spec.spec.tasks
    found = {}
    for index, task in enumerate(tasks):
        clicked = (np.arange(ROWS) + index) % 2
        days = np.where(clicked, 1.0, -1.0) * (2 + np.arange(ROWS))
        found[task.name] = (days if isinstance(task, SurvivalTask) else clicked).astype("float32")[:, None]
    return found if len(tasks) > 1 else next(iter(found.values()))


def told(name: str) -> tuple[list[str], list[str]]:
    """Options of dropout and normalisation, and the others, of this model alone."""
    own = [option for option in constructor_arguments(MODELS[name]) if option not in OF_ALL_MODELS]
    of_training = [option for option in own if option.startswith(("dropout_rate", "batch_norm"))]
    return of_training, [option for option in own if option not in of_training]


def test_no_line_is_left_over() -> None:
    assert set(WIRING) <= set(MODELS)


@every_model
def test_every_layer_is_called(name: str) -> None:
    wiring.check_every_layer_is_called(made(name))


@every_model
def test_every_weight_reaches_the_answer(name: str) -> None:
    wiring.check_every_weight_reaches_the_answer(made(name), features(name), wiring_of(name).silent)


@every_model
def test_every_weight_learns(name: str) -> None:
    wiring.check_every_weight_learns(made(name), features(name), labels(name), wiring_of(name).unlearned)


@every_model
def test_every_feature_is_read(name: str) -> None:
    wiring.check_every_feature_is_read(made(name), features(name), wiring_of(name).unread)


@every_model
def test_every_option_counts(name: str) -> None:
    """On few features: each option takes a model of its own."""
    plain = [option for option in told(name)[0] if option == "batch_norm"]  # tested elsewhere, and dear here
    known, few = wiring_of(name), wiring.without_features(made(name).spec, ("age", "tags", "image", "bought"))
    model = wiring.variant(made(name), features(name), spec=few, **dict.fromkeys(plain, False))
    values = {option: getattr(model, option) for option in (*told(name)[1], "embedding_dim")}
    changes = {o: known.changes.get(o, wiring.another_value(v)) for o, v in values.items()}
    assert [option for option, value in changes.items() if value is None] == [], "say in WIRING how these change"
    wiring.check_options_count(model, features(name), labels(name), changes, known.unchanging, known.beside)


def test_options_of_all_models_count() -> None:
    """What the base class does for every model, `embedding_dim` and what tables are told apart."""
    thin = {"ranks": {"mlp": {"dense_1": 2}}}
    model = wiring.variant(made("DNN"), features("DNN"), hidden_units=(6, 6), batch_norm=False)
    changes = {"embedding_l2": 0.5, **thin, "inner_activation": True}
    wiring.check_options_count(model, features("DNN"), labels("DNN"), changes, {}, {"inner_activation": thin})


@every_model
def test_tables_penalties_counts_and_rates_are_followed(name: str) -> None:
    wiring.check_tables_are_followed(made(name), features(name), "item", **wiring_of(name).off)


@every_model
def test_training_reaches_every_part(name: str) -> None:
    wiring.check_training_reaches_every_part(made(name), features(name), told(name)[0], wiring_of(name).without)


@every_model
def test_the_loss_is_that_of_tasks_weights_and_layers(name: str) -> None:
    wiring.check_loss(made(name), features(name), labels(name), wiring_of(name).task_weights)


BINARY = [name for name, model in MODELS.items() if "binary" in model.task_kinds]


@pytest.mark.parametrize("name", BINARY)
def test_answers_are_corrected_for_the_negative_rate(name: str) -> None:
    wiring.check_negative_rates(made(name), features(name))


NUMBERS = [name for name, model in MODELS.items() if "regression" in model.task_kinds]


@pytest.mark.parametrize("name", ["DNN", "SDIM", "MMoE"])
def test_numbers_are_answered_in_their_own_unit_and_learned_without_it(name: str) -> None:
    """One of each way to a logit: the base class makes an answer of it, as the next test holds."""
    few = wiring.without_features(made(name).spec, ("age", "tags", "image", "bought"))
    model = wiring.variant(made(name), features(name), spec=wiring.as_numbers(few))
    wiring.check_numbers(model, features(name))
    wiring.check_loss(model, features(name), labels(name), wiring_of(name).task_weights)


def test_all_models_answer_numbers_but_those_of_events() -> None:
    assert set(MODELS) - set(NUMBERS) == {"ESMM", "CreativeSurvival"}
    for name in NUMBERS:
        assert not MODELS[name].problems(wiring.as_numbers(RECIPES[MODELS[name].__name__].make().spec).spec), name
        own = {"call", "outputs_from_logits", "default_loss"} & set(vars(MODELS[name]))
        assert not own, f"{name} has {own} of its own: check that it answers numbers as others do"


def with_state() -> list[str]:
    return [name for name in MODELS if RANK_WITH_STATE in {way.name for way in made(name).extra_signatures()}]


def test_a_user_s_state_answers_as_the_model() -> None:
    names = with_state()
    assert {"TwoTower", "SDIM"} <= set(names)
    for name in names:
        wiring.check_state_answers_as_the_model(made(name), features(name))


# --- the checks themselves: each tells a model that is wired up wrongly ----------------------------------------------


class Forgetful(DNN):
    """Has a linear part and drops what it says."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.linear = self.make_first_order(name="linear")

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        self.linear(features)
        return super().logits(features, training)


class Deaf(DNN):
    """Never learns that it trains, and has no ear for prices."""

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        return super().logits({**features, "price": 0.0 * features["price"]}, training=False)


class Stubborn(DNN):
    """Knows better than to take the table it is given, or the width."""

    def __init__(self, *arguments: Any, hidden_units: tuple[int, ...] = (4,), **options: Any) -> None:
        super().__init__(*arguments, hidden_units=(4,), **options)

    def make_embedding(self, **options: Any) -> FeatureEmbedding:
        return FeatureEmbedding(self.spec, self.embedding_dim, **options)

    def outputs_from_logits(self, logits: Any, training: bool | None = None) -> Any:
        return super().outputs_from_logits(logits, training=True)


def broken(model: type[CTRModel]) -> CTRModel:
    options = {name: getattr(made("DNN"), name) for name in constructor_arguments(DNN)}
    return wiring.variant(model(**options), features("DNN"), build=True)


def test_what_is_dropped_is_told() -> None:
    with pytest.raises(AssertionError, match=r"do not reach the answer: \[.*linear"):
        wiring.check_every_weight_reaches_the_answer(broken(Forgetful), features("DNN"), {})
    with pytest.raises(AssertionError, match=r"do not learn: \[.*linear"):
        wiring.check_every_weight_learns(broken(Forgetful), features("DNN"), labels("DNN"), {})


def test_what_is_not_heard_is_told() -> None:
    model = broken(Deaf)
    with pytest.raises(AssertionError, match=r"change no answer: \[.*'click:price'\]"):
        wiring.check_every_feature_is_read(model, features("DNN"), NO_TIMES)
    with pytest.raises(AssertionError, match=r"`training` does not reach \['/mlp/dropout\w*', .*'/mlp/norm_1'\]"):
        wiring.check_training_reaches_every_part(model, features("DNN"), told("DNN")[0], {})


def test_what_is_not_followed_is_told() -> None:
    model, changes = broken(Stubborn), {"hidden_units": (9,), "batch_norm": False}
    with pytest.raises(AssertionError, match=r"options that change nothing: \['hidden_units'\]"):
        wiring.check_options_count(model, features("DNN"), labels("DNN"), changes, {}, {})
    with pytest.raises(AssertionError, match="`tables` is not followed in"):
        wiring.check_tables_are_followed(model, features("DNN"), "item")
    with pytest.raises(AssertionError, match="training=False"):
        wiring.check_negative_rates(model, features("DNN"))


def test_a_reason_that_no_longer_holds_is_told() -> None:
    with pytest.raises(AssertionError, match="no longer among"):
        wiring.check_every_weight_reaches_the_answer(made("DNN"), features("DNN"), {"mlp/": "forgotten"})
