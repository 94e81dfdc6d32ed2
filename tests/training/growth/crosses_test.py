"""A cross has a vocabulary of its own, of pairs; a grown model takes their rows along as it does those of ids."""

from __future__ import annotations

import keras
import numpy as np
import pyarrow as pa
import pytest

from tests.training.growth.days import SPEC, day
from tfctr.models import FM, CTRModel
from tfctr.spec import FeatureSpec
from tfctr.training.growth import compare_vocabularies, grow
from tfctr.training.optimizers import LazyAdam
from tfctr.transform import TransformOutput, fit_transform

CROSSED = FeatureSpec.model_validate(
    {
        "name": "crossed_days",
        "features": [
            *SPEC.model_dump()["features"],
            {"kind": "cross", "name": "pair", "of": ["user", "item"], "vocabulary": {"min_count": 2, "oov_buckets": 2}},
            {"kind": "cross", "name": "in_buckets", "of": ["user", "site"], "hash_buckets": 20},
        ],
        "tasks": [{"name": "click", "label": "clicked"}],
        "meta": {"time": "second"},
    }
)
Pair = tuple[TransformOutput, TransformOutput]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("crossed")
    yesterday = fit_transform(CROSSED, day(0, 12, seed=1), folder / "yesterday")
    return yesterday, fit_transform(CROSSED, day(4, 17, seed=2, falling=False), folder / "today")


def arrays(transform: TransformOutput, table: pa.Table) -> tuple[dict[str, np.ndarray], np.ndarray]:
    columns = transform.transform(table)
    return {info.name: columns[info.name] for info in CROSSED.inputs()}, columns["click"][:, np.newaxis]


def answers(model: CTRModel, transform: TransformOutput, table: pa.Table) -> np.ndarray:
    return np.asarray(model(arrays(transform, table)[0]))[:, 0]


def test_pairs_keep_their_rows_and_slots_wherever_they_go(both: Pair) -> None:
    """Of kept pairs and of new ones; a pair that today no longer knows is the only one that answers otherwise."""
    keras.utils.set_random_seed(4)
    model = FM(both[0].bound_spec, embedding_dim=4)
    model.build()
    model.compile(optimizer=LazyAdam(0.05), run_eagerly=True)  # tracing takes longer than the few steps
    model.fit(*arrays(both[0], day(0, 12, seed=1)), batch_size=50, epochs=1, shuffle=False, verbose=0)
    grown = grow(model, *both)

    change = compare_vocabularies(*both).by_name["pair"]
    old, new = (set(transform.vocabulary("pair")) for transform in both)
    assert (change.kept, change.new, change.dropped) == (len(old & new), len(new - old), len(old - new))
    assert min(change.kept, change.new, change.dropped) > 5
    known = day(4, 12, seed=9)
    pairs = [
        f"{user}|{item}" for user, item in zip(*(known[name].to_pylist() for name in ("user", "item")), strict=True)
    ]
    gone = np.isin(pairs, list(old - new))
    assert 10 < gone.sum() < len(gone) / 2
    before, after = answers(model, both[0], known), answers(grown, both[1], known)
    np.testing.assert_array_equal(after[~gone], before[~gone])
    assert (after[gone] != before[gone]).all()

    kept = known.filter(pa.array(np.isin(pairs, list(old & new))))
    for each, transform in ((model, both[0]), (grown, both[1])):
        each.train_on_batch(*arrays(transform, kept))
    trained = answers(model, both[0], kept)
    assert np.abs(trained - before[np.isin(pairs, list(old & new))]).max() > 0.001
    np.testing.assert_allclose(answers(grown, both[1], kept), trained, rtol=2e-5)
