"""The model manager: keeps what is loaded equal to what the folders and the configuration ask for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
import tensorflow as tf

from tfctr.serving.server._errors import RequestError, from_tensorflow
from tfctr.serving.server._routing import Router
from tfctr.serving.server._servable import Servable
from tfctr.serving.server._versions import Model, ServableVersionPolicy, State, Version, next_action, scan

_LOG = logging.getLogger(__name__)
_FAR_SECONDS = 3600.0


@dataclass(frozen=True)
class ManagerOptions:
    """How versions are found, loaded and dropped.

    Args:
        poll_seconds: Between two looks at the folders; 0 looks once, below 0 never.
        load_retries: Attempts after the first one failed.
        retry_seconds: Between two attempts; below 0 means at once.
        load_threads: Loads at a time; 0 and 1 load one after the other.
        drain_seconds: Longest wait for the calls in flight on a version that is dropped.
    """

    poll_seconds: float = 1.0
    load_retries: int = 5
    retry_seconds: float = 60.0
    load_threads: int = 0
    drain_seconds: float = 90.0


class ModelManager:
    """Loads, swaps and drops versions.

    One thread decides (`tick`), others load and drain, so that neither a slow load nor a slow call holds up anything.
    A new version is loaded and warmed before the old one is dropped; a version that fails to load is tried again and
    leaves the old one in service.

    Args:
        load: Loads and warms one version: (model's name, version, folder) -> servable; raises when it cannot.
        router: Told which versions answer requests.
        options: Times and retries.
        on_change: Called without arguments after every change of what is served.
    """

    def __init__(
        self,
        load: Callable[[str, int, Path], Servable],
        router: Router,
        options: ManagerOptions | None = None,
        on_change: Callable[[], None] = lambda: None,
    ):
        self._load = load
        self._router = router
        self._options = options or ManagerOptions()
        self._on_change = on_change
        self._models: dict[str, Model] = {}
        self._changed = threading.Condition()  # also the lock of _models
        self._wake = threading.Event()
        self._stopping = False
        self._next_poll = 0.0
        self._loaders = ThreadPoolExecutor(max(1, self._options.load_threads), thread_name_prefix="load")
        self._unloaders = ThreadPoolExecutor(1, thread_name_prefix="unload")
        self._thread = threading.Thread(target=self._loop, name="model-manager", daemon=True)

    def start(self) -> None:
        """Begin to look at the folders."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking, then drop every version after its calls in flight."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(self._options.drain_seconds)
        self._loaders.shutdown(wait=True, cancel_futures=True)
        with self._changed:
            for version in [version for model in self._models.values() for version in model.available()]:
                self._begin_unload(version)
        self._unloaders.shutdown(wait=True)

    def set_models(self, models: Iterable[tuple[str, Path, ServableVersionPolicy]]) -> None:
        """Replace the list of models; those that are gone are unloaded, new ones are loaded.

        Args:
            models: Name, base path and version policy of each.
        """
        wanted = {name: (path, policy) for name, path, policy in models}
        with self._changed:
            for name, (path, policy) in wanted.items():
                model = self._models.setdefault(name, Model(name, path, policy))
                model.scanned = model.scanned and not model.removed
                model.base_path, model.policy, model.removed = path, policy, False
            for name in set(self._models) - set(wanted):
                self._models[name].removed = True
                self._models[name].aspire({})
            self._publish()
            self._next_poll = 0.0
        self._wake.set()

    def states(self, name: str) -> list[tuple[int, State, RequestError | None]]:
        """Return (version, state, error) of every version seen, the latest first; empty for an unknown model."""
        with self._changed:
            model = self._models.get(name)
            versions = sorted(model.versions.values(), key=lambda v: v.number, reverse=True) if model else []
            return [(version.number, version.state, version.error) for version in versions]

    def wait_until_loaded(self, names: Iterable[str], timeout_seconds: float | None = None) -> None:
        """Wait until each model answers, or has no version to load.

        Raises:
            RequestError: UNKNOWN when every version of a model failed to load, with the reasons; DEADLINE_EXCEEDED
                after the timeout.
        """
        names = list(names)
        with self._changed:
            done = self._changed.wait_for(lambda: self._stopping or all(map(self._settled, names)), timeout_seconds)
            if not done:
                raise RequestError(grpc.StatusCode.DEADLINE_EXCEEDED, f"models still loading: {', '.join(names)}")
            failed = [
                f"{name} version {version.number}: {version.error.message}"
                for name in names
                if not self._models[name].available()
                for version in self._models[name].versions.values()
                if version.aspired and version.error
            ]
        if failed:
            message = f"{len(failed)} model(s) did not become available: {'; '.join(failed)}"
            raise RequestError(grpc.StatusCode.UNKNOWN, message)

    def _settled(self, name: str) -> bool:
        model = self._models[name]
        if self._options.poll_seconds >= 0 and not model.scanned:
            return False
        aspired = [version for version in model.versions.values() if version.aspired]
        return bool(model.available()) or all(version.state is State.END for version in aspired)

    def _loop(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                wait = self.tick()
            except Exception:  # a fault of one look must not end all later ones
                _LOG.exception("the model manager failed; it goes on")
                wait = 1.0
            self._wake.wait(wait)

    def tick(self) -> float:
        """Look at the folders when it is time, and begin what follows.

        Returns:
            Seconds until the next thing to do.
        """
        with self._changed:
            now = time.monotonic()
            if now >= self._next_poll:
                self._poll()
                self._next_poll = now + self._options.poll_seconds if self._options.poll_seconds > 0 else float("inf")
            for model in self._models.values():
                self._retry_due(model, now)
                while action := next_action(model.versions.values()):
                    if action.kind == "load":
                        self._begin_load(model, action.version)
                    else:
                        self._begin_unload(action.version)
            pending = [version for model in self._models.values() for version in model.versions.values()]
            waits = [version.next_attempt - now for version in pending if version.next_attempt is not None]
            return max(0.0, min([_FAR_SECONDS, self._next_poll - now, *waits]))

    def _poll(self) -> None:
        if self._options.poll_seconds < 0:
            return
        for model in self._models.values():
            wanted = {} if model.removed else scan(model.base_path, model.policy)
            if wanted is None:
                model.scanned = True
                continue
            if not wanted and not model.removed:
                _LOG.warning(
                    "no version of model %s found under %s: a version is a folder whose name is a number",
                    model.name,
                    model.base_path,
                )
            model.aspire(wanted)
        self._changed.notify_all()

    def _begin_load(self, model: Model, version: Version) -> None:
        version.state = State.LOADING
        version.next_attempt = None
        _LOG.info("loading %s version %d from %s", model.name, version.number, version.path)
        self._loaders.submit(self._attempt, model, version)

    def _retry_due(self, model: Model, now: float) -> None:
        for version in model.versions.values():
            if version.next_attempt is None:
                continue
            if not version.aspired:
                version.state, version.next_attempt = State.END, None
                self._changed.notify_all()
            elif now >= version.next_attempt:
                self._begin_load(model, version)

    def _attempt(self, model: Model, version: Version) -> None:
        """Load once, on a loading thread."""
        began = time.monotonic()
        try:
            servable = self._load(model.name, version.number, version.path)
        except Exception as error:
            self._failed(model, version, error)
            return
        _LOG.info("loaded %s version %d in %.1f s", model.name, version.number, time.monotonic() - began)
        with self._changed:
            version.servable, version.state, version.error = servable, State.AVAILABLE, None
            self._publish()
        self._wake.set()

    def _failed(self, model: Model, version: Version, error: Exception) -> None:
        code = from_tensorflow(error).code if isinstance(error, tf.errors.OpError) else grpc.StatusCode.UNKNOWN
        with self._changed:
            version.failures += 1
            version.error = RequestError(code, str(error) or type(error).__name__)
            again = version.aspired and version.failures <= self._options.load_retries and not self._stopping
            if again:
                version.next_attempt = time.monotonic() + max(0.0, self._options.retry_seconds)
            else:
                version.state = State.END
            self._changed.notify_all()
        what_next = f"next attempt in {max(0.0, self._options.retry_seconds):g} s" if again else "giving up"
        _LOG.error("loading %s version %d failed (attempt %d, %s): %s", model.name, version.number, version.failures,
                   what_next, version.error)  # fmt: skip
        self._wake.set()

    def _begin_unload(self, version: Version) -> None:
        version.state = State.UNLOADING
        self._publish()  # first nobody finds it any more, then it is drained
        _LOG.info("unloading version %d of %s", version.number, version.path)
        self._unloaders.submit(self._unload, version)

    def _unload(self, version: Version) -> None:
        """Drain and drop, on the unloading thread."""
        assert version.servable is not None
        if not version.servable.retire(self._options.drain_seconds):
            _LOG.warning("calls on %s did not end within %g s and were cancelled", version.path,
                         self._options.drain_seconds)  # fmt: skip
        with self._changed:
            version.servable = None
            version.state = State.START if version.aspired and not self._stopping else State.END
            self._changed.notify_all()
        self._wake.set()

    def _publish(self) -> None:
        """Tell the router, and whoever waits, what is served now."""
        served = {}
        for model in self._models.values():
            versions = {version.number: version.servable for version in model.available() if version.servable}
            if versions or not model.removed:
                served[model.name] = versions
        self._router.publish(served)
        self._changed.notify_all()
        self._on_change()
