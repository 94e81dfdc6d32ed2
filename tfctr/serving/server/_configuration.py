"""Which models are served: applied at start, by request, and whenever the configuration file changes."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from tensorflow_serving.config import model_server_config_pb2

from tfctr.serving.server._config_files import check_model_config, checked_labels, read_text_proto
from tfctr.serving.server._errors import RequestError
from tfctr.serving.server._manager import ModelManager
from tfctr.serving.server._routing import Router

_LOG = logging.getLogger(__name__)


class Configuration:
    """The list of models in force.

    Args:
        manager: Loads and drops versions.
        router: Takes the labels.
        allow_labels_for_unavailable: A new label may name a version that is not loaded yet.
    """

    def __init__(self, manager: ModelManager, router: Router, *, allow_labels_for_unavailable: bool = False):
        self._manager = manager
        self._router = router
        self._allow_unavailable = allow_labels_for_unavailable
        self._names: set[str] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._poller: threading.Thread | None = None

    def apply(self, config: model_server_config_pb2.ModelServerConfig, *, timeout_seconds: float | None = None) -> None:
        """Serve what `config` lists from now on, and wait until models that are new answer.

        Nothing is changed when the configuration is refused.

        Raises:
            RequestError: INVALID_ARGUMENT or FAILED_PRECONDITION for a configuration that is refused, UNKNOWN when a
                new model cannot be loaded, DEADLINE_EXCEEDED after the timeout.
        """
        with self._lock:
            check_model_config(config)
            entries = config.model_config_list.config
            labels = checked_labels(
                config,
                {entry.name: self._router.versions(entry.name) for entry in entries},
                self._router.labels,
                allow_unavailable=self._allow_unavailable,
            )
            new = {entry.name for entry in entries} - self._names
            self._names = {entry.name for entry in entries}
            self._router.set_labels(labels)
            self._manager.set_models(
                [(entry.name, Path(entry.base_path), entry.model_version_policy) for entry in entries]
            )
        if new:
            self._manager.wait_until_loaded(new, timeout_seconds)

    def watch(self, file: str, seconds: float) -> None:
        """Apply the file again every time its content has changed, looking every `seconds`."""
        self._poller = threading.Thread(target=self._poll, args=(file, seconds), name="config-file", daemon=True)
        self._poller.start()

    def stop(self) -> None:
        """Stop watching the file."""
        self._stop.set()

    def _poll(self, file: str, seconds: float) -> None:
        applied = None
        while not self._stop.wait(seconds):
            try:
                config = read_text_proto(file, model_server_config_pb2.ModelServerConfig())
                if config != applied:
                    self.apply(config)
                    applied = config
            except RequestError as error:
                _LOG.error("the model configuration stays as it was: %s", error.message)
