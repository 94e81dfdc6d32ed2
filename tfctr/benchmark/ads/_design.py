"""Transformed rows as a sparse matrix, for the models of scikit-learn: one column a value, numbers as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tfctr.spec import BoundSpec, FeatureSpec, MultiFeature, NumericFeature, VectorFeature, is_bucketed

CROSSED_WITH = "category"


class DesignMatrix:
    """One column a value of each id, one a number; bags are the mean of their values' columns.

    Args:
        bound: Bound spec of the rows.
        crossed: Also multiply each number of the user by each category: the personality of users who like cars may
            differ from that of users who like toys, which no sum of single columns can say.
    """

    def __init__(self, bound: BoundSpec, *, crossed: bool = False) -> None:
        self.bound = bound
        self.crossed = crossed

    @staticmethod
    def can_cross(spec: FeatureSpec) -> bool:
        """Whether the spec has categories, and numbers of users to multiply them by."""
        return CROSSED_WITH in {feature.name for feature in spec.features} and bool(_user_numbers(spec))

    def __call__(self, arrays: Mapping[str, NDArray[Any]]) -> sparse.csr_matrix:
        """Return the rows, float64 ``(rows, columns)``."""
        blocks = []
        for feature in self.bound.spec.features:
            values = arrays[feature.name]
            if isinstance(feature, VectorFeature):
                blocks.append(sparse.csr_matrix(values, dtype=np.float64))
            elif isinstance(feature, NumericFeature) and not is_bucketed(feature):
                blocks.append(sparse.csr_matrix(values[:, None], dtype=np.float64))
            elif isinstance(feature, MultiFeature):
                blocks.append(_indicators(values, self.bound.rows_of(feature.name)))
            else:
                blocks.append(_indicators(values[:, None], self.bound.rows_of(feature.name)))
        if self.crossed:
            category = _indicators(arrays[CROSSED_WITH][:, None], self.bound.rows_of(CROSSED_WITH))
            blocks += [
                sparse.diags(arrays[name].astype(np.float64)) @ category for name in _user_numbers(self.bound.spec)
            ]
        return sparse.csr_matrix(sparse.hstack(blocks))


def _user_numbers(spec: FeatureSpec) -> list[str]:
    return [
        feature.name
        for feature in spec.features
        if isinstance(feature, NumericFeature) and not is_bucketed(feature) and feature.role == "user"
    ]


def _indicators(ids: NDArray[np.int64], size: int) -> sparse.csr_matrix:
    """1 over the number of a row's ids in the column of each, padding left out; ``(rows, size)``."""
    row, place = np.nonzero(ids)
    shares = 1 / np.maximum((ids > 0).sum(axis=1), 1)
    return sparse.csr_matrix((shares[row], (row, ids[row, place])), shape=(len(ids), size))
