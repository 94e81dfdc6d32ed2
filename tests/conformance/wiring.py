"""Checks that a model is wired up: what it makes is used, what it is told is followed, what it is given is read.

Each check takes a built model and what it needs of data, and raises an AssertionError that names every loose end at
once. None trains, saves or traces anything: all calls are eager, so that a check costs a few calls of the model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfctr.layers._base import constructor_arguments
from tfctr.layers.embedding import FeatureEmbedding, FullTable, FusedLookup, MiniBatchAware
from tfctr.layers.survival import SurvivalLoss
from tfctr.layers.towers import MLP, Dice
from tfctr.models import CTRModel
from tfctr.models.extra_signature import ENCODE_USER, RANK_WITH_STATE
from tfctr.spec import (
    BinaryTask,
    BoundSpec,
    CrossFeature,
    LabelScale,
    NumericFeature,
    RegressionTask,
    SurvivalTask,
    VectorFeature,
)
from tfctr.testing._recipe import fill_sequentially
from tfctr.training.optimizers import LazySGD

Features = dict[str, NDArray[Any]]
Reasons = Mapping[str, str]
"""What is loose on purpose: a part of its name -> why."""

MOVED = 1e-6
"""A difference below is rounding."""


def variant(model: CTRModel, features: Features, *, fill: bool = True, build: bool = False, **options: Any) -> CTRModel:
    """Return a model like this one with other constructor arguments, by default with sequential weights.

    Unless it is to be built its weights are made by a first call of its `logits`, which takes a third of the time.
    """
    own = {name: getattr(model, name) for name in constructor_arguments(type(model))}
    changed = type(model)(**{**own, **options})
    if build or changed.ranks or "build" in vars(type(model)):  # thin maps, or weights of its own, are made there alone
        changed.build()
    else:
        changed.logits(features)
    if fill:
        fill_sequentially(changed)
    return changed


def logits_of(model: CTRModel, features: Features, training: bool = False) -> dict[str, Any]:
    """Task -> logit, for one task as for several."""
    found = model.logits(features, training=training)
    return found if isinstance(found, dict) else {model.spec.spec.tasks[0].name: found}


def check_every_layer_is_called(model: CTRModel) -> None:
    """No layer is made and left lying: a built model has called them all. Templates of tables are no layers yet."""
    layers = [layer for layer in parts(model, keras.layers.Layer) if getattr(layer, "rows", 1) is not None]
    uncalled = [layer.name for layer in layers if not layer.built]
    assert not uncalled, f"layers that are made and never called: {uncalled}"


def check_every_weight_reaches_the_answer(model: CTRModel, features: Features, loose: Reasons) -> None:
    """Every trained weight has a gradient of the answer, and every other one changes it: statistics, hashes."""
    with tf.GradientTape() as tape:
        for weight in model.non_trainable_weights:
            if _is_float(weight):
                tape.watch(weight.value)
        before = logits_of(model, features)
        total = _weighed(before)
    weights = [weight for weight in model.weights if _is_float(weight)]
    gradients = tape.gradient(total, [weight.value for weight in weights])
    unmoved = [w for w, g in zip(weights, gradients, strict=True) if not _reached(g, w, loose)]
    silent = [w.path for w in unmoved if w.trainable or not _changes_answers(model, features, w, before)]
    assert_only((p for p in silent if not p.endswith("/counts")), loose, "weights that do not reach the answer")


def check_every_weight_learns(model: CTRModel, features: Features, labels: Any, loose: Reasons) -> None:
    """Every trained weight has a gradient of the training loss, losses beside the tasks' included."""
    model.compile(optimizer="sgd", jit_compile=False)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(features, labels, model(features, training=True))
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    silent = [w.path for w, g in zip(model.trainable_weights, gradients, strict=True) if not _reached(g, w, loose)]
    assert_only(silent, loose, "weights that do not learn")


def check_every_feature_is_read(model: CTRModel, features: Features, loose: Reasons) -> None:
    """Another value of any input tensor moves the answer to every task: ids, events, times, numbers, vectors."""
    spec = model.spec
    names = [info.name for info in spec.spec.inputs()]
    rows = len(features[names[0]])
    sizes = {f.name: spec.rows_of(f.name) for f in spec.spec.features if features[f.name].dtype == np.int64}
    others = {name: _other(features[name], sizes.get(name)) for name in names}
    # One call for all: rows do not know each other, so block k of the batch has another k-th input.
    batch = {
        name: np.concatenate([features[name], *(others[name] if name == k else features[name] for k in names)])
        for name in names
    }
    ignored = []
    for task, logits in logits_of(model, batch).items():
        blocks = np.asarray(logits).reshape(1 + len(names), rows, -1)
        moves = np.abs(blocks[1:] - blocks[0]).max(axis=(1, 2)) > MOVED
        ignored += [f"{task}:{name}" for name, moved in zip(names, moves, strict=True) if not moved]
    assert_only(ignored, loose, "inputs that change no answer")


def check_options_count(
    model: CTRModel,
    features: Features,
    labels: Any,
    changes: Mapping[str, Any],
    loose: Reasons,
    beside: Mapping[str, Mapping[str, Any]],
) -> None:
    """Another value of a constructor argument changes the weights' shapes, an answer or the training loss.

    Args:
        model: The model.
        features: Rows.
        labels: Of these rows.
        changes: Argument -> another value; arguments that are left out are other checks' matter.
        loose: Argument -> why it changes nothing.
        beside: Argument -> what else is told, before and after, where only that lets it count.
    """
    plain = _Seen(model, features, labels)
    ignored = []
    for name, value in changes.items():
        others = beside.get(name, {})
        before = _Seen(variant(model, features, **others), features, labels) if others else plain
        if not before.differs(variant(model, features, fill=False, **others, **{name: value})):
            ignored.append(name)
    assert_only(ignored, loose, "options that change nothing")


def another_value(value: Any) -> Any:
    """Return another value of a number, a flag or a list of widths; None for what only a person can change."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + (1 if isinstance(value, int) else 0.25)
    if isinstance(value, tuple) and all(isinstance(width, int) for width in value):
        return tuple(width + 1 for width in value) or (3,)
    return None


def check_tables_are_followed(model: CTRModel, features: Features, vocabulary: str, **off: Any) -> None:
    """`table`, `tables`, `embedding_l2`, `learning_rates` and `set_counts` reach every embedding of the model.

    Args:
        model: The model.
        features: Rows.
        vocabulary: One that gets a table of its own.
        **off: Options of the model that would take the place of these.
    """
    numbers = [feature.name for feature in model.spec.spec.of_kind(NumericFeature, VectorFeature)]
    of_all, of_one = (FullTable(initializer=keras.initializers.Constant(value)) for value in (0.125, 0.25))
    told = variant(
        model,
        features,
        fill=False,
        **off,
        table=of_all,
        tables={vocabulary: of_one},
        embedding_l2=MiniBatchAware(1.0),
        learning_rates=dict.fromkeys([*model.spec.rows, *numbers], 0.0),
    )
    lookups = parts(told, FusedLookup)
    shared = [lookup.path for lookup in lookups if vocabulary in lookup.vocabularies and len(lookup.vocabularies) > 1]
    assert not shared, f"`tables` is not followed in {shared}"
    for lookup in lookups:
        values, wanted = np.unique(lookup.fused_table.embeddings), 0.25 if vocabulary in lookup.vocabularies else 0.125
        assert values.tolist() == [wanted], f"`table` or `tables` is not followed in {lookup.path}"
    fill_sequentially(told)
    _check_counts(told, features, len(lookups))
    _check_frozen(told, features)


def _check_counts(model: CTRModel, features: Features, tables: int) -> None:
    """With each count doubled, each table's penalty is half of what it was."""
    losses = []
    for count in (1.0, 2.0):
        model.set_counts({name: np.full(rows, count) for name, rows in model.spec.rows.items()})
        model.logits(features)
        losses.append([float(loss) for loss in model.losses])
    assert len(losses[0]) == tables, f"{tables} tables, {len(losses[0])} penalties of `embedding_l2`"
    np.testing.assert_allclose(losses[1], np.array(losses[0]) / 2, rtol=1e-5, err_msg="counts do not reach a penalty")


def _check_frozen(model: CTRModel, features: Features) -> None:
    """No embedding moves, though there is a gradient that would have moved it."""
    weights = [weight for embedding in parts(model, FeatureEmbedding) for weight in embedding.trainable_weights]
    before = [np.array(weight) for weight in weights]
    with tf.GradientTape() as tape:
        total = _weighed(logits_of(model, features))
    gradients = tape.gradient(total, [weight.value for weight in weights])
    still = [w.path for w, g in zip(weights, gradients, strict=True) if not _reached(g)]
    assert not still, f"these would not have moved anyway: {still}"
    LazySGD(1.0).apply_gradients(zip(gradients, weights, strict=True))
    moved = [w.path for w, old in zip(weights, before, strict=True) if not np.array_equal(w, old)]
    assert not moved, f"a learning rate of 0 moves {moved}"


def check_training_reaches_every_part(
    model: CTRModel, features: Features, options: Iterable[str], without: Mapping[str, Reasons]
) -> None:
    """Hidden layers drop and normalise where the model is told so, and all know whether the model trains.

    Args:
        model: The model.
        features: Rows.
        options: Names of its options of dropout and normalisation.
        without: ``"dropout"`` and ``"batch_norm"`` -> parts that have none, and why.
    """
    names = list(options)
    told = variant(model, features, **{name: True if name.startswith("batch_norm") else 0.5 for name in names})
    towers = {place: tower for place, tower in places(told, MLP).items() if tower.hidden_units}
    drops = places(told, keras.layers.Dropout)
    if any("dropout" in name for name in names):
        silent = [place for place, tower in towers.items() if not tower.dropout_rate]
        silent += [place for place, drop in drops.items() if not drop.rate]
        assert_only(silent, without.get("dropout", {}), "parts without dropout")
    if any("batch_norm" in name for name in names):
        silent = [place for place, tower in towers.items() if not tower.batch_norm]
        assert_only(silent, without.get("batch_norm", {}), "towers without norms")
    dropping = {place: drop for place, drop in drops.items() if drop.rate}
    knowing = dropping | places(told, keras.layers.BatchNormalization, Dice)
    before = {place: _state(layer) for place, layer in knowing.items()}
    told.logits(features, training=False)
    early = [place for place, layer in knowing.items() if not np.array_equal(before[place], _state(layer))]
    assert not early, f"these believe that an answer is training: {early}"
    told.logits(features, training=True)
    asleep = [place for place, layer in knowing.items() if np.array_equal(before[place], _state(layer))]
    assert not asleep, f"`training` does not reach {asleep}"


def check_loss(model: CTRModel, features: Features, labels: Any, task_weights: Mapping[str, float]) -> None:
    """The loss is that of the tasks by their weights, each a mean by the rows' weights, and what layers add.

    Args:
        model: The model.
        features: Rows.
        labels: A tensor, or task -> tensor.
        task_weights: What the loss of each task counts; empty for a model of one task.
    """
    model.compile(optimizer="sgd", jit_compile=False)
    answers = model(features, training=True)
    added = sum(float(loss) for loss in model.losses)
    tasks = {task.name: task for task in model.spec.spec.tasks}
    several = isinstance(labels, dict)
    named, given = (labels, answers) if several else ({next(iter(tasks)): labels}, {next(iter(tasks)): answers})
    rows = {
        name: (1 + (np.arange(len(values)) + index) % 3).astype("float32")[:, None]
        for index, (name, values) in enumerate(named.items())
    }
    expected = added
    for name, values in named.items():
        scale = model.spec.label_scales.get(name)
        losses = _losses(tasks[name], values, np.asarray(given[name], "float64"), scale)
        weights = rows[name][:, 0]
        by_weight = several or isinstance(tasks[name], RegressionTask)
        mean = (losses * weights).sum() / (weights.sum() if by_weight else len(weights))
        expected += task_weights.get(name, 1.0) * mean
    found = float(model.compute_loss(features, labels, answers, rows if several else next(iter(rows.values()))))
    np.testing.assert_allclose(found, expected, rtol=1e-4, err_msg="the loss is not that of tasks, weights and layers")


def check_negative_rates(model: CTRModel, features: Features) -> None:
    """Outside training the log-odds of each task are corrected by its own negative rate, in training they are not.

    The tasks of the model have negative rates, see `with_rates`.
    """
    for training in (False, True):
        logits, answers = logits_of(model, features, training), model(features, training=training)
        for task in model.spec.spec.tasks:
            shift = 0.0 if training else math.log(task.negative_rate)
            assert training or shift, "nothing to correct"
            expected = 1 / (1 + np.exp(-(np.asarray(logits[task.name], "float64") + shift)))
            found = answers[task.name] if isinstance(answers, dict) else answers
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6, err_msg=f"{task.name}, {training=}")


def check_numbers(model: CTRModel, features: Features) -> None:
    """The answer to a regression task is its logit in the label's unit, float32, in training as outside.

    The tasks of the model ask for numbers, see `as_numbers`.
    """
    for training in (False, True):
        keras.utils.set_random_seed(0)  # the same units are dropped twice
        logits = logits_of(model, features, training)
        keras.utils.set_random_seed(0)
        answers = model(features, training=training)
        for name, scale in model.spec.label_scales.items():
            found = answers[name] if isinstance(answers, dict) else answers
            expected = scale.mean + scale.deviation * np.asarray(logits[name], "float64")
            np.testing.assert_allclose(found, expected, rtol=1e-4, err_msg=f"{name}, {training=}")
            assert keras.backend.standardize_dtype(found.dtype) == "float32"


def check_state_answers_as_the_model(model: CTRModel, features: Features) -> None:
    """The user's side apart, then candidates with it: the answers of the whole model, corrections included.

    The first row of `features` is the user, all rows are his candidates.
    """
    ways = {way.name: way for way in model.extra_signatures()}
    encode, rank = ways[ENCODE_USER], ways[RANK_WITH_STATE]
    of_item = {f.name for f in model.spec.spec.features if f.role == "item"}
    once = {name: values if name in of_item else values[:1] for name, values in features.items()}
    state = encode.function({name: once[name] for name in encode.reads}, {})
    found = rank.function({name: once[name] for name in rank.reads}, state)
    whole = {n: v if n in of_item else np.repeat(v[:1], len(v), axis=0) for n, v in features.items()}
    np.testing.assert_allclose(found, model(whole, training=False), rtol=1e-4, atol=1e-6)
    other = {name: np.where(v > 0, v % 3 + 1, v) if v.dtype == np.int64 else v + 1 for name, v in features.items()}
    moved = encode.function({name: other[name][:1] for name in encode.reads}, {})
    answer = rank.function({name: once[name] for name in rank.reads}, moved)
    assert np.abs(np.asarray(answer) - np.asarray(found)).max() > MOVED, "the state changes no answer"


def with_rates(spec: BoundSpec) -> BoundSpec:
    """The same spec, whose yes-or-no tasks were trained on a share of their negatives, each on another."""
    tasks = tuple(
        task.model_copy(update={"negative_rate": 0.5 / (2 + index), "log_is_sampled": True})
        if isinstance(task, BinaryTask)
        else task
        for index, task in enumerate(spec.spec.tasks)
    )
    return spec.spec.model_copy(update={"tasks": tasks}).bind(dict(spec.rows))


def as_numbers(spec: BoundSpec) -> BoundSpec:
    """The same spec, whose yes-or-no tasks ask for numbers, each in another unit; every second by Huber's loss."""
    tasks = tuple(
        RegressionTask(name=task.name, label=task.label, loss="huber" if index % 2 else "mse")
        for index, task in enumerate(spec.spec.tasks)
        if isinstance(task, BinaryTask)
    )
    scales = {task.name: LabelScale(mean=100 * index - 3, deviation=10**index) for index, task in enumerate(tasks)}
    return spec.spec.model_copy(update={"tasks": tasks}).bind(dict(spec.rows), scales)


def without_features(spec: BoundSpec, names: Iterable[str]) -> BoundSpec:
    """The spec without some features, and without what crosses them."""
    gone = set(names)
    gone |= {f.name for f in spec.spec.features if isinstance(f, CrossFeature) and gone & set(f.of)}
    left = spec.spec.model_copy(update={"features": tuple(f for f in spec.spec.features if f.name not in gone)})
    return left.bind({table: spec.rows[table] for table in left.tables})


def parts(model: CTRModel, *kinds: type) -> list[Any]:
    """Layers of these kinds anywhere in the model, each once, in its order."""
    return list(places(model, *kinds).values())


def places(model: CTRModel, *kinds: type) -> dict[str, Any]:
    """The same by where they are, such as ``/tower/dense_0``: not all layers have a path of their own."""
    found: dict[str, Any] = {}

    def look_into(layer: Any, place: str) -> None:
        for index, inner in enumerate(layer._flatten_layers(include_self=False, recursive=False)):
            if all(inner is not known for known in found.values()):
                name = f"{place}/{inner.name}"
                name += f"_{index}" if name in found else ""
                found[name] = inner
                look_into(inner, name)

    look_into(model, "")
    return {place: layer for place, layer in found.items() if isinstance(layer, kinds)}


def assert_only(found: Iterable[str], loose: Reasons, what: str) -> None:
    """Raise unless what was found is exactly what is known to be loose: a reason that no longer holds goes too."""
    found = list(found)
    unknown = [name for name in found if not any(part in name for part in loose)]
    stale = [part for part in loose if not any(part in name for name in found)]
    assert not unknown, f"{what}: {unknown}"
    assert not stale, f"no longer among {what}: {stale}"


class _Seen:
    """What can be seen of a model from outside: shapes of weights, then answers and loss, asked for when needed."""

    def __init__(self, model: CTRModel, features: Features, labels: Any):
        self._features, self._labels = features, labels
        self._shapes = _shapes(model)
        self._numbers = self._ask(model)

    def differs(self, other: CTRModel) -> bool:
        """Whether the other model is seen to be another."""
        if _shapes(other) != self._shapes:
            return True
        numbers = self._ask(other)
        return any(np.abs(a - b).max() > MOVED for a, b in zip(self._numbers, numbers, strict=True))

    def _ask(self, model: CTRModel) -> list[NDArray[Any]]:
        fill_sequentially(model)
        answer = logits_of(model, self._features)
        model.compile(optimizer="sgd", jit_compile=False)
        trained = model.outputs_from_logits(model.logits(self._features, training=True), training=True)
        loss = model.compute_loss(self._features, self._labels, trained)
        return [np.asarray(tensor, "float64") for tensor in (*answer.values(), *keras.tree.flatten(trained), loss)]


def _shapes(model: CTRModel) -> list[tuple[str, tuple[int, ...]]]:
    return [(weight.name, tuple(weight.shape)) for weight in model.weights]


def _is_float(weight: Any) -> bool:
    return keras.backend.is_float_dtype(keras.backend.standardize_dtype(weight.dtype))


def _weighed(logits: Mapping[str, Any]) -> Any:
    """A sum in which every answer counts differently: a plain one is blind to layers that keep it constant."""
    return sum(
        tf.reduce_sum(logit * tf.reshape(tf.cos(tf.range(1.0, tf.size(logit, tf.float32) + 1.0)), tf.shape(logit)))
        for logit in map(tf.convert_to_tensor, logits.values())
    )


def _reached(gradient: Any, weight: Any = None, loose: Reasons | None = None) -> bool:
    """Whether there is a gradient; what cancels out on paper, and is said to, leaves rounding behind."""
    rounding = 1e-5 if loose and any(part in weight.path for part in loose) else 0.0
    return gradient is not None and float(np.abs(tf.convert_to_tensor(gradient)).max()) > rounding


def _changes_answers(model: CTRModel, features: Features, weight: Any, before: Mapping[str, Any]) -> bool:
    kept = np.array(weight)
    weight.assign(1.0 - kept[..., ::-1] if kept.ndim else 1.0 - kept)
    after = logits_of(model, features)
    weight.assign(kept)
    return any(np.abs(np.asarray(after[task]) - np.asarray(before[task])).max() > MOVED for task in before)


def _other(values: NDArray[Any], rows: int | None) -> NDArray[Any]:
    """Other values in place of these; padding stays padding."""
    if values.dtype != np.int64:
        return values + 1
    if rows is None:  # times
        return np.where(values > 0, 1 + values * 3, values)
    return np.where(values > 0, 1 + values % (rows - 1), values)


def _state(layer: Any) -> NDArray[Any]:
    """What a layer that knows training has moved: the seed of its draws, or its running averages."""
    if isinstance(layer, keras.layers.Dropout):
        return np.array(layer.seed_generator.state)
    return np.concatenate([np.ravel(weight) for weight in layer.non_trainable_weights])


def _losses(task: Any, labels: NDArray[Any], answers: NDArray[Any], scale: LabelScale | None) -> NDArray[Any]:
    """The loss of each row."""
    if isinstance(task, SurvivalTask):
        return np.asarray(SurvivalLoss(task.grid, reduction="none")(labels, answers.astype("float32")), "float64")
    if isinstance(task, RegressionTask):
        error = np.abs(labels - answers)[:, 0] / scale.deviation
        return np.where(error <= 1, error**2 / 2, error - 0.5) if task.loss == "huber" else error**2
    p = np.clip(answers, 1e-7, 1 - 1e-7)
    return -(labels * np.log(p) + (1 - labels) * np.log(1 - p))[:, 0]
