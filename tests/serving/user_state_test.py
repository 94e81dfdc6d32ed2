"""The user's side computed apart: encoded once, kept by the caller, brought up to date, scored with candidates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pytest

from tests.serving.ads import ADS, make_log
from tfctr.models import SDIM, TwoTower
from tfctr.models.extra_signature import ExtraSignature
from tfctr.models.two_tower import USER_VECTOR
from tfctr.serving import export_model, in_process
from tfctr.serving._requests import column_inputs, rank_inputs
from tfctr.serving._serving_module import ServingModule
from tfctr.serving._state import STATE_VERSION
from tfctr.serving.savedmodel import InProcess
from tfctr.transform import TransformOutput

COLUMNS = ADS.raw_columns(serving=True)
CLICKS = [column for column in COLUMNS if column.name == "clicks"]
OTHERS = [column for column in COLUMNS if column.name != "click_times"]  # times of events are not read with a state
ROWS = make_log(60, seed=3).select([column.name for column in COLUMNS]).to_pylist()
BUCKETS = "clicks__buckets"


def made(transform: TransformOutput, seed: int) -> SDIM:
    keras.utils.set_random_seed(seed)
    model = SDIM(transform.bound_spec, embedding_dim=4, hidden_units=(8,), signatures=6, bits=2, short_length=3)
    model.build()
    for weight in model.trainable_weights:
        if weight.name == "embeddings":  # large enough that the history moves the answer
            weight.assign(50 * weight.value)
    return model


@pytest.fixture(scope="module")
def transform(learned: TransformOutput) -> TransformOutput:
    return TransformOutput(learned.directory, ADS)


@pytest.fixture(scope="module")
def model(transform: TransformOutput) -> SDIM:
    return made(transform, 1)


@pytest.fixture(scope="module")
def served(model: SDIM, transform: TransformOutput, tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    return in_process(export_model(model, transform, tmp_path_factory.mktemp("sdim") / "1"))


def encode(served: InProcess, rows: list[dict]) -> dict[str, np.ndarray]:
    return served.call(column_inputs([{"clicks": row["clicks"]} for row in rows], CLICKS), "encode_user")


def sides(row: dict) -> tuple[dict, dict]:
    item = {column.name for column in OTHERS if column.role == "item"}
    once = {name: row[name] for name in row if name not in item and name != "click_times"}
    return once, {name: row[name] for name in item}


def test_encoded_and_scored_it_is_the_joint_model(served: InProcess, model: SDIM, transform: TransformOutput) -> None:
    items = [sides(row)[1] for row in ROWS]
    schema = make_log(1, seed=0).select([column.name for column in COLUMNS]).schema
    moved = []
    for user in ROWS[:12]:
        state = encode(served, [user])
        assert state[BUCKETS].shape == (1, 6, 4, 5)
        once = {name: value for name, value in user.items() if name not in items[0]}
        scored = served.call(rank_inputs(sides(user)[0], items, OTHERS) | state, "rank_with_state")["click"]
        crossed = pa.Table.from_pylist([{**once, **item} for item in items], schema=schema)
        np.testing.assert_allclose(scored, model.predict(transform.transform(crossed), verbose=0), atol=1e-6)
        nobody = served.call(
            rank_inputs(sides(user)[0], items, OTHERS) | encode(served, [{"clicks": []}]), "rank_with_state"
        )
        moved.append(float(np.abs(nobody["click"] - scored).max()))
    assert max(moved) > 1e-3  # the state is read


def counted(method: Callable[..., Any], calls: Counter[str]) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        calls[method.__name__] += 1
        return method(*args, **options)

    return call


def test_rank_makes_the_state_once(
    model: SDIM, transform: TransformOutput, served: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the two services in one call: its graph holds the history of the user, not of each candidate."""
    traced: Counter[str] = Counter()
    for name in ("logits", "logits_with_state"):
        monkeypatch.setattr(SDIM, name, counted(getattr(SDIM, name), traced))
    assert {"predict", "rank", "rank_with_state"} < set(ServingModule(model, transform).signatures())
    assert traced == {"logits": 1, "logits_with_state": 2}  # all joint signatures share one graph of the model
    user, items = ROWS[0], [sides(row)[1] for row in ROWS]
    once = {name: value for name, value in user.items() if name not in items[0]}
    ranked = served.call(rank_inputs(once, items, COLUMNS), "rank")["click"]
    by_hand = served.call(rank_inputs(sides(user)[0], items, OTHERS) | encode(served, [user]), "rank_with_state")
    np.testing.assert_allclose(ranked, by_hand["click"], atol=1e-7)


def test_a_state_is_brought_up_to_date(served: InProcess) -> None:
    """New events added and the oldest removed: the state of the history that is left, however it got there."""
    rng = np.random.default_rng(0)
    history = rng.integers(0, 30, (4, 5)).tolist()
    state = encode(served, [{"clicks": events} for events in history])
    for _ in range(6):
        for name, changed in (("add_events", rng.integers(0, 30, (4, 2)).tolist()), ("remove_events", None)):
            if changed is None:
                changed = [events[:2] for events in history]
                history = [events[2:] for events in history]
            else:
                history = [old + new for old, new in zip(history, changed, strict=True)]
            inputs = column_inputs([{"clicks": events} for events in changed], CLICKS)
            state = served.call(inputs | state, name)
    np.testing.assert_allclose(
        state[BUCKETS], encode(served, [{"clicks": events} for events in history])[BUCKETS], atol=1e-5
    )


def test_a_user_without_events_has_a_state(served: InProcess) -> None:
    """Never any, none that is left: one answer, that of nobody's history."""
    none = encode(served, [{"clicks": []}])
    assert np.array_equal(none[BUCKETS], np.zeros((1, 6, 4, 5)))
    left = encode(served, [{"clicks": [3, 7, 7, 11]}])
    for events in ([7], [11, 3], [7]):
        left = served.call(column_inputs([{"clicks": events}], CLICKS) | left, "remove_events")
    inputs = rank_inputs(sides(ROWS[0])[0] | {"clicks": []}, [sides(row)[1] for row in ROWS], OTHERS)
    answers = [served.call(inputs | state, "rank_with_state")["click"] for state in (none, left)]
    assert np.array_equal(*answers)


def test_of_a_hundred_thousand_events_the_latest_count(served: InProcess) -> None:
    """As everywhere: a history is cut to the length of its feature, in the state too."""
    longest = next(feature.max_length for feature in ADS.features if feature.name == "clicks")
    events = np.random.default_rng(0).integers(0, 30, 100_000).tolist()
    whole, latest = (encode(served, [{"clicks": clicks}])[BUCKETS] for clicks in (events, events[-longest:]))
    assert np.array_equal(whole, latest)
    assert whole[..., -1].sum() == 6 * longest


def test_a_state_of_another_model_is_refused(served: InProcess, transform: TransformOutput, tmp_path: Path) -> None:
    other = in_process(export_model(made(transform, 2), transform, tmp_path / "2"))
    state = encode(other, [ROWS[0]])
    assert state[STATE_VERSION] != encode(served, [ROWS[0]])[STATE_VERSION]
    inputs = rank_inputs(sides(ROWS[0])[0], [sides(ROWS[0])[1]], OTHERS)
    with pytest.raises(Exception, match="made by another version of the model"):
        served.call(inputs | state, "rank_with_state")
    unsaid = encode(served, [ROWS[0]]) | {STATE_VERSION: np.zeros(0, "int64")}
    with pytest.raises(Exception, match="made by another version of the model"):
        served.call(inputs | unsaid, "rank_with_state")


def test_many_users_at_once_are_each_alone(served: InProcess) -> None:
    together = encode(served, ROWS[:9])[BUCKETS]
    apart = np.concatenate([encode(served, [row])[BUCKETS] for row in ROWS[:9]])
    np.testing.assert_allclose(together, apart, atol=1e-6)


def test_two_towers_give_the_user_s_vector(transform: TransformOutput, tmp_path: Path) -> None:
    keras.utils.set_random_seed(4)
    towers = TwoTower(transform.bound_spec, embedding_dim=4, hidden_units=(8,), vector_dim=6)
    towers.build()
    towers.bias.assign([0.3])
    served = in_process(export_model(towers, transform, tmp_path / "1"))
    users = [column for column in COLUMNS if column.role != "item"]
    items = [column for column in COLUMNS if column.role == "item"]
    schema = make_log(1, seed=0).select([column.name for column in COLUMNS]).schema
    once = {column.name: ROWS[0][column.name] for column in users}
    state = served.call(column_inputs([once], users), "encode_user")
    features = transform.transform(pa.Table.from_pylist(ROWS, schema=schema))
    np.testing.assert_allclose(state[USER_VECTOR], towers.user_vectors(features)[:1], atol=1e-6)
    candidates = [{column.name: row[column.name] for column in items} for row in ROWS]
    crossed = pa.Table.from_pylist([{**once, **one} for one in candidates], schema=schema)
    wanted = towers.predict(transform.transform(crossed), verbose=0)
    scored = served.call(column_inputs(candidates, items) | state, "rank_with_state")["click"]
    np.testing.assert_allclose(scored, wanted, atol=1e-6)
    ranked = served.call(rank_inputs(once, candidates, COLUMNS), "rank")["click"]
    np.testing.assert_allclose(ranked, wanted, atol=1e-6)


def test_a_name_is_taken_once(model: SDIM, transform: TransformOutput, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(features: Any, state: Any) -> Any:
        return features

    extra = ExtraSignature("predict", ("clicks",), answer, "state")
    monkeypatch.setattr(SDIM, "extra_signatures", lambda self: (extra,))
    with pytest.raises(ValueError, match="'predict', a name that is taken"):
        ServingModule(model, transform).signatures()
