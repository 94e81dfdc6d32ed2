"""The graph of a served model: parsing, transform and model in one, under a few names that mean the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tfctr.models.extra_signature import ENCODE_USER, RANK_WITH_STATE
from tfctr.serving._outputs import scalar_output, served_outputs
from tfctr.serving._raw_inputs import input_names
from tfctr.serving._state import STATE_VERSION, check_version, state_version, with_version
from tfctr.spec import AnyTask, RawColumn, RegressionTask, SequenceFeature
from tfctr.transform.schema import sources

if TYPE_CHECKING:
    from tfctr.models.ctr_model import CTRModel
    from tfctr.models.extra_signature import ExtraSignature
    from tfctr.transform import TransformOutput

graph = partial(tf.function, autograph=False)
"""`tf.function` for code that never branches on a tensor: rewriting all it calls, TFT's too, would take seconds."""

EXAMPLES = "examples"
_DTYPES = {"string": tf.string, "int": tf.int64, "float": tf.float32}


class ServingModule(tf.Module):
    """A model, its transform, and the signatures that are exported.

    Signatures (outputs are {task: probability, float32 (batch, 1)} unless said otherwise, of regression tasks the
    number in its label's unit, of survival tasks the curves that `served_outputs` tells of):

    - `serving_default`: ``examples``, serialized ``tf.Example``s of raw features, string (batch,).
    - `predict`: one dense tensor for each raw column, as `tfctr.serving._raw_inputs` describes.
    - `rank`: the same with the user's and the context's columns given once (batch 1) and the item's columns for N
      candidates. The user's side is transformed on its one row; only its ids are repeated. A model that offers
      `ENCODE_USER` and `RANK_WITH_STATE` makes the user's state once and scores the candidates with it.
    - `classify`: serialized examples; ``classes`` (names of the tasks) and ``scores``, both (batch, tasks); the
      score of a survival task is the probability that the event came until the last cut point. Regression tasks have no
      part in it; where there are no others, there is no such signature.
    - `regress`, or with several tasks ``regress_<task>``: serialized examples; ``outputs`` (batch, 1), of a
      survival task the expected life.
    - What the model offers besides, see `ExtraSignature`: the raw columns that it needs, named as in `predict`, and
      tensors of a user's state. A state leaves with an int64 ``state_version`` and is refused without the same one.

    Args:
        model: A built model on Keras' TensorFlow backend.
        transform: The transform it was trained on.

    Raises:
        RuntimeError: On another backend.
        ValueError: When two raw columns would get one input name, or two signatures one name.
    """

    def __init__(self, model: CTRModel, transform: TransformOutput):
        super().__init__()
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError(
                f"a model is exported from Keras' tensorflow backend, this process runs on {keras.backend.backend()}. "
                "Save it as .keras, load that with KERAS_BACKEND=tensorflow and export there."
            )
        # The model itself is kept out of TensorFlow's sight: of a Keras variable, Keras 3 saves a copy that a graph
        # session restores in place of the one the functions read. Its plain TensorFlow variables are saved right.
        self._parts = SimpleNamespace(model=model, transform=transform)
        self.weights = [variable.value for variable in model.variables]
        self.transform_graph = transform.graph  # an attribute, or its tables are not saved
        self._spec = model.spec.spec
        self._columns = self._spec.raw_columns(serving=True)
        self._names = input_names(self._columns)
        # What several signatures call is traced, saved and loaded once.
        rows = {info.name: tf.TensorSpec([None, *info.shape], info.dtype, info.name) for info in self._spec.inputs()}
        self._parts.outputs = graph(self._served_outputs, input_signature=[rows])
        examples = tf.TensorSpec([None], tf.string, EXAMPLES)
        self._parts.answers_examples = graph(self._from_examples, input_signature=[examples])

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(task.name for task in self._spec.tasks)

    @property
    def _classes(self) -> tuple[AnyTask, ...]:
        """The tasks that ask for a probability."""
        return tuple(task for task in self._spec.tasks if not isinstance(task, RegressionTask))

    def signatures(self) -> dict[str, Any]:
        """Return the concrete functions by name; `rank` only where there are item columns to rank by."""
        inputs = tf.TensorSpec([None], tf.string, "inputs")  # the name that Classify and Regress demand
        found = {
            "serving_default": self._parts.answers_examples.get_concrete_function(),
            "predict": graph(self._from_columns).get_concrete_function(**self._specs(None)),
        }
        if self._classes:
            found["classify"] = graph(self._classify, input_signature=[inputs]).get_concrete_function()
        for task in self._spec.tasks:
            name = "regress" if len(self.tasks) == 1 else f"regress_{task.name}"
            found[name] = graph(self._regress_of(task), input_signature=[inputs]).get_concrete_function()
        extras = self._parts.model.extra_signatures()
        if self.can_rank():
            found["rank"] = graph(self._rank_of(extras)).get_concrete_function(**self._specs(1))
        version = state_version(self._parts.model, self._parts.transform) if extras else 0
        for extra in extras:
            if extra.name in found:
                raise ValueError(f"the model offers a signature {extra.name!r}, a name that is taken: {sorted(found)}")
            if self.can_rank() or not extra.one_user:
                found[extra.name] = self._extra(extra, version)
        return found

    def can_rank(self) -> bool:
        """Return whether `rank` makes sense: there are item columns, and no sequence is split over both sides."""
        sides = {column.name: column.role == "item" for column in self._columns}
        made_of = sources(self._spec)
        for sequence in (feature for feature in self._spec.features if isinstance(feature, SequenceFeature)):
            together = {*made_of[sequence.name], *((sequence.times,) if sequence.times else ())}
            if len({sides[name] for name in together}) > 1:
                return False
        return any(sides.values())

    def _specs(self, user_rows: int | None, columns: Sequence[RawColumn] | None = None) -> dict[str, tf.TensorSpec]:
        """Return the inputs of `predict` (None) or of `rank` (1 row of user and context), or of these columns alone."""
        specs = {}
        for column in self._columns if columns is None else columns:
            rows = None if column.role == "item" else user_rows
            name = self._names[column.name]
            specs[name] = column_spec(column, name, rows)
        return specs

    def _extra(self, extra: ExtraSignature, version: int) -> Any:
        """The concrete function of what a model offers besides; states are of this version."""
        made_of = sources(self._spec)
        needed = {column for name in extra.reads for column in made_of[name]}
        columns = [column for column in self._columns if column.name in needed]
        users = 1 if extra.one_user else None
        specs = self._specs(users, columns)
        for name, tensor in extra.state.items():
            specs[name] = tf.TensorSpec([users, *tensor.shape[1:]], tensor.dtype, name)
        if extra.state:
            specs[STATE_VERSION] = tf.TensorSpec([None], tf.int64, STATE_VERSION)

        def answer(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            state = {name: inputs[name] for name in extra.state}
            if extra.state:
                state = check_version(state, inputs[STATE_VERSION], version)
            raw = {column.name: inputs[self._names[column.name]] for column in columns}
            outputs = extra.function(_read(extra, {**self._once(raw), **self._candidates(raw)}), state)
            return with_version(outputs, version) if extra.gives == "state" else self._by_task(outputs)

        return graph(answer).get_concrete_function(**specs)

    def _from_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        raw = tf.io.parse_example(examples, self._parts.transform.raw_feature_spec(serving=True))
        return self._probabilities(self._parts.transform.transform_raw(raw))

    def _from_columns(self, **raw: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._probabilities(self._parts.transform.transform_raw(self._by_column(raw)))

    def _rank_of(self, extras: Sequence[ExtraSignature]) -> Any:
        """The function of `rank`: through the user's state where the model has one, else joint."""
        named = {extra.name: extra for extra in extras}

        def joint(**raw: tf.Tensor) -> dict[str, tf.Tensor]:
            columns = self._by_column(raw)
            items, once = self._candidates(columns), self._once(columns)
            rows = tf.shape(next(iter(items.values())))[0]
            return self._probabilities(items | {name: tf.repeat(one, rows, axis=0) for name, one in once.items()})

        def through_state(**raw: tf.Tensor) -> dict[str, tf.Tensor]:
            columns = self._by_column(raw)
            features = self._once(columns) | self._candidates(columns)
            encode, rank = named[ENCODE_USER], named[RANK_WITH_STATE]
            return self._by_task(rank.function(_read(rank, features), encode.function(_read(encode, features), {})))

        return through_state if {ENCODE_USER, RANK_WITH_STATE} <= named.keys() else joint

    def _candidates(self, raw: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Transform the columns of items, as far as they are there, and what is made of them and of the user's.

        What a cross needs of the user, or an item's age of the moment, goes in a row a candidate: the value differs
        from candidate to candidate.
        """
        made_of = sources(self._spec)
        items = {name: raw[name] for name in self._columns_of(raw, of_item=True)}
        if not items:
            return {}
        rows = tf.shape(next(iter(items.values())))[0]
        crossed = {name for mixed in self._spec.mixed_features for name in made_of[mixed.name]} & raw.keys()
        repeated = {name: _repeated(raw[name], rows) for name in crossed - items.keys()}
        outputs = self._parts.transform.transform_raw(items | repeated, partial=True)
        return {name: tensor for name, tensor in outputs.items() if items.keys() & set(made_of[name])}

    def _once(self, raw: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Transform the columns of user and context, as far as they are there."""
        once = {name: raw[name] for name in self._columns_of(raw, of_item=False)}
        return self._parts.transform.transform_raw(once, partial=True) if once else {}

    def _columns_of(self, raw: Mapping[str, tf.Tensor], *, of_item: bool) -> list[str]:
        return [column.name for column in self._columns if (column.role == "item") == of_item and column.name in raw]

    def _classify(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = self._parts.answers_examples(inputs)
        scores = tf.concat([scalar_output(task, probabilities) for task in self._classes], axis=1)
        names = tf.constant([[task.name for task in self._classes]])
        return {"scores": scores, "classes": tf.repeat(names, tf.shape(scores)[0], axis=0)}

    def _regress_of(self, task: AnyTask) -> Any:
        def regress(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"outputs": scalar_output(task, self._parts.answers_examples(inputs), life=True)}

        return regress

    def _by_column(self, raw: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {column.name: raw[self._names[column.name]] for column in self._columns}

    def _probabilities(self, features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        outputs: dict[str, tf.Tensor] = self._parts.outputs(
            {info.name: features[info.name] for info in self._spec.inputs()}
        )
        return outputs

    def _served_outputs(self, features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return self._by_task(self._parts.model(features, training=False))

    def _by_task(self, outputs: Any) -> dict[str, tf.Tensor]:
        """What the model's call returns, named by task."""
        if not isinstance(outputs, dict):
            outputs = {self.tasks[0]: outputs}
        return {
            name: values
            for task in self._spec.tasks
            for name, values in served_outputs(task, outputs[task.name]).items()
        }


def _read(extra: ExtraSignature, features: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {name: features[name] for name in extra.reads}


def _repeated(column: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """The one row of a user's column, a row a candidate; a column that has them already stays as it is."""
    return tf.repeat(column, rows, axis=0) if column.shape[0] == 1 else column


def column_spec(column: RawColumn, name: str, rows: int | None = None) -> tf.TensorSpec:
    """Return the dense tensor, called `name`, by which a signature takes a raw column."""
    inner: dict[str, tuple[int | None, ...]] = {"scalar": (), "list": (None,), "vector": (column.width,)}
    return tf.TensorSpec([rows, *inner[column.shape]], _DTYPES[column.type], name)
