"""TensorFlow Serving's REST API, on the standard library's threading HTTP server."""

from __future__ import annotations

import http.server
import json
import logging
import re
import socketserver
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import grpc
from google.protobuf.json_format import MessageToDict
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

from tfctr.serving.server import _rest_json as rest_json
from tfctr.serving.server._core import SIGNATURE_FIELD, ServingCore
from tfctr.serving.server._errors import RequestError, invalid
from tfctr.serving.server._signatures import DEFAULT_SIGNATURE, Endpoint

_LOG = logging.getLogger(__name__)
_MODEL = r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_POST = re.compile(_MODEL + r":(?P<method>classify|regress|predict)", re.IGNORECASE)
_GET = re.compile(_MODEL + r"(?P<metadata>/metadata)?", re.IGNORECASE)
_MAX_CONNECTIONS = 512

HTTP_STATUS: dict[grpc.StatusCode, int] = {
    grpc.StatusCode.OK: 200,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
"""Canonical code -> HTTP status; those not listed are 500."""


@dataclass(frozen=True)
class RestOptions:
    """How REST requests are taken.

    Args:
        threads: Requests answered at a time.
        timeout_seconds: Longest time for one request, and for a silent connection.
        max_body_bytes: Larger bodies are RESOURCE_EXHAUSTED.
        cors: Send CORS headers.
        metrics_path: Path of the Prometheus page; empty for none.
    """

    threads: int = 8
    timeout_seconds: float = 30.0
    max_body_bytes: int = 256 * 2**20
    cors: bool = False
    metrics_path: str = ""


class RestApi:
    """Answers ``(method, path, body)`` by the core; knows nothing of sockets.

    Args:
        core: Answers the requests.
    """

    def __init__(self, core: ServingCore):
        self._core = core

    def answer(self, verb: str, path: str, body: bytes) -> dict[str, Any]:
        """Return the JSON of the answer.

        Raises:
            RequestError: With the canonical code; `HTTP_STATUS` has what HTTP calls it.
        """
        match = (_POST if verb == "POST" else _GET).fullmatch(path)
        if match is None:
            raise invalid(
                f"Malformed request: {verb} {path}. Known: POST /v1/models/NAME[/versions/N|/labels/L]:predict (or "
                "classify, regress), GET /v1/models/NAME[/metadata]"
            )
        spec = model_pb2.ModelSpec(name=unquote(match["name"]))
        if match["version"]:
            if int(match["version"]) >= 2**63:
                raise invalid(f"Failed to convert version: {match['version']} to numeric.")
            spec.version.value = int(match["version"])
        if match["label"]:
            spec.version_label = unquote(match["label"])
        if verb == "POST":
            api = match["method"].lower()
            call = {"predict": self._predict, "classify": self._classify, "regress": self._regress}[api]
            return self._core.measured(api.capitalize(), "REST", spec.name, lambda: call(spec, body))
        return self._metadata(spec) if match["metadata"] else self._status(spec)

    def metrics_page(self) -> bytes:
        """Return the page that Prometheus reads."""
        return self._core.metrics.page()

    def _predict(self, spec: model_pb2.ModelSpec, body: bytes) -> dict[str, Any]:
        request = predict_pb2.PredictRequest(model_spec=spec)
        by_row = rest_json.fill_predict(
            rest_json.parse_object(body), request, lambda signature: self._inputs(spec, signature)
        )
        return rest_json.predict_json(self._core.predict(request), by_row=by_row)

    def _inputs(self, spec: model_pb2.ModelSpec, signature: str) -> Mapping[str, Endpoint]:
        name = signature or DEFAULT_SIGNATURE
        with self._core.router.lease(spec) as servable:
            if name not in servable.signatures:
                raise invalid(f'Serving signature name: "{name}" not found in signature def')
            inputs = servable.signatures[name].inputs
        if not inputs:
            raise invalid(f"signature {name!r} takes no inputs")
        return inputs

    def _classify(self, spec: model_pb2.ModelSpec, body: bytes) -> dict[str, Any]:
        parsed = rest_json.parse_object(body)
        request = classification_pb2.ClassificationRequest(model_spec=spec)
        request.model_spec.signature_name = parsed.get("signature_name", "")
        rest_json.fill_examples(parsed, request.input)
        return rest_json.classify_json(self._core.classify(request))

    def _regress(self, spec: model_pb2.ModelSpec, body: bytes) -> dict[str, Any]:
        parsed = rest_json.parse_object(body)
        request = regression_pb2.RegressionRequest(model_spec=spec)
        request.model_spec.signature_name = parsed.get("signature_name", "")
        rest_json.fill_examples(parsed, request.input)
        return rest_json.regress_json(self._core.regress(request))

    def _status(self, spec: model_pb2.ModelSpec) -> dict[str, Any]:
        response = self._core.status(get_model_status_pb2.GetModelStatusRequest(model_spec=spec))
        return _full_dict(response)

    def _metadata(self, spec: model_pb2.ModelSpec) -> dict[str, Any]:
        request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec, metadata_field=[SIGNATURE_FIELD])
        response = self._core.metadata(request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata[SIGNATURE_FIELD].Unpack(signatures)
        return {
            "model_spec": _full_dict(response.model_spec),
            "metadata": {SIGNATURE_FIELD: _full_dict(signatures)},
        }


def _full_dict(message: Any) -> dict[str, Any]:
    return dict(MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True))


class RestServer:
    """The HTTP side: bounded threads, bounded bodies, bounded times.

    Args:
        api: Answers.
        address: Host and port to listen on; port 0 takes a free one.
        options: Bounds.

    Raises:
        OSError: When the port cannot be had.
    """

    def __init__(self, api: RestApi, address: tuple[str, int], options: RestOptions):
        self.api = api
        self.options = options
        self._pool = ThreadPoolExecutor(options.threads, thread_name_prefix="rest")
        self._server = _HttpServer(address, self)
        self._thread = threading.Thread(target=self._server.serve_forever, name="rest-server", daemon=True)

    @property
    def port(self) -> int:
        """The port listened on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests; those begun are finished."""
        self._server.shutdown()
        self._thread.join(self.options.timeout_seconds)
        self._server.server_close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def page(self, verb: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        """Return HTTP status, content type and content of one request."""
        if verb == "GET" and self.options.metrics_path and path == self.options.metrics_path:
            return 200, "text/plain; version=0.0.4; charset=utf-8", self.api.metrics_page()
        try:
            future = self._pool.submit(self.api.answer, verb, path, body)
            content, status = future.result(self.options.timeout_seconds), 200
        except FutureTimeoutError:
            future.cancel()
            status, content = 504, {"error": f"no answer within {self.options.timeout_seconds:g} s"}
        except RequestError as error:
            status, content = HTTP_STATUS.get(error.code, 500), {"error": error.message}
        except RuntimeError as error:  # the pool is shut: the server is stopping
            status, content = 503, {"error": str(error)}
        return status, "application/json", json.dumps(content, indent=1).encode()


class _HttpServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], owner: RestServer):
        self.owner = owner
        self._connections = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._connections.acquire(blocking=False):
            self.shutdown_request(request)  # too many at once: refused, not queued for ever
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        _LOG.debug("connection of %s ended early", client_address, exc_info=True)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HttpServer

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.owner.options.timeout_seconds)  # a silent client is dropped

    def do_GET(self) -> None:
        self._reply(*self.server.owner.page("GET", self.path.partition("?")[0], b""))

    def do_POST(self) -> None:
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            self.close_connection = True
            self._reply_error(411, "send the body with a Content-Length")
            return
        limit = self.server.owner.options.max_body_bytes
        if not 0 <= length <= limit:
            self.close_connection = True
            self._reply_error(429, f"the body has {length} bytes; this server takes {limit} (--max_message_bytes)")
            return
        self._reply(*self.server.owner.page("POST", self.path.partition("?")[0], self.rfile.read(length)))

    def do_OPTIONS(self) -> None:
        self._reply(200, "application/json", b"")

    def _reply_error(self, status: int, message: str) -> None:
        self._reply(status, "application/json", json.dumps({"error": message}).encode())

    def _reply(self, status: int, content_type: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        if self.server.owner.options.cors:
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Access-Control-Allow-Methods", "POST, GET")
            self.send_header("Access-Control-Allow-Headers", "Content-Type")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        _LOG.debug(format, *args)
