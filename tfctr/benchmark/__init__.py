"""Honest benchmarks: seeds, splits, wall-clock and published figures side by side.

- `trial`: one model, one seed, one data set. `trial_cache`: finished trials on disk. `table`: many trials as a table.
- `protocols`: how published results were trained, by name.
- `curve`: a figure against bytes as a picture, and the bytes that a figure needs. `results`: `benchmarks/RESULTS.md`.
"""

from tfctr.benchmark.curve import draw_curves, size_at
from tfctr.benchmark.protocols import PROTOCOLS, Protocol, settings_of
from tfctr.benchmark.results import write_section
from tfctr.benchmark.table import Summary, markdown, shown_figures, summarize, table_line, with_spread
from tfctr.benchmark.trial import Score, Splits, load_splits, popularity_trial, run_trial
from tfctr.benchmark.trial_cache import TrialCache

__all__ = [
    "PROTOCOLS",
    "Protocol",
    "Score",
    "Splits",
    "Summary",
    "TrialCache",
    "draw_curves",
    "load_splits",
    "markdown",
    "popularity_trial",
    "run_trial",
    "settings_of",
    "shown_figures",
    "size_at",
    "summarize",
    "table_line",
    "with_spread",
    "write_section",
]
