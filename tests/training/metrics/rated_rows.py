"""Random ratings with what was predicted: few distinct numbers, so that ties and users without spread come up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray


class Rated(NamedTuple):
    ratings: NDArray[np.float64]
    predictions: NDArray[np.float64]
    weights: NDArray[np.float64]
    groups: NDArray[np.int64]


@st.composite
def rated(draw: st.DrawFn, min_rows: int = 1, max_rows: int = 24) -> Rated:
    rows = draw(st.integers(min_rows, max_rows))

    def column(elements: st.SearchStrategy[float]) -> list[float]:
        return draw(st.lists(elements, min_size=rows, max_size=rows))

    return Rated(
        np.array(column(st.integers(0, 5).map(float))),
        np.array(column(st.sampled_from([1.0, 2.5, 3.0, 4.5]) | st.floats(0, 6, allow_subnormal=False))),
        np.array(column(st.sampled_from([0.0, 0.5, 1.0, 2.0]))),
        np.array(column(st.integers(-1, 3)), np.int64),
    )
