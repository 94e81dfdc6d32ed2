"""PipelineConfig: everything a run of the pipeline is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tfctr.spec import FeatureSpec, load_spec
from tfx_pipeline.gates_file import load_gates

CONFIG_FILE = "config.json"

LOCAL_BEAM = (
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "--direct_running_mode=in_memory",
    "--direct_num_workers=1",
    "--no_pipeline_type_check",  # an eighth of the time, for steps that are always the same
    "--sdk_container_image=none",  # there are no other workers; TFX would pack itself for them, four times a run
)
"""Beam in this process. Beam's DirectRunner would first try to download another runner, Prism."""


class PipelineConfig(BaseModel):
    """A run of the pipeline; frozen, unknown keys are refused.

    Args:
        spec: Path of the feature spec (YAML).
        model: Name in `tfctr.models.MODELS`.
        hyperparameters: Keyword arguments of the model. ``embedding_budget``, such as ``"64 MB"``, picks the form and
            size of every table from the vocabularies' counts; the log says what it chose.
        plan: Name in `tfctr.plans.PLANS`: how the model comes about.
        plan_settings: Fields of the plan's `Settings`.
        fit: Fields of `tfctr.training.FitConfig`; what is left out keeps its default.
        table_precision: ``int8`` or ``int4`` rounds the rows of the trained model's tables, see
            `tfctr.models.quantize_tables`; gate, parity and server see the rounded model. None keeps float32.
        batch_size: Rows in a training batch.
        warm_start: Whether training goes on from the last blessed model that saw other data, grown to today's
            vocabularies, instead of starting from scratch; where that cannot be, the run says why and starts anew.
            Only the plan ``Fit`` takes it.
        new_rows: What ids that this model did not know start from, see `tfctr.training.growth.grow`.
        data: File, glob or name of a registered data set; None takes `source.dataset` of the spec.
        workdir: Folder for everything a run makes.
        serving_dir: Folder of the models served; None takes ``workdir/serving``. A model is pushed to
            ``serving_dir/<name of the spec>/<version>``.
        gates: YAML file with bounds that replace those of the spec; None keeps them.
        seed: Seeds the splits, the initial weights and the order of rows.
        parity_rows: Rows of the test split sent through every exported signature before a push.
        parity_tolerance: Allowed difference to the training-time probability, absolute or relative,
            whichever is larger. 1e-6 is about ten float32 roundings.
        cache: Whether steps with unchanged inputs, code and settings are taken from the last run.
        beam_args: Flags for Beam; a cluster's flags go here.

    Example:
        >>> PipelineConfig(spec="feature_specs/movielens_100k.yaml", workdir="runs/ml").serving
        PosixPath('runs/ml/serving')
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: Path
    model: str = "FinalMLP"
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    plan: str = "Fit"
    plan_settings: dict[str, Any] = Field(default_factory=dict)
    fit: dict[str, Any] = Field(default_factory=dict)
    table_precision: Literal["int8", "int4"] | None = None
    batch_size: int = Field(default=1024, ge=1)
    warm_start: bool = False
    new_rows: Literal["oov", "popularity"] = "oov"
    data: str | None = None
    workdir: Path = Path("runs/pipeline")
    serving_dir: Path | None = None
    gates: Path | None = None
    seed: int = 0
    parity_rows: int = Field(default=512, ge=1)
    parity_tolerance: float = Field(default=1e-6, gt=0)
    cache: bool = True
    beam_args: tuple[str, ...] = LOCAL_BEAM

    @property
    def serving(self) -> Path:
        """Folder of the models served."""
        return self.serving_dir or self.workdir / "serving"

    @property
    def prepared(self) -> Path:
        """Folder of the prepared rows, one folder a split."""
        return self.workdir / "data"

    @property
    def metadata_path(self) -> Path:
        """ML Metadata's database."""
        return self.workdir / "metadata.sqlite"

    def write(self) -> None:
        """Write the settings into the run's folder, for `report`, `why` and people."""
        (self.workdir / CONFIG_FILE).write_text(self.model_dump_json(indent=2), "utf-8")

    @classmethod
    def read(cls, workdir: Path) -> PipelineConfig:
        """Return the settings of the last run in a folder.

        Raises:
            FileNotFoundError: When nothing ran there.
        """
        path = workdir / CONFIG_FILE
        if not path.exists():
            raise FileNotFoundError(f"nothing ran in {workdir}: no {CONFIG_FILE} there")
        return cls.model_validate_json(path.read_text("utf-8"))

    def read_spec(self) -> FeatureSpec:
        """Load the spec, with the gates file's bounds where one is given.

        Raises:
            SpecError: When either file is wrong; every problem with file, line and key.
        """
        spec = load_spec(self.spec)
        return spec if self.gates is None else spec.model_copy(update={"gates": load_gates(self.gates)})

    def source_of(self, spec: FeatureSpec) -> str:
        """Return the data to read: `data`, or the registered data set the spec names.

        Raises:
            ValueError: When neither is given.
        """
        source = self.data or spec.source.dataset
        if not source:
            raise ValueError(
                f"{self.spec}: no data. Name a file or a registered data set with --data, or give the spec "
                "`source: {dataset: ...}`."
            )
        return source
