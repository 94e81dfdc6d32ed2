"""Milliseconds of each kind of operation in a trace of TensorFlow's profiler."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from tensorflow.tsl.profiler.protobuf import xplane_pb2

# Threads of the executor name what they run "name/of/the/node:Operation"; anything else is bookkeeping around it.
OPERATION = re.compile(r"[^:\s]+:([A-Za-z_]\w*)")


def op_milliseconds(folder: Path) -> dict[str, float]:
    """Return operation -> milliseconds, summed over all threads of the trace that was written below `folder`.

    Raises:
        FileNotFoundError: When there is no trace.
    """
    spent: Counter[str] = Counter()
    traces = list(folder.rglob("*.xplane.pb"))
    if not traces:
        raise FileNotFoundError(f"the profiler has written no trace below {folder}")
    for path in traces:
        space = xplane_pb2.XSpace()
        space.ParseFromString(path.read_bytes())
        for plane in space.planes:
            names = {key: OPERATION.fullmatch(metadata.name) for key, metadata in plane.event_metadata.items()}
            for line in plane.lines:
                for event in line.events:
                    if operation := names[event.metadata_id]:
                        spent[operation.group(1)] += event.duration_ps
    return {name: picoseconds / 1e9 for name, picoseconds in spent.items()}
