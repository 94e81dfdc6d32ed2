"""Settings of one training run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tfctr.spec._base import Frozen

MONITORED = {
    "survival": {"auc": "c_index", "logloss": "nll"},
    "regression": {"auc": "r2", "logloss": "relative_error"},
}
"""Kind of task -> what a monitored figure is called there, where it has another name. None has a unit: of several
tasks the mean decides."""


def monitored_figure(kind: str, monitor: str) -> str:
    """Return what a monitored figure is called for a task of this kind.

    >>> monitored_figure("regression", "auc"), monitored_figure("binary", "auc")
    ('r2', 'auc')
    """
    return MONITORED.get(kind, {}).get(monitor, monitor)


class FitConfig(Frozen):
    """How a model is fitted.

    Args:
        epochs: Most passes over the training rows.
        optimizer: `lazy_adam` touches only the embedding rows of the batch, so that a step costs the same
            for any vocabulary; `adam` is Keras' dense one, which published results used. `lazy_adagrad`,
            `lazy_ftrl` and `lazy_sgd` are the sparse forms of their namesakes.
        learning_rate: Step size; 0.001 is what public CTR benchmarks use with Adam.
        monitor: Validation figure that decides which epoch is best, when the rate is cut and when to stop. For survival
            tasks `auc` stands for the C-index and `logloss` for the negative log-likelihood; for regression tasks `auc`
            stands for R² and `logloss` for the RMSE over the labels' standard deviation.
        patience: Epochs without a better figure after which training stops.
        min_delta: What counts as better.
        rate_factor: The learning rate is multiplied by this after an epoch that was not better; 1 keeps it.
        min_learning_rate: The rate is never cut below this.
        clip_norm: Gradients are scaled down to this global norm; None leaves them. Sparse gradients stay
            sparse. On Frappe (five seeds) a norm of 10, which published results had, raises the test AUC of a DNN
            from 0.9840 to 0.9847 and lowers its logloss from 0.1594 to 0.1545.
        gradient_accumulation_steps: Batches whose mean gradient makes one step: a larger batch than memory holds.
            Sparse gradients stay sparse; the sums take as much memory as the weights. Batches left over at the
            end of an epoch count for the next one's first step.
        jit_compile: Compile the step with XLA. Off: on a CPU it gained nothing where it was measured, and
            gradients of tables turn dense.
        precision: Keras dtype policy that the model is made with (``dtype=config.precision``);
            `mixed_bfloat16` pays on CPUs with AVX512-BF16, GPUs and TPUs. The pipeline and the benchmarks make
            their models so; `fit` refuses a model made otherwise when this is not the default.
        steps_per_execution: Steps that run between two looks of Python at the progress.
        checkpoint_seconds: A run that dies loses at most about this much work.
        tensorboard: Write the figures of each epoch to ``workdir/tensorboard`` too. Off: `history.jsonl` and
            `curves.png` stand there anyway.
        debug: Look at every id before each step and each validation, and stop with its name where one lies outside
            its vocabulary (see `tfctr.training.id_check`). Off: such an id is out-of-vocabulary.
        seed: Fixes initial weights, order of rows, dropout and which negatives are left out.
    """

    epochs: int = Field(default=20, ge=1)
    optimizer: Literal["lazy_adam", "lazy_adagrad", "lazy_ftrl", "lazy_sgd", "adam"] = "lazy_adam"
    learning_rate: float = Field(default=1e-3, gt=0)
    monitor: Literal["auc", "gauc", "logloss"] = "auc"
    patience: int = Field(default=2, ge=1)
    min_delta: float = Field(default=1e-6, ge=0)
    rate_factor: float = Field(default=0.1, gt=0, le=1)
    min_learning_rate: float = Field(default=1e-6, ge=0)
    clip_norm: float | None = Field(default=None, gt=0)
    gradient_accumulation_steps: int = Field(default=1, ge=1)
    jit_compile: bool = False
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    steps_per_execution: int = Field(default=1, ge=1)
    checkpoint_seconds: float = Field(default=60.0, ge=0)
    tensorboard: bool = False
    debug: bool = False
    seed: int = 0

    @property
    def higher_is_better(self) -> bool:
        """Whether the monitored figure is better when it is larger."""
        return self.monitor != "logloss"
