"""What runs inside TFX's Trainer: tfctr's fit driver on transformed files, and the export."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import keras
from tfx.components.trainer.fn_args_utils import FnArgs

from tfctr.data.batches import FilePlan, transformed_dataset
from tfctr.models import CTRModel
from tfctr.serving import export_model
from tfctr.spec import FeatureSpec
from tfctr.training import FitConfig, choose_strategy, fit
from tfctr.transform import TransformOutput
from tfx_pipeline.files import HISTORY_FILE, KERAS_FILE
from tfx_pipeline.model_check import model_class
from tfx_pipeline.modules.embedding_budget import within_budget

EVAL_BATCH = 8192


def run_fn(fn_args: FnArgs) -> None:
    """Train, save the Keras model beside its history, and export it with the transform inside.

    A run that was killed goes on where it stopped: its checkpoints lie beside the outputs of the attempts, in a
    folder named after everything that decides the result.
    """
    custom = fn_args.custom_config
    spec = FeatureSpec.model_validate_json(custom["spec"])
    transform = TransformOutput(fn_args.transform_graph_path, spec=spec)
    config = FitConfig(**{"seed": custom["seed"], **custom["fit"]})
    run_folder = Path(fn_args.model_run_dir)
    resume = run_folder.parent / "resume" / _identity(custom, transform)

    train = FilePlan(fn_args.train_files, spec, batch_size=custom["batch_size"], seed=config.seed)
    valid = transformed_dataset(fn_args.eval_files, spec, batch_size=EVAL_BATCH)
    with choose_strategy().scope():
        model = make_model(custom["model"], custom["hyperparameters"], transform, config.seed)
        result = fit(model, train, valid, config, workdir=resume)

    model.save(run_folder / KERAS_FILE)
    (run_folder / HISTORY_FILE).write_text(json.dumps(list(result.history)))
    export_model(model, transform, Path(fn_args.serving_model_dir))
    shutil.rmtree(resume)


def make_model(name: str, hyperparameters: dict[str, Any], transform: TransformOutput, seed: int) -> CTRModel:
    """Return the model of this name for a transform's spec, with seeded weights.

    An `embedding_budget` among the hyper-parameters becomes tables that keep it, see `within_budget`.

    Raises:
        ValueError: For a budget that no tables can keep.
        SpecError: For an unknown model, and for everything the model needs and the spec lacks.
    """
    kind = model_class(name, transform.spec)
    options = within_budget(kind, hyperparameters, transform)
    keras.utils.set_random_seed(seed)
    model = kind(transform.bound_spec, **options)
    model.build()
    model.set_counts({table: transform.vocabulary_counts(table) for table in transform.spec.tables})
    return model


def _identity(custom: dict[str, Any], transform: TransformOutput) -> str:
    """Name of what is being trained: settings and transform. Another of either starts anew."""
    text = json.dumps(custom, sort_keys=True) + transform.fingerprint
    return hashlib.sha256(text.encode()).hexdigest()[:16]
