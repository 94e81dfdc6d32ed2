"""Who knows the description alone makes the tensors that the transform makes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from tfctr.transform import TransformOutput, describe_inputs


@pytest.fixture(scope="module")
def about(output: TransformOutput) -> dict[str, Any]:
    """The description, as JSON holds it."""
    return json.loads(json.dumps(describe_inputs(output)))


@pytest.fixture(scope="module")
def tensors(output: TransformOutput, new_log: pa.Table) -> dict[str, np.ndarray]:
    return output.transform(new_log)


def test_inputs_are_those_of_the_spec(about: dict[str, Any], output: TransformOutput) -> None:
    inputs = {entry.pop("name"): entry for entry in json.loads(json.dumps(about["inputs"]))}
    assert list(inputs) == [info.name for info in output.spec.inputs()]
    assert inputs["clicks"]["shape"] == inputs["clicks__times"]["shape"] == [None, 4]
    assert (inputs["price"]["dtype"], inputs["age"]["dtype"]) == ("float32", "int64")
    assert inputs["clicks"]["made_of"] == (
        "the ids, in vocabulary 'item', of the latest 4 values in column 'clicks', oldest first, then zeros"
    )


def test_ids_are_made_from_the_vocabularies(
    about: dict[str, Any], tensors: dict[str, np.ndarray], new_log: pa.Table
) -> None:
    items, rows = about["vocabularies"]["item"], new_log.to_pylist()
    assert items["out_of_vocabulary"]["ids"] == [1, 1]
    texts = ["__missing__" if row["item"] is None else str(row["item"]) for row in rows]
    assert [items["values"].get(text, 1) for text in texts] == tensors["item"].tolist()
    tags = about["vocabularies"]["tags"]["values"]
    padded = [([tags[tag] for tag in (row["tags"] or ())[:3]] + [0] * 3)[:3] for row in rows]
    assert padded == tensors["tags"].tolist()
    assert about["vocabularies"]["user"]["out_of_vocabulary"]["ids"] == [1, 4]


def test_ids_are_hashed_as_it_is_said(about: dict[str, Any], tensors: dict[str, np.ndarray], new_log: pa.Table) -> None:
    device = about["vocabularies"]["device"]
    assert device["ids"] == [1, 11]
    assert "1 + FarmHash64" in device["how"]
    texts = ["__missing__" if value is None else value for value in new_log.column("device").to_pylist()]
    assert (1 + tf.strings.to_hash_bucket_fast(texts, 11)).numpy().tolist() == tensors["device"].tolist()


def test_crosses_are_joined_as_it_is_said(
    about: dict[str, Any], tensors: dict[str, np.ndarray], new_log: pa.Table
) -> None:
    (said,) = (entry["made_of"] for entry in about["inputs"] if entry["name"] == "left_x_right")
    assert said == (
        "the id, in vocabulary 'left_x_right', of the values of left and right joined: '|' between them, and \\ before "
        "each | and \\ inside one; a missing one is __missing__, a number is the id of its bucket"
    )
    crosses, places = about["vocabularies"]["left_x_right"]["values"], about["vocabularies"]["places"]

    def joined(row: dict[str, Any], *names: str) -> str:
        texts = (row[name] or "__missing__" for name in names)
        return "|".join("".join(f"\\{c}" if c in "|\\" else c for c in text) for text in texts)

    rows = new_log.to_pylist()
    texts = [joined(row, "left", "right").replace("\n", " ") for row in rows]
    assert [crosses.get(text, 1) for text in texts] == tensors["left_x_right"].tolist()
    assert places["how"].endswith("modulo the number of these ids, the text 'places|' in front of it")
    texts = ["places|" + joined(row, "device", "city", "left") for row in rows]
    assert (1 + tf.strings.to_hash_bucket_fast(texts, 13)).numpy().tolist() == tensors["places"].tolist()


@pytest.mark.parametrize("name", ["price", "views", "filled", "plain"])
def test_numbers_are_scaled_by_what_is_told(
    name: str, about: dict[str, Any], tensors: dict[str, np.ndarray], new_log: pa.Table
) -> None:
    told = about["numbers"][name]
    values = new_log.column(name).to_numpy(zero_copy_only=False).astype(float)
    given = np.isfinite(values)
    values = values[given]
    if told["scale"] == "log":
        values = np.sign(values) * np.log1p(np.abs(values))
    expected = (values - told["mean"]) / told["deviation"] if told["scale"] != "none" else values
    np.testing.assert_allclose(expected, tensors[name][given], rtol=1e-4, atol=1e-4)


def test_the_work_that_is_left_is_named(about: dict[str, Any]) -> None:
    left = " ".join(about["not_in_the_graph"])
    for word in ("parsing", "vocabularies", "hashing", "padding", "scaling", "vectors", "crosses"):
        assert word in left
