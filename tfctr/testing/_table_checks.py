"""What every embedding table must stand: all that a layer must, and the contract of `EmbeddingTable`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tfctr.layers.embedding import EmbeddingTable, FeatureEmbedding
from tfctr.testing._examples import RICH_TASKS, example, some_ids
from tfctr.testing._layer_checks import LAYER_CHECKS, Check
from tfctr.testing._recipe import Recipe

ROWS, DIM = 8, 4


def table_recipe(table: type[EmbeddingTable], **settings: Any) -> Recipe:
    """Return the recipe of a table with these settings."""
    return Recipe(table, lambda: table(rows=ROWS, dim=DIM, **settings), some_ids)


def _template(recipe: Recipe) -> EmbeddingTable:
    """A table of the recipe's settings without a size, its rows far from zero."""
    made, wide = recipe.make(), keras.initializers.RandomNormal(stddev=1.0, seed=1)
    config = {**made.get_config(), "rows": None, "dim": None, "initializer": wide}
    template: EmbeddingTable = type(made).from_config(config)
    return template


def check_padding_row(recipe: Recipe) -> None:
    """The vector of id 0 is exactly zero, and others are not."""
    vectors = keras.ops.convert_to_numpy(_template(recipe).sized(ROWS, DIM, "table")(np.arange(ROWS)))
    assert vectors.shape == (ROWS, DIM), f"vectors of {ROWS} ids have the shape {vectors.shape}"
    assert not vectors[0].any(), "the vector of id 0, padding, is not zero"
    assert vectors[1:].any(), "all vectors are zero"


def check_sizes(recipe: Recipe) -> None:
    """`weight_shapes` and `serving_bytes` tell what `build` makes; a template without a size says so."""
    table = _template(recipe).sized(ROWS, DIM, "table")
    assert (table.rows, table.dim) == (ROWS, DIM), "sized() gives another size"
    table(np.arange(ROWS))
    if not table.has_external_rows:
        built = sum(int(np.prod(weight.shape)) for weight in table.trainable_weights)
        said = sum(int(np.prod(shape)) for shape in table.weight_shapes().values())
        assert built == said, f"weight_shapes says {said} numbers, build makes {built}"
        trained, all_of_it = (_bytes(weights) for weights in (table.trainable_weights, table.weights))
        assert trained <= table.serving_bytes() <= all_of_it, (
            f"serving_bytes says {table.serving_bytes()}, trained weights take {trained}, all weights {all_of_it}"
        )
    try:
        size = _template(recipe).size
    except ValueError:
        return
    raise AssertionError(f"a template without rows and dim has the size {size}")


def _bytes(weights: list[Any]) -> int:
    return sum(np.asarray(weight).nbytes for weight in weights)


def check_in_an_embedding(recipe: Recipe) -> None:
    """As the table of one vocabulary in a `FeatureEmbedding` it answers and learns."""
    embedding = FeatureEmbedding(RICH_TASKS, DIM, tables={"item": _template(recipe)})
    fields = embedding(example(4)["features"]).fields
    assert np.isfinite(keras.ops.convert_to_numpy(fields)).all(), "fields of a FeatureEmbedding"


TABLE_CHECKS: tuple[Check, ...] = (*LAYER_CHECKS, check_padding_row, check_sizes, check_in_an_embedding)
"""All of them, in the order in which a mistake is told best."""
