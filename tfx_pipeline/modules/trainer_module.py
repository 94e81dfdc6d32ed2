"""What runs inside TFX's Trainer: a plan on transformed files, and the export."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import keras
from tfx.components.trainer.fn_args_utils import FnArgs

from tfctr.data.batches import FilePlan, transformed_dataset
from tfctr.layers._base import dtype_policy
from tfctr.models import CTRModel, quantize_tables
from tfctr.plans import Plan
from tfctr.serving import export_model
from tfctr.spec import FeatureSpec
from tfctr.training import FitConfig, choose_strategy
from tfctr.training.metrics.by_domain import DOMAINS_FILE
from tfctr.transform import TransformOutput
from tfx_pipeline.files import HISTORY_FILE, KERAS_FILE, STAGES_FILE, START_FILE
from tfx_pipeline.model_check import model_class, plan_class
from tfx_pipeline.modules.embedding_budget import within_budget
from tfx_pipeline.modules.warm_start import keep_for_warm_start, warm_started
from tfx_pipeline.start import Start

EVAL_BATCH = 8192
CURVES = ("history.jsonl", "curves.png", DOMAINS_FILE, "tensorboard")
"""What `fit` leaves in its folder for people, checkpoints apart."""


def run_fn(fn_args: FnArgs) -> None:
    """Train, save the Keras model beside its history and curves, and export it with the transform inside.

    With ``warm_start`` training goes on from the base model, grown to today's vocabularies; see `warm_started`.

    A run that was killed goes on where it stopped: its checkpoints lie beside the outputs of the attempts, in a
    folder named after everything that decides the result.
    """
    custom = fn_args.custom_config
    spec = FeatureSpec.model_validate_json(custom["spec"])
    transform = TransformOutput(fn_args.transform_graph_path, spec=spec)
    config = FitConfig(**{"seed": custom["seed"], **custom["fit"]})
    run_folder = Path(fn_args.model_run_dir)
    resume = run_folder.parent / "resume" / _identity(custom, transform, fn_args.base_model)

    train = FilePlan(fn_args.train_files, spec, batch_size=custom["batch_size"], seed=config.seed)
    valid = transformed_dataset(fn_args.eval_files, spec, batch_size=EVAL_BATCH)
    plan = make_plan(custom, spec, config)
    with choose_strategy().scope():
        warm, start = _warm_start(custom, transform, config, fn_args.base_model)

        def make(**changes: Any) -> CTRModel:
            options = {**custom["hyperparameters"], **changes}
            return warm or make_model(custom["model"], options, transform, config.seed)

        model = plan.run(
            transform.bound_spec, train, valid, resume, make_model=make, domain_names=transform.domain_names
        )

    precision = custom["table_precision"]
    served = model if precision is None else quantize_tables(model, precision)
    served.save(run_folder / KERAS_FILE)
    (run_folder / HISTORY_FILE).write_text(json.dumps(plan.history(resume)))
    (run_folder / STAGES_FILE).write_text(json.dumps(plan.reports(resume)))
    export_model(served, transform, Path(fn_args.serving_model_dir))
    if start is not None:
        (run_folder / START_FILE).write_text(start.to_json())
        keep_for_warm_start(model, transform, Path(fn_args.serving_model_dir))
    for folder in plan.folders(resume).values():
        keep_curves(folder, run_folder / folder.relative_to(resume))
    shutil.rmtree(resume)


def make_plan(custom: dict[str, Any], spec: FeatureSpec, config: FitConfig) -> Plan:
    """Return the plan that the settings name, for the model that they name.

    Raises:
        SpecError: For an unknown plan or model, and for everything either needs and the spec lacks.
    """
    model = model_class(custom["model"], spec)
    plan = plan_class(custom["plan"], model, spec)
    return plan(model, custom["hyperparameters"], config, **custom["plan_settings"])


def _warm_start(
    custom: dict[str, Any], transform: TransformOutput, config: FitConfig, base: str | None
) -> tuple[CTRModel | None, Start | None]:
    """The grown base model, None where there is none to go on with; and what happened where one was wanted."""
    if custom["warm_start"] is None:
        return None, None
    with dtype_policy(config.precision):
        wanted = unbuilt_model(custom["model"], custom["hyperparameters"], transform, config.seed)
        return warm_started(wanted, transform, base, config, custom["warm_start"])


def keep_curves(resume: Path, run_folder: Path) -> None:
    """Move what a fit leaves for people, TensorBoard's files where they were wanted, beside the trained model."""
    for name in CURVES:
        if (resume / name).exists():
            run_folder.mkdir(exist_ok=True)
            shutil.move(resume / name, run_folder / name)


def make_model(name: str, hyperparameters: dict[str, Any], transform: TransformOutput, seed: int) -> CTRModel:
    """Return the model of this name for a transform's spec, with seeded weights.

    An `embedding_budget` among the hyper-parameters becomes tables that keep it, see `within_budget`.

    Raises:
        ValueError: For a budget that no tables can keep.
        SpecError: For an unknown model, and for everything the model needs and the spec lacks.
    """
    model = unbuilt_model(name, hyperparameters, transform, seed)
    model.build()
    model.set_counts({table: transform.vocabulary_counts(table) for table in transform.spec.tables})
    return model


def unbuilt_model(name: str, hyperparameters: dict[str, Any], transform: TransformOutput, seed: int) -> CTRModel:
    """Return the model of `make_model` before it has weights."""
    kind = model_class(name, transform.spec)
    options = within_budget(kind, hyperparameters, transform)
    keras.utils.set_random_seed(seed)
    return kind(transform.bound_spec, **options)


def _identity(custom: dict[str, Any], transform: TransformOutput, base: str | None) -> str:
    """Name of what is being trained: settings, transform, base model. Another of any starts anew."""
    text = json.dumps([custom, base], sort_keys=True) + transform.fingerprint
    return hashlib.sha256(text.encode()).hexdigest()[:16]
