"""Which sequences of a spec are compared with which candidate features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from keras import ops

from tfctr.layers.embedding import EmbeddedFeatures, FeatureEmbedding
from tfctr.spec import FeatureSpec, Problem, SequenceFeature


@dataclass(frozen=True)
class History:
    """One history of a user: aligned sequences, and the candidate's features they are compared with.

    Args:
        events: Names of the sequences, the main one first, its side columns after it.
        targets: Names of the candidate's features, one for each of `events`.
    """

    events: tuple[str, ...]
    targets: tuple[str, ...]


class Compared(NamedTuple):
    """A history beside the candidate it is compared with, columns of a history side by side.

    Attributes:
        target: ``(batch, columns · dim)``.
        events: ``(batch, length, columns · dim)``.
        mask: bool ``(batch, length)``, True = an event.
    """

    target: Any
    events: Any
    mask: Any


def compared(history: History, embedding: FeatureEmbedding, embedded: EmbeddedFeatures) -> Compared:
    """Return a history and its candidate from an embedded example."""
    return Compared(
        candidate(history, embedding, embedded),
        ops.concatenate([embedded.sequences[name] for name in history.events], axis=-1),
        embedded.masks[history.events[0]],
    )


def candidate(history: History, embedding: FeatureEmbedding, embedded: EmbeddedFeatures) -> Any:
    """Return what a history is compared with, ``(batch, columns · dim)``."""
    return ops.concatenate([embedded.fields[:, embedding.field_index(name)] for name in history.targets], axis=-1)


def histories_of(spec: FeatureSpec) -> tuple[History, ...]:
    """Return the histories of `spec` in its order; a sequence and what is aligned with it are one history."""
    sequences = [f for f in spec.features if isinstance(f, SequenceFeature)]
    return tuple(
        History(
            events=tuple(part.name for part in parts),
            targets=tuple(part.target_name or "" for part in parts),
        )
        for main in sequences
        if main.aligned_with is None
        for parts in [[main, *(side for side in sequences if side.aligned_with == main.name)]]
    )


def history_problems(spec: FeatureSpec, model: str) -> Iterator[Problem]:
    """Yield what keeps the sequences of `spec` from being compared with a candidate."""
    sequences = {index: f for index, f in enumerate(spec.features) if isinstance(f, SequenceFeature)}
    if not sequences:
        yield Problem(
            f"{model} compares a candidate with a history; add a feature of kind sequence, "
            "with `shares` naming the candidate's feature",
            "features",
        )
    for index, feature in sequences.items():
        if feature.target_name is None:
            yield Problem(
                f"{model} needs to know what {feature.name!r} is compared with; give `shares` or `target`",
                f"features.{index}.target",
            )
    yield from target_problems(spec)


def target_problems(spec: FeatureSpec) -> Iterator[Problem]:
    """Yield the sequences that are compared with other sequences, which no candidate has."""
    sequences = {index: f for index, f in enumerate(spec.features) if isinstance(f, SequenceFeature)}
    names = {feature.name for feature in sequences.values()}
    for index, feature in sequences.items():
        if feature.target_name in names:
            yield Problem(
                f"{feature.name!r} is compared with {feature.target_name!r}, which is a sequence itself; "
                "name a feature of the candidate as `target`",
                f"features.{index}.target",
            )
