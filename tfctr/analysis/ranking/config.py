"""How a ranking is made: sizes, budgets, weights and the seed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field as Setting

from tfctr.spec._base import Frozen


class RankingConfig(Frozen):
    """Settings of `rank_features`. The same log, spec and config give the same ranking.

    Args:
        heuristic: `cc-mi`, information about the label beyond what noise of the same cardinality shows (the paper's
            default); `cc-mi-balanced`, the same with less noise of its own (ours, see `Information.balanced`); `mi`,
            plain mutual information, which rewards cardinality: for comparison.
        order: Largest number of fields crossed into one; 1 looks at single fields only (the reference's default), 2
            finds pairs that tell something together (default), 3 is for few fields.
        batch_rows: Rows of a mini-batch, as in the reference. A value that comes once in a batch tells nothing, so a
            larger batch sees more of an id with many values.
        every: Take every so many-th row; the reference's default is 10, ours takes all.
        redundancy: Whether fields are scored against each other, which 3MR needs to place duplicates late.
        max_pairs: Field pairs and crosses scored in one mini-batch, those scored least often first. The reference has
            32,768, on 8 threads; ours keeps a batch of hundreds of fields within seconds.
        alpha: Weight of the redundancy in 3MR.
        beta: Weight of the relation (score of the cross) in 3MR.
        aggregate: How 3MR sums up redundancy and relation over the fields that stand already; see `three_mr`.
        transforms: Whether numbers are also tried as roots and logarithms at several resolutions.
        buckets: A number with more distinct values in a batch is cut into so many buckets of equal frequency.
        missing_texts: Texts that count as no value in the coverage, besides empty ones.
        rare_count: A value seen at most so often is rare.
        seed: Of the order of rows in a batch, the noise controls and ties.
    """

    heuristic: Literal["cc-mi", "cc-mi-balanced", "mi"] = "cc-mi"
    order: int = Setting(default=2, ge=1, le=3)
    batch_rows: int = Setting(default=16_384, ge=1_024, le=1_000_000)
    every: int = Setting(default=1, ge=1)
    redundancy: bool = True
    max_pairs: int = Setting(default=4_096, ge=1)
    alpha: float = Setting(default=1.0, ge=0)
    beta: float = Setting(default=1.0, ge=0)
    aggregate: Literal["median", "mean", "sum", "max"] = "median"
    transforms: bool = False
    buckets: int = Setting(default=64, ge=2, le=10_000)
    missing_texts: tuple[str, ...] = ("{}",)
    rare_count: int = Setting(default=1, ge=1)
    seed: int = Setting(default=0, ge=0)
