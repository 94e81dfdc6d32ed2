"""Random rows for the metric tests: few distinct scores, so that ties are common."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray


class Sample(NamedTuple):
    labels: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    weights: NDArray[np.float64]
    groups: NDArray[np.int64]


@st.composite
def samples(draw: st.DrawFn, min_rows: int = 1, max_rows: int = 40) -> Sample:
    rows = draw(st.integers(min_rows, max_rows))

    def column(elements: st.SearchStrategy[float]) -> list[float]:
        return draw(st.lists(elements, min_size=rows, max_size=rows))

    tied = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])
    probability = tied | st.floats(0, 1, allow_subnormal=False)
    return Sample(
        np.array(column(st.sampled_from([0.0, 1.0]))),
        np.array(column(probability)),
        np.array(column(st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.25]))),
        np.array(column(st.integers(-2, 3)), np.int64),
    )


def both_classes(sample: Sample) -> bool:
    """Whether rows of weight above 0 have both labels."""
    return set(sample.labels[sample.weights > 0]) == {0.0, 1.0}
