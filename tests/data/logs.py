"""Small logs, and what the tests of the readers do with them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from tfctr.data import BadRows, read_log
from tfctr.data._columns import log_columns, schema_of
from tfctr.spec import FeatureSpec

FEATURES = [
    {"kind": "categorical", "name": "site", "role": "context"},
    {"kind": "categorical", "name": "user", "role": "user", "type": "int"},
    {"kind": "numeric", "name": "price", "role": "item"},
    {"kind": "multi", "name": "tags", "role": "item"},
    {"kind": "vector", "name": "image", "role": "item", "width": 2},
]


def make_spec(features: list[dict] | None = None, *, task: dict | None = None, **source: object) -> FeatureSpec:
    return FeatureSpec.model_validate(
        {
            "name": "log",
            "source": {"max_bad_share": 0.9, **source},
            "features": features or FEATURES,
            "tasks": [{"name": "click", "label": "clicked", **(task or {})}],
            "split": {"by": "hash", "column": (features or FEATURES)[0]["name"]},
        }
    )


TABLE = pa.table(
    {
        "clicked": pa.array([1, 0, 0, 1], pa.float32()),
        "site": pa.array(['say "hi", you', None, "two\nlines", "Müller"]),
        "user": pa.array([1, 2**62, None, -4], pa.int64()),
        "price": pa.array([0.5, None, -1e20, 3], pa.float32()),
        "tags": pa.array([["a", "b"], ["a"], None, ["ü"]], pa.list_(pa.string())),
        "image": pa.array([[1, 2], [0.25, -1], None, [3, 4]], pa.list_(pa.float32())),
    }
)


def read(path: object, spec: FeatureSpec, bad_rows: BadRows | None = None, **options: object) -> pa.Table:
    batches = list(read_log(path, spec, bad_rows=bad_rows, **options))
    return pa.Table.from_batches(batches, schema_of(log_columns(spec)))


def read_text(tmp_path: Path, text: str | bytes, spec: FeatureSpec, name: str = "log.csv") -> tuple[pa.Table, BadRows]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    bad_rows = BadRows()
    return read(path, spec, bad_rows), bad_rows


NUMBERS = [
    {"kind": "categorical", "name": "user", "role": "user", "type": "int"},
    {"kind": "numeric", "name": "price", "role": "item"},
]
