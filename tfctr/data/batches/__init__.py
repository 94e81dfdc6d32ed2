"""Transformed examples as `tf.data`, in batches that can be made again exactly.

- `element`: what one batch is: features, labels, weights. `_seeded_plan`: what plans that read rows share.
- `arrays`: batches of arrays in memory. `files`: batches of TFRecord files of transformed `tf.Example`s.
- `parquet`: batches of Parquet files of transformed columns. `arrow`: such columns from and to arrays.
- `prefetch`: how batches are made beside the training step. `negatives`: a plan's batches with a share of
  their negative rows.
- `drawn_negatives`: positive rows beside items drawn at random, for retrieval.
- `_packed`: tensors side by side in one matrix.

A plan gives the batches of any epoch from any step on, so that training that was killed goes on where it stopped;
for arrays and TFRecord files a function returns a plain dataset for `model.fit` too. Importing this package imports
TensorFlow.
"""

from tfctr.data.batches._seeded_plan import SeededPlan
from tfctr.data.batches.arrays import ArrayPlan, array_dataset
from tfctr.data.batches.arrow import write_transformed
from tfctr.data.batches.drawn_negatives import DrawnNegatives, catalogue, item_tensors
from tfctr.data.batches.element import BatchPlan, Element
from tfctr.data.batches.files import FilePlan, transformed_dataset
from tfctr.data.batches.negatives import SampledNegatives
from tfctr.data.batches.parquet import ParquetPlan
from tfctr.data.batches.prefetch import Prefetch

__all__ = [
    "ArrayPlan",
    "BatchPlan",
    "DrawnNegatives",
    "Element",
    "FilePlan",
    "ParquetPlan",
    "Prefetch",
    "SampledNegatives",
    "SeededPlan",
    "array_dataset",
    "catalogue",
    "item_tensors",
    "transformed_dataset",
    "write_transformed",
]
