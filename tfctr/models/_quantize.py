"""A trained model whose tables keep their rows in 8 or 4 bits a number."""

from __future__ import annotations

from keras import ops
from keras.saving import serialize_keras_object as serialize

from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import EmbeddingTable, FullTable, FusedLookup
from tfctr.layers.embedding._precision import PRECISIONS
from tfctr.models.ctr_model import CTRModel


def quantize_tables(model: CTRModel, precision: str) -> CTRModel:
    """Return a model of the same class and settings whose tables keep their rows in few bits; the given one stays.

    Rows of every kind of table are rounded to a scale a column, that of least squared error, and made into floats
    again where they are looked up. Everything else is taken over as it is. The linear part has one number an
    id, whose error nothing averages out: it is kept in ``int8`` under ``int4`` too. The model that is returned answers,
    saves, exports and serves; its rows do not train any more.

    Args:
        model: Built and trained.
        precision: ``int8`` (a quarter of the bytes) or ``int4`` (an eighth).

    Raises:
        ValueError: For another precision, a model that is not built, or tables that are rounded already.

    Example:
        >>> import numpy as np
        >>> from tfctr.models import FM
        >>> from tfctr.spec import FeatureSpec
        >>> spec = FeatureSpec(
        ...     name="ads",
        ...     features=[{"kind": "categorical", "name": "site", "role": "context"}],
        ...     tasks=[{"name": "click", "label": "clicked"}],
        ...     split={"by": "hash", "column": "site"},
        ... )
        >>> model = FM(spec.bind({"site": 120}))
        >>> model.build()
        >>> small = quantize_tables(model, "int8")
        >>> features = {"site": np.array([3, 7])}
        >>> print(float(abs(small(features) - model(features)).numpy().max()) < 1e-4)
        True
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {' or '.join(PRECISIONS)}. Received: {precision!r}")
    if not model.built:
        raise ValueError(f"{type(model).__name__} has no weights yet; build and train it first")
    if any(table.precision for table in layers_of(model, EmbeddingTable)):
        raise ValueError("the tables of this model are kept in few bits already; begin with the model it was made from")
    tables = {name: _rounded(template, precision) for name, template in model.tables.items()}
    table = _rounded(model.table or FullTable(dtype=model.dtype_policy), precision)
    plain = {"table": serialize(table), "tables": {name: serialize(template) for name, template in tables.items()}}
    small: CTRModel = type(model).from_config({**model.get_config(), **plain, "name": model.name})
    small.build()
    _copy(model, small)
    return small


def _rounded(template: EmbeddingTable, precision: str) -> EmbeddingTable:
    rounded: EmbeddingTable = type(template).from_config({**template.get_config(), "precision": precision})
    return rounded


def _copy(model: CTRModel, small: CTRModel) -> None:
    """Round the rows of all tables, and take everything else over."""
    apart: set[int] = set()
    for source, target in zip(layers_of(model, FusedLookup), layers_of(small, FusedLookup), strict=True):
        for name, rows in target.fused_table.stored_rows.items():
            weight = source.fused_table.stored_rows[name]
            rows.assign(ops.convert_to_numpy(weight))
            apart |= {id(weight), id(rows.codes), id(rows.scales)}
    others = ([weight for weight in each.weights if id(weight) not in apart] for each in (model, small))
    for weight, taken in zip(*others, strict=True):
        taken.assign(weight)
