r"""Seconds to learn a transform: in memory, by TFT's analyzers on Beam, and what counting alone would take.

Rows are random, two of three columns ids (vocabularies of 2 to some thousand values), the others numbers by turns in
z-scores, logarithms and quantile buckets. Of each shape all ways run in one process by turns; told are processor
seconds, which other work on the machine touches least, and ratios. Arrow's counts of the same ids, and means and
deviations of the same numbers, are the floor.

Examples:
    python -m benchmarks.learn_transform
    python -m benchmarks.learn_transform --shapes 20000x7 --turns 1 --no-write
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import typer

from tfctr.benchmark import table_line, write_section
from tfctr.spec import FeatureSpec
from tfctr.transform import fit_transform, make_preprocessing_fn, table_to_examples
from tfctr.transform.schema import raw_schema

RESULTS = Path(__file__).with_name("RESULTS.md")
SCALES = ("zscore", "log", "quantile")


def log_of(rows: int, columns: int) -> tuple[FeatureSpec, pa.Table]:
    """A spec and a random log of this shape."""
    rng = np.random.default_rng(0)
    numbers = columns // 3
    ids = [f"id_{index}" for index in range(columns - numbers)]
    table = {name: pa.array(rng.integers(0, 2 + index * 40, rows).astype(str)) for index, name in enumerate(ids)}
    table |= {f"number_{index}": pa.array(rng.lognormal(size=rows).astype("float32")) for index in range(numbers)}
    features = [{"kind": "categorical", "name": name, "role": "item"} for name in ids]
    for index in range(numbers):
        features.append({"kind": "numeric", "name": f"number_{index}", "role": "user", "scale": SCALES[index % 3]})
    spec = FeatureSpec.model_validate(
        {
            "name": "wide",
            "features": features,
            "tasks": [{"name": "click", "label": "clicked"}],
            "split": {"by": "random"},
        }
    )
    return spec, pa.table({**table, "clicked": rng.integers(0, 2, rows).astype("float32")})


def counted(spec: FeatureSpec, table: pa.Table, folder: Path) -> None:
    """Count every value and take every mean, and no more."""
    for column in table.columns:
        if pa.types.is_string(column.type):
            pc.value_counts(column)
        else:
            pc.mean(column), pc.stddev(column)


def in_memory(spec: FeatureSpec, table: pa.Table, folder: Path) -> None:
    """Learn as a notebook does."""
    fit_transform(spec, table, folder / "memory")


def on_beam(spec: FeatureSpec, table: pa.Table, folder: Path) -> None:
    """Learn as a pipeline does, by TFT on Beam's runner in this process."""
    import apache_beam as beam
    import tensorflow_transform.beam as tft_beam
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from tfx_bsl.public import tfxio

    source = tfxio.TFExampleBeamRecord(
        physical_format="inmem", telemetry_descriptors=["benchmark"], schema=raw_schema(spec)
    )
    examples = list(table_to_examples(table, spec))
    with beam.Pipeline(runner=FnApiRunner()) as pipeline, tft_beam.Context(str(folder / "beam")):
        rows = pipeline | beam.Create(examples) | source.BeamSource()
        learned = (rows, source.TensorAdapterConfig()) | tft_beam.AnalyzeDataset(make_preprocessing_fn(spec))
        learned | tft_beam.WriteTransformFn(str(folder / "output"))


WAYS: dict[str, Callable[[FeatureSpec, pa.Table, Path], None]] = {
    "counts alone": counted,
    "`fit_transform`": in_memory,
    "TFT on Beam": on_beam,
}


def processor_seconds(way: Callable[[FeatureSpec, pa.Table, Path], None], spec: FeatureSpec, table: pa.Table) -> float:
    """Of one run in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        way(spec, table, Path(folder))
        return time.process_time() - began


def main(
    shapes: Annotated[str, typer.Option(help="Rows x columns, by commas.")] = "20000x7,100000x39,20000x200",
    turns: Annotated[int, typer.Option(help="Turns of all ways.")] = 3,
    write: Annotated[bool, typer.Option(help="Put the table into RESULTS.md.")] = True,
) -> None:
    """Learn the transform of every shape in every way, by turns, and print the table."""
    heads = ["rows x columns", *(f"{name}, s" for name in WAYS), "of TFT on Beam", "of counts alone"]
    lines = [table_line(heads), "|---|" + "---:|" * (len(heads) - 1)]
    processor_seconds(on_beam, *log_of(100, 3))  # imports
    for shape in shapes.split(","):
        rows, columns = (int(number) for number in shape.split("x"))
        spec, table = log_of(rows, columns)
        took: dict[str, list[float]] = {name: [] for name in WAYS}
        for _ in range(turns):
            for name, way in WAYS.items():
                took[name].append(processor_seconds(way, spec, table))
        floor, memory, beam = (statistics.median(took[name]) for name in WAYS)
        cells = [f"{floor:.2f}", f"{memory:.1f}", f"{beam:.1f}", f"{memory / beam:.2f} ×", f"{memory / floor:.0f} ×"]
        lines.append(table_line([f"{rows:,} x {columns}", *cells]))
        print(lines[-1], flush=True)
    text = "\n".join(lines)
    print(text)
    if write:
        command = f"python -m benchmarks.learn_transform --shapes {shapes} --turns {turns}"
        write_section(RESULTS, "Learning a transform", command, text)


if __name__ == "__main__":
    typer.run(main)
