"""Towers: what stands on top of the interactions.

- `mlp`: dense layers with BatchNorm, activation and dropout. `dice`: DIN's activation.
- `factored_dense`: a dense map through a narrow middle. `_activation`: activations by name.
"""

from tfctr.layers.towers.dice import Dice
from tfctr.layers.towers.factored_dense import FactoredDense
from tfctr.layers.towers.mlp import MLP

__all__ = ["MLP", "Dice", "FactoredDense"]
