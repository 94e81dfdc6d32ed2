"""The kinds of feature: what a raw column is and what the model will see of it.

Every kind has a `name`, a `role` and the raw `column` it is read from. Ids of every kind follow one rule:
0 is padding and never trains, 1..oov_buckets are out-of-vocabulary rows, the learned vocabulary follows.
A missing categorical value is counted as a value of its own (`MISSING`), so that "no value" can be learned.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tfctr.spec._base import Frozen

MISSING = "__missing__"
"""The token that stands for a missing categorical value."""

Role = Literal["user", "item", "context"]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=100)]


class Vocabulary(Frozen):
    """A vocabulary learned from the training rows.

    Args:
        min_count: Values seen fewer times than this share the out-of-vocabulary rows.
        max_size: Keep at most this many values, the most frequent first; None keeps all.
        oov_buckets: Rows for values outside the vocabulary, chosen by a hash of the value; at least 1.
    """

    min_count: int = Field(default=1, ge=1)
    max_size: int | None = Field(default=None, ge=1)
    oov_buckets: int = Field(default=1, ge=1)


class Feature(Frozen):
    """What all kinds share.

    Args:
        name: Name of the tensor the model sees.
        role: `user`, `item` or `context`; decides on which side of `rank` a feature is given.
        column: Raw column; the name when left out.
        description: For people.
    """

    name: Identifier
    role: Role
    column: str = ""
    description: str = ""

    @model_validator(mode="before")
    @classmethod
    def _column_defaults_to_name(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("column") in (None, "") and "name" in data:
            return {**data, "column": data["name"]}
        return data


class IdFeature(Feature):
    """A feature made of ids: has a vocabulary, or hash buckets, or shares another feature's.

    Args:
        type: Raw type of a value; integers are turned into their decimal text before look-up.
        vocabulary: How the vocabulary is learned; the default when none of the three is given.
        hash_buckets: Hash values into this many rows instead of learning a vocabulary.
        shares: Name of the feature whose ids and table this one uses.
    """

    type: Literal["string", "int"] = "string"
    vocabulary: Vocabulary | None = None
    hash_buckets: int | None = Field(default=None, ge=1, le=2**31 - 8)
    shares: str | None = None

    @model_validator(mode="after")
    def _one_source_of_ids(self) -> IdFeature:
        given = [key for key in ("vocabulary", "hash_buckets", "shares") if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"give only one of vocabulary, hash_buckets, shares; received {' and '.join(given)}")
        return self

    @property
    def table(self) -> str:
        """Name of the vocabulary and embedding table that hold this feature's ids."""
        return self.shares or self.name

    @property
    def effective_vocabulary(self) -> Vocabulary:
        """The vocabulary's settings, defaults filled in."""
        return self.vocabulary or Vocabulary()


class CategoricalFeature(IdFeature):
    """One id a row: user, item, site, device. Transformed: int64 ``(batch,)``."""

    kind: Literal["categorical"] = "categorical"


class MultiFeature(IdFeature):
    """An unordered bag of ids, pooled into one field. Transformed: int64 ``(batch, max_length)``, 0-padded.

    Args:
        max_length: Values kept; the first ones when there are more.
        separator: Between values where a raw log holds the bag as one text.
        pooling: `mean` (default: bags of different size stay comparable), `sum` or `max`.
    """

    kind: Literal["multi"] = "multi"
    max_length: int = Field(default=16, ge=1, le=100_000)
    separator: str = Field(default="|", min_length=1)
    pooling: Literal["mean", "sum", "max"] = "mean"


class SequenceFeature(IdFeature):
    """Ids in order of time, oldest first. Transformed: int64 ``(batch, max_length)``, 0-padded on the right.

    Args:
        max_length: Events kept; the latest ones when there are more.
        separator: Between values where a raw log holds the sequence as one text.
        target: Candidate feature that the events are compared with; the shared feature when left out.
        times: Raw column with one int64 time per event (seconds), aligned with the ids. The transformed
            tensor is `times_name`, int64 ``(batch, max_length)``.
        aligned_with: Name of the sequence this one is a side column of (category beside item, say).
    """

    kind: Literal["sequence"] = "sequence"
    max_length: int = Field(default=50, ge=1, le=100_000)
    separator: str = Field(default="|", min_length=1)
    target: str | None = None
    times: str | None = None
    aligned_with: str | None = None

    @property
    def times_name(self) -> str:
        """Name of the transformed tensor that holds the times of the events."""
        return f"{self.name}__times"

    @property
    def target_name(self) -> str | None:
        """The candidate feature the events are compared with, None when there is none."""
        return self.target or self.shares


class NumericFeature(Feature):
    """One number a row. Transformed: float32 ``(batch,)``, or int64 ids when `scale` is `quantile`.

    Args:
        scale: `zscore` (default), `log` (sign(x)·log(1+|x|), then z-score: for counts), `quantile`
            (equal-frequency buckets, used as ids), `none` (as it is).
        buckets: Number of buckets for `quantile`.
        fill: Value taken for a missing number, before scaling; None takes the training mean.
    """

    kind: Literal["numeric"] = "numeric"
    scale: Literal["zscore", "log", "quantile", "none"] = "zscore"
    buckets: int = Field(default=64, ge=2, le=10_000)
    fill: float | None = None


class VectorFeature(Feature):
    """A dense vector a row (an image or text embedding). Transformed: float32 ``(batch, width)``.

    Args:
        width: Numbers in the vector; a row with another count is bad.
        separator: Between numbers where a raw log holds the vector as one text.
    """

    kind: Literal["vector"] = "vector"
    width: int = Field(ge=1, le=65_536)
    separator: str = Field(default="|", min_length=1)


AnyFeature = Annotated[
    CategoricalFeature | MultiFeature | SequenceFeature | NumericFeature | VectorFeature,
    Field(discriminator="kind"),
]
