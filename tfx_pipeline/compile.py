"""The same DAG for Kubeflow Pipelines v2, without network or account."""

from __future__ import annotations

from pathlib import Path

from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig

from tfx_pipeline.config import PipelineConfig
from tfx_pipeline.pipeline import create_pipeline


def compile_pipeline(config: PipelineConfig, prepared: str, root: str, image: str, output: Path) -> Path:
    """Write the pipeline's specification for Kubeflow Pipelines v2.

    Args:
        config: What to run.
        prepared: URI of the prepared splits (`tfctr data prepare` writes them), readable by the cluster.
        root: URI where artifacts are kept.
        image: Container image with tfctr and its requirements, see ``tfx_pipeline/deploy/Dockerfile``.
        output: File to write: ``.json`` holds the whole job, ``.yaml`` the specification alone, as `kfp` loads it.

    Returns:
        `output`.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    settings = KubeflowV2DagRunnerConfig(default_image=image, use_pipeline_spec_2_1=True)
    runner = KubeflowV2DagRunner(settings, output_dir=str(output.parent), output_filename=output.name)
    runner.run(create_pipeline(config, prepared, root=root, for_kubeflow=True), write_out=True)
    return output
