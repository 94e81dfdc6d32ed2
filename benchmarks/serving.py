"""What an answer costs: the transport, the session, the server, for one row and for 200.

    python benchmarks/serving.py --seconds 5

A DCN-V2 (26 categorical columns of text, 13 numbers) is exported and served by `tfctr serve` in a process of its
own; the load comes from another (`serving_load.py`). Beside it stand the floor of the transport (a gRPC server that
echoes bytes of the same size) and, in this process, four ways to call the same graph. Only ratios carry over to
another machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import grpc
import numpy as np
import pyarrow as pa
import tensorflow as tf

from tfctr.models.dcn_v2 import DCNv2
from tfctr.serving._requests import column_inputs, example_inputs, predict_request, rank_inputs
from tfctr.serving.export import export_model
from tfctr.serving.server._saved_model import SavedModel
from tfctr.spec import FeatureSpec
from tfctr.transform import fit_transform

HERE = Path(__file__).parent
CATEGORICAL, NUMERIC = 26, 13
ROWS = (1, 200)
SPEC = FeatureSpec(
    name="served",
    features=[{"kind": "categorical", "name": f"c{i}", "role": "item" if i % 2 else "user"} for i in range(CATEGORICAL)]
    + [{"kind": "numeric", "name": f"n{i}", "role": "item" if i % 2 else "context"} for i in range(NUMERIC)],
    tasks=[{"name": "click", "label": "label"}],
    split={"by": "hash", "column": "c0"},
)
COLUMNS = SPEC.raw_columns(serving=True)
Inputs = dict[str, np.ndarray]


def make_rows(count: int) -> pa.Table:
    """Random rows: text ids out of 1,000, normal numbers."""
    random = np.random.default_rng(0)
    table: dict[str, Any] = {
        f"c{i}": [f"value {v}" for v in random.integers(0, 1000, count)] for i in range(CATEGORICAL)
    }
    table |= {f"n{i}": random.normal(size=count).astype(np.float32) for i in range(NUMERIC)}
    return pa.table(table | {"label": random.integers(0, 2, count).astype(np.float32)})


def export(folder: Path) -> Path:
    """Export the model that is measured, untrained: its weights do not change its speed."""
    rows = make_rows(5_000)
    transform = fit_transform(SPEC, rows, folder / "transform")
    model = DCNv2(transform.bound_spec, hidden_units=(400, 400, 400))
    return export_model(model, transform, folder / "models" / "1", warmup_rows=rows.slice(0, 200))


def requests() -> dict[tuple[str, int], Inputs]:
    """The inputs of each signature for each number of rows."""
    rows = make_rows(max(ROWS)).select([column.name for column in COLUMNS]).to_pylist()
    item = {column.name for column in COLUMNS if column.role == "item"}
    once = {name: value for name, value in rows[0].items() if name not in item}
    items = [{name: row[name] for name in item} for row in rows]
    found: dict[tuple[str, int], Inputs] = {}
    for count in ROWS:
        found["serving_default", count] = example_inputs(rows[:count], COLUMNS)
        found["predict", count] = column_inputs(rows[:count], COLUMNS)
        found["rank", count] = rank_inputs(once, items[:count], COLUMNS)
    return found


@contextmanager
def served(base: Path, flags: list[str]) -> Iterator[str]:
    """Run `tfctr serve` and yield its address."""
    ports = base.parent / "ports.json"
    ports.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tfctr.serving.server._main", "--port=-1", "--bind_address=127.0.0.1"]
    command += [f"--model_base_path={base}", f"--port_file={ports}", *flags]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 120
        while not ports.exists():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the server did not start")
            time.sleep(0.2)
        yield f"127.0.0.1:{json.loads(ports.read_text())['grpc']}"
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def echoed() -> Iterator[str]:
    """Run a gRPC server that answers with what it was sent, and yield its address."""
    handler = grpc.method_handlers_generic_handler(
        "tensorflow.serving.PredictionService",
        {"Predict": grpc.unary_unary_rpc_method_handler(lambda request, context: request)},
    )
    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(5).wait()


def load(address: str, request: Path, threads: int, seconds: float) -> dict[str, Any]:
    """Put load on a server from another process."""
    command = [sys.executable, str(HERE / "serving_load.py"), address, str(request)]
    command += [f"--threads={threads}", f"--seconds={seconds}"]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 120).stdout
    figures: dict[str, Any] = json.loads(output)
    if figures["failures"]:
        raise RuntimeError(f"requests failed: {figures['failures']}")
    return figures


def in_process(folder: Path, inputs: Inputs, signature: str, seconds: float) -> dict[str, float]:
    """Milliseconds (p50) of four ways to answer the same inputs in this process."""
    model = SavedModel(folder)
    chosen = model.signatures[signature]
    feeds = [endpoint.tensor for endpoint in chosen.inputs.values()]
    fetches = [endpoint.tensor for endpoint in chosen.outputs.values()]
    values = [inputs[alias] for alias in chosen.inputs]
    session = model._session
    eager = tf.saved_model.load(str(folder)).signatures[signature]
    request = predict_request(inputs, model="served", signature=signature)

    def naive() -> None:
        tensors = {alias: tf.constant(tf.make_ndarray(proto)) for alias, proto in request.inputs.items()}
        for output in eager(**tensors).values():
            tf.make_tensor_proto(output)

    ways: dict[str, Callable[[], object]] = {
        "prepared callable": lambda: model.run(feeds, fetches, values),
        "Session.run": lambda: session.run(fetches, dict(zip(feeds, values, strict=True))),
        "eager signature": lambda: eager(**{alias: tf.constant(value) for alias, value in inputs.items()}),
        "naive": naive,
    }
    return {name: _p50(way, seconds) for name, way in ways.items()}


def _p50(way: Callable[[], object], seconds: float) -> float:
    for _ in range(20):
        way()
    times, end = [], time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        way()
        times.append(1000 * (time.perf_counter() - began))
    return float(np.median(times))


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each measurement")
    parser.add_argument(
        "--flag", action="append", default=[], help="further flag of the server, as --flag=--name=value"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = export(Path(name))
        inputs = requests()
        print("\n| called in process, p50 ms | rows | prepared callable | Session.run | eager signature | naive |")
        print("|---|---|---|---|---|---|")
        for (signature, count), arrays in inputs.items():
            ways = in_process(folder, arrays, signature, given.seconds / 3)
            fastest = ways["prepared callable"]
            cells = " | ".join(f"{value:.3f} ({value / fastest:.2f}x)" for value in ways.values())
            print(f"| {signature} | {count} | {cells} |", flush=True)

        print("\n| over gRPC | rows | p50 ms | p95 | p99 | over the floor | rps, 8 clients | of the floor |")
        print("|---|---|---|---|---|---|---|---|")
        with served(folder.parent, ["--model_name=served", *given.flag]) as address, echoed() as floor:
            for (signature, count), arrays in inputs.items():
                file = Path(name) / "request.bin"
                file.write_bytes(predict_request(arrays, model="served", signature=signature).SerializeToString())
                one, many = (load(address, file, threads, given.seconds) for threads in (1, 8))
                base_one, base_many = (load(floor, file, threads, given.seconds) for threads in (1, 8))
                print(
                    f"| {signature} | {count} | {one['p50']:.2f} | {one['p95']:.2f} | {one['p99']:.2f} "
                    f"| {one['p50'] - base_one['p50']:+.2f} ms ({one['p50'] / base_one['p50']:.1f}x of "
                    f"{base_one['p50']:.2f}) | {many['rps']:.0f} | {many['rps'] / base_many['rps']:.2f} of "
                    f"{base_many['rps']:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
