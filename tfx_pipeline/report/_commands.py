"""What to type: to run it again, to compute a figure anew, to serve the model and to ask it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.dataset as ds
import yaml

from tfctr.spec import FeatureSpec
from tfx_pipeline.config import LOCAL_BEAM, PipelineConfig
from tfx_pipeline.results import Results
from tfx_pipeline.verdict import OVERALL, Check

PORT = 8500
_NEXT = " \\\n  "
"""Goes on with a command on the next line."""

_REPEATED = {"hyperparameters": "--set", "plan_settings": "--plan-set", "fit": "--fit"}
_NO_OPTION = ("parity_rows", "parity_tolerance")
"""Settings that only Python code gives."""


class Command(NamedTuple):
    """Something to type.

    Args:
        purpose: What it is for.
        text: What to type.
    """

    purpose: str
    text: str


def commands(config: PipelineConfig, spec: FeatureSpec, results: Results) -> Iterator[Command]:
    """Yield how the run is repeated, and how its model is looked at, served and asked."""
    rest = not_in_the_command(config)
    more = f"; PipelineConfig had {', '.join(rest)} besides" if rest else ""
    yield Command(f"Run it again{more}", run_command(config))
    yield Command("Write this page again", shlex.join(["tfctr", "report", "--workdir", str(config.workdir)]))
    failed = [check for check in results.verdict.checks if check.passed is False]
    for where in dict.fromkeys(check.slice for check in failed) or (OVERALL,):
        yield Command(f"Compute the figures of {where} anew", reproduce_slice(config, results, where))
    if results.pushed_to is None:
        return
    yield Command("Serve the model, over gRPC and REST", serve_command(results.pushed_to))
    row = sample_row(spec, config.prepared)
    if row is not None:
        yield Command("Ask it about a row, here the first of the test rows", ask_command(spec, row))


def run_command(config: PipelineConfig) -> str:
    r"""Return the command of this run; settings at their default are left out.

    Example:
        >>> fit = {"epochs": 2, "learning_rate": 1e-5}
        >>> print(run_command(PipelineConfig(spec="ads.yaml", fit=fit, warm_start=True)))
        tfctr run \
          --spec ads.yaml \
          --fit epochs=2 \
          --fit learning_rate=1.0e-05 \
          --warm-start
    """
    return _NEXT.join(["tfctr run", *map(shlex.join, _options(config))])


def not_in_the_command(config: PipelineConfig) -> tuple[str, ...]:
    """Settings of this run that no option gives, as Python writes them."""
    return tuple(f"{name}={getattr(config, name)!r}" for name in _NO_OPTION if _changed(config, name))


def reproduce(config: PipelineConfig, results: Results, check: Check) -> str:
    """Return the command that computes a check's figures anew from the exported model and the test rows."""
    return reproduce_slice(config, results, check.slice)


def reproduce_slice(config: PipelineConfig, results: Results, where: str) -> str:
    """Return the command that computes the figures of a slice, or of all rows, anew."""
    parts = ["python", "-m", "tfx_pipeline", "evaluate", "--spec", str(config.spec)]
    parts += ["--model", str(results.model), "--examples", str(results.test_examples)]
    if where != OVERALL:
        parts += [part for pair in where.split(", ") for part in ("--where", pair)]
    return shlex.join(parts)


def serve_command(pushed_to: Path) -> str:
    """Return the command that serves a pushed model, and every later version of it."""
    base = pushed_to.parent
    return shlex.join(["tfctr", "serve", f"--model_name={base.name}", f"--model_base_path={base}", f"--port={PORT}"])


def ask_command(spec: FeatureSpec, row: dict[str, Any]) -> str:
    """Return the command that asks the served model about a row."""
    line = json.dumps(row, ensure_ascii=False, default=str)
    return f"printf '%s\\n' {shlex.quote(line)}{_NEXT}| " + shlex.join(
        ["tfctr", "predict", "--server", f"localhost:{PORT}", "--model", spec.name]
    )


def sample_row(spec: FeatureSpec, prepared: Path) -> dict[str, Any] | None:
    """Return the first test row as a server is asked about it, missing values left out; None where there is none."""
    if not (prepared / "test").is_dir():
        return None
    columns = [column.name for column in spec.raw_columns(serving=True)]
    rows = ds.dataset(prepared / "test", format="parquet").head(1, columns=columns).to_pylist()
    return {name: value for name, value in rows[0].items() if value is not None} if rows else None


def _options(config: PipelineConfig) -> Iterator[tuple[str, ...]]:
    for name in type(config).model_fields:
        if name in _NO_OPTION or (name != "spec" and not _changed(config, name)):
            continue
        value = getattr(config, name)
        option = f"--{name.replace('_', '-')}"
        if name in _REPEATED:
            for key, item in value.items():
                yield _REPEATED[name], f"{key}={_written(item)}"
        elif name == "beam_args":
            yield from ((f"--beam-arg={flag}",) for flag in value)
        elif isinstance(value, bool):
            yield (option if value else f"--no-{option.removeprefix('--')}",)
        else:
            yield option, str(value)


def _changed(config: PipelineConfig, name: str) -> bool:
    default = type(config).model_fields[name].get_default(call_default_factory=True)
    value = getattr(config, name)
    return tuple(value) != LOCAL_BEAM if name == "beam_args" else value != default


def _written(value: Any) -> str:
    """The value as YAML on one line, which the command reads."""
    return yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("...\n").strip()
