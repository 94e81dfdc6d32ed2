"""OptInterNet: the numbers of the paper's data sets, special cases, and what is built of a choice."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.models.specs import categorical, make_spec
from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import BatchL2, FusedLookup
from tfctr.models import DNN, OptInterNet
from tfctr.spec import BoundSpec, FeatureSpec, SpecError
from tfctr.testing._examples import RICH_CROSSED, example

SMALL: dict[str, Any] = {"embedding_dim": 4, "cross_dim": 3, "hidden_units": (6,), "noise": "none"}
NAMES = ("user_x_item", "user_x_age", "item_x_shop")
WAYS = {"user_x_item": "factorize", "user_x_age": "naive", "item_x_shop": "memorize"}
FEATURES = example(8)["features"]


def made(spec: BoundSpec = RICH_CROSSED, **options: Any) -> OptInterNet:
    """A built model, its rows and maps far from zero."""
    model = OptInterNet(spec, **{**SMALL, **options})
    model.build()
    for place, weight in enumerate(model.trainable_weights):
        weight.assign(keras.random.normal(weight.shape, stddev=0.5, seed=place))
    return model


def hardened(model: OptInterNet, ways: dict[str, str]) -> OptInterNet:
    """The mixture set to one way for each pair, exactly."""
    columns = [("memorize", "factorize", "naive").index(ways[name]) for name in NAMES]
    model.mixture.alpha.assign(1e4 * np.eye(3)[columns])
    return model


def answers(model: OptInterNet, features: Any = None) -> np.ndarray:
    return np.asarray(model(FEATURES if features is None else features))


def trained(model: OptInterNet) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


# --- totals -----------------------------------------------------------------------------------------------------------


def crossed_spec(fields: dict[str, int], numbers: int, cross_rows: int) -> BoundSpec:
    """Categorical fields of so many rows, numbers, and all pairs of fields, the rows of crosses spread over them."""
    numeric = [{"kind": "numeric", "name": f"n{i}", "role": "context"} for i in range(numbers)]
    plain = make_spec(*numeric, *(categorical(name) for name in fields), rows=fields)
    spec = plain.spec.with_crosses()
    crosses = [name for name in spec.tables if name not in fields]
    share, left = divmod(cross_rows, len(crosses))
    sizes = [1 + share + (place < left) for place in range(len(crosses))]
    return spec.bind({**fields, **dict(zip(crosses, sizes, strict=True))})


def looked_up(model: OptInterNet) -> dict[str, int]:
    """Numbers in the tables of a model that is not built, by embedding."""
    embeddings = {e.name: e for e in (model.embedding, model.cross_embedding, model.factor_embedding) if e}
    found = {}
    for name, embedding in embeddings.items():
        shapes = [shape for lookup in embedding.lookups for shape in lookup.fused_table.weight_shapes().values()]
        found[name] = sum(rows * dim for rows, dim in shapes) + embedding.dim * len(embedding._numbers)
    return found


@pytest.mark.parametrize(
    ("fields", "numbers", "kept", "crosses", "settings", "expected", "width", "total"),
    [
        # Criteo: 514,758 kept values and 26 unknown ones; 21,037,178 kept crosses and 325 unknown ones.
        (26, 13, 514_758, 21_037_178, {"embedding_dim": 20, "cross_dim": 10, "hidden_units": (700,) * 5},
         (10_295_960, 5_147_980, 210_375_040), 4_030, 230_611_181),
        # Avazu: 1,228,770 and 24; 240,329,204 and 276.
        (24, 0, 1_228_770, 240_329_204, {"embedding_dim": 40, "cross_dim": 4, "hidden_units": (500,) * 5},
         (49_151_800, 4_915_180, 961_317_924), 2_064, None),
    ],
)  # fmt: skip
def test_the_published_sizes(
    fields: int, numbers: int, kept: int, crosses: int, settings: dict[str, Any], expected: tuple[int, int, int],
    width: int, total: int | None,
) -> None:  # fmt: skip
    """Known before anything is built. The reference gives numbers rows in its third table, too, which nothing reads."""
    share, left = divmod(kept, fields)
    sizes = {f"f{i}": 2 + share + (i < left) for i in range(fields)}
    pairs = fields * (fields - 1) // 2
    model = OptInterNet(crossed_spec(sizes, numbers, crosses + pairs), **settings)
    unread = numbers * settings["cross_dim"]
    found = looked_up(model)
    assert (found["embedding"], found["factor_embedding"] + unread, found["cross_embedding"]) == expected
    assert len(model.mixture.pairs) == pairs
    assert len(model.embedding.field_names) * model.embedding_dim + pairs * model.cross_dim == width
    if total is not None:
        model.tower.build((None, width))
        assert sum(found.values()) + unread + model.tower.count_params() == total


def test_the_total_of_a_tiny_one_before_and_after_the_choice() -> None:
    """Vo = 20 with one number among them, Vc = 30, a layer of 4: 249 as the reference counts, and 9 logits."""
    spec = crossed_spec({"a": 7, "b": 8, "c": 6}, 1, 29)
    options = {"embedding_dim": 3, "cross_dim": 2, "hidden_units": (4,)}
    assert trained(made(spec, **options)) + 2 == 249 + 9  # the number's row in the third table
    ways = {"a_x_b": "memorize", "a_x_c": "naive", "b_x_c": "factorize"}
    cross_rows, factor_rows = spec.rows["a_x_b"], 1 + 7 + 5
    tower = (3 * 4 + 2 * 2) * 4 + 4 + 2 * 4 + 4 + 1
    final = made(spec, **options, pair_ops=ways)
    assert trained(final) == 20 * 3 + 2 * cross_rows + 2 * factor_rows + tower


# --- special cases ----------------------------------------------------------------------------------------------------


def test_memorized_alone_the_factors_do_not_count_and_factorized_alone_the_crosses_do_not() -> None:
    model = made()
    moved = {
        **FEATURES,
        **{name: 1 + FEATURES[name] % (RICH_CROSSED.rows[name] - 1) for name in NAMES},
    }
    factors = model.factor_embedding.lookups[0].fused_table.embeddings
    for way, by_crosses, by_factors in (
        ("memorize", True, False),
        ("factorize", False, True),
        ("naive", False, False),
    ):
        hardened(model, dict.fromkeys(NAMES, way))
        before = answers(model)
        assert bool(np.any(answers(model, moved) != before)) is by_crosses, way
        kept = np.array(factors)
        factors.assign(2 * kept)
        assert bool(np.any(answers(model) != before)) is by_factors, way
        factors.assign(kept)


def plain_dnn(spec: BoundSpec) -> BoundSpec:
    left = [f for f in spec.spec.features if f.name not in NAMES]
    fields = FeatureSpec(name="t", features=left, tasks=list(spec.spec.tasks), split={"by": "hash", "column": "row"})
    return fields.bind({name: rows for name, rows in spec.rows.items() if name not in NAMES})


def test_all_naive_is_a_network_on_the_fields() -> None:
    naive = made(pair_ops="naive")
    assert naive.cross_embedding is None
    assert naive.factor_embedding is None
    twin = DNN(plain_dnn(RICH_CROSSED), embedding_dim=4, hidden_units=(6,))
    twin.mlp.layer_norm = True
    twin.build()
    twin.set_weights(naive.get_weights())
    np.testing.assert_allclose(answers(naive), answers(twin), atol=1e-6)
    whole = hardened(made(), dict.fromkeys(NAMES, "naive"))  # the same with a tail of zeros
    pruned_like(naive, whole, dict.fromkeys(NAMES, "naive"))
    np.testing.assert_allclose(answers(naive), answers(whole), atol=1e-6)


def pruned_like(pruned: OptInterNet, whole: OptInterNet, ways: dict[str, str]) -> None:
    """Give a model of what was chosen the weights of one that has everything."""
    pruned.embedding.set_weights(whole.embedding.get_weights())
    for part in ("cross_embedding", "factor_embedding"):
        target, source = getattr(pruned, part), getattr(whole, part)
        for old, new in zip(source.lookups, target.lookups if target else (), strict=False):
            for name, start in new.offsets.items():
                rows, first = new.vocabularies[name] - 1, old.offsets[name]
                values = np.array(new.fused_table.embeddings)
                values[1 + start : 1 + start + rows] = np.asarray(old.fused_table.embeddings)[1 + first :][:rows]
                new.fused_table.embeddings.assign(values)
    fields, dim = 4 * len(whole.embedding.field_names), whole.cross_dim
    order = [place for way in ("memorize", "factorize") for place, name in enumerate(NAMES) if ways[name] == way]
    kept = [*range(fields), *(fields + dim * place + i for place in order for i in range(dim))]
    first, *others = whole.tower.get_weights()
    pruned.tower.set_weights([first[kept], *others])


@pytest.mark.parametrize("chosen", list(itertools.product(("memorize", "factorize", "naive"), repeat=3))[::4])
def test_what_was_chosen_answers_as_the_masked_whole(chosen: tuple[str, ...]) -> None:
    ways = dict(zip(NAMES, chosen, strict=True))
    whole, pruned = hardened(made(), ways), made(pair_ops=ways)
    pruned_like(pruned, whole, ways)
    np.testing.assert_allclose(answers(pruned), answers(whole), atol=1e-6)
    assert trained(pruned) < trained(whole)


def test_only_what_was_chosen_is_built() -> None:
    model = made(pair_ops=WAYS)
    rows = {lookup.name: lookup.vocabularies for lookup in model.cross_embedding.lookups}
    assert rows == {"lookup": {"item_x_shop": 6}}
    assert model.factor_embedding.field_names == ("user", "item")
    assert model.mixture is None
    assert model.tower.linear_maps["dense_0"].kernel.shape[0] == 4 * len(model.embedding.field_names) + 2 * 3


def test_a_choice_survives_saving(tmp_path: Path) -> None:
    model = made(pair_ops=WAYS)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.pair_ops == WAYS
    np.testing.assert_array_equal(answers(again), answers(model))
    assert made(pair_ops="memorize").pair_ops == dict.fromkeys(NAMES, "memorize")


def test_the_penalty_of_pairs_is_their_own() -> None:
    def told(**options: Any) -> list[Any]:
        lookups = layers_of(made(**options), FusedLookup)
        penalties = (lookup.fused_table.penalty for lookup in lookups)
        return [penalty.coefficient if isinstance(penalty, BatchL2) else None for penalty in penalties]

    assert told() == [None, 3e-8, 3e-8]
    assert told(embedding_l2=0.5) == [0.5, 3e-8, 3e-8]
    assert told(embedding_l2=0.5, pair_l2=None) == [0.5] * 3
    assert told(pair_l2=0.0) == [None] * 3


@pytest.mark.parametrize(
    ("pair_ops", "message"),
    [
        ({**WAYS, "user_x_shop": "naive"}, "'user_x_shop', which is no cross of the spec"),
        ({"user_x_item": "naive"}, "says nothing of user_x_age, item_x_shop"),
        ({**WAYS, "user_x_age": "forget"}, "pair_ops of 'user_x_age' is one of memorize, factorize, naive"),
        ("memorise", "is one of memorize, factorize, naive"),
    ],
)
def test_a_choice_that_cannot_be(pair_ops: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OptInterNet(RICH_CROSSED, **SMALL, pair_ops=pair_ops)


def test_what_it_needs_of_a_spec() -> None:
    with pytest.raises(SpecError, match="chooses among crosses, and the spec has none; `tfctr spec cross` adds them"):
        OptInterNet(plain_dnn(RICH_CROSSED), **SMALL)
    fields = dict.fromkeys("abc", 5)
    three = {"kind": "cross", "name": "abc", "of": list("abc")}
    with pytest.raises(SpecError, match="takes crosses of two features, 'abc' has 3"):
        OptInterNet(make_spec(*map(categorical, fields), three, rows={**fields, "abc": 9}), **SMALL)
