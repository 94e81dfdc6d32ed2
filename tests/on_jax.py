"""The environment of a process that runs Keras on JAX, which takes its backend when it is imported."""

from __future__ import annotations

import os
from importlib.metadata import version

QUICK_TO_COMPILE = ["--xla_backend_optimization_level=0", "--xla_llvm_disable_expensive_passes=true"]
"""Small programs run a few times each: compiling them well would cost more than running them."""

NO_EMITTERS = "--xla_cpu_use_fusion_emitters=false"
"""Takes a third of the time off. Older releases end the process at a flag that they do not know."""


def environment() -> dict[str, str]:
    """Return this process' variables with what JAX needs."""
    release = tuple(map(int, version("jaxlib").split(".")[:2]))
    flags = " ".join([*QUICK_TO_COMPILE, *([NO_EMITTERS] if release >= (0, 8) else [])])
    return {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
