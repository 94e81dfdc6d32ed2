"""The simulated log hides groups that rows give away, that the domain does not tell, and that click by other rules."""

from __future__ import annotations

import numpy as np

from benchmarks.domain_logs import HINTS, WORLD, WORLDS, worlds


def test_worlds_can_be_found_and_are_worth_finding() -> None:
    table = worlds(rows=3000)
    column = {name: np.asarray(table[name]) for name in (*HINTS, WORLD, "domain", "item_id", "clicked")}
    votes = np.stack([sum(column[name] == world for name in HINTS) for world in range(WORLDS)])
    assert (votes.argmax(axis=0) == column[WORLD]).all()
    shares = np.histogram2d(column[WORLD], column["domain"], bins=(WORLDS, 5))[0] / 3000
    assert np.abs(shares - 0.2).max() < 0.05
    clicks, rows = (
        np.histogram2d(column[WORLD], column["item_id"], bins=(WORLDS, 60), weights=weights)[0]
        for weights in (column["clicked"], None)
    )
    agree = np.corrcoef(clicks / rows)[~np.eye(WORLDS, dtype=bool)]  # of what each world thinks of each item
    assert np.abs(agree).max() < 0.4
    assert (clicks / rows).std(axis=1).min() > 0.1
