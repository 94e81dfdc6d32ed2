"""Ids in the graph: vocabularies learned by TFT, hash buckets, and the one layout of ids.

0 is padding, 1..oov_buckets hold what the vocabulary lacks, the vocabulary follows by descending count.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from tfctr.spec import Vocabulary

SPACE_CODE = "\x1f"
"""Stands for blanks and line ends inside a value in a vocabulary file, whose lines are ``count value``."""

TOTALS_NAME = "tfctr_totals"
"""Name of the file that holds the number of values each table was learned from."""


def vocabulary_name(table: str) -> str:
    """Return the name under which TFT keeps the vocabulary of a table."""
    return f"tfctr_vocabulary_{table}"


class LearnedVocabulary:
    """The vocabulary of one table: learned once, looked up by every feature that shares it.

    Values of one count are ordered by their text, descending (TFT's rule), so the same data always gives the
    same ids.

    Args:
        table: Name of the table.
        settings: Minimal count, greatest size, out-of-vocabulary rows.
        tokens: All values of all features of the table: string tensors of any shape.
    """

    def __init__(self, table: str, settings: Vocabulary, tokens: Sequence[tf.Tensor]):
        self._oov_buckets = settings.oov_buckets
        self._lookup_table: tf.lookup.StaticHashTable | None = None
        self._file = tft.vocabulary(
            tf.concat([tf.reshape(_coded(values), [-1]) for values in tokens], axis=0),
            top_k=settings.max_size,
            frequency_threshold=settings.min_count if settings.min_count > 1 else None,
            vocab_filename=vocabulary_name(table),
            store_frequency=True,
        )

    def ids(self, tokens: tf.Tensor) -> tf.Tensor:
        """Return int64 ids, shaped as `tokens`."""
        coded = _coded(tokens)
        positions = tft.apply_vocabulary(coded, self._file, lookup_fn=self._look_up)
        return tf.where(positions >= 0, 1 + positions + self._oov_buckets, _oov_ids(coded, self._oov_buckets))

    def _look_up(self, tokens: tf.Tensor, path: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Find the line of each token, -1 for none. One table in memory serves all features that share it."""
        with contextlib.ExitStack() as stack:
            if tf.inside_function() and not tf.is_symbolic_tensor(path):
                # The file is known: the table belongs to the module and is filled once, not at every call.
                stack.enter_context(tf.init_scope())
            if self._lookup_table is None:
                lines = tf.lookup.TextFileInitializer(
                    path, tf.string, 1, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER, delimiter=" "
                )
                self._lookup_table = tf.lookup.StaticHashTable(lines, default_value=-1)
            size = self._lookup_table.size()
        return self._lookup_table.lookup(tokens), size


def oov_ids(values: Sequence[str], oov_buckets: int) -> np.ndarray:
    """Return the ids that values outside a vocabulary have, int64 (values,)."""
    tokens = tf.constant([value.encode("utf-8", "surrogateescape") for value in values], tf.string)
    return np.broadcast_to(_oov_ids(_coded(tokens), oov_buckets), [len(values)]).astype(np.int64)


def _oov_ids(coded: tf.Tensor, oov_buckets: int) -> tf.Tensor:
    return 1 + (tf.strings.to_hash_bucket_fast(coded, oov_buckets) if oov_buckets > 1 else tf.zeros([], tf.int64))


def _coded(tokens: tf.Tensor) -> tf.Tensor:
    """Replace what would break the lines of a vocabulary file."""
    return tf.strings.regex_replace(tokens, r"[ \n\r]", SPACE_CODE)


def hashed_ids(tokens: tf.Tensor, buckets: int) -> tf.Tensor:
    """Return ids 1..buckets by a hash (FarmHash64) of the text, int64, shaped as `tokens`."""
    return 1 + tf.strings.to_hash_bucket_fast(tokens, buckets)


def count_values(sizes: dict[str, tf.Tensor]) -> None:
    """Count the values of each table over the data set, into the file `TOTALS_NAME`.

    With it the training count of out-of-vocabulary, hash and quantile rows can be known, which no vocabulary
    file holds. One analyzer for all tables: a vocabulary of table names, weighted by the values in the batch.

    Args:
        sizes: Table name -> number of values in this batch, a scalar.
    """
    if sizes:
        weights = tf.stack([tf.cast(size, tf.float32) for size in sizes.values()])
        names = tf.constant(list(sizes))
        tft.vocabulary(names, weights=weights, vocab_filename=TOTALS_NAME, store_frequency=True)
