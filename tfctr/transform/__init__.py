"""The transform room: the ONE definition of raw -> model-ready, for Beam, notebooks and the served model.

- `preprocessing`: `make_preprocessing_fn`, the definition; its parts are `columns` (raw tensors of every form),
  `_numeric`, `_vocabulary` (ids in the graph), `_crosses`, `_tasks` (labels, weights, meta columns) and `_label_scales`
  (means and deviations of the labels of regression tasks).
- `schema`: `raw_schema` and `raw_feature_spec`, what raw examples look like.
- `examples`: raw rows <-> serialized ``tf.Example``s.
- `fit`: `fit_transform`, which learns the transform in memory; `_on_beam`: the same for a log of any size.
  `_learning`: what both learn with. `_analyzers`: what is learned, asked of it or of TFT's analyzers.
- `_write_graph`: the definition as a graph around what was learned. `_shared_files`: what workers of Beam leave behind.
- `output`: `TransformOutput`, which everything downstream reads; `_vocabulary_files`: values and counts.
"""

try:
    import tensorflow_transform  # noqa: F401
except ImportError as error:
    raise ImportError(
        "tfctr.transform needs TensorFlow Transform, which is not installed: pip install 'tfctr[tfx]'"
    ) from error

from tfctr.transform._description import describe_inputs
from tfctr.transform.columns import MISSING_INT
from tfctr.transform.examples import example_batches, examples_to_table, table_to_examples
from tfctr.transform.fit import fit_transform
from tfctr.transform.output import TransformOutput
from tfctr.transform.preprocessing import make_preprocessing_fn
from tfctr.transform.schema import raw_feature_spec, raw_schema

__all__ = [
    "MISSING_INT",
    "TransformOutput",
    "describe_inputs",
    "example_batches",
    "examples_to_table",
    "fit_transform",
    "make_preprocessing_fn",
    "raw_feature_spec",
    "raw_schema",
    "table_to_examples",
]
