"""Send one request over and over, from a process of its own that holds no TensorFlow.

    python benchmarks/serving_load.py localhost:8500 request.bin --threads 8 --seconds 5

Prints JSON: requests, failures, requests a second, and the p50, p95 and p99 of a request in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
from pathlib import Path

import grpc

PREDICT = "/tensorflow.serving.PredictionService/Predict"
_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def ask(address: str, request: bytes, seconds: float, times: list[float], failures: list[str]) -> None:
    """Ask until the time is over, noting how long each answer took, in seconds."""
    with grpc.insecure_channel(address, [*_OPTIONS, ("grpc.use_local_subchannel_pool", 1)]) as channel:
        call = channel.unary_unary(PREDICT)
        for _ in range(20):
            call(request, timeout=60)
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            try:
                call(request, timeout=60)
            except grpc.RpcError as error:
                failures.append(error.code().name)
            times.append(time.perf_counter() - began)


def main() -> None:
    """Run the load and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", help="host:port of a gRPC server")
    parser.add_argument("request", type=Path, help="file with a serialized PredictRequest")
    parser.add_argument("--threads", type=int, default=1, help="requests in flight")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of the load")
    given = parser.parse_args()

    times: list[float] = []
    failures: list[str] = []
    request = given.request.read_bytes()
    arguments = (given.address, request, given.seconds, times, failures)
    threads = [threading.Thread(target=ask, args=arguments) for _ in range(given.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    points = statistics.quantiles(times, n=100)
    figures = {f"p{point}": 1000 * points[point - 1] for point in (50, 95, 99)}
    print(json.dumps({"requests": len(times), "failures": failures[:5], "rps": len(times) / given.seconds, **figures}))


if __name__ == "__main__":
    main()
