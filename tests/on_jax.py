"""The environment of a process that runs Keras on JAX, which takes its backend when it is imported."""

from __future__ import annotations

import os

QUICK_TO_COMPILE = (
    "--xla_backend_optimization_level=0",
    "--xla_llvm_disable_expensive_passes=true",
    "--xla_cpu_use_fusion_emitters=false",
)
"""Small programs run a few times each: compiling them well would cost more than running them."""


def environment() -> dict[str, str]:
    """Return this process' variables with what JAX needs."""
    flags = " ".join(QUICK_TO_COMPILE)
    return {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
