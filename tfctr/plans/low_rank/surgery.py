"""A trained model in, a smaller one out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

from tfctr.layers.embedding import EmbeddingTable, FeatureEmbedding, FullTable, FusedLookup, LowRankTable, format_bytes
from tfctr.models import CTRModel
from tfctr.models._tower_ranks import towers_of
from tfctr.plans.low_rank._factorable import (
    FactorableMap,
    FactorableTable,
    Part,
    embeddings_of,
    factorable_parts,
    lookups_of,
    model_bytes,
    rows_of,
    rows_of_vocabulary,
)
from tfctr.plans.low_rank._factors import Method, table_factors
from tfctr.plans.low_rank._output_changes import output_changes
from tfctr.plans.low_rank._ranks import choose_ranks

Statistics = Mapping[str, np.ndarray]


def compress(
    model: CTRModel,
    statistics: Statistics,
    rows: Iterable[Any],
    ratio: float,
    *,
    method: Method = "outputs",
    inner_activation: bool = False,
) -> CTRModel:
    """Return a model of the same class whose weights take at most 1 / `ratio` of the bytes.

    Linear maps of towers become two thinner ones, plain tables short codes and a map that all ids of a vocabulary
    share; bytes go where they keep the outputs nearest to the model's, see `output_changes`, and none where that
    changes nothing. Everything else is copied. The result is an ordinary model that trains, saves, exports and
    serves.

    Args:
        model: Built and trained; it stays as it is.
        statistics: What `output_statistics` returned for it.
        rows: Batches of ``(features, labels[, weights])`` that ranks are judged on, held in memory; some ten thousand
            rows do.
        ratio: Bytes of all weights before, over those after; above 1.
        method: ``"outputs"``: atomic feature mimicking, which keeps the directions in which outputs vary over the
            data. ``"weights"``: plain singular value decomposition.
        inner_activation: Whether the tower's activation stands between two maps, as in the paper's networks; the model
            must be trained again then.

    Raises:
        ValueError: When no ranks give this ratio; says which is the largest. When there are no rows.
    """
    parts = factorable_parts(model)
    budget = check_ratio(model, parts, ratio)
    options = {part.key: part.options() for part in parts}
    taken = choose_ranks(options, output_changes(model, parts, statistics, rows, method), budget)
    cut = {key: index + 1 for key, index in taken.items() if index + 1 < len(options[key])}
    ranks: dict[str, dict[str, int]] = {name: dict(maps) for name, maps in model.ranks.items()}
    for part in parts:
        if isinstance(part, FactorableMap) and part.key in cut:
            ranks.setdefault(part.tower, {})[part.name] = cut[part.key]
    tables = {**model.tables, **{part.vocabulary: _template(model, part, cut[part.key]) for part in parts
                                 if isinstance(part, FactorableTable) and part.key in cut}}  # fmt: skip
    plain = {name: keras.saving.serialize_keras_object(table) for name, table in tables.items()}
    inner = inner_activation or model.inner_activation
    small: CTRModel = type(model).from_config(
        {**model.get_config(), "ranks": ranks, "tables": plain, "inner_activation": inner, "name": model.name}
    )
    small.build()
    _fill(model, small, [part for part in parts if part.key in cut], statistics, method)
    return small


def check_ratio(model: CTRModel, parts: Iterable[Part], ratio: float) -> int:
    """Return the bytes that the parts of a model may take for this ratio.

    Raises:
        ValueError: When they take more at rank 1; says the largest ratio.
    """
    parts = list(parts)
    if not parts:
        raise ValueError(f"{type(model).__name__} has nothing to factor: no tower and no plain table wider than 1")
    size = model_bytes(model)
    rest = size - sum(int(part.options()[-1]) for part in parts)
    least = rest + sum(int(part.options()[0]) for part in parts)
    limit = int(size / ratio)
    if least > limit:
        raise ValueError(
            f"a ratio of {ratio:g} is impossible: {type(model).__name__} has {format_bytes(size)}, and with rank 1 "
            f"everywhere still {format_bytes(least)}, of which {format_bytes(rest)} cannot be factored. The largest "
            f"ratio is {np.floor(100 * size / least) / 100:g}."
        )
    return limit - rest


def _template(model: CTRModel, part: FactorableTable, rank: int) -> LowRankTable:
    before: EmbeddingTable = model.tables.get(part.vocabulary, model.table or FullTable())
    return LowRankTable(rank=rank, initializer=before.initializer, penalty=before.penalty)


def _fill(model: CTRModel, small: CTRModel, cut: list[Part], statistics: Statistics, method: Method) -> None:
    """Give the new model its factors, and everything else as it was."""
    old, new = (
        [weight for lookup in lookups_of(one) for weight in lookup.weights] for one in (model, small)
    )  # weights that are not copied one by one
    for part in cut:
        if isinstance(part, FactorableMap):
            target = towers_of(small)[part.tower].linear_maps[part.name]
            target.set_factors(*part.factors(target.rank, statistics, method))
            old, new = [*old, *part.layer.weights], [*new, *target.weights]
    _fill_tables(model, small, statistics, method)
    for after, before in zip(_without(small.weights, new), _without(model.weights, old), strict=True):
        after.assign(before)
    small.set_counts({name: statistics[f"table.{name}.counts"] for name in model.spec.rows})


def _fill_tables(model: CTRModel, small: CTRModel, statistics: Statistics, method: Method) -> None:
    """Give each table of the new model its rows: copied where it stayed as it was, else of its vocabularies."""
    for before, after in zip(embeddings_of(model), embeddings_of(small), strict=True):
        for lookup in after.lookups:
            sources = {name: _lookup_with(before, name) for name in lookup.vocabularies}
            first, table = next(iter(sources.values())), lookup.fused_table
            if first.vocabularies == lookup.vocabularies and type(first.fused_table) is type(table):
                for target, source in zip(table.weights, first.fused_table.weights, strict=True):
                    target.assign(source)
            elif isinstance(table, LowRankTable):
                (name,) = lookup.vocabularies
                counts = statistics[f"table.{name}.counts"]
                table.set_factors(*table_factors(_rows(first, name), counts, table.rank, method))
            else:
                values = np.zeros(table.size, np.float32)
                for name, source in sources.items():
                    values[rows_of_vocabulary(lookup, name)] = _rows(source, name)
                table.embeddings.assign(values)


def _lookup_with(embedding: FeatureEmbedding, vocabulary: str) -> FusedLookup:
    return next(lookup for lookup in embedding.lookups if vocabulary in lookup.vocabularies)


def _rows(lookup: FusedLookup, vocabulary: str) -> np.ndarray:
    rows = rows_of(lookup, vocabulary)
    assert rows is not None, "only plain tables are parts"
    return rows


def _without(weights: list[Any], apart: list[Any]) -> list[Any]:
    known = {id(weight) for weight in apart}
    return [weight for weight in weights if id(weight) not in known]
