"""Mean and standard deviation of the labels of regression tasks, learned by one analyzer and left in one file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from tfctr.spec import FeatureSpec, LabelScale, RegressionTask
from tfctr.transform._analyzers import Analyzers
from tfctr.transform._vocabulary_files import SCALES_NAME


def learn_label_scales(spec: FeatureSpec, outputs: Mapping[str, tf.Tensor], analyzers: Analyzers) -> None:
    """Have the scales learned of the rows that count: all, or those whose weight is above 0, which then count alike.

    Nothing in the graph reads them: a model does, by way of the bound spec.

    Args:
        spec: The spec.
        outputs: Labels and weights as `task_outputs` gives them.
        analyzers: Who learns.
    """
    tasks = [task for task in spec.tasks if isinstance(task, RegressionTask)]
    if not tasks:
        return
    columns: list[tf.Tensor] = []
    for task in tasks:
        counts = outputs[task.weight_name] > 0 if task.weighted else tf.ones_like(outputs[task.name], tf.bool)
        columns += [outputs[task.name], counts]
    analyzers.label_moments(columns, [task.name for task in tasks])


def read_label_scales(assets: Path, spec: FeatureSpec) -> dict[str, LabelScale]:
    """Return the scale of each regression task; empty for a spec without one.

    Args:
        assets: Folder of the transform graph's assets.
        spec: The spec of the transform.

    Raises:
        FileNotFoundError: When the transform was learned for a spec without such tasks.
    """
    if not any(isinstance(task, RegressionTask) for task in spec.tasks):
        return {}
    path = assets / SCALES_NAME
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: the transform knew no regression task; learn it anew")
    scales = json.loads(path.read_text("utf-8"))
    return {task: LabelScale(mean=mean, deviation=deviation) for task, (mean, deviation) in scales.items()}
