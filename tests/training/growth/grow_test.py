"""A model keeps what it learned when its vocabularies change overnight."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pytest

from tests.training.growth.days import KEPT, SPEC, day, transforms
from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import (
    BatchL2,
    DoubleHashedTable,
    EmbeddingTable,
    FullTable,
    FusedLookup,
    HashedTable,
    MiniBatchAware,
    QuotientRemainderTable,
)
from tfctr.models import DNN, FM, STAR, CTRModel, DomainSharedBottom
from tfctr.serving.export import _check_same_spec
from tfctr.spec import FeatureSpec, SpecError
from tfctr.training.growth import GrowthError, compare_vocabularies, grow
from tfctr.training.optimizers import DenseAdam, LazyAdagrad, LazyAdam, LazyFtrl
from tfctr.transform import TransformOutput

Pair = tuple[TransformOutput, TransformOutput]

OPTIMIZERS: dict[str, Any] = {
    "adam": lambda: LazyAdam(0.01),
    "adam_decaying": lambda: LazyAdam(0.01, decay_missed=True),
    "adagrad_by_row": lambda: LazyAdagrad(0.1, one_per_row=True),
    "ftrl": lambda: LazyFtrl(0.1),
    "dense": lambda: DenseAdam(0.01),
    "averaging": lambda: DenseAdam(0.01, use_ema=True),
}
ACCUMULATING = {"of three batches": lambda: LazyAdam(0.01, gradient_accumulation_steps=3)}
SLOTS = {
    "adam_decaying": {"_momentums", "_velocities", "_seen"},
    "adagrad_by_row": {"_accumulators"},
    "ftrl": {"_accumulators", "_linears"},
}


class Odd(FM):
    """A model with a weight an item beside its tables."""

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        self.odd = self.add_weight(name="odd", shape=(self.spec.rows["item"],), trainable=False)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return transforms(tmp_path_factory.mktemp("days"))


def arrays(transform: TransformOutput, table: pa.Table) -> tuple[dict[str, np.ndarray], np.ndarray]:
    columns = transform.transform(table)
    return {info.name: columns[info.name] for info in SPEC.inputs()}, columns["click"][:, np.newaxis]


def trained(transform: TransformOutput, optimizer: str = "adam", cls: type[CTRModel] = FM, **options: Any) -> CTRModel:
    keras.utils.set_random_seed(4)
    model = cls(transform.bound_spec, embedding_dim=4, **options)
    model.build()
    model.compile(
        optimizer={**OPTIMIZERS, **ACCUMULATING}[optimizer](), run_eagerly=True
    )  # tracing takes longer than the few steps
    features, labels = arrays(transform, day(0, 12, seed=1))
    model.fit(features, labels, batch_size=50, epochs=2, shuffle=False, verbose=0)
    return model


def lookups_of(model: CTRModel) -> list[FusedLookup]:
    return layers_of(model, FusedLookup)


def slots_of(optimizer: Any, lookup: FusedLookup) -> dict[str, np.ndarray]:
    """The slots of a table's weight by the name of their kind."""
    place = optimizer._get_variable_index(lookup.fused_table.embeddings)
    kinds = set().union(*SLOTS.values())
    return {kind: np.array(getattr(optimizer, kind)[place]) for kind in kinds if getattr(optimizer, kind, None)}


def answers(model: CTRModel, transform: TransformOutput, table: pa.Table) -> np.ndarray:
    return np.asarray(model.predict(arrays(transform, table)[0], verbose=0))


def test_what_changed_is_counted(both: Pair) -> None:
    changes = compare_vocabularies(*both).by_name
    item, user, site = changes["item"], changes["user"], changes["site"]
    assert (item.kept, item.new, item.dropped) == (8, 5, 4)
    assert not item.unchanged
    assert (site.new, site.dropped, site.unchanged) == (0, 0, True)
    old_items, new_items = both[0].vocabulary("item"), both[1].vocabulary("item")
    for place, value in enumerate(new_items):
        if value in KEPT:
            assert old_items[item.source[place + 4] - 4] == value  # padding and three OOV rows stand before
        else:
            assert item.source[place + 4] == -1
            assert item.oov[place + 4] in (1, 2, 3)
    assert item.source[:4].tolist() == [0, 1, 2, 3]
    assert 0 < item.new_share < 1
    assert user.kept == 8
    text = str(compare_vocabularies(*both)).splitlines()
    assert text[2].split()[:4] == ["item", "8", "5", "4"]


@pytest.mark.parametrize("cls", [FM, DNN])
def test_predictions_for_old_ids_are_the_same(both: Pair, cls: type[CTRModel]) -> None:
    model = trained(both[0], cls=cls)
    grown = grow(model, *both)
    known = day(4, 12, seed=9)
    before, after = answers(model, both[0], known), answers(grown, both[1], known)
    assert before.std() > 0.001
    np.testing.assert_array_equal(after, before)


def test_numbers_are_answered_in_yesterday_s_scale(both: Pair, tmp_path: Path) -> None:
    """Of another day the labels have another mean: with it the same logits would be other answers."""
    task = {"kind": "regression", "name": "click", "label": "clicked"}
    spec = FeatureSpec.model_validate({**SPEC.model_dump(), "tasks": [task]})
    days = []
    for number, (transform, scale) in enumerate(zip(both, ([900.0, 70.0], [500.0, 8.0]), strict=True)):
        folder = shutil.copytree(transform.directory, tmp_path / str(number))
        (folder / "transform_fn" / "assets" / "tfctr_label_scales").write_text(json.dumps({"click": scale}))
        days.append(TransformOutput(folder, spec=spec))
    old, new = days
    model = trained(old)
    grown, kept = grow(model, old, new), day(4, 12, seed=3)
    assert grown.spec.label_scales == old.bound_spec.label_scales != new.bound_spec.label_scales
    np.testing.assert_array_equal(answers(grown, new, kept), answers(model, old, kept))
    _check_same_spec(grown, new)


def test_new_ids_answer_as_yesterday_until_they_are_trained(both: Pair) -> None:
    model = trained(both[0])
    with_new = day(4, 17, seed=10)
    np.testing.assert_array_equal(answers(grow(model, *both), both[1], with_new), answers(model, both[0], with_new))
    by_popularity = answers(grow(model, *both, new_rows="popularity"), both[1], with_new)
    assert np.any(by_popularity != answers(model, both[0], with_new))


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (STAR, {"domain": "item", "hidden_units": (4,), "auxiliary_units": ()}),
        (DomainSharedBottom, {"domain": "item", "hidden_units": (4,), "tower_units": (3,), "unknown_rate": 0.0}),
    ],
)
def test_weights_by_domain_follow_their_domains(both: Pair, cls: type[CTRModel], options: dict[str, Any]) -> None:
    """Answers stay, those of new domains are what an unknown one got, and training goes on with every slot moved."""
    model = trained(both[0], "adam", cls, **options)
    grown = grow(model, *both)
    with_new, known = day(4, 17, seed=10), day(4, 12, seed=9, rows=60)
    before = answers(model, both[0], with_new)
    assert before.std() > 0.001
    np.testing.assert_allclose(answers(grown, both[1], with_new), before, rtol=2e-6)
    for each, transform in ((model, both[0]), (grown, both[1])):
        each.train_on_batch(*arrays(transform, known))
    after = answers(grown, both[1], known)
    np.testing.assert_allclose(after, answers(model, both[0], known), rtol=2e-5)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_goes_on_as_if_ids_had_not_moved(both: Pair, optimizer: str) -> None:
    """The next steps move rows alike only if every slot of every row has followed."""
    model = trained(both[0], optimizer)
    grown, fresh = grow(model, *both), grow(model, *both)
    assert int(grown.optimizer.iterations) == int(model.optimizer.iterations) == 16
    known = day(4, 12, seed=9, rows=60)
    for part in (known.slice(0, 30), known.slice(30)):
        for each, transform in ((model, both[0]), (grown, both[1])):
            each.train_on_batch(*arrays(transform, part))
    np.testing.assert_allclose(answers(grown, both[1], known), answers(model, both[0], known), rtol=2e-5)
    fresh.compile(optimizer=OPTIMIZERS[optimizer](), run_eagerly=True)
    for part in (known.slice(0, 30), known.slice(30)):
        fresh.train_on_batch(*arrays(both[1], part))
    assert np.abs(answers(fresh, both[1], known) - answers(model, both[0], known)).max() > 1e-4  # slots do matter


@pytest.mark.parametrize("optimizer", ["adam_decaying", "adagrad_by_row", "ftrl"])
def test_slots_of_kept_ids_follow_and_new_ones_start_anew(both: Pair, optimizer: str) -> None:
    """In the table of vectors and in that of linear weights, which hold items, users and sites one after another."""
    model = trained(both[0], optimizer)
    grown = grow(model, *both)
    changes = compare_vocabularies(*both).by_name
    initial = OPTIMIZERS[optimizer]()
    initial.build(grown.trainable_variables)
    for old, new in zip(lookups_of(model), lookups_of(grown), strict=True):
        before, after, empty = slots_of(model.optimizer, old), slots_of(grown.optimizer, new), slots_of(initial, new)
        assert before.keys() == after.keys() == SLOTS[optimizer]
        assert any(np.any(slots != slots[0]) for slots in before.values())
        for kind in before:
            for name in ("item", "user", "site"):
                for place, source in enumerate(changes[name].source[1:], start=1):
                    row = after[kind][new.offsets[name] + place]
                    start = empty[kind][new.offsets[name] + place]
                    np.testing.assert_array_equal(
                        row, before[kind][old.offsets[name] + source] if source > 0 else start
                    )


def test_a_step_that_was_not_finished_is_left_out(both: Pair) -> None:
    """Its sums lie at the rows of yesterday."""
    model = trained(both[0], "of three batches")
    grown = grow(model, *both)
    assert (int(model.optimizer.iterations), int(grown.optimizer.iterations)) == (5, 5)
    assert any(np.any(np.array(variable)) for variable in model.optimizer.unfinished())
    assert not any(np.any(np.array(variable)) for variable in grown.optimizer.unfinished())
    known = day(4, 12, seed=9)
    np.testing.assert_array_equal(answers(grown, both[1], known), answers(model, both[0], known))
    for _ in range(2):  # one batch is in hand
        grown.train_on_batch(*arrays(both[1], known))
    assert np.any(answers(grown, both[1], known) != answers(model, both[0], known))


def test_a_vocabulary_with_a_table_of_its_own_grows_in_it(both: Pair) -> None:
    model = trained(both[0], tables={"item": FullTable()}, learning_rates={"item": 0.0})
    grown = grow(model, *both)
    known = day(4, 12, seed=9)
    np.testing.assert_array_equal(answers(grown, both[1], known), answers(model, both[0], known))
    before = [np.array(weight) for lookup in lookups_of(grown) for weight in lookup.fused_table.weights]
    grown.train_on_batch(*arrays(both[1], known))
    frozen = ["item" in lookup.vocabularies for lookup in lookups_of(grown)]
    assert frozen.count(True) == 2  # vectors and linear weights
    for lookup, old, still in zip(lookups_of(grown), before, frozen, strict=True):
        assert np.array_equal(np.array(lookup.fused_table.weights[0]), old) == still  # rates have come along


def test_a_model_that_is_not_compiled_grows_too(both: Pair, tmp_path: Path) -> None:
    model = trained(both[0])
    model.save_weights(tmp_path / "w.weights.h5")
    plain = FM(both[0].bound_spec, embedding_dim=4)
    plain.build()
    plain.load_weights(tmp_path / "w.weights.h5")
    known = day(4, 12, seed=9)
    grown = grow(plain, *both)
    assert not grown.compiled
    np.testing.assert_allclose(answers(grown, both[1], known), answers(model, both[0], known), rtol=1e-6)


def test_a_grown_model_is_saved_and_grows_again(both: Pair, tmp_path: Path) -> None:
    grown = grow(trained(both[0]), *both)
    grown.save(tmp_path / "m.keras")
    again = grow(keras.models.load_model(tmp_path / "m.keras"), both[1], both[0])
    known = day(4, 12, seed=9)
    np.testing.assert_array_equal(answers(again, both[0], known), answers(grown, both[1], known))


def test_training_counts_of_a_penalty_are_today_s(both: Pair) -> None:
    model = trained(both[0], embedding_l2=MiniBatchAware(0.01))
    grown = grow(model, *both)
    lookup = layers_of(grown, FusedLookup)[0]
    start = lookup.offsets["item"] + 1
    counts = np.array(lookup.fused_table.counts)[start : start + 16]
    np.testing.assert_array_equal(counts, np.maximum(both[1].vocabulary_counts("item")[1:], 1))


@pytest.mark.parametrize(
    "table",
    [
        HashedTable(compression=2),
        HashedTable(compression=2, private=6),
        DoubleHashedTable(compression=2),
        QuotientRemainderTable(compression=2),
    ],
    ids=lambda table: f"{type(table).__name__}_{getattr(table, 'private', 0)}",
)
def test_rows_of_moved_ids_cannot_be_told_apart_but_hash_buckets_never_move(both: Pair, table: EmbeddingTable) -> None:
    model = FM(both[0].bound_spec, embedding_dim=4, tables={"item": table})
    model.build()
    with pytest.raises(GrowthError, match=f"vocabulary item changed, and its {type(table).__name__} mixes"):
        grow(model, *both)
    template = type(table)(compression=2)
    model = FM(both[0].bound_spec, embedding_dim=4, tables={"site": template}, embedding_l2=BatchL2(1e-4))
    model.build()
    known = day(4, 12, seed=9)
    np.testing.assert_array_equal(answers(grow(model, *both), both[1], known), answers(model, both[0], known))


def test_a_weight_that_follows_a_vocabulary_in_another_way_is_named(both: Pair) -> None:
    with pytest.raises(GrowthError, match=r"odd/odd has shape \(17,\) now and had \(16,\)"):
        grow(trained(both[0], cls=Odd), *both)


def test_wrong_pairs_are_refused(both: Pair) -> None:
    model = trained(both[0])
    with pytest.raises(SpecError, match="trained on"):
        grow(model, both[1], both[0])
    features = [f.model_dump() for f in SPEC.features if f.name != "price"]
    other = FeatureSpec(**{**SPEC.model_dump(), "features": features})
    with pytest.raises(SpecError, match="differ in price"):
        grow(model, both[0], TransformOutput(both[1].directory, other))
    with pytest.raises(ValueError, match="new_rows"):
        grow(model, *both, new_rows="mean")  # type: ignore[arg-type]  # on purpose
