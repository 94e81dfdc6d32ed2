"""`export_model`: a trained model and its transform as one SavedModel that answers raw rows."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import tensorflow as tf

from tfctr.data import as_table
from tfctr.data._convert.typed import typed_column
from tfctr.data.frames import Rows
from tfctr.serving._model_card import CARD_FILE, load_report, model_card
from tfctr.serving._serving_module import ServingModule
from tfctr.serving._warmup_requests import BATCH_SIZES, write_warmup
from tfctr.serving.server._signatures import CLASSIFY_METHOD, REGRESS_METHOD

if TYPE_CHECKING:
    from tfctr.models.ctr_model import CTRModel
    from tfctr.transform import TransformOutput

_LOG = logging.getLogger(__name__)


def export_model(
    model: CTRModel,
    transform: TransformOutput,
    directory: str | Path,
    *,
    warmup_rows: Rows | None = None,
) -> Path:
    """Write a SavedModel that takes raw features, with every signature of `ServingModule`.

    The folder is written aside and renamed, so that a server that looks at its parent never sees half of it. Beside the
    graph it holds ``assets.extra/model_card.json`` and, when rows are given, the warm-up requests that
    TensorFlow Serving replays before it serves a version, and a load report in the card.

    Args:
        model: The model; built if it is not yet.
        transform: The transform whose ids it was trained on.
        directory: The version folder itself (``.../ads/3``; see `next_version`), new or empty.
        warmup_rows: A few hundred raw rows, see `as_table`; labels among them are left out. None writes no warm-up.

    Returns:
        The version folder.

    Raises:
        FileExistsError: When `directory` is not empty.
        ValueError: When the model was made for another spec or other vocabularies than the transform's.
        RuntimeError: When Keras does not run on TensorFlow.
    """
    target = Path(directory)
    if target.exists() and any(target.iterdir()):
        raise FileExistsError(f"{target} is not empty; a version is never overwritten, name the next one")
    _check_same_spec(model, transform)
    if not model.built:
        model.build()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as aside:
        written = Path(aside) / "model"
        names = _save(ServingModule(model, transform), written)
        card = model_card(model, transform, written, names)
        if warmup_rows is not None and (table := as_table(warmup_rows)).num_rows:
            card |= _warm(model, written, table, names)
        path = written / CARD_FILE
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(card, indent=2, sort_keys=True, default=str) + "\n", encoding="utf-8")
        if target.exists():
            target.rmdir()
        shutil.move(str(written), str(target))
    _LOG.info("exported %s to %s", type(model).__name__, target)
    return target


def next_version(base_path: str | Path) -> Path:
    """Return the folder of the version after the latest one under `base_path`; version 1 when there is none."""
    base = Path(base_path)
    found = [int(path.name) for path in base.glob("*") if path.name.isdecimal()] if base.is_dir() else []
    return base / str(max(found, default=0) + 1)


def _check_same_spec(model: CTRModel, transform: TransformOutput) -> None:
    """Refuse a model whose ids mean something else than the transform's."""
    bound = transform.bound_spec
    if model.spec.rows != bound.rows:
        differing = {
            name: (model.spec.rows.get(name), bound.rows.get(name))
            for name in {*model.spec.rows, *bound.rows}
            if model.spec.rows.get(name) != bound.rows.get(name)
        }
        raise ValueError(f"the model and the transform have tables of different size (model, transform): {differing}")
    if model.spec.spec.features != bound.spec.features or model.spec.spec.tasks != bound.spec.tasks:
        raise ValueError(
            f"the model was made for spec {model.spec.spec.name!r} with other features or tasks than the transform's "
            f"spec {bound.spec.name!r}; export it with the transform it was trained on"
        )


def _save(module: ServingModule, folder: Path) -> list[str]:
    """Write the SavedModel and give classify and regress TensorFlow Serving's method names."""
    signatures = module.signatures()
    tf.saved_model.save(module, str(folder), signatures=signatures)
    updater = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(str(folder))
    for name in signatures:
        if name == "classify":
            updater.replace_method_name(name, CLASSIFY_METHOD, tags="serve")
        elif name == "regress" or name.startswith("regress_"):
            updater.replace_method_name(name, REGRESS_METHOD, tags="serve")
    updater.save()
    return sorted(signatures)


def _warm(model: CTRModel, folder: Path, table: pa.Table, signatures: list[str]) -> dict[str, Any]:
    """Write the warm-up requests and measure the model on the same rows; return what joins the card."""
    spec = model.spec.spec
    columns = spec.raw_columns(serving=True)
    head = table.select([column.name for column in columns]).slice(0, max(BATCH_SIZES))
    rows = pa.table({column.name: typed_column(head.column(column.name), column) for column in columns}).to_pylist()
    write_warmup(folder, spec.name, rows, columns, signatures)
    return {"load_report": load_report(folder, rows, columns, signatures)}
