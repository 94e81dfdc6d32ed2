"""What of a model can be factored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import EmbeddingTable, FeatureEmbedding, FullTable, FusedLookup
from tfctr.layers.towers.factored_dense import largest_rank
from tfctr.models import CTRModel
from tfctr.models._tower_ranks import towers_of
from tfctr.plans.low_rank._factors import MapFactors, Method, directions, map_by_outputs, map_by_weights


@dataclass(frozen=True)
class FactorableMap:
    """A linear map of a tower.

    Attributes:
        tower, name: Of the tower in its model, and of the map in its tower.
        layer: The map.
    """

    tower: str
    name: str
    layer: keras.layers.Dense

    @property
    def key(self) -> str:
        """Its name among the statistics."""
        return f"{self.tower}.{self.name}"

    @property
    def shape(self) -> tuple[int, int]:
        """``(width, units)``."""
        width, units = self.layer.kernel.shape
        return int(width), int(units)

    def options(self) -> np.ndarray:
        """Bytes at rank 1, 2, … as far as they save, and then of the plain map."""
        width, units = self.shape
        ranks = np.arange(1, largest_rank(width, units) + 1)
        return 4 * np.append(ranks * (width + units + 1) + units, width * units + units)

    def factors(self, rank: int, statistics: Mapping[str, np.ndarray], method: Method) -> MapFactors:
        """Return the map in two, by what `output_statistics` tells of its outputs or by its weights."""
        kernel, bias = (np.asarray(keras.ops.convert_to_numpy(weight)) for weight in self.layer.weights)
        if method == "weights":
            return map_by_weights(kernel, bias, rank)
        basis = directions(statistics[f"{self.key}.covariance"])[1][:, :rank]
        return map_by_outputs(kernel, bias, statistics[f"{self.key}.mean"], basis)


@dataclass(frozen=True)
class FactorableTable:
    """A vocabulary, all of whose embedding rows lie in plain tables.

    Attributes:
        vocabulary: Its name.
        rows: Rows with numbers of each embedding that is wider than 1, ``(rows, dim)`` with padding first.
        linear: Embeddings of width 1: each gets a table for the vocabulary alone, with a padding row of its own.
    """

    vocabulary: str
    rows: tuple[np.ndarray, ...]
    linear: int

    @property
    def key(self) -> str:
        """Its name among the statistics."""
        return f"table.{self.vocabulary}"

    def options(self) -> np.ndarray:
        """Bytes at rank 1, 2, … as far as they save, and then of the plain tables."""
        most = min(table.shape[1] for table in self.rows) - 1
        sizes = [sum(_factored_numbers(len(table), table.shape[1], rank) for table in self.rows) + self.linear
                 for rank in range(1, most + 1)]  # fmt: skip
        whole = sum((len(table) - 1) * table.shape[1] for table in self.rows)  # the padding row belongs to nobody
        saving = next((rank for rank, size in enumerate(sizes) if size >= whole), len(sizes))
        return 4 * np.array([*sizes[:saving], whole])


Part = FactorableMap | FactorableTable


def _factored_numbers(rows: int, dim: int, rank: int) -> int:
    return rows * rank + rank * dim + dim


def factorable_parts(model: CTRModel) -> list[Part]:
    """Return everything of a built model that would be smaller in two factors.

    These are the linear maps of the towers that the model itself makes, and the vocabularies whose tables are plain
    (`FullTable`); the maps inside other layers, and tables that are compressed already, stay as they are.
    """
    parts: list[Part] = [
        FactorableMap(tower, name, layer)
        for tower, mlp in towers_of(model).items()
        for name, layer in mlp.linear_maps.items()
        if isinstance(layer, keras.layers.Dense)
    ]
    parts += [part for name in model.spec.rows if (part := _table_part(model, name)) is not None]
    return [part for part in parts if len(part.options()) > 1]


def _table_part(model: CTRModel, vocabulary: str) -> FactorableTable | None:
    found = [rows_of(lookup, vocabulary) for lookup in lookups_of(model) if vocabulary in lookup.vocabularies]
    wide = tuple(rows for rows in found if rows is not None and rows.shape[1] > 1)
    if None in [None if rows is None else True for rows in found] or not wide:
        return None
    return FactorableTable(vocabulary, wide, len(found) - len(wide))


def embeddings_of(model: CTRModel) -> list[FeatureEmbedding]:
    """Return all embeddings, in the model's order."""
    return layers_of(model, FeatureEmbedding)


def lookups_of(model: CTRModel) -> list[FusedLookup]:
    """Return the look-ups of all embeddings, in the model's order."""
    return [lookup for embedding in embeddings_of(model) for lookup in embedding.lookups]


def rows_of(lookup: FusedLookup, vocabulary: str) -> NDArray[np.float32] | None:
    """Return a vocabulary's rows of a look-up, ``(rows, dim)`` with padding first; None where rows are no ids'."""
    table: EmbeddingTable = lookup.fused_table
    if not isinstance(table, FullTable):
        return None
    chosen = rows_of_vocabulary(lookup, vocabulary)
    rows: NDArray[np.float32] = np.asarray(keras.ops.convert_to_numpy(table.embeddings))[chosen]
    return rows


def rows_of_vocabulary(lookup: FusedLookup, vocabulary: str) -> np.ndarray:
    """Return where the ids of a vocabulary lie in a look-up's plain table, int64 ``(rows,)``."""
    ids = np.arange(lookup.vocabularies[vocabulary])
    return np.where(ids > 0, ids + lookup.offsets[vocabulary], 0)


def model_bytes(model: CTRModel) -> int:
    """Return the bytes of all weights of a model."""
    return sum(int(np.prod(weight.shape)) * np.dtype(weight.dtype).itemsize for weight in model.weights)
