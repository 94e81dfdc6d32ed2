"""What is simulated: sizes, rates and strengths of the effects."""

from __future__ import annotations

from pydantic import Field

from tfctr.spec._base import Frozen


class SimulatorConfig(Frozen):
    """Sizes, rates and effects of a simulated ad log. The same config gives the same log on every machine.

    Strengths are in units of the logit: a strength of 1 moves the odds by a factor of e at one standard
    deviation (affinity, item quality, crosses) or at position e (position bias). 0 switches an effect off.

    Args:
        rows: Impressions.
        users, items, categories, tags, domains, positions: How many of each there are.
        latent_dim: Width of the hidden interest and item vectors.
        days: Time the log covers, days of 86,400 seconds.
        click_rate: Mean click probability; the intercept is fitted to it.
        conversion: Whether the spec has a second task, conversion after click. The column is always there.
        cross_features: Whether the spec has the crosses device × category and domain × category, of which the truth has
            a part (`crosses`).
        conversion_rate: Mean conversion probability after a click.
        affinity: Strength of (interest of the user now) · (item).
        drift: Radians by which every user's interest turns over the whole log; π makes it the opposite. Only
            the history tells where it points now.
        quality: Strength of the item's own appeal.
        crosses: Strength of device × category, domain × category and age × price.
        position_bias: Logit lost per unit of log(position).
        vector_width: Width of the item vectors that stand in the log; they are a noisy linear image of the
            hidden ones.
        vector_noise: Standard deviation of that noise.
        history_length: Latest clicks kept in the history columns.
        missing_share: Share of ages and genders that are missing.
        idle_share: Share of users without an interest, and of items without an appeal: what their ids would tell is
            told by their other columns already.
        noise_values: Values of a further feature, `noise`, that says nothing, some frequent and most rare as items
            are. 0 leaves the feature out.
        seed: Of all random draws.
    """

    rows: int = Field(default=20_000, ge=1)
    users: int = Field(default=500, ge=1)
    items: int = Field(default=200, ge=1)
    categories: int = Field(default=10, ge=1)
    tags: int = Field(default=12, ge=1)
    domains: int = Field(default=3, ge=1)
    positions: int = Field(default=5, ge=1)
    latent_dim: int = Field(default=4, ge=1)
    days: int = Field(default=14, ge=1)
    click_rate: float = Field(default=0.2, gt=0, lt=1)
    conversion: bool = False
    cross_features: bool = False
    conversion_rate: float = Field(default=0.2, gt=0, lt=1)
    affinity: float = Field(default=1.5, ge=0)
    drift: float = Field(default=1.5, ge=0)
    quality: float = Field(default=0.5, ge=0)
    crosses: float = Field(default=0.5, ge=0)
    position_bias: float = Field(default=0.7, ge=0)
    vector_width: int = Field(default=8, ge=1)
    vector_noise: float = Field(default=0.1, ge=0)
    history_length: int = Field(default=20, ge=1)
    missing_share: float = Field(default=0.02, ge=0, lt=1)
    idle_share: float = Field(default=0.0, ge=0, le=1)
    noise_values: int = Field(default=0, ge=0)
    seed: int = Field(default=0, ge=0)
