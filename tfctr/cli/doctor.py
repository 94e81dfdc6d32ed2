"""The doctor: what this machine and this installation offer, and what to type where something is wrong.

It uses the standard library only, so that it runs where everything else fails to import:
``python -m tfctr.cli.doctor`` is the same as ``tfctr doctor``. Each look is a function that returns `Check`s.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

__all__ = ["Check", "main", "run_doctor"]

Status = Literal["ok", "warn", "fail"]

GIB = 1024**3
PYTHONS = ((3, 11), (3, 12), (3, 13))
NEWEST_GLIBC_WANTED = (2, 39)
MEMORY_WANTED_BYTES = 4 * GIB
DISK_WANTED_BYTES = 5 * GIB
# What the package cannot do without, then the rest: the extra that brings it.
CORE = ("tensorflow", "keras", "numpy", "pydantic", "PyYAML", "pyarrow", "typer", "rich", "scikit-learn")
EXTRAS = {
    "tfx": ("tfx", "tensorflow-transform", "tensorflow-data-validation", "tensorflow-model-analysis", "apache-beam"),
    "serving": ("grpcio", "grpcio-health-checking", "tensorflow-serving-api", "prometheus-client"),
    "kubeflow": ("kfp",),
    "graph": ("scikit-network",),
    "retrieval": ("tensorflow-recommenders",),
    "benchmark": ("optuna",),
    "jax": ("jax",),
    "onnx": ("onnx", "onnxruntime", "tf2onnx"),
    "litert": ("ai-edge-litert",),
    "openvino": ("openvino",),
    "accelerators": ("keras-rs",),
    "notebook": ("nbclient",),
}


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Args:
        name: What was looked at.
        status: "ok"; "warn" where something works less well or not at all; "fail" where tfctr cannot run.
        found: What is there, with its unit.
        fix: What to do or to type; empty if there is nothing to mend.
    """

    name: str
    status: Status
    found: str
    fix: str = ""


def run_doctor() -> list[Check]:
    """Look at everything; never raises, never imports what it looks at."""
    cpu_flags = read_cpu_flags()
    return [
        check_python(sys.version_info[:3]),
        *check_glibc(glibc_version()),
        check_cpu(cpu_flags),
        check_memory(memory_bytes()),
        check_disk(Path.cwd()),
        *check_accelerators(os.environ),
        check_keras_flag(os.environ),
        *check_packages(locked_versions()),
    ]


def check_python(version: tuple[int, int, int]) -> Check:
    """Tell the version: 3.11 has everything and the tested pins, 3.12 and 3.13 lack Kubeflow's compiler.

    >>> [check_python((3, minor, 0)).status for minor in (10, 11, 13, 14)]
    ['fail', 'ok', 'ok', 'fail']
    """
    found = f"{'.'.join(map(str, version))} ({sys.executable})"
    if version[:2] in PYTHONS:
        return Check("Python", "ok", found)
    fix = "use Python 3.11 (or 3.12, 3.13): pyenv install 3.11, or apt-get install python3.11-venv"
    return Check("Python", "fail", found, fix)


def glibc_version() -> tuple[int, ...]:
    """Return the version of the C library in use, () where it is not glibc."""
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        return ()
    return tuple(int(part) for part in re.findall(r"\d+", text))


def check_glibc(version: tuple[int, ...]) -> list[Check]:
    """Tell the C library and the newest wheel tag that installers accept with it.

    >>> [check.found for check in check_glibc((2, 41))][0]
    '2.41'
    """
    if not version:
        return [Check("glibc", "fail", "not glibc", "use Debian 12 or newer, or Ubuntu 22.04 or newer")]
    found = ".".join(map(str, version))
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    tag = f"{python}-{python}-manylinux_{version[0]}_{version[1]}_{platform.machine()}"
    if version[:2] >= NEWEST_GLIBC_WANTED:
        return [Check("glibc", "ok", found), Check("best wheel tag", "ok", tag)]
    fix = "two of TFX's wheels want glibc 2.39: `make setup` in the project's folder adds a private newer one"
    return [Check("glibc", "warn", found, fix), Check("best wheel tag", "warn", tag)]


def read_cpu_flags() -> frozenset[str]:
    """Return the features the kernel reports for the first core."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return frozenset()
    found = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.MULTILINE)
    return frozenset(found.group(1).split()) if found else frozenset()


def check_cpu(flags: frozenset[str]) -> Check:
    """Tell which fast arithmetic the processor has.

    >>> check_cpu(frozenset({"avx2", "fma"})).found.endswith("avx2; no bfloat16, use float32")
    True
    """
    present = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_int8") if name in flags]
    advice = "mixed_bfloat16 pays" if {"avx512_bf16", "amx_bf16"} & flags else "no bfloat16, use float32"
    found = f"{os.cpu_count()} cores, {' '.join(present) or 'no vector extensions known'}; {advice}"
    return Check("CPU", "ok" if "avx2" in flags else "warn", found)


def memory_bytes() -> int:
    """Return the memory this process may use: the machine's, or the container's limit if lower."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="utf-8").strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total


def check_memory(total_bytes: int) -> Check:
    """Compare the memory with what a pipeline on one machine takes.

    >>> check_memory(24 * GIB).status
    'ok'
    """
    found = f"{total_bytes / GIB:.1f} GiB"
    if total_bytes >= MEMORY_WANTED_BYTES:
        return Check("memory", "ok", found)
    return Check("memory", "warn", found, "4 GiB are wanted for the pipeline: use fewer rows or a larger machine")


def check_disk(folder: Path) -> Check:
    """Compare the free space where one works with what the environment takes."""
    free_bytes = shutil.disk_usage(folder).free
    found = f"{free_bytes / GIB:.1f} GiB free in {folder}"
    if free_bytes >= DISK_WANTED_BYTES:
        return Check("disk", "ok", found)
    return Check("disk", "warn", found, "the environment takes 5 GiB: make room, old runs are below runs/")


def check_accelerators(environment: Mapping[str, str]) -> list[Check]:
    """Tell which GPUs and TPUs can be seen."""
    checks = []
    gpus = list_gpus()
    if gpus:
        checks.append(Check("GPU", "ok", "; ".join(gpus)))
    tpu = environment.get("TPU_NAME") or environment.get("TPU_WORKER_HOSTNAMES")
    if tpu or Path("/dev/accel0").exists():
        checks.append(Check("TPU", "ok", tpu or "/dev/accel0"))
    return checks or [Check("accelerators", "ok", "none; training runs on the CPU")]


def list_gpus() -> list[str]:
    """Return what nvidia-smi lists, [] where there is none."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def check_keras_flag(environment: Mapping[str, str]) -> Check:
    """TFX's libraries want tf.keras to be Keras 2; `import keras` stays Keras 3.

    >>> check_keras_flag({"TF_USE_LEGACY_KERAS": "1"}).status
    'ok'
    """
    value = environment.get("TF_USE_LEGACY_KERAS", "")
    if value.lower() in {"1", "true"}:
        return Check("TF_USE_LEGACY_KERAS", "ok", value)
    fix = "for the pipeline: export TF_USE_LEGACY_KERAS=1 (make and the pipeline's runners set it)"
    return Check("TF_USE_LEGACY_KERAS", "ok", value or f"not set; {fix}")


def locked_versions() -> dict[str, str]:
    """Return the tested pins of requirements.txt, {} where tfctr is installed without it."""
    lock = Path(__file__).resolve().parents[2] / "requirements.txt"
    try:
        text = lock.read_text(encoding="utf-8")
    except OSError:
        return {}
    return {canonical(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;#]+)", text, re.MULTILINE)}


def canonical(name: str) -> str:
    """Spell a package's name as the index does.

    >>> canonical("PyYAML"), canonical("scikit_learn")
    ('pyyaml', 'scikit-learn')
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def check_packages(lock: Mapping[str, str]) -> list[Check]:
    """Compare what is installed with the tested pins: the core, then the packages of each extra."""
    checks = [
        check_package(name, lock, fix="make setup (or, in your own environment: pip install .)", needed=True)
        for name in CORE
    ]
    for extra, names in EXTRAS.items():
        fix = f"make setup (or, in your own environment: pip install '.[{extra}]')"
        if extra == "kubeflow" and sys.version_info[:2] > (3, 11):
            fix = "to compile for Kubeflow, use Python 3.11: TFX asks for kfp on no newer one"
        checks += [check_package(name, lock, fix=fix, needed=False) for name in names]
    return checks


def check_package(name: str, lock: Mapping[str, str], *, fix: str, needed: bool) -> Check:
    """Compare one package with its tested pin.

    >>> check_package("no-such-package", {}, fix="pip install it", needed=False)
    Check(name='no-such-package', status='warn', found='not installed', fix='pip install it')
    """
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Check(name, "fail" if needed else "warn", "not installed", fix)
    tested = lock.get(canonical(name), version)
    if version == tested:
        return Check(name, "ok", version)
    return Check(name, "warn", f"{version}, tested with {tested}", f"pip install '{name}=={tested}'")


def print_checks(checks: Iterable[Check]) -> None:
    """Print a line for each, in colour where rich is installed, and what to do below it."""
    try:
        from rich.console import Console
        from rich.markup import escape
    except ImportError:
        for check in checks:
            print(*lines_of(check), sep="\n")
        return
    colours = {"ok": "green", "warn": "yellow", "fail": "red"}
    console = Console(soft_wrap=True, highlight=False)
    for check in checks:
        first, *rest = lines_of(check)
        console.print(f"[{colours[check.status]}]{first[:4]}[/]{escape(first[4:])}")
        for line in rest:
            console.print(f"[bold]{escape(line)}[/]")


def lines_of(check: Check) -> list[str]:
    r"""Lay out one check.

    >>> print(*lines_of(Check("disk", "warn", "1.0 GiB free", "make room")), sep="\n")
    warn  disk                        1.0 GiB free
          -> make room
    """
    lines = [f"{check.status:<4}  {check.name:<26}  {check.found}"]
    return [*lines, f"      -> {check.fix}"] if check.fix else lines


def main() -> int:
    """Print all checks; return 1 if tfctr cannot run here, else 0."""
    checks = run_doctor()
    print_checks(checks)
    return int(any(check.status == "fail" for check in checks))


if __name__ == "__main__":
    sys.exit(main())
