"""What the evaluation said: every check with its value, bound, slice and rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma

from tfctr.spec import BinaryTask, FeatureSpec, Gates, RegressionTask, SurvivalTask
from tfctr.spec.gates import bound_for
from tfx_pipeline.gate_metrics import LARGE_SLICE_AUC, LARGE_SLICE_RMSE

OVERALL = "all rows"


@dataclass(frozen=True)
class Check:
    """One bound that a model had to keep.

    Args:
        task: Name of the task.
        name: What was measured.
        value: What came out; NaN where it is undefined.
        bound: What was demanded, in words such as ``>= 0.7``.
        slice: Which rows.
        rows: How many; -1 when unknown.
        passed: Whether it held; None where it could not veto (a small slice).
        note: Why, where that is not plain to see.
    """

    task: str
    name: str
    value: float
    bound: str
    slice: str
    rows: int
    passed: bool | None
    note: str = ""

    @property
    def word(self) -> str:
        return {True: "pass", False: "FAIL", None: "advice"}[self.passed]

    @property
    def style(self) -> str:
        return self.word.lower()


@dataclass(frozen=True)
class Verdict:
    """All checks of a model.

    Args:
        blessed: TFMA's decision.
        compared: Whether there was a blessed model to compare with.
        checks: In the order of the gates.
        metrics: Task -> metric -> value over all rows.
        slices: Slice -> task -> metric -> value.
    """

    blessed: bool
    compared: bool
    checks: tuple[Check, ...]
    metrics: dict[str, dict[str, float]]
    slices: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    @property
    def reasons(self) -> tuple[str, ...]:
        """One sentence for each check that failed; with the task's name where there are several."""
        several = len(self.metrics) > 1
        return tuple(
            (f"{c.task}: " if several and c.task else "")
            + f"{c.name} of {c.slice} is {c.value:.5g}, demanded {c.bound}"
            + (f" ({c.note})" if c.note else "")
            for c in self.checks
            if c.passed is False
        )


class _Slices:
    """Metrics by task and slice, out of TFMA's nested dicts."""

    def __init__(self, result: Any, tasks: list[str]):
        self._tasks = tasks
        self._values = {slice_name(key): metrics for key, metrics in result.slicing_metrics}
        self._columns = {slice_name(key): frozenset(column for column, _ in key) for key, _ in result.slicing_metrics}

    def names(self) -> list[str]:
        return [name for name in self._values if name != OVERALL]

    def can_veto(self, name: str, gates: Gates) -> bool:
        """Whether the gates name the columns of a slice; the domain is one without being named."""
        return self._columns[name] in map(frozenset, gates.slices)

    def metrics_of(self, name: str, task: str) -> dict[str, float]:
        outputs = self._values.get(name, {})
        metrics = outputs.get(task if len(self._tasks) > 1 else "", {}).get("", {})
        return {metric: float(value["doubleValue"]) for metric, value in metrics.items() if "doubleValue" in value}


def read_verdict(evaluation: str | Path, spec: FeatureSpec, blessed: bool) -> Verdict:
    """Return the verdict of an evaluator's output folder.

    Args:
        evaluation: The folder.
        spec: The spec whose gates were asked.
        blessed: Whether the evaluator blessed the model.
    """
    tasks = [task.name for task in spec.tasks]
    slices = _Slices(_load_evaluation(evaluation), tasks)
    broken = _Broken(tfma.load_validation_result(str(evaluation)), several=len(tasks) > 1)
    checks: list[Check] = []
    for task in spec.tasks:
        values = slices.metrics_of(OVERALL, task.name)
        if isinstance(task, SurvivalTask):
            checks += _survival_checks(task.name, values, spec.gates, broken)
            continue
        overall = _regression_checks if isinstance(task, RegressionTask) else _overall_checks
        checks += overall(task.name, values, spec.gates, broken)
        checks += _slice_checks(task, slices, spec.gates, broken)
    checks += broken.unexplained(checks)
    metrics = {task: slices.metrics_of(OVERALL, task) for task in tasks}
    compared = any({"auc_diff", "c_index_diff", "r2_diff"} & values.keys() for values in metrics.values())
    by_slice = {name: {task: slices.metrics_of(name, task) for task in tasks} for name in slices.names()}
    return Verdict(blessed, compared, tuple(checks), metrics, by_slice)


def _load_evaluation(evaluation: str | Path) -> Any:
    """Load the candidate's metrics; the evaluator names models only where there are two."""
    results = tfma.load_eval_results([str(evaluation)]).get_results()
    named = [r for r in results if any(s.name == "candidate" for s in r.config.model_specs)]
    if named:
        return tfma.load_eval_result(str(evaluation), model_name="candidate")
    return tfma.load_eval_result(str(evaluation))


class _Broken:
    """The bounds that TFMA found broken, by task, metric and slice."""

    def __init__(self, validation: Any, *, several: bool):
        self._several = several
        self.keys: dict[tuple[str, str, str], str] = {}
        for item in validation.metric_validations_per_slice:
            name = slice_name([(k.column, _plain(k)) for k in item.slice_key.single_slice_keys])
            for failure in item.failures:
                metric = failure.metric_key.name + ("_diff" if failure.metric_key.is_diff else "")
                self.keys[failure.metric_key.output_name, metric, name] = failure.message
        self.missing = [_columns(spec) for spec in validation.missing_slices]

    def has(self, task: str, metric: str, slice: str = OVERALL) -> bool:
        return (task if self._several else "", metric, slice) in self.keys

    def unexplained(self, reported: list[Check]) -> list[Check]:
        """Failures that belong to no check of the gates, so that no reason is ever lost."""
        failing = {(check.task, check.slice) for check in reported if check.passed is False}
        nan = float("nan")
        rest = [
            Check(output, metric, nan, "must exist", where, -1, False, message.strip())
            for (output, metric, where), message in self.keys.items()
            if not any((task == output or not output) and where == at for task, at in failing)
        ]
        note = "no row has these columns"
        gone = [Check("", "slice", nan, "must exist", name, 0, False, note) for name in self.missing]
        return rest + gone


def _overall_checks(task: str, values: dict[str, float], gates: Gates, broken: _Broken) -> list[Check]:
    rows = int(values.get("example_count", -1))

    def check(name: str, metric: str, bound: str, note: str = "") -> Check:
        value = values.get(metric, float("nan"))
        undefined = "undefined: the rows hold one class only, or predictions are not numbers" if value != value else ""
        return Check(task, name, value, bound, OVERALL, rows, not broken.has(task, metric), note or undefined)

    checks = []
    if gates.auc_min is not None:
        checks.append(check("AUC", "auc", f">= {gates.auc_min:g}"))
    bound = "finite" if gates.logloss_max is None else f"<= {gates.logloss_max:g}"
    checks.append(check("logloss", "logloss", bound))
    if gates.calibration_min is not None or gates.calibration_max is not None:
        low = "-inf" if gates.calibration_min is None else f"{gates.calibration_min:g}"
        high = "inf" if gates.calibration_max is None else f"{gates.calibration_max:g}"
        checks.append(check("predicted / actual", "calibration", f"{low} .. {high}"))
    against = "against the last blessed model"
    if gates.auc_drop_max is not None and "auc_diff" in values:
        checks.append(check("change of AUC", "auc_diff", f">= {-gates.auc_drop_max:g}", against))
    if gates.logloss_rise_max is not None and "logloss_diff" in values:
        bound = f"<= {gates.logloss_rise_max:g}"
        checks.append(check("change of logloss", "logloss_diff", bound, against))
    return checks


def _survival_checks(task: str, values: dict[str, float], gates: Gates, broken: _Broken) -> list[Check]:
    rows = int(values.get("example_count", -1))

    def check(name: str, metric: str, bound: str, note: str = "") -> Check:
        value = values.get(metric, float("nan"))
        undefined = "undefined: no two rows can be compared, or predictions are not numbers" if value != value else ""
        return Check(task, name, value, bound, OVERALL, rows, not broken.has(task, metric), note or undefined)

    checks = []
    if gates.c_index_min is not None:
        checks.append(check("C-index", "c_index", f">= {gates.c_index_min:g}"))
    checks.append(check("Brier score", "brier", "finite" if gates.brier_max is None else f"<= {gates.brier_max:g}"))
    if gates.c_index_drop_max is not None and "c_index_diff" in values:
        bound = f">= {-gates.c_index_drop_max:g}"
        checks.append(check("change of C-index", "c_index_diff", bound, "against the last blessed model"))
    return checks


def _regression_checks(task: str, values: dict[str, float], gates: Gates, broken: _Broken) -> list[Check]:
    rows = int(values.get("example_count", -1))

    def check(name: str, metric: str, bound: str, note: str = "") -> Check:
        value = values.get(metric, float("nan"))
        undefined = "undefined: all labels are alike, or predictions are not numbers" if value != value else ""
        return Check(task, name, value, bound, OVERALL, rows, not broken.has(task, metric), note or undefined)

    rmse_max, mae_max = bound_for(gates.rmse_max, task), bound_for(gates.mae_max, task)
    checks = []
    if gates.r2_min is not None:
        checks.append(check("R²", "r2", f">= {gates.r2_min:g}"))
    checks.append(check("RMSE", "rmse", "finite" if rmse_max is None else f"<= {rmse_max:g}"))
    if mae_max is not None:
        checks.append(check("MAE", "mae", f"<= {mae_max:g}"))
    if gates.r2_drop_max is not None and "r2_diff" in values:
        against = "against the last blessed model"
        checks.append(check("change of R²", "r2_diff", f">= {-gates.r2_drop_max:g}", against))
    return checks


def _slice_checks(task: BinaryTask | RegressionTask, slices: _Slices, gates: Gates, broken: _Broken) -> list[Check]:
    """What is demanded of slices: an AUC, of numbers an RMSE."""
    numbers = isinstance(task, RegressionTask)
    bound = bound_for(gates.slice_rmse_max, task.name) if numbers else gates.slice_auc_min
    if bound is None:
        return []
    title, metric, sign = ("RMSE", "rmse", "<=") if numbers else ("AUC", "auc", ">=")
    bounded = LARGE_SLICE_RMSE if numbers else LARGE_SLICE_AUC
    checks = []
    for name in slices.names():
        values = slices.metrics_of(name, task.name)
        rows, value = int(values.get("example_count", -1)), values.get(metric, float("nan"))
        passed: bool | None = not broken.has(task.name, bounded, name)
        note = ""
        if rows < gates.slice_rows_min:
            passed, note = None, f"fewer than {gates.slice_rows_min:,} rows"
        elif value != value and not numbers:
            passed, note = None, "one class only: no AUC"
        elif not slices.can_veto(name, gates):
            passed, note = None, "a domain, which the gates do not name among the slices"
        checks.append(Check(task.name, title, value, f"{sign} {bound:g}", name, rows, passed, note))
    return checks


def slice_name(key: Iterable[tuple[str, Any]]) -> str:
    """Return ``column=value`` pairs of a slice, or `OVERALL`."""
    return ", ".join(f"{column}={_text(value)}" for column, value in key) or OVERALL


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _plain(key: Any) -> Any:
    kind = key.WhichOneof("kind")
    return getattr(key, kind) if kind else ""


def _columns(spec: Any) -> str:
    return " × ".join(spec.feature_keys) or OVERALL
