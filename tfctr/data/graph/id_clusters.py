"""Groups of the ids of a raw log: made once from its training rows, kept in a file, read wherever a model is made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tfctr.data._atomic_write import atomic_write
from tfctr.data.errors import DataError
from tfctr.data.graph.interaction_graph import InteractionGraph
from tfctr.data.graph.louvain import NO_GROUP, cluster, cluster_within
from tfctr.data.graph.sides import column_of, side_problem, vocabulary_of
from tfctr.data.histories import positives
from tfctr.spec import BinaryTask, FeatureSpec, suggest

_ABOUT = b"tfctr"


@dataclass(frozen=True, eq=False)
class IdClusters:
    """Groups of the values of two features.

    They are known by value, not by id: ids are given out anew with every vocabulary.

    Attributes:
        groups: Name of the vocabulary -> value as text -> group. Users and items share the groups' numbers.
        about: Resolution, modularity, edges and the numbers of groups.
    """

    groups: dict[str, dict[str, int]]
    about: dict[str, Any]

    def groups_of(self, vocabulary: str, values: Sequence[str], *, before: int = 2) -> NDArray[np.int64]:
        """Return the group of each id of a vocabulary, int64 ``(rows,)``; -1 for ids without a group.

        Args:
            vocabulary: Its name in the spec.
            values: Its values in the order of their ids, as ``TransformOutput.vocabulary`` gives them.
            before: Ids before the first value: padding and the out-of-vocabulary ids.

        Raises:
            DataError: When these are no groups of that vocabulary, or none of its values is among them.
        """
        if vocabulary not in self.groups:
            raise DataError(f"no groups of {vocabulary!r}{suggest(vocabulary, self.groups)}")
        known = self.groups[vocabulary]
        found = np.array([known.get(value, NO_GROUP) for value in values], np.int64)
        if len(found) and (found == NO_GROUP).all():
            raise DataError(f"none of the {len(found)} values of {vocabulary!r} has a group: made from another log?")
        return np.concatenate([np.full(before, NO_GROUP, np.int64), found])

    def write(self, path: str | Path) -> Path:
        """Write a Parquet file with the columns feature, value and group, aside and renamed; return its path."""
        target = Path(path)
        rows = [(name, value, group) for name, known in self.groups.items() for value, group in known.items()]
        names, values, groups = zip(*rows, strict=True)
        table = pa.table({"feature": names, "value": values, "group": pa.array(groups, pa.int64())})
        with atomic_write(target) as partial:
            pq.write_table(table.replace_schema_metadata({_ABOUT: json.dumps(self.about)}), partial)
        return target


def read_clusters(path: str | Path) -> IdClusters:
    """Return what `IdClusters.write` wrote.

    Raises:
        DataError: When the file is something else.
    """
    table = pq.read_table(path)
    about = (table.schema.metadata or {}).get(_ABOUT)
    if about is None or table.column_names != ["feature", "value", "group"]:
        raise DataError(f"{path} holds no groups of ids; make them with `tfctr cluster-ids`")
    groups: dict[str, dict[str, int]] = {}
    for name, value, group in zip(*(column.to_pylist() for column in table.columns), strict=True):
        groups.setdefault(name, {})[value] = group
    return IdClusters(groups, json.loads(about))


def cluster_ids(
    spec: FeatureSpec,
    log: pa.Table,
    *,
    user: str,
    item: str,
    resolution: float = 1.0,
    rows: int | None = None,
    positives_of: str | None = None,
) -> IdClusters:
    """Group the ids of two features by who met whom in a raw log.

    Give the training rows alone: an edge of a validation or test row would tell the model what it is judged by.

    Args:
        spec: Says what the columns are.
        log: Raw rows, such as ``load_split(prepared.train)``. Rows that lack one of the two ids make no edge.
        user: Name of a categorical feature with a vocabulary.
        item: Name of another.
        resolution: See `cluster`. The authors take 5 for rankings of MovieLens-1M and Frappe, and 100 to 200 for
            retrieval on sparser logs.
        rows: Most groups, users and items together; the resolution is then searched for, and `resolution` not used.
        positives_of: Name of a binary task whose positive rows alone make edges, as for retrieval. None takes every
            row, as for click models, whose log knows who was shown what.

    Raises:
        DataError: When a feature cannot be grouped, or no row makes an edge.
    """
    names = {"user": user, "item": item}
    if problem := side_problem(spec, user) or side_problem(spec, item):
        raise DataError(problem)
    tables = {side: vocabulary_of(spec, name) for side, name in names.items()}
    if tables["user"] == tables["item"]:
        raise DataError(f"a graph has two sides: {user!r} and {item!r} have the ids of one vocabulary")
    if positives_of is not None:
        tasks = [task.name for task in spec.tasks if isinstance(task, BinaryTask)]
        if positives_of not in tasks:
            raise DataError(f"there is no binary task {positives_of!r}{suggest(positives_of, tasks)}")
        log = log.filter(pa.array(positives(log, spec, positives_of)))
    texts = {side: _texts(log.column(column_of(spec, name))) for side, name in names.items()}
    both = pc.and_(*(pc.is_valid(column) for column in texts.values()))
    coded = {side: column.filter(both).dictionary_encode() for side, column in texts.items()}
    shape = len(coded["user"].dictionary), len(coded["item"].dictionary)
    graph = InteractionGraph.from_pairs(coded["user"].indices.to_numpy(), coded["item"].indices.to_numpy(), shape)
    found = cluster(graph, resolution) if rows is None else cluster_within(graph, rows)
    sides = {"user": found.users, "item": found.items}
    groups = {
        tables[side]: dict(zip(coded[side].dictionary.to_pylist(), sides[side].tolist(), strict=True)) for side in names
    }
    user_groups, item_groups = found.sizes
    about = {
        **tables,
        "users": len(found.users),
        "items": len(found.items),
        "user_groups": user_groups,
        "item_groups": item_groups,
        "edges": int(graph.edges),
        "resolution": found.resolution,
        "modularity": found.modularity,
    }
    return IdClusters(groups, about)


def _texts(column: pa.ChunkedArray) -> pa.Array:
    """Values as a vocabulary has them: text, line ends as blanks; missing where empty."""
    text = pc.replace_substring_regex(column.combine_chunks().cast(pa.string()), r"[ \n\r]", " ")
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
