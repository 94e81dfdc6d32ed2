"""What a mixin of optimizers stands before in the order of bases."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import keras

if TYPE_CHECKING:  # so that `super()` and the optimizer's own attributes are known there
    OptimizerMixin: TypeAlias = keras.optimizers.Optimizer
else:
    OptimizerMixin = object
