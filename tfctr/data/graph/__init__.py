"""The graph of a log: which users met which items, and which ids behave alike.

- `interaction_graph`: the graph, and the modularity of a grouping. `louvain`: groups of its nodes.
- `id_clusters`: groups of the ids of a raw log, kept in a file between runs. `sides`: features that can be grouped.
"""

from tfctr.data.graph.id_clusters import IdClusters, cluster_ids, read_clusters
from tfctr.data.graph.interaction_graph import InteractionGraph
from tfctr.data.graph.louvain import Clusters, cluster, cluster_within
from tfctr.data.graph.sides import reserved_ids, side_problem, vocabulary_of

__all__ = [
    "Clusters",
    "IdClusters",
    "InteractionGraph",
    "cluster",
    "cluster_ids",
    "cluster_within",
    "read_clusters",
    "reserved_ids",
    "side_problem",
    "vocabulary_of",
]
