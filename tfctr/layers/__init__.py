"""Keras 3 layers, one concept a file, written with `keras.ops` so that they run on every backend.

- `_base`: what all layers share. `embedding`: ids and numbers to vectors.
- `interaction`: crosses of fields. `sequence`: histories against a candidate. `towers`: MLPs.
- `survival`: hazards, their curves and their likelihood. `regression`: the loss of numbers.
"""

from tfctr.layers._base import Layer
from tfctr.layers._weight_options import KernelLayer

__all__ = ["KernelLayer", "Layer"]
