"""The fit driver: `model.fit` an epoch at a time, with exact resume, best weights and early stopping."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import keras
import tensorflow as tf

from tfctr.data._atomic_write import atomic_write
from tfctr.data._locks import locked
from tfctr.data.batches import BatchPlan, SampledNegatives
from tfctr.spec import AnyTask
from tfctr.training._checkpoint import (
    Progress,
    load_checkpoint,
    load_weights,
    run_fingerprint,
    save_checkpoint,
    save_weights,
)
from tfctr.training._curves import ScalarLog, write_curves
from tfctr.training._memory_check import refuse_external_rows, refuse_untrainable
from tfctr.training._run_callbacks import RunCallbacks
from tfctr.training._step_callback import StepCallback
from tfctr.training.config import FitConfig, monitored_figure
from tfctr.training.evaluation import evaluate
from tfctr.training.id_check import CheckedBatches
from tfctr.training.metrics import DomainFigures
from tfctr.training.metrics.by_domain import read_domains, write_domains
from tfctr.training.optimizers import make_optimizer
from tfctr.training.steps.step import Step
from tfctr.training.strategy import build_loss, is_chief, number, spans_workers, split_by_rows, strategy_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitResult:
    """What training gave.

    Attributes:
        history: One dict an epoch: loss, validation figures, learning rate, seconds, examples per second.
        best_epoch: Index into `history` of the best epoch, whose weights the model now has unless the last was kept.
        domains: Task -> validation figures of each domain with these weights; empty for a spec without a domain.
    """

    history: tuple[dict[str, float], ...]
    best_epoch: int
    domains: dict[str, DomainFigures] = field(default_factory=dict)

    @property
    def best(self) -> dict[str, float]:
        """Figures of the best epoch."""
        return self.history[self.best_epoch]


def fit(
    model: keras.Model,
    train: BatchPlan,
    valid: Any,
    config: FitConfig | None = None,
    workdir: str | Path | None = None,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
    *,
    keep: Literal["best", "last"] = "best",
    step: Step | None = None,
    domain_names: Mapping[int, str] | None = None,
) -> FitResult:
    """Train `model`, keep its best epoch, and continue exactly where an earlier run in `workdir` stopped.

    A run that was killed and started again goes through the same batches with the same state as one that was
    not, and ends with the same weights, bit for bit on a CPU.

    Under a `tf.distribute` strategy (see `tfctr.training.strategy`) the plan's batch is the joint batch. With
    several workers every one of them calls `fit` with equal arguments; the first one writes the files, the others
    read them when a run is resumed, so `workdir` is a folder that all see. Workers would have to agree on a
    step to save in the middle of an epoch, so that checkpoints are written at the end of epochs only.

    Args:
        model: Built model; compiled here with the optimizer of `config` unless it is compiled already.
        train: BatchPlan by epoch, see `tfctr.data.batches.BatchPlan`. A task with a `negative_rate` is trained on
            that share of its negative rows.
        valid: Data set of ``(features, labels[, weights])`` that decides which epoch is best.
        config: Settings; the defaults of `FitConfig` when None.
        workdir: Folder for checkpoint, best weights, `history.jsonl`, of several epochs `curves.png`, and
            where the spec has a domain `domains.json`; None keeps nothing on disk but then cannot resume.
        callbacks: Keras callbacks. They see the run as one ``model.fit`` with validation; what they count goes into
            the checkpoint. One that sets ``model.stop_training`` ends the run after the epoch.
        keep: Which epoch's weights the model ends with; the last one's are wanted where it ends a schedule.
        step: Takes the place of Keras' training step, see `tfctr.training.steps`; its state is in the checkpoint too.
        domain_names: Names of domains for `domains.json`, see `evaluate`.

    Returns:
        The history; `model` holds the weights that `keep` says.

    Raises:
        DataError: When another process trains in `workdir`.
        DivergedError: When the loss is NaN or infinite; names step, batch and feature.
        IdOutOfRangeError: In debug mode, for an id outside its vocabulary.
        TooLargeError: When the slots of the tables would not fit into memory, before any is made.
        ValueError: When the checkpoint in `workdir` belongs to another run or is truncated, TensorBoard's files are
            wanted and there is no folder for them, the model was made with another precision than is wanted, or a step
            of its own meets several replicas.
    """
    config = config or FitConfig()
    with _alone_in(workdir, model):
        run = _Run(model, train, valid, config, workdir, callbacks, keep, step, domain_names)
        with run.checked, run.stepping():
            run.callbacks.begin(run.progress.callbacks)
            while not run.progress.finished:
                run.one_epoch()
            run.callbacks.end()
        return run.result()


def _alone_in(workdir: str | Path | None, model: keras.Model) -> contextlib.AbstractContextManager[None]:
    """The folder's lock, for the worker that writes: two runs would continue each other's checkpoints."""
    if workdir is None or not is_chief(strategy_of(model)):
        return contextlib.nullcontext()
    return locked(Path(workdir), wait_seconds=0)


class _Run:
    """One training run, its state and its files."""

    def __init__(
        self,
        model: keras.Model,
        train: BatchPlan,
        valid: Any,
        config: FitConfig,
        workdir: str | Path | None,
        callbacks: tuple[keras.callbacks.Callback, ...],
        keep: Literal["best", "last"],
        step: Step | None,
        domain_names: Mapping[int, str] | None,
    ):
        self.keep, self.step, self.domain_names = keep, step, domain_names
        self.model, self.train, self.config = model, _thinned(train, model, config), config
        self.checked = CheckedBatches(model.spec, active=config.debug)
        self.valid = self.checked(valid)
        self.callbacks = RunCallbacks(callbacks)
        self.callbacks.set_model(model)
        self.folder = Path(workdir) if workdir is not None else None
        self.strategy = strategy_of(model)
        self.writes = self.folder is not None and is_chief(self.strategy)
        self._scalars = self._scalar_log()
        self._best_in_memory: list[Any] = []
        self._domains: dict[str, DomainFigures] = {}
        self._metrics: list[Any] = []
        self._loss_built = False
        with self.strategy.scope():
            _compile(model, config)
        settings = [config.model_dump(exclude={"tensorboard", "debug"}), train.steps_per_epoch]
        if step is not None:
            _refuse_replicas(self.strategy)
            step.build(model)
            self.search = None if step.search is None else _thinned(step.search, model, config)
            settings.append({"step": type(step).__name__, **step.settings()})
        self.fingerprint = run_fingerprint(model, *settings)
        self.progress = self._resume()

    def _scalar_log(self) -> ScalarLog | None:
        if not self.config.tensorboard:
            return None
        if self.folder is None:
            raise ValueError("tensorboard=True writes into workdir, which is None; give a folder")
        return ScalarLog(self.folder / "tensorboard") if self.writes else None

    @property
    def _best(self) -> Path:
        assert self.folder is not None
        return self.folder / "best.npz"

    @property
    def _checkpoint(self) -> Path | None:
        return self.folder / "checkpoint.npz" if self.folder else None

    def _resume(self) -> Progress:
        if self._checkpoint is None or not self._checkpoint.exists():
            return Progress()
        assert self.folder is not None
        self._domains = read_domains(self.folder)
        if not self.writes and self._best.exists():
            load_weights(self._best, self.model)
            self._best_in_memory = self.model.get_weights()
        progress, self._metrics = load_checkpoint(self._checkpoint, self.model, self.fingerprint, self._of_step)
        logger.info("resuming at epoch %d, step %d", progress.epoch + 1, progress.step)
        return progress

    @property
    def saves_within_epochs(self) -> bool:
        """Whether a checkpoint may be written between two steps."""
        return self.writes and not spans_workers(self.strategy)

    def save(self) -> None:
        """Write the checkpoint, if there is a folder for it and this process writes."""
        if self.writes and self._checkpoint is not None:
            self.progress.callbacks = self.callbacks.state()
            # Reading a running metric asks all workers for their part, and the others are not here.
            within = not spans_workers(self.strategy)
            save_checkpoint(
                self._checkpoint, self.model, self.progress, self.fingerprint, self._of_step, metrics=within
            )

    @property
    def _of_step(self) -> list[Any]:
        """What lasts from step to step beside the model."""
        return [] if self.step is None else self.step.variables

    @contextlib.contextmanager
    def stepping(self) -> Iterator[None]:
        """Within the block the model trains by the step of this run."""
        if self.step is None:
            yield
            return
        self.model.take_step(self.step)
        try:
            yield
        finally:
            self.model.take_step(None)

    def take_metrics(self) -> list[Any]:
        """Return the running metrics of an epoch that was broken off, once."""
        metrics, self._metrics = self._metrics, []
        return metrics

    def one_epoch(self) -> None:
        """Train the epoch in hand to its end, judge it, and decide whether there is another."""
        epoch, started = self.progress.epoch, time.perf_counter()
        first_step = self.callbacks.first_step = self.progress.step
        watcher = StepCallback(self)
        logs: dict[str, float] = {}
        if first_step < self.train.steps_per_epoch:
            batches = self.train.epoch(epoch, first_step)
            self._prepare_replicas(batches)
            elements = split_by_rows(self.checked(batches), self.strategy)
            fitted = self.model.fit(
                elements if self.step is None else self.step.batches(elements, self.search, epoch, first_step),
                epochs=epoch + 1,
                initial_epoch=epoch,
                steps_per_epoch=self.train.steps_per_epoch - first_step,
                callbacks=[self.callbacks, watcher],  # the last one saves what the others count
                shuffle=False,  # the plan decides the order
                verbose=0,
            )
            logs = {name: float(values[-1]) for name, values in fitted.history.items()}
        seconds = time.perf_counter() - started
        evaluation = evaluate(self.model, self.valid, domain_names=self.domain_names)
        figures = {f"val_{name}": value for name, value in evaluation.items()}
        rate = number(self.model.optimizer.learning_rate)
        row = {"epoch": epoch, **logs, **figures, "learning_rate": rate, "seconds": seconds, **watcher.speed()}
        self._judge(row)
        if self.keep == "last" or self.progress.best_epoch == epoch:
            self._keep_domains(evaluation.domains)
        self.callbacks.end_epoch(epoch, row)
        self.progress.finished |= bool(getattr(self.model, "stop_training", False))  # Keras sets it in its fit
        if self._scalars is not None:
            self._scalars.write(row)
        self.save()

    def _prepare_replicas(self, batches: tf.data.Dataset) -> None:
        """Build the loss once, where Keras itself could not."""
        if (self.strategy.num_replicas_in_sync > 1 or self.step is not None) and not self._loss_built:
            build_loss(self.model, next(iter(batches)))
            self._loss_built = True

    def _judge(self, row: dict[str, float]) -> None:
        """Keep the weights if the epoch is the best, else cut the rate; stop when patience is over."""
        progress, config = self.progress, self.config
        value = _monitored(row, config.monitor, self.model.spec.spec.tasks)
        progress.history.append(row)
        sign = 1 if config.higher_is_better else -1
        if progress.best is None or sign * (value - progress.best) > config.min_delta:
            progress.best, progress.best_epoch, progress.stale_epochs = value, len(progress.history) - 1, 0
            self._keep_best()
        else:
            progress.stale_epochs += 1
            rate = number(self.model.optimizer.learning_rate)
            self.model.optimizer.learning_rate = max(rate * config.rate_factor, config.min_learning_rate)
        progress.epoch += 1
        progress.step = 0
        progress.finished = progress.stale_epochs >= config.patience or progress.epoch >= config.epochs
        self._write_history()

    def _keep_best(self) -> None:
        if self.writes:
            save_weights(self._best, self.model)
        else:
            self._best_in_memory = self.model.get_weights()

    def _keep_domains(self, domains: dict[str, DomainFigures]) -> None:
        self._domains = domains
        if self.writes and self.folder is not None and domains:
            write_domains(self.folder, domains)

    def _write_history(self) -> None:
        if not self.writes or self.folder is None:
            return
        with atomic_write(self.folder / "history.jsonl") as partial:
            partial.write_text("".join(json.dumps(row) + "\n" for row in self.progress.history))

    def result(self) -> FitResult:
        """Put the weights that are kept into the model, draw the curves and return the history."""
        if self.writes and self.folder is not None and len(self.progress.history) > 1:  # one epoch makes no curve
            write_curves(self.folder / "curves.png", self.progress.history)
        if self.keep == "best":
            if self.writes:
                load_weights(self._best, self.model)
            else:
                self.model.set_weights(self._best_in_memory)
        return FitResult(tuple(self.progress.history), self.progress.best_epoch, self._domains)


def _refuse_replicas(strategy: tf.distribute.Strategy) -> None:
    if strategy.num_replicas_in_sync > 1:
        raise ValueError(
            f"a step of its own runs on one device, the strategy has {strategy.num_replicas_in_sync} replicas; train "
            "without a strategy"
        )


def _check_precision(model: keras.Model, config: FitConfig) -> None:
    """A built model cannot change its precision, and training in another one than was asked for would be silent."""
    made_with = model.dtype_policy.name
    if config.precision not in ("float32", made_with):
        raise ValueError(
            f"precision is {config.precision!r}, but the model was made with {made_with!r}. Make it with "
            f"dtype={config.precision!r}"
        )


def _compile(model: keras.Model, config: FitConfig) -> None:
    """Build and compile with the settings' optimizer, unless the caller has compiled the model."""
    _check_precision(model, config)
    optimizer = model.optimizer if model.compiled else make_optimizer(config)
    refuse_untrainable(model, optimizer)
    if not model.built:
        model.build()
    refuse_external_rows(model)
    if not model.compiled:
        model.compile(
            optimizer=optimizer,
            jit_compile=config.jit_compile,
            steps_per_execution=config.steps_per_execution,
        )
    model.optimizer.build(model.trainable_variables)


def _thinned(train: BatchPlan, model: keras.Model, config: FitConfig) -> BatchPlan:
    """The plan without the negatives that the spec's task leaves out of training."""
    task = model.spec.spec.tasks[0]
    return SampledNegatives(train, task.negative_rate, seed=config.seed) if task.drops_negatives else train


def _monitored(row: dict[str, float], monitor: str, tasks: Sequence[AnyTask]) -> float:
    """The figure that decides; with several tasks the mean over those that have it."""
    found = {}
    for task in tasks:
        figure = monitored_figure(task.kind, monitor)
        name = f"val_{task.name}_{figure}" if len(tasks) > 1 else f"val_{figure}"
        found[task.name] = row.get(name, math.nan)
    values = [value for value in found.values() if value == value]
    if values and len(values) < len(tasks):
        without = ", ".join(task for task, value in found.items() if value != value)
        logger.warning("%s of %s cannot be computed on the validation rows; the other tasks decide", monitor, without)
    if not values:
        raise ValueError(
            f"{monitor} cannot be computed on the validation rows: they are empty, hold one class only (of numbers one "
            "number), or (for gauc) have no group or no yes/no task. Give other rows or monitor='logloss'."
        )
    return sum(values) / len(values)


def history_of(workdir: str | Path) -> Iterator[dict[str, float]]:
    """Yield the rows of a run's `history.jsonl`."""
    for line in (Path(workdir) / "history.jsonl").read_text().splitlines():
        yield json.loads(line)
