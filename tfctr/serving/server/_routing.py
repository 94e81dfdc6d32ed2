"""From the ModelSpec of a request to the loaded version that answers it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import grpc
from tensorflow_serving.apis import model_pb2

from tfctr.serving.server._errors import RequestError, invalid
from tfctr.serving.server._servable import Servable


class Router:
    """Which versions answer requests now, and what their labels are.

    Its tables are replaced as a whole and never changed, so that calls read them without a lock.
    """

    def __init__(self) -> None:
        self._served: Mapping[str, Mapping[int, Servable]] = {}
        self._labels: Mapping[str, Mapping[str, int]] = {}

    def publish(self, served: Mapping[str, Mapping[int, Servable]]) -> None:
        """Replace the table: every model of the configuration -> its versions that answer (possibly none)."""
        self._served = served

    def set_labels(self, labels: Mapping[str, Mapping[str, int]]) -> None:
        """Replace the labels: model -> label -> version."""
        self._labels = {name: dict(versions) for name, versions in labels.items()}

    @property
    def labels(self) -> Mapping[str, Mapping[str, int]]:
        """Model -> label -> version."""
        return self._labels

    def versions(self, name: str) -> tuple[int, ...]:
        """Return the versions of a model that answer requests, in ascending order."""
        return tuple(sorted(self._served.get(name, {})))

    def ready(self) -> bool:
        """Return whether every model has a version that answers."""
        served = self._served
        return bool(served) and all(served.values())

    def version_of_label(self, name: str, label: str) -> int:
        """Return the version that a label stands for.

        Raises:
            RequestError: INVALID_ARGUMENT for an unknown label.
        """
        number = self._labels.get(name, {}).get(label)
        if number is None:
            raise invalid(f"Unrecognized servable version label: {label}")
        return number

    @contextlib.contextmanager
    def lease(self, spec: model_pb2.ModelSpec) -> Iterator[Servable]:
        """Hold the version that a request asks for while it is answered.

        Raises:
            RequestError: NOT_FOUND for an unknown model or a version that is not loaded, INVALID_ARGUMENT for an
                unknown label.
        """
        servable = self._find(spec)
        while not servable.acquire():  # dropped between look-up and call: the table has a newer version already
            servable = self._find(spec)
        try:
            yield servable
        finally:
            servable.release()

    def _find(self, spec: model_pb2.ModelSpec) -> Servable:
        served = self._served
        versions = served.get(spec.name, {})
        choice = spec.WhichOneof("version_choice")
        if choice is None:
            if versions:
                return versions[max(versions)]
            hint = "no version of it is loaded" if spec.name in served else f"models here: {', '.join(sorted(served))}"
            raise _not_found(f"Latest({spec.name})", hint)
        number = spec.version.value if choice == "version" else self.version_of_label(spec.name, spec.version_label)
        if number in versions:
            return versions[number]
        loaded = ", ".join(map(str, sorted(versions))) or "none"
        raise _not_found(f"Specific({spec.name}, {number})", f"versions loaded: {loaded}")


def _not_found(request: str, hint: str) -> RequestError:
    return RequestError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {request} ({hint})")
