"""A simulated ad log with fields added whose worth is known."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tfctr.data.simulator import SimulatorConfig, simulate
from tfctr.spec import FeatureSpec

USEFUL = ("strong", "weak", "left", "right")
"""`strong` and `weak` tell something alone; `left` and `right` only together: the click is their XOR, mostly."""

COPY = "strong_again"
"""Nearly the same as `strong`: tells much alone, nothing after it."""

USELESS = ("useless_4", "useless_300", "useless_5k", "useless_20k", "row_id")
"""Noise of growing cardinality."""

PLANTED = (*USEFUL, COPY, *USELESS)


def planted_log(seed: int, rows: int = 16_384) -> tuple[pa.Table, FeatureSpec]:
    """Return a log with the planted fields, all of them categorical, and the spec of these fields alone."""
    log = simulate(SimulatorConfig(rows=rows, seed=seed, click_rate=0.3, drift=0.0))
    generator = np.random.default_rng([seed, 5])
    clicked = log.table.column("clicked").to_numpy().astype(np.int64)

    def agreeing(values: np.ndarray, share: float) -> np.ndarray:
        return np.where(generator.random(rows) < share, values, 1 - values)

    strong, left = agreeing(clicked, 0.75), generator.integers(0, 2, rows)
    columns = {
        "strong": strong,
        COPY: agreeing(strong, 0.97),
        "weak": agreeing(clicked, 0.62),
        "left": left,
        "right": left ^ agreeing(clicked, 0.9),
        "useless_4": generator.integers(0, 4, rows),
        "useless_300": generator.integers(0, 300, rows),
        "useless_5k": generator.integers(0, 5_000, rows),
        "useless_20k": generator.integers(0, 20_000, rows),
        "row_id": generator.permutation(rows),
    }
    table = log.table.select(["clicked", "time"])
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values.astype(str)))
    return table, planted_spec()


def planted_spec() -> FeatureSpec:
    return FeatureSpec.model_validate(
        {
            "name": "planted",
            "features": [{"kind": "categorical", "name": name, "role": "context"} for name in PLANTED],
            "tasks": [{"name": "click", "label": "clicked"}],
            "meta": {"time": "time"},
        }
    )


def share_in_order(order: list[str]) -> float:
    """Share of the (useful, useless) pairs of fields in which the useful one comes first; 0.5 is chance."""
    place = {name: number for number, name in enumerate(order)}
    pairs = [(good, bad) for good in USEFUL for bad in USELESS]
    return float(np.mean([place[good] < place[bad] for good, bad in pairs]))
