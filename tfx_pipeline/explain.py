"""Why a step ran, or was served from the cache: its inputs, code and settings against the last time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as pb
from tfx.orchestration.metadata import sqlite_metadata_connection_config

_DONE = (pb.Execution.COMPLETE, pb.Execution.CACHED)
_IGNORED = ("name", "custom_property", "create_time", "is_stub")
_MOST_NAMED = 4


@dataclass(frozen=True)
class Step:
    """One execution of a component, as ML Metadata remembers it.

    Attributes:
        node: Name of the component.
        execution_id: Its number.
        state: ML Metadata's state.
        looks_up: Whether it only looks up artifacts, as a resolver does.
        finished: When, seconds since 1970.
        settings: Flat name -> value of the execution's properties, JSON unfolded.
        inputs: Key -> ids of the input artifacts, in order.
        data: Fingerprint of the files an ExampleGen read, else empty.
        outputs: Key -> URIs.
        made: Ids of the output artifacts.
        custom: Key -> custom properties of the first output artifact.
    """

    node: str
    execution_id: int
    state: int
    looks_up: bool
    finished: float
    settings: dict[str, Any]
    inputs: dict[str, tuple[int, ...]]
    data: str = ""
    outputs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    made: frozenset[int] = frozenset()
    custom: dict[str, dict[str, Any]] = field(default_factory=dict)

    def properties(self, key: str) -> dict[str, Any]:
        """Custom properties of the first output artifact under `key`."""
        return self.custom.get(key, {})

    @property
    def done(self) -> bool:
        return self.state in _DONE

    @property
    def cached(self) -> bool:
        return bool(self.state == pb.Execution.CACHED)


class History:
    """What ML Metadata knows of a pipeline's runs."""

    def __init__(self, database: Path):
        self._store = MetadataStore(sqlite_metadata_connection_config(str(database.absolute())))

    def steps(self, node: str) -> list[Step]:
        """Return the executions of a component, oldest first."""
        found = [
            execution
            for context in self._store.get_contexts_by_type("node")
            if context.name.endswith(f".{node}")
            for execution in self._store.get_executions_by_context(context.id)
        ]
        return [self._step(node, execution) for execution in sorted(found, key=lambda e: e.id)]

    def nodes(self) -> list[str]:
        """Names of the components that ever ran, in the order of their first run."""
        contexts = sorted(self._store.get_contexts_by_type("node"), key=lambda context: context.id)
        return [context.name.rpartition(".")[2] for context in contexts]

    def _step(self, node: str, execution: pb.Execution) -> Step:
        events = self._store.get_events_by_execution_ids([execution.id])
        artifacts = {a.id: a for a in self._store.get_artifacts_by_id([event.artifact_id for event in events])}
        inputs: dict[str, list[int]] = {}
        outputs: dict[str, list[pb.Artifact]] = {}
        for event in events:
            key = event.path.steps[0].key if event.path.steps else ""
            if event.type == pb.Event.INPUT:
                inputs.setdefault(key, []).append(event.artifact_id)
            elif event.type == pb.Event.OUTPUT:
                outputs.setdefault(key, []).append(artifacts[event.artifact_id])
        data = [a.custom_properties["input_fingerprint"].string_value for many in outputs.values() for a in many]
        return Step(
            node=node,
            execution_id=execution.id,
            state=execution.last_known_state,
            looks_up=execution.type.endswith(".Resolver"),
            finished=execution.last_update_time_since_epoch / 1000,
            settings=_settings(execution),
            inputs={key: tuple(ids) for key, ids in inputs.items()},
            data="".join(data),
            outputs={key: tuple(a.uri for a in many) for key, many in outputs.items()},
            made=frozenset(a.id for many in outputs.values() for a in many),
            custom={key: {n: _value(v) for n, v in many[0].custom_properties.items()} for key, many in outputs.items()},
        )


def explain(steps: list[Step]) -> str:
    """Return in a few words why the last of a component's executions ran or did not.

    Args:
        steps: All executions of the component, oldest first.
    """
    if not steps:
        return "did not run"
    step, earlier = steps[-1], steps[:-1]
    if step.looks_up:
        return "looks anew at every run"
    before = [other for other in earlier if other.done]
    if step.cached:
        real = next((other for other in reversed(before) if not other.cached), None)
        return f"nothing changed{_since(real)}"
    if not before:
        return "the last attempt did not finish" if earlier else "first run"
    changes = list(changes_between(before[-1], step))
    unfinished = ["the last attempt did not finish"] if not earlier[-1].done else []
    reasons = unfinished + changes[:_MOST_NAMED]
    if not reasons:
        return "its output was gone, or the cache is off"
    more = f" and {len(changes) - _MOST_NAMED} more" if len(changes) > _MOST_NAMED else ""
    return "; ".join(reasons) + more


def _since(step: Step | None) -> str:
    return "" if step is None else f" since {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(step.finished))}"


def changes_between(old: Step, new: Step) -> Iterator[str]:
    """Yield in a few words each input, setting and source file that differs between two executions of a component."""
    for key in sorted({*old.inputs, *new.inputs}):
        if old.inputs.get(key) != new.inputs.get(key):
            yield f"new input: {key}"
    if old.data != new.data:
        yield "new data"
    for name in sorted({*old.settings, *new.settings}):
        if name.startswith("custom_config.code."):
            continue  # the trainer is given its code, too, to name its checkpoints; `code` says the same
        was, now = old.settings.get(name, "absent"), new.settings.get(name, "absent")
        if was != now:
            yield _told(name, was, now)


def _told(name: str, was: Any, now: Any) -> str:
    if name.startswith("code.files."):
        word = "new code" if was == "absent" else "code gone" if now == "absent" else "code changed"
        return f"{word}: {name.removeprefix('code.files.')}"
    short = name.removeprefix("code.packages.").removeprefix("custom_config.")
    return f"{short}: {was} → {now}" if len(f"{was}{now}") < 60 else f"{short} changed"


def _settings(execution: pb.Execution) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in execution.custom_properties.items():
        if name.startswith("__") or name in _IGNORED:  # TFX's own book-keeping
            continue
        _unfold(name, _value(value), flat)
    return flat


def _value(value: pb.Value) -> Any:
    return getattr(value, value.WhichOneof("value") or "string_value")


def _unfold(name: str, value: Any, flat: dict[str, Any]) -> None:
    """Write the leaves of `value` into `flat`; text that is a JSON object or list is taken apart too."""
    if isinstance(value, str) and value[:1] in "{[":
        try:
            value = json.loads(value)
        except ValueError:
            flat[name] = value
            return
    if isinstance(value, dict):
        for key, item in value.items():
            _unfold(f"{name}.{key}", item, flat)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _unfold(f"{name}.{index}", item, flat)
    else:
        flat[name] = value
