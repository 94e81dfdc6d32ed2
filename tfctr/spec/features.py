"""The kinds of feature: what a raw column is and what the model will see of it.

Every kind has a `name` and a `role`; all but crosses have the raw `column` they are read from. Ids of every kind
follow one rule: 0 is padding and never trains, 1..oov_buckets are out-of-vocabulary rows, the learned vocabulary
follows. A missing categorical value is counted as a value of its own (`MISSING`), so that "no value" can be learned.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tfctr.spec._base import Frozen
from tfctr.spec._raw_text import Texts
from tfctr.spec.times import TimePart, TimeSince

MISSING = "__missing__"
"""The token that stands for a missing categorical value."""

Role = Literal["user", "item", "context"]
LONGEST_NAME = 100
"""Characters of a name."""

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=LONGEST_NAME)]


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
        description: For people.
    """

    name: Identifier
    role: Role
    description: str = ""


class ColumnFeature(Feature):
    """A feature that is read from one raw column.

    Args:
        column: Raw column; the name when left out. Empty for a feature that is made of other columns.
        null_values: Texts or numbers that mean a missing value in this column, such as -1 or unknown, besides
            `source.null_values`.
    """

    column: str = ""
    null_values: Texts = ()

    @model_validator(mode="before")
    @classmethod
    def _column_defaults_to_name(cls, data: object) -> object:
        if not isinstance(data, dict) or data.get("column") not in (None, "") or "name" not in data:
            return data
        if not (data.get("from_time") or data.get("columns")):
            return {**data, "column": data["name"]}
        return data


def _refuse_a_column(feature: ColumnFeature, from_time: object) -> None:
    if from_time is not None and feature.column:
        raise ValueError(
            f"give `column` or `from_time`, not both; the time's column is `from_time: {{of: {feature.column}}}`"
        )


class IdFeature(Feature):
    """A feature made of ids: has a vocabulary or hash buckets.

    Args:
        vocabulary: How the vocabulary is learned; the default when nothing else gives the ids.
        hash_buckets: Hash values into this many rows instead of learning a vocabulary.
    """

    vocabulary: Vocabulary | None = None
    hash_buckets: int | None = Field(default=None, ge=1, le=2**31 - 8)

    @model_validator(mode="after")
    def _one_source_of_ids(self) -> IdFeature:
        keys = [key for key in ("vocabulary", "hash_buckets", "shares") if key in type(self).model_fields]
        given = [key for key in keys if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"give only one of {', '.join(keys)}; received {' and '.join(given)}")
        return self

    @property
    def table(self) -> str:
        """Name of the vocabulary and embedding table that hold this feature's ids."""
        return self.name

    @property
    def effective_vocabulary(self) -> Vocabulary:
        """The vocabulary's settings, defaults filled in."""
        return self.vocabulary or Vocabulary()


class IdColumnFeature(IdFeature, ColumnFeature):
    """A feature of ids that are the values of a raw column; it may share another feature's ids.

    Args:
        type: Raw type of a value; integers are turned into their decimal text before look-up.
        shares: Name of the feature whose ids and table this one uses.
    """

    type: Literal["string", "int"] = "string"
    shares: str | None = None

    @property
    def table(self) -> str:
        """Name of the vocabulary and embedding table that hold this feature's ids."""
        return self.shares or self.name


class CategoricalFeature(IdColumnFeature):
    """One id a row: user, item, site, device. Transformed: int64 ``(batch,)``.

    Args:
        from_time: Makes the values of a time instead of reading a column: the hour of day, the weekday.
    """

    kind: Literal["categorical"] = "categorical"
    from_time: TimePart | None = None

    @model_validator(mode="after")
    def _no_column_beside_a_time(self) -> CategoricalFeature:
        _refuse_a_column(self, self.from_time)
        return self


class ListFeature(IdColumnFeature):
    """Several ids a row, in one column or in several.

    Args:
        max_length: Values kept.
        separator: Between values where a raw log holds the list as one text; a blank is any run of blanks. A text that
            is a list of JSON or Python (``[1, 2]``, ``['a', 'b']``) is read as one, whatever the separator.
        columns: Raw columns of one value each that together are the list, in this order, in place of `column`; a
            missing value takes no place.
        padding: Value that fills lists up, such as 0; it is dropped wherever it stands. None drops nothing.
        inner_separator: Between the parts of each value where it has several: ``:`` in ``a:1|b:2``. None takes values
            whole.
        part: Which of the parts is the value, from 1.
    """

    max_length: int = Field(default=16, ge=1, le=100_000)
    separator: str = Field(default="|", min_length=1)
    columns: tuple[str, ...] = ()
    padding: int | str | None = None
    inner_separator: str | None = Field(default=None, min_length=1)
    part: int = Field(default=1, ge=1, le=100)

    @model_validator(mode="after")
    def _lists_fit_together(self) -> ListFeature:
        if self.columns and self.column:
            raise ValueError("give `column` or `columns`, not both")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError(f"names a column twice in columns: {', '.join(self.columns)}")
        if self.inner_separator is not None and self.type == "int":
            raise ValueError("values with an inner separator are texts; leave `type: int` out, ids are the same")
        if self.inner_separator is None and self.part != 1:
            raise ValueError("`part` needs an `inner_separator` between the parts")
        if self.inner_separator == self.separator:
            raise ValueError(f"inner_separator and separator are both {self.separator!r}")
        if self.type == "int" and isinstance(self.padding, str):
            raise ValueError(f"values are integers, padding is the text {self.padding!r}")
        return self


class MultiFeature(ListFeature):
    """An unordered bag of ids, pooled into one field. Transformed: int64 ``(batch, max_length)``, 0-padded.

    Args:
        max_length: Values kept; the first ones when there are more.
        pooling: `mean` (default: bags of different size stay comparable), `sum` or `max`.
    """

    kind: Literal["multi"] = "multi"
    pooling: Literal["mean", "sum", "max"] = "mean"


class SequenceFeature(ListFeature):
    """Ids in order of time, oldest first. Transformed: int64 ``(batch, max_length)``, 0-padded on the right.

    Args:
        max_length: Events kept; the latest ones when there are more.
        order: How the log has them: `oldest_first` (default) or `newest_first`, which is turned round.
        target: Candidate feature that the events are compared with; the shared feature when left out.
        times: Raw column with one int64 time per event (seconds), aligned with the ids. The transformed
            tensor is `times_name`, int64 ``(batch, max_length)``.
        aligned_with: Name of the sequence this one is a side column of (category beside item, say).
    """

    kind: Literal["sequence"] = "sequence"
    max_length: int = Field(default=50, ge=1, le=100_000)
    order: Literal["oldest_first", "newest_first"] = "oldest_first"
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


class NumericFeature(ColumnFeature):
    """One number a row. Transformed: float32 ``(batch,)``, or int64 ids when `scale` is `quantile`.

    Args:
        scale: `zscore` (default), `log` (sign(x)·log(1+|x|), then z-score: for counts), `quantile`
            (equal-frequency buckets, used as ids), `none` (as it is).
        buckets: Number of buckets for `quantile`.
        fill: Value taken for a missing number, before scaling; None takes the training mean.
        from_time: Makes the number of two times instead of reading a column: the hours since an earlier one.
    """

    kind: Literal["numeric"] = "numeric"
    scale: Literal["zscore", "log", "quantile", "none"] = "zscore"
    buckets: int = Field(default=64, ge=2, le=10_000)
    fill: float | None = None
    from_time: TimeSince | None = None

    @model_validator(mode="after")
    def _no_column_beside_a_time(self) -> NumericFeature:
        _refuse_a_column(self, self.from_time)
        return self


class VectorFeature(ColumnFeature):
    """A dense vector a row (an image or text embedding). Transformed: float32 ``(batch, width)``.

    Args:
        width: Numbers in the vector; a row with another count is bad.
        separator: Between numbers where a raw log holds the vector as one text.
    """

    kind: Literal["vector"] = "vector"
    width: int = Field(ge=1, le=65_536)
    separator: str = Field(default="|", min_length=1)


class CrossFeature(IdFeature):
    """One id a row for the values of two or more features together. Transformed: int64 ``(batch,)``.

    The value is the ordered tuple of what the crossed features see, a missing value among them, and is counted on the
    training rows like any other: each cross has a vocabulary, or hash buckets, of its own. Tuples that differ are never
    one value. There is no raw column: a request gives the crossed features' own.

    Args:
        of: Names of the crossed features, in the order of the tuple: two or more categorical features, or numbers in
            quantile buckets, that stand before the cross.
        role: Follows from the crossed features and may be left out: `item` as soon as one of them is the item's, for
            the value then differs from candidate to candidate; else `user` as soon as one is the user's.
    """

    kind: Literal["cross"] = "cross"
    role: Role = "context"
    of: tuple[str, ...]


AnyFeature = Annotated[
    CategoricalFeature | MultiFeature | SequenceFeature | NumericFeature | VectorFeature | CrossFeature,
    Field(discriminator="kind"),
]


def from_time_of(feature: Feature) -> TimePart | TimeSince | None:
    """Return what a feature takes of times; None for one that is read from columns of its own."""
    return feature.from_time if isinstance(feature, CategoricalFeature | NumericFeature) else None


def is_bucketed(feature: Feature) -> bool:
    """Whether this is a number that becomes the id of its quantile bucket."""
    return isinstance(feature, NumericFeature) and feature.scale == "quantile"


def table_of(feature: Feature) -> str:
    """Name of the table that holds the ids of an id feature."""
    return feature.table if isinstance(feature, IdFeature) else feature.name
