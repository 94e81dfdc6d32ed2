"""Streaming metrics on many rows: time, memory and error, as the stream grows.

    python -m benchmarks.metrics_streaming --rows 100_000_000

Rows come from a log with a known distribution, a chunk at a time, so that the stream itself takes no memory. Printed at
each power of ten and at the end: rows, seconds, rows a second, bytes of the accumulator's state, peak memory of the
process, AUC and GAUC with their errors. Up to `--exact-rows` rows the exact figures are computed too and compared.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.peak_memory import peak_bytes
from tfctr.training.metrics import StreamingEvaluation, evaluate_arrays

Chunk = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]


def chunks(rows: int, chunk_rows: int, users: int) -> Iterator[Chunk]:
    """Labels, probabilities and users of a log with a click rate near 3 percent."""
    rng = np.random.default_rng(0)
    for start in range(0, rows, chunk_rows):
        size = min(chunk_rows, rows - start)
        user = rng.integers(0, users, size)
        logit = -4 + (user % 97) / 97 + rng.normal(0, 1.2, size)
        probability = 1 / (1 + np.exp(-logit))
        yield (rng.random(size) < probability).astype(np.float64), probability, user


def state_bytes(stream: StreamingEvaluation) -> int:
    """Bytes that would travel between machines."""
    return sum(array.nbytes for part in stream.state().values() for array in part.values())


def line(rows: int, seconds: float, stream: StreamingEvaluation) -> str:
    """One line of the report."""
    figures = stream.result()
    peak = peak_bytes() / 2**20
    return (
        f"{rows:>13,} rows  {seconds:>7.1f} s  {rows / max(seconds, 1e-9):>12,.0f} rows/s  "
        f"state {state_bytes(stream) / 2**20:>6.1f} MiB  peak {peak:>6.0f} MiB  "
        f"AUC {figures['auc']:.7f} (error <= {figures['auc_error']:.1e})  "
        f"GAUC {figures['gauc']:.6f} (+- {figures['gauc_standard_error']:.1e}, "
        f"{figures['gauc_sampled_share']:.2%} of groups)  slope {figures['calibration_slope']:.5f}"
    )


def compare(rows: int, chunk_rows: int, users: int, stream: StreamingEvaluation) -> None:
    """Print each figure of the stream beside the exact one."""
    labels, probabilities, groups = (
        np.concatenate(column) for column in zip(*chunks(rows, chunk_rows, users), strict=True)
    )
    exact, found = evaluate_arrays(labels, probabilities, groups), stream.result()
    for name, value in exact.items():
        bound = found.get(f"{name}_error", found.get(f"{name}_standard_error", 0.0))
        print(f"  {name:<26} exact {value:.9f}  stream off by {abs(found[name] - value):.1e}, stated {bound:.1e}")


def main() -> None:
    """Run the stream and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="length of the stream")
    parser.add_argument("--chunk-rows", type=int, default=100_000, help="rows a call of add")
    parser.add_argument("--users", type=int, default=1_000_000, help="number of groups")
    parser.add_argument("--exact-rows", type=int, default=5_000_000, help="compare with exact figures up to here")
    arguments = parser.parse_args()

    stream, done, seconds = StreamingEvaluation(), 0, 0.0
    marks = {10**power for power in range(5, 12)}
    for labels, probabilities, users in chunks(arguments.rows, arguments.chunk_rows, arguments.users):
        start = time.perf_counter()
        stream.add(labels, probabilities, users)
        seconds += time.perf_counter() - start
        done += len(labels)
        if done in marks or done == arguments.rows:
            print(line(done, seconds, stream), flush=True)
    if arguments.rows <= arguments.exact_rows:
        compare(arguments.rows, arguments.chunk_rows, arguments.users, stream)


if __name__ == "__main__":
    main()
