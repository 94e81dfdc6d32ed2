"""OptInter: the pair that decides is kept, the one that says nothing goes; by step, resumed, and from fresh weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.models.specs import fitted
from tests.plans.stages import stage_of
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.layers.interaction import PAIR_OPS
from tfctr.models import DNN, CTRModel, OptInterNet
from tfctr.plans import OptInter, optinter
from tfctr.plans.optinter import OptInterSettings, Temperature
from tfctr.plans.stage import Stage
from tfctr.spec import FeatureSpec, Problem
from tfctr.training import FitConfig

IDS = 10
SEEDS = (0, 1, 2)
TOLD, NOISE = "a_x_b", "c_x_d"
SPEC = FeatureSpec(
    name="pairs",
    features=[{"kind": "categorical", "name": name, "role": "item"} for name in "abcd"],
    tasks=[{"name": "click", "label": "clicked"}],
    split={"by": "hash", "column": "row"},
).with_crosses(pairs=[("a", "b"), ("c", "d")])
BOUND = SPEC.bind({**dict.fromkeys("abcd", IDS + 1), TOLD: IDS**2 + 2, NOISE: IDS**2 + 2})
SMALL: dict[str, Any] = {"embedding_dim": 4, "cross_dim": 4, "hidden_units": (), "pair_cost": 0.01}
"""Without hidden layers pairs alone can tell what two ids say together. A pair that says nothing costs a little."""

SEARCH = {"search_epochs": 1, "temperature_step": 0.99 / 120, "alpha_rate": 0.05}


def rows(count: int, seed: int) -> dict[str, np.ndarray]:
    """The click is mostly an XOR of a and b, whose ids say nothing alone; c and d say nothing at all."""
    world, rng = np.random.default_rng(5), np.random.default_rng(seed)
    signs = np.add.outer(world.permutation(IDS), world.permutation(IDS)) % 2
    a, b, c, d = rng.integers(0, IDS, (4, count))
    click = (rng.random(count) < np.where(signs[a, b] == 1, 0.9, 0.1)).astype("float32")
    crosses = {TOLD: 2 + a * IDS + b, NOISE: 2 + c * IDS + d}
    return {"a": a + 1, "b": b + 1, "c": c + 1, "d": d + 1, **crosses, "click": click}


def plan(seed: int = 0, *, checkpoint_seconds: float = 60.0, **settings: Any) -> OptInter:
    config = FitConfig(epochs=1, learning_rate=0.03, seed=seed, checkpoint_seconds=checkpoint_seconds)
    return OptInter(OptInterNet, SMALL, config, **{**SEARCH, **settings})


def data(seed: int = 0, count: int = 48_000) -> tuple[ArrayPlan, Any]:
    """Rows to learn from, and rows that decide."""
    train = ArrayPlan(rows(count, 10 * seed), SPEC, batch_size=400, seed=seed)
    return train, array_dataset(rows(2_000, 10 * seed + 1), SPEC, batch_size=2_000)


def stage(made: OptInter, folder: Path, seed: int = 0, count: int = 48_000, name: str = "search") -> Stage:
    """One stage of the plan by itself."""
    return stage_of(made, name, folder, BOUND, *data(seed, count))


def auc_of(model: CTRModel) -> float:
    data = rows(4_000, 2)
    return float(roc_auc_score(data["click"], np.asarray(model.predict_on_batch(data))[:, 0]))


def ways_of(found: dict[str, np.ndarray]) -> dict[str, str]:
    """What a search found, by the name of the cross."""
    return {name: PAIR_OPS[place] for name, place in zip((TOLD, NOISE), found["ways"], strict=True)}


def before_training(made: OptInter, **changes: Any) -> CTRModel:
    """The model as a stage of the plan makes it."""
    keras.utils.set_random_seed(made.config.seed)
    return made.make_model(BOUND, **changes)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[OptInter, Path, CTRModel]:
    """A run of all stages."""
    made, folder = plan(), tmp_path_factory.mktemp("whole")
    return made, folder, made.run(BOUND, *data(), folder)


def assert_right(ways: Mapping[str, str]) -> None:
    assert ways[TOLD] != "naive"
    assert ways[NOISE] == "naive"


def test_the_pair_that_decides_stays_and_the_one_that_says_nothing_goes(
    whole: tuple[OptInter, Path, CTRModel], tmp_path: Path
) -> None:
    """Three seeds; the controls are logits that stay where they began, and a model without pairs."""
    model = whole[2]
    assert_right(model.pair_ops)
    for seed in SEEDS[1:]:
        again = plan(seed)
        assert_right(ways_of(again.search(stage(again, tmp_path / str(seed), seed))))
    by_chance = [dict(zip((TOLD, NOISE), before_training(plan(seed)).mixture.chosen(), strict=True)) for seed in SEEDS]
    assert not all(ways[TOLD] != "naive" and ways[NOISE] == "naive" for ways in by_chance)
    assert auc_of(model) > 0.85
    told = rows(4_000, 0)
    naive = OptInterNet(BOUND, **SMALL, pair_ops="naive")
    assert auc_of(fitted(naive, told, told["click"][:, None], epochs=2, learning_rate=0.03)) < 0.55


def test_what_is_left_has_the_rows_of_memorized_pairs_alone(whole: tuple[OptInter, Path, CTRModel]) -> None:
    made, folder, model = whole
    memorized = [name for name, way in model.pair_ops.items() if way == "memorize"]
    lookups = model.cross_embedding.lookups if model.cross_embedding else []
    assert [name for lookup in lookups for name in lookup.vocabularies] == memorized
    assert sum(lookup.rows - 1 for lookup in lookups) == sum(BOUND.rows[name] - 1 for name in memorized)
    assert len(model.weights) < len(before_training(made).weights)
    report = made.reports(folder)[0]
    assert report["naive"] == "1"
    assert "advice" not in report


def test_on_rows_of_their_own_the_logits_see_that_learning_by_heart_is_worth_nothing(tmp_path: Path) -> None:
    """Eight passes over few rows: weights then know the rows of the pair that says nothing, too."""
    found = {}
    for levels in ("joint", "bilevel"):
        schedule = {"search_epochs": 8, "search_patience": 8, "temperature_step": 0.99 / 32}
        made = plan(1, levels=levels, search_share=0.3, **schedule)
        made.hyperparameters["pair_cost"] = 0.0
        found[levels] = made.search(stage(made, tmp_path / levels, 1, count=1_600))
    memorize = PAIR_OPS.index("memorize")
    assert [ways_of(found[levels])[TOLD] for levels in found] == ["memorize", "memorize"]
    assert [ways_of(found[levels])[NOISE] == "memorize" for levels in found] == [True, False]
    assert found["bilevel"]["alpha"][1, memorize] < found["joint"]["alpha"][1, memorize] - 0.5


@pytest.mark.parametrize(("step", "temperature"), [(0, 1.0), (10_000, 0.5), (19_800, 0.01), (50_000, 0.01)])
def test_the_temperature_falls_as_published(step: int, temperature: float) -> None:
    assert OptInterSettings().temperature(step) == pytest.approx(temperature)


def test_what_was_chosen_is_trained_from_fresh_weights(
    whole: tuple[OptInter, Path, CTRModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model as one that never searched would begin."""
    made, folder, model = whole
    retrain = stage(made, folder, name="retrain")
    monkeypatch.setattr(retrain, "fit", lambda model: None)
    fresh = before_training(made, pair_ops=model.pair_ops)
    for found, wanted in zip(made.retrain(retrain).get_weights(), fresh.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


class Died(Exception):
    """Raised in the middle of an epoch, as if the process had died there."""


class Told(Temperature):
    """Tells what it has set, and the weights after one step; dies when it is told to."""

    temperatures: ClassVar[list[float]] = []
    after_one: ClassVar[dict[str, np.ndarray]] = {}
    dies_after: ClassVar[int | None] = None

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if len(self.temperatures) == self.dies_after:
            raise Died
        if len(self.temperatures) == 1:
            self.after_one.update(by_path(self.model))
        super().on_train_batch_begin(batch, logs)
        self.temperatures.append(float(self._mixture.temperature))


def by_path(model: CTRModel) -> dict[str, np.ndarray]:
    """Trained weights, under names that are the same in every model of a kind."""
    return {weight.path.split("/", 1)[1]: np.array(weight) for weight in model.trainable_weights}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OptInter, dict[str, np.ndarray], list[float]]]:
    """A search of eight steps: the plan, what it found, its temperatures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optinter, "Temperature", Told)
        made = plan(search_epochs=2, temperature_step=0.1, alpha_rate=0.25, checkpoint_seconds=0)
        found = made.search(stage(made, tmp_path_factory.mktemp("watched"), count=1_600))
        yield made, found, list(Told.temperatures)


def test_one_step_moves_the_network_at_its_rate_and_the_choice_at_its_own(
    watched: tuple[OptInter, dict[str, np.ndarray], list[float]],
) -> None:
    """Adam's first step is its rate, or a little less where a gradient is hardly above its epsilon."""
    first = by_path(before_training(watched[0]))
    moves = {name: np.abs(Told.after_one[name] - weight).max() for name, weight in first.items()}
    assert moves.pop("mixture/pair_alpha") == pytest.approx(0.25, rel=0.01)
    assert all(0.02 < move <= 0.0301 for move in moves.values()), moves


def test_a_killed_search_goes_on_at_its_temperature_its_noise_and_its_logits(
    watched: tuple[OptInter, dict[str, np.ndarray], list[float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, wanted, whole = watched
    assert whole == pytest.approx([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    monkeypatch.setattr(Told, "temperatures", [])
    monkeypatch.setattr(Told, "dies_after", 6)
    with pytest.raises(Died):
        made.search(stage(made, tmp_path, count=1_600))
    monkeypatch.setattr(Told, "dies_after", None)
    found = made.search(stage(made, tmp_path, count=1_600))
    assert Told.temperatures == whole
    np.testing.assert_array_equal(found["alpha"], wanted["alpha"])


@pytest.mark.parametrize(
    ("steps", "chosen", "advice"),
    [
        (10, ("memorize", "naive"), "the temperature fell to 0.92 only; raise temperature_step to 0.1"),
        (120, ("naive", "naive"), "no pair is worth anything"),
        (120, ("memorize", "naive"), ""),
    ],
)
def test_a_search_that_chose_little_says_what_to_do(
    steps: int, chosen: tuple[str, ...], advice: str, tmp_path: Path
) -> None:
    made = plan()
    told = stage(made, tmp_path, count=400)
    made._advise(told, chosen, steps)
    assert told.notes.get("advice", "").startswith(advice)
    assert bool(told.notes) is bool(advice)


def test_it_wants_a_model_with_pairs_and_chooses_them_itself() -> None:
    assert OptInter.problems(OptInterNet, SPEC) == []
    assert OptInter.problems(DNN, SPEC) == [Problem("OptInter chooses the pairs of OptInterNet; DNN has none", "model")]
    with pytest.raises(ValueError, match="OptInter itself chooses pair_ops of the model"):
        OptInter(OptInterNet, {"pair_ops": "memorize"})
