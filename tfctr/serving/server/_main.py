"""`tfctr serve`: serve SavedModels until told to stop."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING

from tfctr.serving.server._flags import FlagError, parse_flags

if TYPE_CHECKING:
    from tfctr.serving.server._model_server import ModelServer

_LOG = logging.getLogger("tfctr.serving")


class _Terminated(BaseException):
    """SIGTERM or SIGINT came; not an Exception, so that nothing on the way swallows it."""


def _terminate(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second signal ends the process at once
    signal.signal(signal.SIGINT, signal.default_int_handler)
    raise _Terminated(signal.Signals(number).name)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server in the foreground.

    Args:
        argv: Arguments without the program's name; None takes those of the process.

    Returns:
        Exit status: 0 after SIGTERM or SIGINT, 1 when the server cannot start, 2 for wrong flags.
    """
    try:
        flags = parse_flags(sys.argv[1:] if argv is None else argv)
    except FlagError as error:
        print(f"tfctr serve: {error}\nSee `tfctr serve --help`.", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    for sentence in flags.without_effect():
        _LOG.warning("%s", sentence)

    from tfctr.serving.server._errors import RequestError
    from tfctr.serving.server._model_server import ModelServer

    server = None
    try:
        signal.signal(signal.SIGTERM, _terminate)
        signal.signal(signal.SIGINT, _terminate)
        server = ModelServer(flags)
        server.start()
        print(_ready(server, flags.bind_address), flush=True)
        while True:
            threading.Event().wait(3600)
    except _Terminated as signalled:
        _LOG.info("%s: finishing the requests in flight", signalled)
        return 0
    except (RequestError, RuntimeError, OSError) as error:
        print(f"Failed to start server. Error: {error}", file=sys.stderr)
        return 1
    finally:
        if server is not None:
            server.stop()


def _ready(server: ModelServer, address: str) -> str:
    """Return the line that says where the server listens."""
    rest = f", REST API at {address}:{server.rest_port}" if server.rest_port else ""
    return f"Running gRPC ModelServer at {address}:{server.grpc_port}{rest} ..."


if __name__ == "__main__":
    sys.exit(main())
