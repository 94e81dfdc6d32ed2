"""`export_index`: a two-tower model and all its items as one SavedModel that finds a user's best items."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfctr.serving._raw_inputs import dense, input_names
from tfctr.serving._serving_module import column_spec, graph
from tfctr.training.retrieval import import_recommenders

if TYPE_CHECKING:
    import pyarrow as pa

    from tfctr.models import TwoTower
    from tfctr.transform import TransformOutput


def export_index(
    model: TwoTower,
    transform: TransformOutput,
    items: pa.Table,
    directory: str | Path,
    *,
    item: str,
    k: int = 100,
) -> Path:
    """Write a SavedModel that takes raw users and gives the items with the largest probability, without their features.

    The items' vectors are made now and searched exactly (tensorflow-recommenders' `BruteForce`). Signatures:

    - `serving_default`: ``examples``, serialized ``tf.Example``s of raw user and context features, string (batch,).
    - `retrieve`: one dense tensor for each raw user and context column, as in `predict` of `export_model`.

    Both return ``items``, raw values of `item` (batch, k), best first, and ``scores``, float32 (batch, k), the products
    of the vectors. A user that is not in the vocabulary is treated as the out-of-vocabulary id.

    Args:
        model: A trained model.
        transform: The transform it was trained on.
        items: Raw rows of all items, each once, with the columns of the item's features; others are ignored.
        directory: The version folder, new or empty, such as ``index/1``.
        item: Raw column whose value names an item.
        k: Items returned; all when there are fewer.

    Returns:
        The version folder.

    Raises:
        FileExistsError: When `directory` is not empty.
        ValueError: When there are no items, one comes twice or lacks a column, or k is below 1.
        ModuleNotFoundError: Without tensorflow-recommenders, the extra ``retrieval``.
    """
    target = Path(directory)
    if target.exists() and any(target.iterdir()):
        raise FileExistsError(f"{target} is not empty; a version is never overwritten, name the next one")
    needed = {item, *(column.name for column in transform.spec.raw_columns(serving=True) if column.role == "item")}
    if lacking := sorted(needed - set(items.column_names)):
        raise ValueError(
            f"the items lack columns {lacking} of spec {transform.spec.name!r}, they have {items.column_names}"
        )
    names = items.column(item).to_numpy(zero_copy_only=False)
    if not len(names) or k < 1:
        raise ValueError(f"an index needs items, and returns at least one. Received: {len(names)} items, {k=}")
    if len(np.unique(names)) < len(names):
        raise ValueError(f"an item of column {item!r} comes twice; give each once")
    module = _IndexModule(model, transform, items, names, min(k, len(names)))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as aside:
        written = Path(aside) / "index"
        tf.saved_model.save(module, str(written), signatures=module.signatures())
        if target.exists():
            target.rmdir()
        shutil.move(str(written), str(target))
    return target


class _IndexModule(tf.Module):
    """The user's tower, its transform and the items' vectors."""

    def __init__(self, model: TwoTower, transform: TransformOutput, items: pa.Table, names: np.ndarray, k: int):
        super().__init__()
        columns = transform.spec.raw_columns(serving=True)
        self._parts = SimpleNamespace(model=model, transform=transform)  # as in `ServingModule`
        self.weights = [variable.value for variable in model.variables]
        self.transform_graph = transform.graph
        self._columns = [column for column in columns if column.role != "item"]
        self._names = input_names(self._columns)
        about = [column for column in columns if column.role == "item"]
        raw = {column.name: tf.constant(dense(items.column(column.name).to_pylist(), column)) for column in about}
        vectors = model.item_vectors(transform.transform_raw(raw, partial=True), training=False)
        self.index = import_recommenders().layers.factorized_top_k.BruteForce(k=k)
        self.index.index(tf.cast(vectors, tf.float32), tf.constant(names))

    def signatures(self) -> dict[str, Any]:
        """Return the concrete functions by name."""
        examples = tf.TensorSpec([None], tf.string, "examples")
        specs = {self._names[column.name]: column_spec(column, self._names[column.name]) for column in self._columns}
        return {
            "serving_default": graph(self._from_examples, input_signature=[examples]).get_concrete_function(),
            "retrieve": graph(self._from_columns).get_concrete_function(**specs),
        }

    def _from_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        wanted = {column.name for column in self._columns}
        parsing = self._parts.transform.raw_feature_spec(serving=True)
        return self._best(tf.io.parse_example(examples, {name: parsing[name] for name in wanted}))

    def _from_columns(self, **raw: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._best({column.name: raw[self._names[column.name]] for column in self._columns})

    def _best(self, raw: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        users = self._parts.model.user_vectors(self._parts.transform.transform_raw(raw, partial=True), training=False)
        scores, items = self.index(tf.cast(users, tf.float32))
        return {"scores": scores, "items": items}
