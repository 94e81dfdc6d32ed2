"""Transformed examples as `tf.data`, in batches that can be made again exactly.

- `element`: what one batch is: features, labels, weights.
- `arrays`: batches of arrays in memory. `files`: batches of TFRecord files of transformed `tf.Example`s.
- `negatives`: a plan's batches with a share of their negative rows. `packed`: tensors side by side in one matrix.

Both have a plan, which gives the batches of any epoch from any step on (training that was killed goes on where it
stopped), and a function that returns a plain dataset for `model.fit`. Importing this package imports TensorFlow.
"""

from tfctr.data.batches.arrays import ArrayPlan, array_dataset
from tfctr.data.batches.element import BatchPlan, Element
from tfctr.data.batches.files import FilePlan, transformed_dataset
from tfctr.data.batches.negatives import SampledNegatives

__all__ = ["ArrayPlan", "BatchPlan", "Element", "FilePlan", "SampledNegatives", "array_dataset", "transformed_dataset"]
