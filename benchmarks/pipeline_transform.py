r"""The pipeline's Transform step against TFX's own executor: processor seconds and rows a second.

Both read the same files of serialized examples, learn the spec's transform, write its graph and the transformed rows,
by Beam's runner in one process. Rows are those of `benchmarks.learn_transform`.

Examples:
    python -m benchmarks.pipeline_transform
    python -m benchmarks.pipeline_transform --shapes 1500x10 --no-write
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import tensorflow as tf
import typer

from benchmarks.learn_transform import RESULTS, log_of
from tfctr.benchmark import table_line, write_section
from tfctr.spec import FeatureSpec
from tfctr.transform import TransformOutput, raw_schema, table_to_examples
from tfctr.transform.fit import quiet_logs
from tfx_pipeline.config import LOCAL_BEAM


def write_examples(spec: FeatureSpec, table: Any, folder: Path) -> None:
    """Write the split that both executors read, and its schema."""
    from google.protobuf import text_format

    (folder / "examples" / "Split-train").mkdir(parents=True)
    path = folder / "examples" / "Split-train" / "data-00000-of-00001.gz"
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for example in table_to_examples(table, spec):
            writer.write(example)
    (folder / "schema").mkdir()
    (folder / "schema" / "schema.pbtxt").write_text(text_format.MessageToString(raw_schema(spec)))


def run_executor(kind: Any, spec: FeatureSpec, folder: Path, name: str) -> TransformOutput:
    """Run an executor as TFX does, and open what it left."""
    from tfx.components.transform.executor import Executor as TfxExecutor
    from tfx.types import standard_artifacts, standard_component_specs

    def artifact(made: Any, uri: str) -> Any:
        made.uri = str(folder / uri)
        return made

    examples, schema = standard_artifacts.Examples(), standard_artifacts.Schema()
    examples.split_names = '["train"]'
    outputs = {
        standard_component_specs.TRANSFORM_GRAPH_KEY: [artifact(standard_artifacts.TransformGraph(), f"{name}/graph")],
        standard_component_specs.TRANSFORMED_EXAMPLES_KEY: [artifact(standard_artifacts.Examples(), f"{name}/rows")],
    }
    context = TfxExecutor.Context(beam_pipeline_args=list(LOCAL_BEAM), tmp_dir=str(folder), unique_id=name)
    with quiet_logs():
        kind(context).Do(
            {"examples": [artifact(examples, "examples")], "schema": [artifact(schema, "schema")]},
            outputs,
            {
                "preprocessing_fn": "tfx_pipeline.modules.transform_module.preprocessing_fn",
                "custom_config": json.dumps({"spec": spec.model_dump_json()}),
                "splits_config": '{"analyze": ["train"], "transform": ["train"]}',
                "disable_statistics": 1,
            },
        )
    return TransformOutput(folder / name / "graph", spec)


def main(
    shapes: Annotated[str, typer.Option(help="Rows x columns, by commas.")] = "1500x10,100000x39,1000000x10",
    write: Annotated[bool, typer.Option(help="Put the table into RESULTS.md.")] = True,
) -> None:
    """Run both executors on every shape, ours first, and print the table."""
    from tfx.components.transform.executor import Executor as TfxExecutor

    from tfx_pipeline.components.transform import Executor

    kinds = {"ours": Executor, "TFX's": TfxExecutor}
    heads = [
        "rows x columns",
        *(f"{name}, s" for name in kinds),
        *(f"{name}, rows/s" for name in kinds),
        "ours of TFX's",
    ]
    lines = [table_line(heads), "|---|" + "---:|" * (len(heads) - 1)]
    for shape in ("100x3", *shapes.split(",")):  # the first, for what is imported, is not told
        rows, columns = (int(number) for number in shape.split("x"))
        spec, table = log_of(rows, columns)
        took = []
        with tempfile.TemporaryDirectory() as folder:
            write_examples(spec, table, Path(folder))
            learned = []
            for name, kind in kinds.items():
                began = time.process_time()
                learned.append(run_executor(kind, spec, Path(folder), name))
                took.append(time.process_time() - began)
            if learned[0].bound_spec != learned[1].bound_spec:
                raise ValueError("the two executors learned other tables")
        if shape == "100x3":
            continue
        speeds = [f"{rows / seconds:,.0f}" for seconds in took]
        cells = [*(f"{seconds:.1f}" for seconds in took), *speeds, f"{took[0] / took[1]:.2f} ×"]
        lines.append(table_line([f"{rows:,} x {columns}", *cells]))
        print(lines[-1], flush=True)
    text = "\n".join(lines)
    print(text)
    if write:
        write_section(
            RESULTS, "The pipeline's Transform", f"python -m benchmarks.pipeline_transform --shapes {shapes}", text
        )


if __name__ == "__main__":
    typer.run(main)
