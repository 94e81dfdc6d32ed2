"""What every model is: a bound spec in, the transformed example in, probabilities or numbers out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
from keras import KerasTensor, ops

from tfctr.layers._base import ConfigFromInit, deserialize_if_config
from tfctr.layers._walk import layers_of
from tfctr.layers._weight_options import WeightOptions, handed_down, initializer_of, is_seeded
from tfctr.layers.embedding import (
    BatchL2,
    EmbeddingTable,
    FeatureEmbedding,
    FeatureGates,
    FirstOrder,
    FullTable,
    RowPenalty,
)
from tfctr.layers.regression import RegressionLoss
from tfctr.layers.survival import SurvivalLoss, integrated_hazards
from tfctr.models._export import export_model, input_signature
from tfctr.models._own_step import OwnStep
from tfctr.models._tower_ranks import factor_towers
from tfctr.models._traced_once import TracedOnce
from tfctr.models.extra_signature import ExtraSignature
from tfctr.spec import AnyTask, BoundSpec, FeatureSpec, Problem, RegressionTask, SpecError, SurvivalTask


class CTRModel(ConfigFromInit, WeightOptions, OwnStep, TracedOnce):
    """Base of all models. A subclass says in `logits` how a paper turns an example into a logit.

    Args:
        spec: Bound spec (or its plain form, as saved models carry it).
        embedding_dim: Width of every embedding. 16 by default, the usual width of public benchmarks.
        table: Template of the embedding table; `FullTable()` when None. Compression swaps it.
        tables: Vocabulary name -> template, for vocabularies with a table of their own; `plan_tables` chooses them
            from a budget.
        embedding_l2: Strength of the penalty on embedding rows: a number means `BatchL2` (rows of the batch
            only), a `RowPenalty` is taken as it is, 0 means none.
        embedding_initializer: Keras initializer of the embedding rows of all tables; None leaves each table its own.
        kernel_initializer: Keras initializer of the kernels of towers, crosses, attentions, experts and heads: an
            object, a name or a configuration. None leaves each layer its own, mostly Glorot's normal one.
        kernel_regularizer: Keras regularizer of these kernels, such as ``keras.regularizers.L2(1e-5)``. Its loss
            enters training and what `evaluate` of Keras calls the loss.
        bias_regularizer: The same for their biases. Published benchmarks with a `net_regularizer` λ add
            ``λ/2 Σ w²`` over kernels and biases: give both ``L2(λ / 2)``.
        learning_rates: Name of a vocabulary, number or vector -> multiplier of the learning rate of its embedding
            rows; 0 freezes them. None trains all alike. Needs an optimizer of `tfctr.training.optimizers`.
        value_gates: A gate for each value of a feature, in embeddings and linear part alike; a search sets them.
        ranks: Tower -> linear map -> rank of the two thin maps in its place, see `MLP`; compression sets it.
        inner_activation: Whether a tower's activation stands between two such maps too.

    Input:
        Dict of tensors named and shaped as ``spec.inputs()``; further keys are ignored.

    Output:
        Probability, float32 ``(batch, 1)``; a dict of task -> probability when the spec has several tasks. When a
        task has a `negative_rate` r, a learned p is returned as ``p / (p + (1 - p) / r)`` (its log-odds plus
        ``log r``), except in training, where p itself meets the sampled rows. A regression task has the number itself,
        float32 ``(batch, 1)``: ``mean + deviation · logit`` with the label's, which the bound spec knows. A survival
        task has the integrated hazard of each interval, float32 ``(batch, intervals)``, of which
        `tfctr.layers.survival` makes curves.

    Reference for the correction: He et al., "Practical Lessons from Predicting Clicks on Ads at Facebook", ADKDD
    2014, section 6.3.

    Raises:
        SpecError: With everything that `problems` finds.

    Example:
        >>> from tfctr.models import DNN
        >>> spec = FeatureSpec(
        ...     name="ads",
        ...     features=[{"kind": "categorical", "name": "site", "role": "context"}],
        ...     tasks=[{"name": "click", "label": "clicked"}],
        ...     split={"by": "hash", "column": "site"},
        ... )
        >>> model = DNN(spec.bind({"site": 120}), hidden_units=(64, 32))
        >>> print(model({"site": np.array([3, 7])}).shape)
        (2, 1)
    """

    task_kinds: ClassVar[tuple[str, ...]] = ("binary", "regression")
    """Kinds of task that the model can predict."""

    def __init__(
        self,
        spec: BoundSpec | dict[str, Any],
        *,
        embedding_dim: int = 16,
        table: EmbeddingTable | None = None,
        tables: dict[str, EmbeddingTable] | None = None,
        embedding_l2: float | RowPenalty = 0.0,
        embedding_initializer: Any = None,
        kernel_initializer: Any = None,
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        learning_rates: dict[str, float] | None = None,
        value_gates: FeatureGates | None = None,
        ranks: dict[str, dict[str, int]] | None = None,
        inner_activation: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.spec = BoundSpec.coerce(spec)
        if problems := self.problems(self.spec.spec):
            raise SpecError(problems)
        self.embedding_dim = embedding_dim
        self.table = deserialize_if_config(table)
        self.tables = {name: deserialize_if_config(template) for name, template in (tables or {}).items()}
        self.embedding_l2 = deserialize_if_config(embedding_l2)
        self.embedding_initializer = initializer_of(embedding_initializer)
        self.keep_weight_options(
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
        )
        self.learning_rates = dict(learning_rates or {})
        self.value_gates = deserialize_if_config(value_gates)
        self.ranks = {tower: dict(maps) for tower, maps in (ranks or {}).items()}
        self.inner_activation = inner_activation

    @classmethod
    def problems(cls, spec: FeatureSpec) -> list[Problem]:
        """Return what this model needs and `spec` does not have; empty when they fit.

        One task is wanted unless a subclass says that it predicts several, of the kinds in `task_kinds`.
        """
        if problems := cls.kind_problems(spec):
            return problems
        if len(spec.tasks) == 1:
            return []
        tasks = ", ".join(task.name for task in spec.tasks)
        return [
            Problem(f"{cls.__name__} predicts one task, the spec has {len(spec.tasks)}: {tasks}; keep one", "tasks")
        ]

    @classmethod
    def kind_problems(cls, spec: FeatureSpec) -> list[Problem]:
        """Return the tasks of kinds that this model does not predict."""
        kinds = " and ".join(cls.task_kinds)
        return [
            Problem(
                f"{cls.__name__} predicts {kinds} tasks, {task.name!r} is a {task.kind} task", f"tasks.{index}.kind"
            )
            for index, task in enumerate(spec.tasks)
            if task.kind not in cls.task_kinds
        ]

    @classmethod
    def option_problems(cls, spec: FeatureSpec, options: Mapping[str, Any]) -> list[Problem]:
        """Return what hyper-parameters ask of `spec`, or leave to it, and it does not have; nothing for most models."""
        return []

    def logits(self, features: dict[str, Any], training: bool | None = None) -> Any:
        """Return the logit ``(batch, 1)``, or a dict of task -> logit for several tasks.

        Of a survival task the logits of its hazards, ``(batch, intervals)``.
        """
        raise NotImplementedError

    def make_embedding(self, *, l2: float | RowPenalty | None = None, **options: Any) -> FeatureEmbedding:
        """Return a `FeatureEmbedding` with this model's width, tables, penalty and initializer.

        Args:
            l2: Takes the place of `embedding_l2`.
            **options: Of `FeatureEmbedding`, such as `only` and `dim`.
        """
        dim = options.pop("dim", self.embedding_dim)
        table_options = self._table_options(options.get("name", ""), self.embedding_l2 if l2 is None else l2)
        return FeatureEmbedding(self.spec, dim, **table_options, dtype=self.dtype_policy, **options)

    def make_first_order(self, **options: Any) -> FirstOrder:
        """Return a `FirstOrder` with this model's tables, penalty and initializer."""
        table_options = self._table_options(options.get("name", ""), self.embedding_l2)
        return FirstOrder(self.spec, **table_options, dtype=self.dtype_policy, **options)

    def make_head(self) -> keras.layers.Dense:
        """Return the linear map to one logit."""
        return keras.layers.Dense(1, **{"kernel_initializer": "glorot_normal", **self.keras_part("head")})

    def _table_options(self, part: str, l2: float | RowPenalty) -> dict[str, Any]:
        """What every embedding of this model is given."""
        tables = {name: self._own(template, part, l2) for name, template in self.tables.items()}
        table = self._own(self.table or FullTable(dtype=self.dtype_policy), part, l2)
        return {
            "table": table,
            "tables": tables,
            "learning_rates": dict(self.learning_rates),
            "value_gates": self.value_gates,
        }

    def _own(self, template: EmbeddingTable, part: str, l2: float | RowPenalty) -> EmbeddingTable:
        """The template with this model's initializer, and with a penalty unless it has one of its own."""
        changes: dict[str, Any] = {}
        initializer = self.embedding_initializer or template.initializer
        if initializer is self.embedding_initializer or is_seeded(initializer):
            changes["initializer"] = handed_down(initializer, part)
        if l2 and template.penalty is None:
            changes["penalty"] = BatchL2(l2) if isinstance(l2, float | int) else l2
        if not changes:
            return template
        table: EmbeddingTable = type(template).from_config({**template.get_config(), **changes})
        return table

    def extra_signatures(self) -> tuple[ExtraSignature, ...]:
        """Return the further ways in which the served model can be asked; none unless a subclass has some."""
        return ()

    def call(self, features: dict[str, Any], training: bool | None = None) -> Any:
        logits = self.logits(features, training=training)
        self._forward.logits = logits if training else None
        return self.outputs_from_logits(logits, training=training)

    def outputs_from_logits(self, logits: Any, training: bool | None = None) -> Any:
        """Return what `call` returns for these logits: probabilities, numbers, of survival tasks integrated hazards."""
        if isinstance(logits, dict):
            tasks = {task.name: task for task in self.spec.spec.tasks}
            return {name: self._task_output(logit, tasks[name], training) for name, logit in logits.items()}
        return self._task_output(logits, self.spec.spec.tasks[0], training)

    def _task_output(self, logit: Any, task: AnyTask, training: bool | None) -> Any:
        if isinstance(task, SurvivalTask):
            return integrated_hazards(logit)
        if isinstance(task, RegressionTask):
            scale = self.spec.label_scales[task.name]
            return scale.mean + scale.deviation * ops.cast(logit, "float32")
        # Trained on a share r of the negatives a model learns odds 1/r too high; see BinaryTask.negative_rate.
        return _probability(logit, 0.0 if training else math.log(task.negative_rate))

    def build(self, input_shape: Any = None) -> None:
        """Create all weights. Needs no shape: the spec knows every input.

        Raises:
            ValueError: When `ranks` names a tower or a map that is not there, or a rank that saves nothing.
        """
        if not self.built:
            factor_towers(self, self.ranks, inner_activation=self.inner_activation)
        signature = input_signature(self.spec)
        if keras.backend.backend() != "tensorflow":
            self.compute_output_spec({k: KerasTensor(s.shape, dtype=s.dtype, name=k) for k, s in signature.items()})
            return
        # Two rows of padding, at once: to write down a graph that nobody asks for takes twice as long.
        self.call({k: ops.zeros((2, *s.shape[1:]), s.dtype) for k, s in signature.items()}, training=False)
        self._clear_losses()

    def export(self, filepath: str | Path, format: str = "tf_saved_model", **options: Any) -> None:
        """Export as Keras does, with the spec's inputs of any batch size; the model need not have been called.

        The graph begins behind the transform: it takes the tensors of ``spec.inputs()`` by name. Answers are float32;
        a model in mixed precision computes in float32 in all formats but ``tf_saved_model``. A SavedModel's ``serve``
        answers as the model does; outputs of the other formats have the names of the tasks. What raw rows can be
        sent to is `tfctr.serving.export_model`.

        Args:
            filepath: Folder of a SavedModel, else a file; one of LiteRT ends in ``.tflite``, of OpenVINO in ``.xml``.
            format: ``tf_saved_model``, ``onnx``, ``litert`` or ``openvino``.
            **options: As `keras.Model.export` takes them: ``verbose``, ``input_signature``, ``opset_version`` …

        Raises:
            ModuleNotFoundError: When a library is missing; it names the extra to install.
            ValueError: When the graph has an operation that the format does not know.
        """
        export_model(self, self.spec, filepath, format, **options)

    def compile(self, optimizer: Any = "adam", loss: Any = None, **kwargs: Any) -> None:
        """Compile as Keras does; the loss is each task's own (`default_loss`) unless another is given.

        Raises:
            ValueError: When the model has `learning_rates` and the optimizer does not follow them.
        """
        rule = getattr(optimizer, "inner_optimizer", optimizer)  # a loss-scaling optimizer wraps the one that steps
        if self.learning_rates and not getattr(rule, "follows_row_rates", False):
            raise ValueError(
                "learning_rates needs an optimizer that follows them, such as tfctr.training.optimizers.LazyAdam or "
                f"DenseAdam; {optimizer!r} would train all rows alike"
            )
        super().compile(optimizer=optimizer, loss=self.default_loss() if loss is None else loss, **kwargs)
        if loss is None and len(self.spec.spec.tasks) > 1:
            self._make_trackers()

    def _make_trackers(self) -> None:
        """Make the mean loss of each task, which Keras would make while it traces the first step (see `TracedOnce`)."""
        tasks = self.spec.spec.tasks
        outputs = {task.name: ops.full((1, _width(task)), 0.5) for task in tasks}
        self.compute_loss({}, {task.name: ops.zeros((1, 1)) for task in tasks}, outputs)
        self.reset_metrics()

    def get_compile_config(self) -> dict[str, Any] | None:
        config: dict[str, Any] | None = super().get_compile_config()
        return config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as saved, optimizer slots ready; Keras asks for this where `compile` is overridden."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def default_loss(self) -> Any:
        """Return the loss of the task; of several one for each, which runs over the rows that count for it.

        The logloss, of a regression task its error in deviations of the label (`RegressionLoss`), of a survival task
        the negative log-likelihood.
        """
        tasks = self.spec.spec.tasks
        if len(tasks) == 1:
            return self._loss(tasks[0])
        over_weights = "mean_with_sample_weight"  # a plain mean would shrink a task that few rows know about
        return {task.name: self._loss(task, f"{task.name}_", reduction=over_weights) for task in tasks}

    def _loss(self, task: AnyTask, prefix: str = "", **options: Any) -> Any:
        if isinstance(task, SurvivalTask):
            return SurvivalLoss(task.grid, name=f"{prefix}nll", **options)
        if isinstance(task, RegressionTask):
            deviation = self.spec.label_scales[task.name].deviation
            delta = (task.delta or deviation) if task.loss == "huber" else None
            return RegressionLoss(deviation, delta, name=f"{prefix}{task.loss}", **options)
        return keras.losses.BinaryCrossentropy(name=f"{prefix}logloss", **options)

    def set_counts(self, counts: Mapping[str, np.ndarray]) -> None:
        """Give the training counts of the vocabularies to every embedding whose penalty uses them."""
        for embedding in layers_of(self, FeatureEmbedding):
            embedding.set_counts(dict(counts))


def _width(task: AnyTask) -> int:
    """Numbers in the output of a task."""
    return len(task.grid) if isinstance(task, SurvivalTask) else 1


def _probability(logit: Any, shift: float) -> Any:
    """Sigmoid in float32, also under mixed precision: a float16 probability has three digits."""
    logit = ops.cast(logit, "float32")
    return ops.sigmoid(logit + shift if shift else logit)
