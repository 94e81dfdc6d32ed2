"""Tables in which the ids of a group share a row: groups of raw values and a transform in, templates out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfctr.data.graph import IdClusters, reserved_ids
from tfctr.layers.embedding import EmbeddingTable, IdMap, MappedTable

if TYPE_CHECKING:
    from tfctr.transform import TransformOutput


def clustered_tables(
    clusters: IdClusters, transform: TransformOutput, *, doubled: bool = False
) -> dict[str, EmbeddingTable]:
    """Return the `tables` of a model whose two grouped vocabularies have a row for each group of their ids.

    A value without a group, one that is new since the groups were made among them, has the out-of-vocabulary row.

    Args:
        clusters: Groups of the values, from `cluster_ids` or `read_clusters`.
        transform: Knows which id each value has.
        doubled: Add a hashed row of the same table to each id's row (DoubleGraphHash), which tells ids of one group
            apart.

    Raises:
        DataError: When the groups are of other vocabularies, or of none of their values.
    """
    tables: dict[str, EmbeddingTable] = {}
    for name in clusters.groups:
        reserved = reserved_ids(transform.spec, name)
        groups = clusters.groups_of(name, transform.vocabulary(name), before=reserved)
        tables[name] = mapped_table(groups, reserved=reserved, doubled=doubled)
    return tables


def mapped_table(groups: np.ndarray, *, reserved: int, doubled: bool) -> MappedTable:
    """Return the template in which ids of one group share a row; arguments as in `IdMap.grouped` and above."""
    shared = IdMap.grouped(groups, reserved=reserved)
    return MappedTable(mapping=shared.doubled(reserved=reserved) if doubled else shared)
