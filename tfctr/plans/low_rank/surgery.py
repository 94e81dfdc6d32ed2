"""A trained model in, a smaller one out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

from tfctr.layers.embedding import EmbeddingTable, FeatureEmbedding, FullTable, FusedLookup, LowRankTable, format_bytes
from tfctr.models import CTRModel
from tfctr.models.tower_ranks import towers_of
from tfctr.plans.low_rank import factors
from tfctr.plans.low_rank.factors import Method
from tfctr.plans.low_rank.ranks import choose_ranks
from tfctr.plans.low_rank.sites import (
    MapSite,
    Site,
    TableSite,
    embeddings_of,
    lookups_of,
    model_bytes,
    places_of,
    rows_of,
    sites_of,
)

Statistics = Mapping[str, np.ndarray]


def compress(
    model: CTRModel,
    statistics: Statistics,
    ratio: float,
    *,
    method: Method = "outputs",
    inner_activation: bool = False,
) -> CTRModel:
    """Return a model of the same class whose weights take at most 1 / `ratio` of the bytes.

    Linear maps of towers become two thinner ones, plain tables short codes and a map that all ids of a vocabulary
    share; where the bytes are worth most is decided by the share of variance that each rank keeps. Everything else is
    copied. The result is an ordinary model that trains, saves, exports and serves.

    Args:
        model: Built and trained; it stays as it is.
        statistics: What `output_statistics` returned for it.
        ratio: Bytes of all weights before, over those after; above 1.
        method: ``"outputs"``: atomic feature mimicking, which keeps the directions in which outputs vary over the
            data. ``"weights"``: plain singular value decomposition.
        inner_activation: Whether the tower's activation stands between two maps, as in the paper's networks; the model
            must be trained again then.

    Raises:
        ValueError: When no ranks give this ratio; says which is the largest.
    """
    sites = sites_of(model)
    chosen = _chosen(model, sites, statistics, ratio, method)
    cut = {key: rank for key, rank in chosen.items() if rank is not None}
    ranks: dict[str, dict[str, int]] = {name: dict(maps) for name, maps in model.ranks.items()}
    for site in sites:
        if isinstance(site, MapSite) and site.key in cut:
            ranks.setdefault(site.tower, {})[site.name] = cut[site.key]
    tables = {**model.tables, **{site.vocabulary: _template(model, site, cut[site.key]) for site in sites
                                 if isinstance(site, TableSite) and site.key in cut}}  # fmt: skip
    plain = {name: keras.saving.serialize_keras_object(table) for name, table in tables.items()}
    inner = inner_activation or model.inner_activation
    small = type(model).from_config(
        {**model.get_config(), "ranks": ranks, "tables": plain, "inner_activation": inner, "name": model.name}
    )
    small.build()
    _fill(model, small, [site for site in sites if site.key in cut], statistics, method)
    return small


def check_ratio(model: CTRModel, sites: Iterable[Site], ratio: float) -> int:
    """Return the bytes that the sites of a model may take for this ratio.

    Raises:
        ValueError: When they take more at rank 1; says the largest ratio.
    """
    sites = list(sites)
    if not sites:
        raise ValueError(f"{type(model).__name__} has nothing to factor: no tower and no plain table wider than 1")
    size = model_bytes(model)
    rest = size - sum(int(site.options()[-1]) for site in sites)
    least = rest + sum(int(site.options()[0]) for site in sites)
    limit = int(size / ratio)
    if least > limit:
        raise ValueError(
            f"a ratio of {ratio:g} is impossible: {type(model).__name__} has {format_bytes(size)}, and with rank 1 "
            f"everywhere still {format_bytes(least)}, of which {format_bytes(rest)} cannot be factored. The largest "
            f"ratio is {np.floor(100 * size / least) / 100:g}."
        )
    return limit - rest


def _chosen(
    model: CTRModel, sites: list[Site], statistics: Statistics, ratio: float, method: Method
) -> dict[str, int | None]:
    """The rank of each site, None where it stays plain."""
    budget = check_ratio(model, sites, ratio)
    options = {site.key: site.options() for site in sites}
    lost = {site.key: _lost(_variances(site, statistics, method), len(options[site.key])) for site in sites}
    taken = choose_ranks(options, lost, budget)
    return {key: None if index == len(options[key]) - 1 else index + 1 for key, index in taken.items()}


def _variances(site: Site, statistics: Statistics, method: Method) -> list[np.ndarray]:
    """Variance along each direction, largest first, of each map or table of a site."""
    if isinstance(site, MapSite):
        if method == "outputs":
            return [factors.directions(statistics[f"{site.key}.covariance"])[0]]
        return [_squares(_numpy(site.layer.kernel))]
    if method == "weights":
        return [_squares(rows) for rows in site.rows]
    counts = statistics[f"{site.key}.counts"]
    return [factors.directions(factors.table_moments(rows, counts)[1])[0] for rows in site.rows]


def _squares(matrix: np.ndarray) -> np.ndarray:
    return np.square(np.linalg.svd(matrix.astype(np.float64), compute_uv=False))


def _lost(variances: list[np.ndarray], options: int) -> np.ndarray:
    """Share of the variance that ranks 1, 2, … lose, and 0 of the plain site, ``(options,)``."""
    ranks = np.arange(1, options)
    left = np.array([[values[rank:].sum() for rank in ranks] for values in variances]).sum(0)
    total = sum(float(values.sum()) for values in variances)
    return np.append(left / total if total > 0 else np.zeros(len(ranks)), 0.0)


def _template(model: CTRModel, site: TableSite, rank: int) -> LowRankTable:
    before: EmbeddingTable = model.tables.get(site.vocabulary, model.table or FullTable())
    return LowRankTable(rank=rank, initializer=before.initializer, penalty=before.penalty)


def _fill(model: CTRModel, small: CTRModel, cut: list[Site], statistics: Statistics, method: Method) -> None:
    """Give the new model its factors, and everything else as it was."""
    old, new = (
        [weight for lookup in lookups_of(one) for weight in lookup.weights] for one in (model, small)
    )  # weights that are not copied one by one
    for site in cut:
        if isinstance(site, MapSite):
            target = towers_of(small)[site.tower].linear_maps[site.name]
            target.set_factors(*_map_factors(site, target.rank, statistics, method))
            old, new = [*old, *site.layer.weights], [*new, *target.weights]
    _fill_tables(model, small, statistics, method)
    for after, before in zip(_without(small.weights, new), _without(model.weights, old), strict=True):
        after.assign(before)
    small.set_counts({name: statistics[f"table.{name}.counts"] for name in model.spec.rows})


def _map_factors(site: MapSite, rank: int, statistics: Statistics, method: Method) -> factors.MapFactors:
    kernel, bias = _numpy(site.layer.kernel), _numpy(site.layer.bias)
    if method == "weights":
        return factors.map_by_weights(kernel, bias, rank)
    basis = factors.directions(statistics[f"{site.key}.covariance"])[1][:, :rank]
    return factors.map_by_outputs(kernel, bias, statistics[f"{site.key}.mean"], basis)


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
                table.set_factors(*_table_factors(_rows(first, name), counts, table.rank, method))
            else:
                values = np.zeros(table.size, np.float32)
                for name, source in sources.items():
                    values[places_of(lookup, name)] = _rows(source, name)
                table.embeddings.assign(values)


def _lookup_with(embedding: FeatureEmbedding, vocabulary: str) -> FusedLookup:
    return next(lookup for lookup in embedding.lookups if vocabulary in lookup.vocabularies)


def _rows(lookup: FusedLookup, vocabulary: str) -> np.ndarray:
    rows = rows_of(lookup, vocabulary)
    assert rows is not None, "only plain tables are sites"
    return rows


def _table_factors(rows: np.ndarray, counts: np.ndarray, rank: int, method: Method) -> factors.TableFactors:
    if method == "weights":
        return factors.table_by_weights(rows, rank)
    mean, covariance = factors.table_moments(rows, counts)
    return factors.table_by_outputs(rows, mean, factors.directions(covariance)[1][:, :rank])


def _without(weights: list[Any], apart: list[Any]) -> list[Any]:
    known = {id(weight) for weight in apart}
    return [weight for weight in weights if id(weight) not in known]


def _numpy(weight: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(weight))
