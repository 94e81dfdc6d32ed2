from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tests.models.specs import categorical, fitted, history_rows, history_spec, make_spec, sequence
from tfctr.models import DIN
from tfctr.models._histories import History, histories_of
from tfctr.spec import BoundSpec, SpecError

pytestmark = pytest.mark.usefixtures("seed")

SMALL = {"embedding_dim": 3, "hidden_units": (5,), "attention_units": (4,)}


def rich_spec() -> BoundSpec:
    """Two histories; the first has a side column."""
    return make_spec(
        categorical("user", "user"),
        categorical("item"),
        categorical("shop"),
        sequence("clicks", "item", 4),
        sequence("clicked_shops", "shop", 4, aligned_with="clicks"),
        sequence("bought", "item", 2),
        rows={"user": 5, "item": 9, "shop": 4},
    )


def rich_rows(rows: int = 6) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    clicks = rng.integers(1, 9, (rows, 4)) * (np.arange(4) < rng.integers(0, 5, rows)[:, None])
    return {
        "user": rng.integers(1, 5, rows),
        "item": rng.integers(1, 9, rows),
        "shop": rng.integers(1, 4, rows),
        "clicks": clicks,
        "clicked_shops": rng.integers(1, 4, (rows, 4)) * (clicks > 0),
        "bought": rng.integers(0, 9, (rows, 2)),
    }


def test_side_columns_stand_beside_their_events() -> None:
    assert histories_of(rich_spec().spec) == (
        History(events=("clicks", "clicked_shops"), targets=("item", "shop")),
        History(events=("bought",), targets=("item",)),
    )


@pytest.mark.parametrize(("extra", "vectors"), [("none", 1), ("sum", 2), ("sum_prod", 3)])
def test_what_the_tower_sees(extra: str, vectors: int) -> None:
    model = DIN(rich_spec(), **SMALL, extra_pooling=extra)
    model.build()
    # Three fields, and for each history (two columns wide, one column wide) the chosen vectors.
    assert model.tower.weights[0].shape[0] == 3 * 3 + vectors * (2 * 3 + 3)


@pytest.mark.parametrize("softmax", [False, True])
def test_padding_and_order_of_events_change_nothing(softmax: bool) -> None:
    model = DIN(rich_spec(), **SMALL, attention_softmax=softmax, extra_pooling="sum_prod")
    rows = rich_rows()
    plain = model(rows).numpy()
    order = [2, 0, 3, 1]
    moved = {**rows, "clicks": rows["clicks"][:, order], "clicked_shops": rows["clicked_shops"][:, order]}
    np.testing.assert_allclose(model(moved), plain, rtol=1e-5)
    # Longer histories than in the spec: the extra positions are padding.
    longer = {name: np.pad(rows[name], ((0, 0), (0, 3))) for name in ("clicks", "clicked_shops")}
    np.testing.assert_allclose(model({**rows, **longer}), plain, rtol=1e-5)


def test_rows_without_any_event_are_answered() -> None:
    rows = rich_rows()
    empty = {name: np.zeros_like(rows[name]) for name in ("clicks", "clicked_shops", "bought")}
    assert np.isfinite(DIN(rich_spec(), **SMALL, attention_softmax=True)({**rows, **empty})).all()


def test_after_training_one_row_is_answered_like_the_batch() -> None:
    features, labels = history_rows(512, seed=0)
    model = fitted(DIN(history_spec(), **SMALL), features, labels, epochs=1, learning_rate=0.01)
    rows = {name: column[:8] for name, column in features.items()}
    alone = [model({name: column[i : i + 1] for name, column in rows.items()}).numpy()[0] for i in range(8)]
    np.testing.assert_allclose(model(rows), alone, rtol=1e-5, atol=1e-7)


def test_mini_batch_aware_step_moves_only_rows_of_the_batch() -> None:
    features, labels = history_rows(8, seed=0)
    model = DIN(history_spec(), **SMALL, mini_batch_aware=0.5)
    model.build()
    model.set_counts({"item": np.arange(33) + 1})
    (table,) = [w for w in model.weights if w.name == "embeddings"]
    before = table.numpy().copy()
    for layer in (model.tower, *model.attentions):
        for weight in layer.weights:
            weight.assign(np.zeros(weight.shape))  # no gradient from the data reaches the table
    model.compile(optimizer=keras.optimizers.SGD(0.1), jit_compile=False)
    model.train_on_batch(features, labels)
    seen = np.union1d(features["item"], features["clicks"])
    factor = np.ones(33)
    factor[seen] = 1 - 0.1 * 0.5 / (seen + 1)
    factor[0] = 1
    assert 1 < len(seen) < 32
    np.testing.assert_allclose(table.numpy(), before * factor[:, None], rtol=1e-5)


@pytest.mark.parametrize(
    ("features", "key", "message"),
    [
        ([categorical("item")], "features", "add a feature of kind sequence"),
        (
            [
                categorical("item"),
                {"kind": "sequence", "name": "clicks", "role": "user", "max_length": 4},
            ],
            "features.1.target",
            "compared with",
        ),
        (
            [categorical("item"), sequence("clicks", "item", 4), sequence("seen", "item", 4, target="clicks")],
            "features.2.target",
            "a sequence itself",
        ),
    ],
)
def test_specs_without_a_comparison_are_refused(features: list[dict[str, Any]], key: str, message: str) -> None:
    rows = {f["name"]: 9 for f in features if "shares" not in f}
    spec = make_spec(*features, rows=rows)
    assert [problem.key for problem in DIN.problems(spec.spec)] == [key]
    with pytest.raises(SpecError, match=message):
        DIN(spec)


def test_unknown_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match="extra_pooling='mean'"):
        DIN(history_spec(), extra_pooling="mean")  # type: ignore[arg-type]  # the mistake under test
