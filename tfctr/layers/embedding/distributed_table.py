"""A table that an accelerator holds, through keras-rs."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from tfctr.layers._base import dtype_policy
from tfctr.layers.embedding.table import EmbeddingTable

PLACEMENTS = ("auto", "default_device", "sparsecore")
OPTIMIZERS = ("adagrad", "adam", "ftrl", "sgd")
_IDS = "ids"


@keras.saving.register_keras_serializable(package="tfctr")
class DistributedTable(EmbeddingTable):
    """One row an id, held by the `DistributedEmbedding` of keras-rs (extra ``accelerators``).

    On the default device (CPU, GPU, a TPU's HBM) the rows are a weight of this table like those of a `FullTable`:
    the model's optimizer trains them, `fit` resumes them, saved files of the two are alike. Their gradient is
    sparse, but keras-rs reads the whole variable before it gathers, which can cost a copy of it a step: there a
    `FullTable` is the better choice.

    On the SparseCore of a TPU the rows lie outside Keras' weights and are trained by an optimizer of their own while
    the gradient is taken; so what works on weights does not reach them. Refused there: `tfctr.training.fit` (its
    checkpoints and its best epoch would miss the rows), learning rates by vocabulary, `TableL2`, loading.
    Keras' own ``model.fit`` trains them, with ``steps_per_execution=1`` and batches that are all full; leave away
    what puts weights back, such as ``restore_best_weights``. ``model.save`` must be called in the strategy's scope; it
    fetches the rows, and the file is loaded on the default device.

    Tested: the default device on the CPU, with TensorFlow and JAX. Not tested: GPUs and TPUs. By the code of
    keras-rs 0.4 and TensorFlow 2.21 the SparseCore needs TPU v5p or v6e and TensorFlow's `TPUStrategy`: older TPUs
    want ids straight from the input, and JAX wants them prepared outside the model, while a look-up computes its rows.

    Args:
        rows, dim, initializer, penalty: See `EmbeddingTable`.
        placement: ``"default_device"``; ``"sparsecore"``; or ``"auto"``, the SparseCore where there is one that
            TensorFlow can use and `lookups` is given, else the default device.
        lookups: Ids that this table looks up for one joint batch (rows of the batch, over all replicas, times ids a
            row); the SparseCore must know it beforehand. Not used on the default device.
        optimizer: ``"adagrad"`` (one number of state a weight), ``"adam"``, ``"ftrl"`` or ``"sgd"``: what trains the
            rows on a SparseCore. Not used on the default device.
        learning_rate: Of that optimizer.

    Attributes:
        embeddings: The rows, ``(rows, dim)``; None on a SparseCore.

    Raises:
        ValueError: For an unknown placement or optimizer, or ``"sparsecore"`` without `lookups`, on a backend other
            than TensorFlow, or outside a `TPUStrategy`.
        ImportError: When built without keras-rs.
    """

    row_is_id: ClassVar[bool] = True

    def __init__(
        self,
        rows: int | None = None,
        dim: int | None = None,
        *,
        placement: str = "auto",
        lookups: int | None = None,
        optimizer: str = "adagrad",
        learning_rate: float = 0.01,
        **kwargs: Any,
    ):
        super().__init__(rows, dim, **kwargs)
        if placement not in PLACEMENTS:
            raise ValueError(f"placement is one of {', '.join(PLACEMENTS)}. Received: {placement!r}")
        if optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer is one of {', '.join(OPTIMIZERS)}. Received: {optimizer!r}")
        if self.precision is not None:
            raise ValueError(f"the rows of a DistributedTable are float32. Received: precision={self.precision!r}")
        if placement == "sparsecore" and lookups is None:
            raise ValueError(
                "a SparseCore must know how many ids a joint batch looks up: give lookups, rows of the batch times ids "
                "a row. Received: lookups=None"
            )
        self.placement = placement
        self.lookups = lookups
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.embeddings: keras.Variable | None = None
        self.trained: list[keras.Variable] = []

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        with dtype_policy(self.dtype_policy):  # keras-rs hands no policy on to the layers that it makes
            distributed = self._distributed()
        distributed.build({_IDS: (None,)})
        # Behind functions, out of Keras' sight: it then finds the weight here alone, under the name and at the place
        # in a saved file that it has in other tables.
        self._look_up: Callable[[Any], Any] = lambda ids: distributed({_IDS: ids})[_IDS]
        self._tables: Callable[[], dict[str, Any]] = distributed.get_embedding_tables
        self.trained = list(distributed.trainable_weights)
        self.embeddings = next((weight for weight in self.trained if tuple(weight.shape) == self.size), None)
        self.has_external_rows = self.embeddings is None

    def vectors(self, ids: Any) -> Any:
        # One id a row: keras-rs sums or averages what stands in one.
        vectors = self._look_up(ops.reshape(ids, (-1,)))  # (ids, dim)
        return ops.reshape(ops.cast(vectors, self.compute_dtype), (*ops.shape(ids), self.dim))

    def all_rows(self) -> NDArray[np.float32]:
        """Return all rows, ``(rows, dim)``, from wherever they lie; on a TPU call it in the strategy's scope."""
        (rows,) = self._tables().values()
        return np.asarray(ops.convert_to_numpy(rows), np.float32)

    def parameters(self) -> tuple[Any, ...]:
        if self.has_external_rows:
            raise ValueError("a penalty on a whole table cannot reach rows on a SparseCore; BatchL2 can")
        return super().parameters()

    def serving_bytes(self) -> int:
        return self.all_rows().nbytes if self.has_external_rows else super().serving_bytes()

    def save_own_variables(self, store: Any) -> None:
        if not self.has_external_rows:
            super().save_own_variables(store)
            return
        for index, value in enumerate([self.all_rows(), *self.non_trainable_variables]):
            store[str(index)] = value
        return None

    def load_own_variables(self, store: Any) -> None:
        if self.has_external_rows:
            raise ValueError(
                "rows cannot be put on a SparseCore once they are trained (keras-rs on TensorFlow has no way to); "
                "load the model where there is none, or with placement='default_device'"
            )
        super().load_own_variables(store)

    def _distributed(self) -> Any:
        """Return the layer of keras-rs, one look-up in one table, not built."""
        state = random.getstate()
        try:
            from keras_rs.layers import DistributedEmbedding, FeatureConfig, TableConfig
        except ImportError as error:
            raise ImportError("DistributedTable needs keras-rs: pip install 'tfctr[accelerators]'") from error
        random.setstate(state)  # the import draws from it, and Keras seeds first weights with it
        rows, dim = self.size
        placement = self._wanted_placement()
        settings: dict[str, Any] = {}
        if placement != "default_device":
            config = {"learning_rate": self.learning_rate}
            settings["optimizer"] = keras.optimizers.get({"class_name": self.optimizer, "config": config})
        table = TableConfig(
            self.name, rows, dim, initializer=self.initializer, combiner="sum", placement=placement, **settings
        )
        feature = FeatureConfig(_IDS, table, input_shape=(None,), output_shape=(self.lookups, dim))
        return DistributedEmbedding({_IDS: feature}, name="distributed")

    def _wanted_placement(self) -> str:
        """Return what is asked of keras-rs, which turns "auto" into what there is."""
        usable = keras.backend.backend() == "tensorflow"
        if self.placement == "sparsecore" and not usable:
            raise ValueError("a SparseCore is used through TensorFlow only; other backends: placement='default_device'")
        return self.placement if usable and self.lookups is not None else "default_device"
