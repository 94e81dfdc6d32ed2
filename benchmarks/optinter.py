r"""What a choice for each pair of fields gives and costs: OptInter beside all pairs treated alike, a plain DNN and FM.

All pairs of the spec's categorical features and bucketed numbers are crossed. Every variant is trained and judged once
on the test rows. Reported are AUC and logloss, how many pairs are memorized, factorized and left out, bytes of the
tables as they are served, seconds of the search and of all training. DNN and FM know nothing of crosses. A trial that
is finished is kept and not repeated; a run that was killed goes on at the step where it stopped.

Example:
    python -m benchmarks.optinter movielens_1m --settings benchmarks/movielens_1m.yaml --min-count 5 \
        --plan-set temperature_step=0.002 --plan-set alpha_rate=0.01 --costs 0,0.001 --seeds 3

With ``--simulate`` the log is drawn by `tfctr.data.simulator`, whose effects are known.
"""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tensorflow as tf
import typer
import yaml
from rich.console import Console

from benchmarks.plan_trials import (
    Bench,
    FirstSeedOption,
    SeedsOption,
    SettingsOption,
    SourceOption,
    SpecArgument,
    ThreadsOption,
    WorkdirOption,
    WriteOption,
    as_bytes,
    as_count,
    command_of,
    inputs_of,
    markdown,
    open_bench,
    pairs,
)
from tfctr.benchmark import Score, settings_of, with_spread, write_section
from tfctr.benchmark.trial import with_objects
from tfctr.data import write_log
from tfctr.data.simulator import SimulatorConfig
from tfctr.data.simulator import simulate as simulate_log
from tfctr.layers._walk import layers_of
from tfctr.layers.embedding import FusedLookup
from tfctr.layers.interaction import PAIR_OPS
from tfctr.models import MODELS
from tfctr.plans import Fit, OptInter, Plan
from tfctr.spec import BoundSpec, CrossFeature, FeatureSpec, dump_spec, load_spec
from tfctr.training import evaluate

RESULTS = Path(__file__).with_name("RESULTS.md")
NET = "OptInterNet"
COLUMNS = (
    ("AUC", "auc", with_spread),
    ("logloss", "logloss", with_spread),
    *((way, way, lambda values: f"{values.mean():.1f}") for way in PAIR_OPS),
    ("tables", "tables", as_bytes),
    ("search, s", "search", as_count),
    ("training, s", "seconds", as_count),
)
PLAIN = ("FM", "DNN")
ALIKE = {"all memorized": "memorize", "all factorized": "factorize", "all naive": "naive"}

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@dataclass(frozen=True)
class Variant:
    """A row of the table.

    Attributes:
        label: In the table.
        model: Name of the model.
        options: Hyper-parameters beside those of the settings file.
        search: Settings of OptInter; None trains at once.
    """

    label: str
    model: str
    options: dict[str, Any]
    search: dict[str, Any] | None = None


@app.command()
def main(
    spec: SpecArgument = "movielens_1m",
    settings: SettingsOption = None,
    min_count: Annotated[int, typer.Option(help="Of the values of a cross.")] = 5,
    costs: Annotated[str, typer.Option(help="`pair_cost` of each search, by commas; 0 is the paper's.")] = "0,0.001",
    plain: Annotated[bool, typer.Option(help="With rows for FM and DNN, which know nothing of pairs.")] = True,
    bilevel: Annotated[
        bool, typer.Option("--bilevel", help="Search with rows of their own for the choice, too.")
    ] = False,
    simulate: Annotated[
        list[str] | None, typer.Option(help="A field of `SimulatorConfig` and its value; repeat.")
    ] = None,
    plan_sets: Annotated[list[str] | None, typer.Option("--plan-set", help="OptInter's setting; repeat.")] = None,
    fit_sets: Annotated[list[str] | None, typer.Option("--fit-set", help="A fit setting of all rows; repeat.")] = None,
    seeds: SeedsOption = 3,
    first_seed: FirstSeedOption = 0,
    threads: ThreadsOption = 0,
    source: SourceOption = "",
    workdir: WorkdirOption = Path("work/optinter"),
    write: WriteOption = True,
) -> None:
    """Train every variant with every seed, unless it is done already, and print the table."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    file = spec
    if simulate:
        file, source = _simulated(spec, pairs(simulate), workdir / spec)
    bench = _open(file, settings, min_count, source, workdir)
    scores, console = [], Console()
    found = variants([float(cost) for cost in costs.split(",")], pairs(plan_sets), bilevel=bilevel)
    rows_of_table = found if plain else found[len(PLAIN) :]
    for seed in range(first_seed, first_seed + seeds):
        for variant in rows_of_table:
            of_model = settings_of(yaml.safe_load(settings.read_text()) if settings else {}, variant.model)
            of_model["fit"] = {**of_model.get("fit", {}), **pairs(fit_sets)}
            told = {"settings": of_model, **vars(variant)}
            trial = functools.partial(_trial, bench, variant, of_model, seed)
            scores.append(bench.cache.score(variant.label, seed, told, trial))
            console.print(variant.label, seed, scores[-1].figures, soft_wrap=True)
    table = markdown(scores, COLUMNS)
    console.print(table, soft_wrap=True, highlight=False, markup=False)
    if write:
        args = {"settings": settings, "min-count": min_count, "costs": costs, "seeds": seeds, "first-seed": first_seed}
        repeated = {"simulate": simulate, "plan-set": plan_sets, "fit-set": fit_sets}
        command = command_of("optinter", spec, {**args, **repeated})
        command += " --no-plain" * (not plain) + " --bilevel" * bilevel
        write_section(RESULTS, f"A choice for each pair of fields on {load_spec(file).name}", command, table)


def variants(costs: list[float], search: dict[str, Any], *, bilevel: bool = False) -> list[Variant]:
    """Return the rows of the table: plain models, all pairs alike, then what is searched."""
    found = [Variant(name, name, {}) for name in PLAIN]
    found += [Variant(label, NET, {"pair_ops": way}) for label, way in ALIKE.items()]
    for cost in costs:
        label = f"OptInter, pair_cost {cost:g}" if cost else "OptInter"
        found.append(Variant(label, NET, {"pair_cost": cost}, search))
    if bilevel:
        found.append(Variant("OptInter, bilevel", NET, {}, {**search, "levels": "bilevel"}))
    return found


def _simulated(name: str, told: dict[str, Any], folder: Path) -> tuple[str, str]:
    """Write a simulated log and the spec of its ids alone, all pairs of which can be crossed; return both files."""
    log = simulate_log(SimulatorConfig(**told))
    ids = [feature for feature in log.spec.model_dump()["features"] if feature["kind"] == "categorical"]
    changes = {"name": name, "features": ids, "history": (), "meta": {"group": "user_id", "time": "time"}}
    spec = FeatureSpec.model_validate({**log.spec.model_dump(), **changes})
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "spec.yaml"
    file.write_text(dump_spec(spec), encoding="utf-8")
    return str(file), str(write_log(log.table, folder / "log.parquet"))


def _open(spec: str, settings: Path | None, min_count: int, source: str, workdir: Path) -> Bench:
    """The bench of the spec with all its pairs crossed."""
    plain = load_spec(spec)
    crossed = plain.with_crosses(min_count=min_count).model_copy(update={"name": f"{plain.name}_crossed"})
    workdir.mkdir(parents=True, exist_ok=True)
    file = workdir / f"{crossed.name}.yaml"
    file.write_text(dump_spec(crossed), encoding="utf-8")
    return open_bench(str(file), NET, settings, source or plain.source.dataset or "", workdir)


def without_crosses(bound: BoundSpec) -> BoundSpec:
    """Return the spec as a model without crosses knows it."""
    features = tuple(feature for feature in bound.spec.features if not isinstance(feature, CrossFeature))
    plain = bound.spec.model_copy(update={"features": features})
    return plain.bind({table: bound.rows[table] for table in plain.tables}, bound.label_scales)


def _trial(bench: Bench, variant: Variant, settings: dict[str, Any], seed: int) -> Score:
    """Train and judge one variant."""
    given = inputs_of(Bench(bench.name, bench.splits, settings, bench.cache, bench.folder), seed)
    spec = given.rows.spec if variant.model == NET else without_crosses(given.rows.spec)
    arguments = with_objects({**given.hyperparameters, **variant.options})
    plan: Plan = Fit(MODELS[variant.model], arguments, given.config)
    if variant.search is not None:
        plan = OptInter(MODELS[variant.model], arguments, given.config, **variant.search)
    folder = bench.folder / "runs" / f"{variant.label.replace(' ', '')}-{seed}"
    model = plan.run(spec, given.train, given.valid, folder)
    seconds = {stage["stage"]: stage["seconds"] for stage in plan.reports(folder)}
    judged, ways = evaluate(model, given.test), Counter((getattr(model, "pair_ops", None) or {}).values())
    figures = {
        "auc": judged["auc"],
        "logloss": judged["logloss"],
        **{way: ways[way] for way in PAIR_OPS},
        "tables": sum(lookup.fused_table.serving_bytes() for lookup in layers_of(model, FusedLookup)),
        "search": seconds.get("search", 0.0),
        "seconds": float(np.sum(list(seconds.values()))),
    }
    return Score(variant.label, seed, figures, parameters=model.count_params())


if __name__ == "__main__":
    app()
