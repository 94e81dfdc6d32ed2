"""What runs inside TFX's Transform: tfctr's one preprocessing function, made from the spec."""

from __future__ import annotations

from typing import Any

from tfctr.spec import FeatureSpec
from tfctr.transform import make_preprocessing_fn


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """Return the transformed tensors of a batch of raw ones; `custom_config["spec"]` is the spec as JSON."""
    spec = FeatureSpec.model_validate_json(custom_config["spec"])
    return make_preprocessing_fn(spec)(inputs)
