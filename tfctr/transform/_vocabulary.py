"""Ids in the graph: vocabularies learned by TFT, hash buckets, and the one layout of ids.

0 is padding, 1..oov_buckets hold what the vocabulary lacks, the vocabulary follows by descending count.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from tfctr.spec import Vocabulary
from tfctr.transform._analyzers import Analyzers
from tfctr.transform._vocabulary_files import SPACE_CODE, CountedFile, vocabulary_name


@dataclass(frozen=True)
class TableValues:
    """What the vocabulary of a table is learned from.

    Args:
        settings: Minimal count, greatest size, out-of-vocabulary rows.
        tokens: All values of all features of the table: string tensors of any shape.
    """

    settings: Vocabulary
    tokens: Sequence[tf.Tensor]


def learn_vocabularies(
    tables: Mapping[str, TableValues], sizes: Mapping[str, tf.Tensor], analyzers: Analyzers
) -> dict[str, LearnedVocabulary]:
    """Learn the vocabularies of all tables, and count the values of each over the data set, in one pass.

    With the totals the training count of out-of-vocabulary, hash and quantile rows can be known, which no vocabulary
    file holds.

    Args:
        tables: Name of a table -> its settings and values.
        sizes: Name of a table, also of one of hash or quantile buckets -> number of values in this batch, a scalar.
        analyzers: Who learns.
    """
    if not sizes:
        return {}
    files = [
        CountedFile(vocabulary_name(name), table.settings.min_count, table.settings.max_size)
        for name, table in tables.items()
    ]
    values = [tf.concat([tf.reshape(part, [-1]) for part in table.tokens], axis=0) for table in tables.values()]
    paths = analyzers.counted_values(values, files, dict(sizes))
    return {
        name: LearnedVocabulary(path, table.settings.oov_buckets)
        for (name, table), path in zip(tables.items(), paths, strict=True)
    }


class LearnedVocabulary:
    """The vocabulary of one table: looked up by every feature that shares it.

    Args:
        file: Path of the file of counted values, a string scalar.
        oov_buckets: Out-of-vocabulary rows.
    """

    def __init__(self, file: tf.Tensor, oov_buckets: int):
        self._file, self._oov_buckets = file, oov_buckets
        self._lookup_table: tf.lookup.StaticHashTable | None = None

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
