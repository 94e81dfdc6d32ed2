"""Many domains: what an answer costs by clusters and by domains, and what models of domains are worth on real logs.

    python -m benchmarks.domains cost
    python -m benchmarks.domains accuracy --logs movielens_1m --seeds 3
    python -m benchmarks.domains accuracy --logs open_bandit,news --monitor logloss --seeds 3
    python -m benchmarks.domains accuracy --logs three_worlds --initial-stddev 0.1 --seeds 3

`cost` lets untrained models of one width answer the same number of rows by turns, in a graph for any number of rows,
as it is served. Told is processor time, which other work on the machine touches least. A ratio is that of two answers
of one turn; medians over turns are told. Rows are of all domains, or all of one, as in a request.

`accuracy` trains every model on each log with each seed and judges it on the test rows: AUC of all rows, logloss, mean
of the AUC in each domain. Where the log hides groups, it tells how well the clusters of AdaptDHM agree with them, too.
Finished trials are kept in the work folder, so that a run that was broken off goes on.
Where clicks are rare the AUC of validation rows is noise, and logloss says better which epoch to take. Groups are found
where vectors begin long enough not to turn round before the centres have found anything.
"""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import tensorflow as tf
import typer
from sklearn.metrics import adjusted_rand_score

from benchmarks.domain_logs import LOGS, WORLD
from tfctr.benchmark import Score, Splits, TrialCache, table_line, with_spread, write_section
from tfctr.benchmark.trial import make_model
from tfctr.data.batches import ArrayPlan, array_dataset
from tfctr.models import MODELS, AdaptDHM, CTRModel
from tfctr.spec import BoundSpec, FeatureSpec
from tfctr.spec.feature_spec import DOMAIN_NAME, GROUP_NAME
from tfctr.training import FitConfig, fit
from tfctr.training.metrics import evaluate_arrays, gauc

RESULTS = Path(__file__).with_name("RESULTS.md")
app = typer.Typer(add_completion=False, rich_markup_mode="markdown", help=__doc__)
WriteOption = Annotated[bool, typer.Option(help="Put the tables into RESULTS.md.")]
Settings = dict[str, Any]

# --- what an answer costs ---------------------------------------------------------------------------------------------

FIELDS, VALUES = 12, 1000
WIDTHS: Settings = {"hidden_units": (256, 128, 64)}
STAR_OPTIONS: Settings = {**WIDTHS, "domain": "domain", "auxiliary_units": ()}
CONTENDERS: dict[str, tuple[str, Settings]] = {
    "DNN": ("DNN", WIDTHS),
    "AdaptDHM, 1 cluster": ("AdaptDHM", {**WIDTHS, "clusters": 1}),
    "AdaptDHM, 8 clusters": ("AdaptDHM", {**WIDTHS, "clusters": 8}),
    "STAR": ("STAR", STAR_OPTIONS),
    "STAR, rows of one domain": ("STAR", STAR_OPTIONS),
}
BASE = "AdaptDHM, 1 cluster"


def spec_of(domains: int) -> BoundSpec:
    """Twelve fields of a thousand values each, and a domain."""
    names = [f"field_{index}" for index in range(FIELDS)]
    spec = FeatureSpec.model_validate(
        {
            "name": "domains",
            "features": [{"kind": "categorical", "name": name, "role": "item"} for name in (*names, "domain")],
            "tasks": [{"name": "click", "label": "clicked"}],
            "split": {"by": "hash", "column": "row"},
        }
    )
    return spec.bind({**dict.fromkeys(names, VALUES + 2), "domain": domains + 2})


def answering(name: str, domains: int, rows: int) -> Callable[[], Any]:
    """A call of a built model; where it has clusters, rows fall into all of them."""
    model_name, options = CONTENDERS[name]
    keras.utils.set_random_seed(0)
    model: CTRModel = MODELS[model_name](spec_of(domains), embedding_dim=16, **options)
    model.build()
    rng = np.random.default_rng(0)
    features = {f"field_{index}": rng.integers(2, VALUES + 2, rows) for index in range(FIELDS)}
    features["domain"] = np.full(rows, 2) if name.endswith("one domain") else rng.integers(2, domains + 2, rows)
    tensors = {column: tf.constant(values) for column, values in features.items()}
    if isinstance(model, AdaptDHM):
        shares = np.bincount(np.array(model.routed(tensors).clusters), minlength=model.clusters) / rows
        assert shares.min() > 0 or rows < 8 * model.clusters, f"clusters without rows: {shares}"
    signature = [{column: tf.TensorSpec((None,), tensor.dtype) for column, tensor in tensors.items()}]
    answer = tf.function(lambda inputs: model(inputs, training=False), input_signature=signature, autograph=False)
    return lambda: answer(tensors).numpy()


def milliseconds(call: Callable[[], Any], calls: int) -> float:
    """Processor time of a call, the mean of some."""
    began = time.process_time()
    for _ in range(calls):
        call()
    return 1000 * (time.process_time() - began) / calls


def cost_table(rows: int, domains: Sequence[int], turns: int, calls: int) -> str:
    """Medians over turns, beside ratios to one cluster and to the fewest domains."""
    calls_of = {(name, count): answering(name, count, rows) for name in CONTENDERS for count in domains}
    for call in calls_of.values():
        milliseconds(call, 2)  # traces, and warms up
    took: dict[tuple[str, int], list[float]] = {key: [] for key in calls_of}
    for _ in range(turns):
        for key, call in calls_of.items():
            took[key].append(milliseconds(call, calls))
    fewest, most = domains[0], domains[-1]
    heads = [f"{rows:,} rows at once", *(f"{count} domains, ms" for count in domains), "of one cluster"]
    lines = [table_line([*heads, f"{most} of {fewest} domains"]), "|---|" + "---:|" * (len(domains) + 2)]
    for name in CONTENDERS:
        cells = [f"{statistics.median(took[name, count]):.2f}" for count in domains]
        against = _ratio(took[name, fewest], took[BASE, fewest])
        lines.append(table_line([name, *cells, against, _ratio(took[name, most], took[name, fewest])]))
    return "\n".join(lines)


def _ratio(above: Sequence[float], below: Sequence[float]) -> str:
    return f"{statistics.median(a / b for a, b in zip(above, below, strict=True)):.2f} ×"


@app.command()
def cost(
    rows: Annotated[str, typer.Option(help="Rows of an answer, by commas.")] = "64,256,1024,4096",
    domains: Annotated[str, typer.Option(help="Numbers of domains, by commas.")] = "3,30,300",
    turns: Annotated[int, typer.Option(help="Turns of all models.")] = 30,
    calls: Annotated[int, typer.Option(help="Answers of a model in a turn.")] = 5,
    threads: Annotated[int, typer.Option(help="Threads of one operation; 0 takes all cores.")] = 1,
    write: WriteOption = True,
) -> None:
    """Time answers of one tower, of eight clusters and of a tower a domain."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    counts = [int(count) for count in domains.split(",")]
    tables = [cost_table(int(number), counts, turns, calls) for number in rows.split(",")]
    text = "\n\n".join(tables)
    print(text)
    if write:
        options = {"rows": rows, "domains": domains, "turns": turns, "calls": calls, "threads": threads}
        command = "".join(f" --{name} {value}" for name, value in options.items())
        write_section(
            RESULTS, "Cost of an answer by clusters and domains", f"python -m benchmarks.domains cost{command}", text
        )


# --- what they are worth ----------------------------------------------------------------------------------------------

BATCH = 1024
FIT = FitConfig(epochs=20, learning_rate=1e-3, patience=2)
SHARED: Settings = {"embedding_dim": 10, "dropout_rate": 0.3}
TRIED: dict[str, Settings] = {
    "DNN": {"hidden_units": (128, 64)},
    "DomainSharedBottom": {"hidden_units": (128,), "tower_units": (64,)},
    "DomainMMoE": {"num_experts": 4, "expert_units": (64,), "tower_units": (32,)},
    "PPNet": {"hidden_units": (128, 64), "gate_units": 32},
    "PEPNet": {"hidden_units": (128, 64), "gate_units": 32},
    "STAR": {"hidden_units": (128, 64), "auxiliary_units": (32,)},
    "AdaptDHM": {"hidden_units": (128, 64), "clusters": 3, "centred": True},
}
FIGURES = {"auc": "AUC", "logloss": "logloss", "domain_auc": "mean of domains", "ari": "ARI of clusters"}


def judged(model: CTRModel, splits: Splits) -> dict[str, float]:
    """AUC, logloss, mean of the AUC in each domain that has both labels; ARI of clusters and hidden groups."""
    inputs = {info.name: splits.test[info.name] for info in splits.spec.spec.inputs()}
    found = np.asarray(model.predict(inputs, batch_size=8192, verbose=0), np.float64)[:, 0]
    labels = splits.test[splits.spec.spec.tasks[0].name]
    whole = evaluate_arrays(labels, found)
    domain_auc = gauc(labels, found, splits.test[DOMAIN_NAME], weighting="uniform").value
    figures = {"auc": whole["auc"], "logloss": whole["logloss"], "domain_auc": domain_auc}
    if isinstance(model, AdaptDHM) and splits.spec.spec.meta.group == WORLD:
        figures["ari"] = float(adjusted_rand_score(splits.test[GROUP_NAME], np.array(model.routed(inputs).clusters)))
    return figures


def trial(splits: Callable[[], Splits], name: str, settings: Settings, config: FitConfig, seed: int) -> Score:
    """Train one model, and judge its best epoch."""
    rows = splits()
    model = make_model(rows, name, settings, config.precision, seed)
    valid = array_dataset(rows.valid, rows.spec, batch_size=8192)
    began = time.perf_counter()
    result = fit(model, ArrayPlan(rows.train, rows.spec, batch_size=BATCH, seed=seed), valid, config)
    seconds = time.perf_counter() - began
    epochs, best = len(result.history), result.best_epoch + 1
    numbers = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return Score(name, seed, judged(model, rows), epochs, best, seconds, parameters=numbers)


def accuracy_table(scores: Mapping[str, Sequence[Score]]) -> str:
    """Mean ± standard deviation over seeds, median seconds; a figure that no model has is left out."""
    told = [name for name in FIGURES if any(name in score.figures for many in scores.values() for score in many)]
    heads = ["model", "seeds", *(FIGURES[name] for name in told), "seconds", "parameters"]
    lines = [table_line(heads), table_line(["---"] * len(heads))]
    for name, many in scores.items():
        columns = [[score.figures[figure] for score in many if figure in score.figures] for figure in told]
        cells = [with_spread(column) if column else "-" for column in columns]
        seconds = statistics.median(score.seconds for score in many)
        lines.append(table_line([name, str(len(many)), *cells, f"{seconds:.1f}", f"{many[0].parameters:,}"]))
    return "\n".join(lines)


@app.command()
def accuracy(
    logs: Annotated[str, typer.Option(help="Names of logs, by commas.")] = ",".join(LOGS),
    models: Annotated[str, typer.Option(help="Names of models, by commas.")] = ",".join(TRIED),
    seeds: Annotated[int, typer.Option(help="How many seeds.")] = 3,
    epochs: Annotated[int, typer.Option(help="Most epochs.")] = FIT.epochs,
    monitor: Annotated[str, typer.Option(help="Which figure chooses the epoch: auc or logloss.")] = FIT.monitor,
    initial_stddev: Annotated[
        float | None, typer.Option(help="Spread of vectors before training; left out, the tables' own.")
    ] = None,
    workdir: Annotated[Path, typer.Option(help="Folder for finished trials.")] = Path("work/benchmarks"),
    write: WriteOption = True,
) -> None:
    """Train every model with every seed on every log, unless it is done already, and print a table a log."""
    config = FitConfig.model_validate({**FIT.model_dump(), "epochs": epochs, "monitor": monitor})
    shared = SHARED if initial_stddev is None else {**SHARED, "initial_stddev": initial_stddev}
    names, chosen = models.split(","), logs.split(",")
    if unknown := [name for name in (*names, *chosen) if name not in (*TRIED, *LOGS)]:
        raise typer.BadParameter(f"unknown {unknown}; logs are {', '.join(LOGS)}, models {', '.join(TRIED)}")
    for log in chosen:
        folder = workdir / "domains" / log
        splits = functools.cache(functools.partial(LOGS[log], folder))
        cache = TrialCache(folder, {"log": log, "batch_size": BATCH, "fit": config.model_dump(mode="json")})
        scores: dict[str, list[Score]] = {}
        for name in names:
            settings = {**shared, **TRIED[name]}
            for seed in range(seeds):
                score = cache.score(
                    name, seed, settings, functools.partial(trial, splits, name, settings, config, seed)
                )
                scores.setdefault(name, []).append(score)
                print(f"{log}, {name}, seed {seed}: {score.figures}", flush=True)
        text = accuracy_table(scores)
        print(text)
        if write:
            command = f"python -m benchmarks.domains accuracy --logs {log} --models {models} --seeds {seeds}"
            command += f" --epochs {epochs}" if epochs != FIT.epochs else ""
            command += f" --monitor {monitor}" if monitor != FIT.monitor else ""
            command += f" --initial-stddev {initial_stddev}" if initial_stddev is not None else ""
            write_section(RESULTS, f"Many domains on {log}", command, text)


if __name__ == "__main__":
    app()
