"""What a ranking says: fields in order, the level of noise, pairs, crosses, anomalies, and which fields to keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tfctr.analysis.ranking.config import RankingConfig


@dataclass(frozen=True)
class RankedField:
    """One field of the ranking.

    Args:
        name: Of the feature.
        rank: Place, from 1: first the fields to keep, then the others, both in the order of 3MR.
        three_mr: Place in the order of 3MR alone, from 1.
        score: Median over the batches of what the field tells about the label beyond noise, nats.
        score_rank: Place by `score` alone, from 1.
        mutual_information: The same, uncorrected.
        noise: Where noise of this cardinality ends.
        partner: The field with which it tells most beyond what the two tell alone; empty when no cross was scored.
        synergy: Score of that cross minus the scores of the two.
        cardinality: Distinct values, a missing one not counted; `cardinality_is_exact` says whether estimated.
        coverage: Share of rows with a value.
        keep: Whether the suggestion keeps it.
        reason: Why.
        transform: The root or logarithm that tells most of a number, where one tells more than its buckets do.
    """

    name: str
    rank: int
    three_mr: int
    score: float
    score_rank: int
    mutual_information: float
    noise: float
    partner: str
    synergy: float
    cardinality: int
    cardinality_is_exact: bool
    coverage: float
    keep: bool
    reason: str
    transform: str = ""

    def title(self) -> str:
        """The name with cardinality and coverage, as the reference prints it."""
        about = "" if self.cardinality_is_exact else "~"
        return f"{self.name} ({about}{self.cardinality:,}; {100 * self.coverage:.4g}%)"


@dataclass(frozen=True)
class Interaction:
    """A cross of fields.

    Args:
        fields: Which.
        score: What the cross tells about the label beyond noise, nats.
        synergy: That, minus what the fields tell each alone: above 0 for fields that need each other, below for fields
            that tell the same, and for crosses with so many values that few come back in a batch.
        noise: Where the synergy of noise with so many values ends.
        batches: Batches it was scored in.
    """

    fields: tuple[str, ...]
    score: float
    synergy: float
    noise: float
    batches: int


@dataclass(frozen=True)
class Redundancy:
    """What one field tells about another.

    Args:
        first, second: The fields.
        score: What the first tells about the second beyond noise, nats.
        back: What the second tells about the first.
        mutual_information: Uncorrected, the same both ways.
        same: Whether they are the same but for the names of their values.
    """

    first: str
    second: str
    score: float
    back: float
    mutual_information: float
    same: bool


@dataclass(frozen=True)
class Anomaly:
    """Something in the data to look at.

    Args:
        kind: A word for programs: constant, empty, distinct, sparse, drifting, dominated, rare, leak, duplicate,
            label, bad-rows or left-out.
        field: Feature or column; empty for the log as a whole.
        message: What and why it matters, a sentence.
    """

    kind: str
    field: str
    message: str


@dataclass(frozen=True)
class FeatureRanking:
    """The ranking of the fields of a log.

    Args:
        spec: Name of the spec. `task`: the task whose label was ranked for.
        config: Settings it was made with.
        rows, batches: Rows and mini-batches that were scored.
        label_rate: Share of rows with label 1.
        label_entropy: H(Y), nats: the most that any field can tell.
        fields: In the order in which they are worth taking.
        controls: Noise controls by name, with their scores.
        redundancies: Largest score first.
        interactions: Largest synergy first.
        anomalies: What to look at.
        rare_values: Field, value and count of values seen at most `config.rare_count` times.
        row_profile: Label -> figure -> mean over rows.
        not_ranked: Features that are not ranked and stay, with the reason.
    """

    spec: str
    task: str
    config: RankingConfig
    rows: int
    batches: int
    label_rate: float
    label_entropy: float
    fields: tuple[RankedField, ...]
    controls: dict[str, float]
    redundancies: tuple[Redundancy, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    rare_values: tuple[tuple[str, str, int], ...] = ()
    row_profile: dict[str, dict[str, float]] = field(default_factory=dict)
    not_ranked: dict[str, str] = field(default_factory=dict)

    def suggested(self, count: int | None = None) -> tuple[str, ...]:
        """Return the fields to keep, best first: those marked `keep`, or the first `count` in order."""
        if count is None:
            return tuple(one.name for one in self.fields if one.keep)
        return tuple(one.name for one in self.fields[:count])

    def by_score(self) -> tuple[RankedField, ...]:
        """Return the fields, largest score first."""
        return tuple(sorted(self.fields, key=lambda one: one.score_rank))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; rare values are left to their own file."""
        plain = {name: value for name, value in vars(self).items() if name not in ("config", "rare_values")}
        for name in ("fields", "redundancies", "interactions", "anomalies"):
            plain[name] = [vars(one) for one in plain[name]]
        return {**plain, "config": self.config.model_dump(mode="json"), "suggested": list(self.suggested())}
