"""Does the right item come up among all items? Figures of a two-tower model as a retriever."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from tfctr.models.two_tower import TwoTower

Arrays = Mapping[str, np.ndarray]
_ROWS = 4096
"""Rows whose vectors, or scores against all items, are made at once."""

_NONE = np.zeros(0, np.int64)


def evaluate_retrieval(
    model: TwoTower,
    rows: Arrays,
    items: Arrays,
    *,
    user: str,
    item: str,
    seen: Arrays | None = None,
    ks: Sequence[int] = (20, 100),
    seed: int = 0,
) -> dict[str, float]:
    """Search all items for each positive row's user, and look where the row's item comes up.

    Figures, for each k: ``top_k``, the share of rows whose item is among the first k of all items
    (tensorflow-recommenders' factorized top-k, by id); ``recall_k`` and ``ndcg_k``, means over users of what is found
    of the items they are to meet, those they met before left out (denominators as in the paper: ``min(k, items)``, and
    the best order of as many).

    A row whose item is not among `items` is missed in ``top_k``; the other figures leave it out.

    Items of one vector, as those that share a row, tie: they stand in one drawn order, the same for all users, so that
    neither ids nor popularity decide.

    Args:
        model: A built model.
        rows: Transformed positive rows to be found, such as the liked ones of the test part.
        items: Transformed tensors of all items, see `tfctr.data.batches.catalogue`.
        user: Name of the user's id feature.
        item: Name of the item's id feature.
        seen: Transformed rows whose items are not offered to their users again; None offers all.
        ks: Lengths of the list.
        seed: Of the order among ties.

    Raises:
        ValueError: When there is no row, or a k is below 1 or above the number of items.
        ModuleNotFoundError: Without tensorflow-recommenders, the extra ``retrieval``.

    Reference: Wu et al., "GraphHash", WWW 2025, section 5.
    """
    order = np.random.default_rng(seed).permutation(len(items[item]))
    drawn = {name: np.asarray(values)[order] for name, values in items.items()}
    if not len(rows[user]) or not 1 <= min(ks) <= max(ks) <= len(order):
        raise ValueError(f"retrieval needs rows, and lists of 1 to {len(order)} items. Received: {ks=}")
    vectors = np.concatenate([_numpy(model.item_vectors(part)) for part in _parts(drawn)])
    figures = _factorized(model, rows, vectors, drawn[item], item, ks)
    position = {identity: number for number, identity in enumerate(drawn[item].tolist())}
    met = _items_by_user(rows, user, item, position)
    known = {} if seen is None else _items_by_user(seen, user, item, position)
    _, first = np.unique(rows[user], return_index=True)
    gains: dict[str, list[float]] = {f"{name}_{k}": [] for k in ks for name in ("recall", "ndcg")}
    for part in _parts({name: values[first] for name, values in rows.items()}):
        scores = _numpy(model.user_vectors(part)) @ vectors.T
        for identity, line in zip(part[user].tolist(), scores, strict=True):
            hidden = known.get(identity, _NONE)
            wanted = np.setdiff1d(met.get(identity, _NONE), hidden)
            if not len(wanted):
                continue
            line[hidden] = -np.inf
            best = np.argsort(-line, kind="stable")[: max(ks)]
            _add(gains, np.isin(best, wanted), len(wanted), ks)
    return figures | {name: float(np.mean(values)) if values else float("nan") for name, values in gains.items()}


def _factorized(
    model: TwoTower, rows: Arrays, vectors: NDArray[Any], ids: NDArray[Any], item: str, ks: Sequence[int]
) -> dict[str, float]:
    """Return tensorflow-recommenders' top-k accuracies."""
    recommenders = import_recommenders()
    index = recommenders.layers.factorized_top_k.BruteForce(k=max(ks)).index(vectors, ids)
    metric = recommenders.metrics.FactorizedTopK(candidates=index, ks=tuple(ks))
    for part in _parts(rows):
        users = _numpy(model.user_vectors(part))
        # By id: two items of one vector have one score, by which both would count as found.
        metric.update_state(users, np.zeros_like(users), true_candidate_ids=part[item])
    return {f"top_{k}": float(value) for k, value in zip(ks, metric.result(), strict=True)}


def import_recommenders() -> Any:
    """Return tensorflow-recommenders, which wants ``tf.keras`` to be Keras 2.

    Raises:
        ModuleNotFoundError: When it is not installed.
        RuntimeError: When TensorFlow was imported without ``TF_USE_LEGACY_KERAS=1``.
    """
    if os.environ.get("TF_USE_LEGACY_KERAS") != "1":
        raise RuntimeError("tensorflow-recommenders needs TF_USE_LEGACY_KERAS=1 set before TensorFlow is imported")
    try:
        import tensorflow_recommenders
    except ModuleNotFoundError as error:
        message = "retrieval needs tensorflow-recommenders: pip install 'tfctr[retrieval]'"
        raise ModuleNotFoundError(message) from error
    return tensorflow_recommenders


def _add(gains: dict[str, list[float]], hits: NDArray[np.bool_], wanted: int, ks: Sequence[int]) -> None:
    worth = 1 / np.log2(np.arange(len(hits)) + 2.0)
    for k in ks:
        possible = min(k, wanted)
        gains[f"recall_{k}"].append(float(hits[:k].sum()) / possible)
        gains[f"ndcg_{k}"].append(float(worth[:k][hits[:k]].sum() / worth[:possible].sum()))


def _items_by_user(rows: Arrays, user: str, item: str, position: Mapping[int, int]) -> dict[int, NDArray[np.int64]]:
    """Return which items, by their position in the catalogue, each user has in `rows`."""
    positions = np.array([position.get(identity, -1) for identity in rows[item].tolist()], np.int64)
    users, positions = rows[user][positions >= 0], positions[positions >= 0]
    order = np.argsort(users, kind="stable")
    names, starts = np.unique(users[order], return_index=True)
    return dict(zip(names.tolist(), np.split(positions[order], starts[1:]), strict=True))


def _parts(rows: Arrays) -> Iterator[dict[str, np.ndarray]]:
    count = len(next(iter(rows.values())))
    for start in range(0, count, _ROWS):
        yield {name: values[start : start + _ROWS] for name, values in rows.items()}


def _numpy(tensor: Any) -> NDArray[Any]:
    return np.asarray(ops.convert_to_numpy(tensor))
