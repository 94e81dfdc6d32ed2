"""Counts and times of requests, for Prometheus, under TensorFlow Serving's names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from threading import Lock

import grpc
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.metrics_core import Metric

DEFAULT_PATH = "/monitoring/prometheus/metrics"
_COUNT = ":tensorflow:serving:request_count"
_LATENCY = ":tensorflow:serving:request_latency"
_MICROSECONDS = tuple(10 * 1.8**power for power in range(33))


class Metrics:
    """What happened to the requests of this server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = Lock()
        self._registry.register(self)
        self._latency = Histogram(
            _LATENCY,
            "Wall time of a request in microseconds.",
            ("model_name", "API", "entrypoint"),
            buckets=_MICROSECONDS,
            registry=self._registry,
        )

    def record(self, model: str, api: str, entrypoint: str, code: grpc.StatusCode, seconds: float) -> None:
        """Note one answered request.

        Args:
            model: Model's name as requested; unknown names are counted as one, so that no client can fill the memory.
            api: `Predict`, `Classify`, ...
            entrypoint: `GRPC` or `REST`.
            code: How it was answered.
            seconds: Wall time.
        """
        name = "" if code is grpc.StatusCode.NOT_FOUND else model
        with self._lock:
            self._counts[name, code.name] += 1
        if code is grpc.StatusCode.OK:
            self._latency.labels(model, api, entrypoint).observe(seconds * 1e6)

    def collect(self) -> Iterator[Metric]:
        """Yield the counter under its very name: the library's own Counter would append `_total`."""
        with self._lock:
            counts = dict(self._counts)
        metric = Metric(_COUNT, "The total number of requests.", "unknown")
        for (model, status), count in counts.items():
            metric.add_sample(_COUNT, {"model_name": model, "status": status}, count)
        yield metric

    def page(self) -> bytes:
        """Return the page that Prometheus reads."""
        return generate_latest(self._registry)
