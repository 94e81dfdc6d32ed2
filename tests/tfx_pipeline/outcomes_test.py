"""Labels and weights of the evaluator are those of the transform."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from tfctr.spec import BinaryTask, FeatureSpec
from tfctr.transform import examples_to_table
from tfctr.transform._tasks import task_outputs
from tfx_pipeline.components.outcomes import Outcome
from tfx_pipeline.components.parquet_example_gen import encode_examples

ROWS = pa.RecordBatch.from_pydict(
    {
        "stars": pa.array([5, 3, 4, 1], pa.float32()),
        "weight": pa.array([1, 2, 0.5, 3], pa.float32()),
        "seen": pa.array([1, 1, 0, None], pa.float32()),
    }
)
TASKS = [
    BinaryTask(name="like", label="stars", at_least=4),
    BinaryTask(name="like", label="stars", at_least=4, weight="weight"),
    BinaryTask(name="like", label="stars", at_least=4, mask="seen"),
    BinaryTask(name="like", label="stars", at_least=4, weight="weight", mask="seen"),
]


@pytest.mark.parametrize("task", TASKS, ids=["plain", "weight", "mask", "both"])
def test_equal_to_the_transform(task: BinaryTask) -> None:
    spec = FeatureSpec(name="s", split={"by": "hash", "column": "c"}, features=[_site()], tasks=[task])
    expected = task_outputs(spec, {name: _sparse(name) for name in ROWS.schema.names})
    ours = Outcome(task).values(ROWS)
    np.testing.assert_array_equal(ours["eval__like"].to_numpy(zero_copy_only=False), expected["like"].numpy())
    if task.weighted:
        np.testing.assert_array_equal(ours["eval__like__weight"].to_numpy(), expected["like__weight"].numpy())


@pytest.mark.parametrize("task", TASKS, ids=["plain", "weight", "mask", "both"])
def test_a_negative_of_a_sampled_log_counts_for_those_that_were_dropped(task: BinaryTask) -> None:
    sampled = task.model_copy(update={"negative_rate": 0.25, "log_is_sampled": True})
    whole, ours = Outcome(task).values(ROWS), Outcome(sampled).values(ROWS)
    labels = ours["eval__like"].to_numpy(zero_copy_only=False)
    np.testing.assert_array_equal(labels, whole["eval__like"].to_numpy(zero_copy_only=False))
    weights = whole["eval__like__weight"].to_numpy() if task.weighted else np.ones(4)
    np.testing.assert_array_equal(ours["eval__like__weight"].to_numpy(), np.where(labels > 0, weights, 4 * weights))
    assert Outcome(sampled).columns == ("eval__like", "eval__like__weight")


def _sparse(name: str) -> tf.SparseTensor:
    values = ROWS.column(name)
    rows = [index for index, valid in enumerate(values.is_valid().to_pylist()) if valid]
    dense = values.drop_null().to_numpy()
    return tf.SparseTensor([[row, 0] for row in rows], dense, [len(values), 1])


def _site() -> dict[str, str]:
    return {"kind": "categorical", "name": "site", "role": "context"}


def test_a_missing_label_stays_missing() -> None:
    rows = pa.RecordBatch.from_pydict({"stars": pa.array([5, None], pa.float32())})
    assert Outcome(TASKS[0]).values(rows)["eval__like"].to_pylist() == [1.0, None]


def test_examples_hold_raw_columns_and_labels() -> None:
    spec = FeatureSpec(
        name="s",
        meta={"time": "t"},
        features=[
            _site(),
            {"kind": "vector", "name": "v", "role": "item", "width": 2},
            {**_site(), "name": "tags", "kind": "multi"},
        ],
        tasks=[TASKS[0]],
    )
    batch = pa.RecordBatch.from_pydict(
        {
            "site": pa.array(["é", None]),
            "v": pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float32())),
            "tags": pa.array([["a", "b"], []], pa.list_(pa.string())),
            "stars": pa.array([5.0, 2.0], pa.float32()),
            "t": pa.array([7, 8], pa.int64()),
        }
    )
    encoded = encode_examples(batch, spec)
    back = examples_to_table(encoded, spec)
    assert back.column("site").to_pylist() == ["é", None]
    assert back.column("v").to_pylist() == [[1.0, 2.0], [3.0, 4.0]]
    assert back.column("tags").to_pylist() in ([["a", "b"], []], [["a", "b"], None])
    labels = [tf.train.Example.FromString(e).features.feature["eval__like"].float_list.value[:] for e in encoded]
    assert labels == [[1.0], [0.0]]
