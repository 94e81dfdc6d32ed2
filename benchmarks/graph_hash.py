"""GraphHash beside other ways to share as many rows: click prediction and retrieval on MovieLens-1M.

For each share of the rows, the graph of the training rows (for retrieval: of the likes) is grouped into as many groups
of users and items; every other table then has the same rows. A finished trial is kept in the work folder and never
trained again with the same settings, so a run that was broken off goes on.

Example:
    python -m benchmarks.graph_hash
    python -m benchmarks.graph_hash --spec movielens_1m --every 5 --shares 0.3 --seeds 1 --no-write  # to try it out
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import tensorflow as tf
import typer
from rich.console import Console

from tfctr.benchmark import (
    Score,
    Splits,
    TrialCache,
    draw_curves,
    load_splits,
    run_trial,
    size_at,
    table_line,
    with_spread,
    write_section,
)
from tfctr.data.batches import ArrayPlan, DrawnNegatives, catalogue
from tfctr.data.graph import InteractionGraph, cluster_within
from tfctr.layers.embedding import (
    DoubleHashedTable,
    EmbeddingTable,
    HashedTable,
    IdMap,
    MappedTable,
    QuotientRemainderTable,
    format_bytes,
)
from tfctr.models import TwoTower
from tfctr.spec import Gates, load_spec
from tfctr.training import FitConfig, evaluate_retrieval, fit

RESULTS = Path(__file__).with_name("RESULTS.md")
USER, ITEM, LIKE = "user_id", "movie_id", "like"
RESERVED = 2
"""Padding and out of vocabulary, which have a row each in every table."""

TABLES = ("full", "graph", "double graph", "shuffled graph", "modulo", "hashed", "double hashed", "quotient-remainder")
STORED = ("graph", "double graph", "shuffled graph")
"""Tables whose map cannot be computed and is saved."""

MODEL = "DeepFM"
CLICK: dict[str, Any] = {"embedding_dim": 16, "hidden_units": (128, 64), "dropout_rate": 0.3}
CLICK_FIT = FitConfig(epochs=10, learning_rate=1e-3, patience=2)
CLICK_BATCH = 4096
RETRIEVAL: dict[str, Any] = {"embedding_dim": 32, "embedding_l2": 1e-6}
RETRIEVAL_FIT = FitConfig(epochs=15, learning_rate=0.01, patience=2)
RETRIEVAL_BATCH, NEGATIVES, K = 4096, 4, 20
FIGURES = {"click": ("auc", "logloss"), "retrieval": (f"recall_{K}", f"ndcg_{K}", f"top_{K}")}
REFERENCE = "graph"
"""The kind whose figures the others are asked to reach."""

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    spec: Annotated[str, typer.Option(help="A shipped spec of MovieLens-1M.")] = "movielens_1m_folds",
    judged: Annotated[str, typer.Option(help="click, retrieval, or both by commas.")] = "click,retrieval",
    shares: Annotated[str, typer.Option(help="Rows of users and items, as shares of their ids.")] = "0.3,0.1,0.03",
    tables: Annotated[str, typer.Option(help="Which tables, by commas.")] = ",".join(TABLES),
    seeds: Annotated[int, typer.Option(help="Seeds 0, 1, … of weights, order and draws.")] = 3,
    every: Annotated[int, typer.Option(help="Take every so many-th training row, to try things out.")] = 1,
    threads: Annotated[int, typer.Option(help="Threads of one operation; 0 takes all cores.")] = 0,
    workdir: Annotated[Path, typer.Option(help="Folder of data and finished trials.")] = Path("work/benchmarks"),
    write: Annotated[bool, typer.Option(help="Put the tables into RESULTS.md.")] = True,
) -> None:
    """Run all trials that are not done yet, and print the tables."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    bench = Bench(spec, workdir / spec, every)
    console = Console()
    for what in judged.split(","):
        scores = []
        for name, share in _grid(tables.split(","), [float(share) for share in shares.split(",")]):
            for seed in range(seeds):
                score = bench.score(what, name, share, seed)
                shown = "  ".join(f"{figure} {score.figures[figure]:.4f}" for figure in FIGURES[what])
                console.print(f"{what}  {score.model} seed {seed}: {shown}", highlight=False)
                scores.append(score)
        text = report(scores, FIGURES[what])
        console.print(text, soft_wrap=True, highlight=False, markup=False)
        if write:
            command = f"python -m benchmarks.graph_hash --spec {spec} --judged {what} --shares {shares} --seeds {seeds}"
            title, figure = f"GraphHash on {spec}, {what}", FIGURES[what][0]
            picture, heading = (
                f"figures/graph_hash_{spec}_{what}.svg",
                f"{title}: {figure} against bytes of both tables",
            )
            kinds = dict.fromkeys(_kind(score) for score in scores)
            lines = {kind: [score for score in scores if _kind(score) == kind] for kind in kinds}
            draw_curves(RESULTS.parent / picture, lines, size="bytes", figure=figure, title=heading)
            write_section(RESULTS, title, command, f"{text}\n\n![{heading}]({picture})")


def _grid(names: Sequence[str], shares: Sequence[float]) -> list[tuple[str, float]]:
    unknown = [name for name in names if name not in TABLES]
    if unknown:
        raise typer.BadParameter(f"no tables {unknown}; there are {', '.join(TABLES)}")
    return [(name, share) for share in shares for name in names if name != "full" or share == shares[0]]


def _kind(score: Score) -> str:
    return score.model.split(",")[0]


@dataclass(eq=False)
class Bench:
    """Data, groups and cached trials."""

    spec: str
    folder: Path
    every: int = 1

    def score(self, what: str, name: str, share: float, seed: int) -> Score:
        """Return the score of one trial, kept or new; figures have the rows and bytes of both tables too."""
        share = 1.0 if name == "full" else share
        click = what == "click"
        chosen, config = (CLICK, CLICK_FIT) if click else (RETRIEVAL, RETRIEVAL_FIT)
        settings = {"share": share, "every": self.every, "model": chosen, "fit": config.model_dump()}
        settings |= {"batch": CLICK_BATCH} if click else {"batch": RETRIEVAL_BATCH, "negatives": NEGATIVES, "k": K}
        label = name if name == "full" else f"{name}, {100 * share:g} %"

        def trial() -> Score:
            sides = self._tables(what, name, share, seed)
            tables = {side: table for side, (table, _, _) in sides.items() if table is not None}
            run = self._click if click else self._retrieval
            found = run({**chosen, "tables": tables}, config.model_copy(update={"seed": seed}), label)
            rows = sum(side_rows for _, side_rows, _ in sides.values())
            maps = sum(map_bytes for _, _, map_bytes in sides.values())
            size = {"rows": rows, "bytes": 4 * rows * chosen["embedding_dim"] + maps}
            return replace(found, figures={**found.figures, **size})

        cache = TrialCache(self.folder / "graph_hash", {"what": what, "spec": self.spec})
        return cache.score(label, seed, settings, trial)

    @functools.cached_property
    def splits(self) -> Splits:
        """The published folds, transformed; of the training rows every so many-th."""
        spec = load_spec(self.spec)
        loaded = load_splits(spec, spec.source.dataset or "", self.folder)
        return replace(loaded, train={name: rows[:: self.every] for name, rows in loaded.train.items()})

    def _click(self, hyperparameters: dict[str, Any], config: FitConfig, label: str) -> Score:
        return run_trial(
            self.splits, MODEL, hyperparameters, config, batch_size=CLICK_BATCH, seed=config.seed, label=label
        )

    def _retrieval(self, hyperparameters: dict[str, Any], config: FitConfig, label: str) -> Score:
        splits = self.splits
        ids = [feature for feature in splits.spec.spec.features if feature.name in (USER, ITEM)]
        plain = splits.spec.spec.model_copy(update={"features": tuple(ids), "gates": Gates()})
        spec = plain.bind({name: splits.spec.rows[name] for name in (USER, ITEM)})
        liked = [_liked(rows) for rows in (splits.train, splits.valid, splits.test)]
        items = catalogue(splits.train, plain, ITEM)
        keras.utils.set_random_seed(config.seed)
        model = TwoTower(spec, **hyperparameters)
        train, valid = (
            DrawnNegatives(ArrayPlan(rows, spec, batch_size=RETRIEVAL_BATCH, seed=config.seed), items, plain,
                           negatives=NEGATIVES, seed=config.seed)
            for rows in liked[:2]
        )  # fmt: skip
        result = fit(model, train, valid.epoch(0), config)
        seen = {name: np.concatenate([liked[0][name], liked[1][name]]) for name in (USER, ITEM)}
        figures = evaluate_retrieval(model, liked[2], items, user=USER, item=ITEM, seen=seen, ks=(K,))
        epochs, seconds = len(result.history), sum(row["seconds"] for row in result.history)
        return Score(label, config.seed, figures, epochs, result.best_epoch + 1, seconds, 0.0, model.count_params())

    @functools.cache  # noqa: B019 - one bench a process
    def _maps(self, what: str, share: float) -> dict[str, IdMap]:
        """The map of each side from the graph, with about this share of the rows of both together."""
        rows = self.splits.train if what == "click" else _liked(self.splits.train)
        sizes = [self.splits.spec.rows[name] - RESERVED for name in (USER, ITEM)]
        known = (rows[USER] >= RESERVED) & (rows[ITEM] >= RESERVED)
        users, items = (rows[name][known] - RESERVED for name in (USER, ITEM))
        graph = InteractionGraph.from_pairs(users, items, (sizes[0], sizes[1]))
        found = cluster_within(graph, round(share * sum(sizes)))
        padding = np.full(RESERVED, -1)
        return {USER: IdMap.grouped(np.r_[padding, found.users]), ITEM: IdMap.grouped(np.r_[padding, found.items])}

    def _tables(
        self, what: str, name: str, share: float, seed: int
    ) -> dict[str, tuple[EmbeddingTable | None, int, int]]:
        """Template (None: the full table), rows, and bytes of the map, of each side."""
        if name == "full":
            return {side: (None, self.splits.spec.rows[side], 0) for side in (USER, ITEM)}
        sides: dict[str, tuple[EmbeddingTable | None, int, int]] = {}
        for side, mapping in self._maps(what, share).items():
            table = template(name, mapping, seed)
            indices = table.mapping.row_indices.size if isinstance(table, MappedTable) and name in STORED else 0
            sides[side] = (
                table,
                sum(r for r, _ in table.sized(mapping.ids, 1, "t").weight_shapes().values()),
                4 * indices,
            )
        return sides


def template(name: str, mapping: IdMap, seed: int) -> EmbeddingTable:
    """Return the template of a table with the rows of `mapping`; the hashed ones own a row for padding and OOV too."""
    shared = mapping.rows - RESERVED
    compression = (mapping.ids - RESERVED) / shared
    if name == "hashed":
        return HashedTable(compression=compression, private=RESERVED)
    if name == "double hashed":
        return DoubleHashedTable(compression=compression, private=RESERVED)
    if name == "quotient-remainder":
        return QuotientRemainderTable(compression=mapping.ids / _modulus(mapping.ids, mapping.rows))
    if name == "modulo":
        return MappedTable(mapping=IdMap.modulo(mapping.ids, shared))
    if name == "double graph":
        return MappedTable(mapping=mapping.doubled())
    return MappedTable(mapping=mapping.shuffled(seed=seed) if name == "shuffled graph" else mapping)


def _modulus(ids: int, rows: int) -> int:
    """The most remainder rows that leave room for the quotients'; where nothing fits, the least of both together."""
    sizes = {modulus: modulus + -(-ids // modulus) for modulus in range(2, ids)}
    fitting = [modulus for modulus, total in sizes.items() if total <= rows]
    return max(fitting, default=min(sizes, key=lambda modulus: sizes[modulus]))


def _liked(rows: Any) -> dict[str, np.ndarray]:
    liked = rows[LIKE] > 0
    return {name: rows[name][liked] for name in (USER, ITEM, LIKE)}


def report(scores: Sequence[Score], figures: Sequence[str]) -> str:
    """Return all trials as a table, and below it what each kind needs for equal figures."""
    groups: dict[str, list[Score]] = {}
    for score in scores:
        groups.setdefault(score.model, []).append(score)
    lines = [table_line(["table", "rows", "bytes, map included", *figures]), table_line(["---"] * (3 + len(figures)))]
    for label, group in groups.items():
        values = {name: [score.figures[name] for score in group] for name in figures}
        size = group[0].figures
        cells = [with_spread(values[name]) for name in figures]
        lines.append(table_line([label, f"{size['rows']:,.0f}", format_bytes(size["bytes"]), *cells]))
    return "\n".join([*lines, *_equal(scores, figures[0])])


def _equal(scores: Sequence[Score], figure: str) -> list[str]:
    """Return the lines of a table of the rows and bytes with which each kind has the figures of the graph's tables."""
    labels = dict.fromkeys(score.model for score in scores if _kind(score) == REFERENCE)
    if not labels:
        return []
    levels = {label: np.mean([score.figures[figure] for score in scores if score.model == label]) for label in labels}
    heads = [f"{figure} {level:.4f} ({label})" for label, level in levels.items()]
    lines = ["", "Rows and bytes that reach the same figure, between measured sizes by the logarithm of the size:", ""]
    lines += [table_line(["table", *heads]), table_line(["---"] * (1 + len(heads)))]
    for kind in dict.fromkeys(_kind(score) for score in scores if score.model != "full"):
        own = [score for score in scores if _kind(score) in (kind, "full")]
        smallest = min(score.figures["rows"] for score in own)
        cells = []
        for level in levels.values():
            rows, size = (size_at(own, float(level), size=what, figure=figure) for what in ("rows", "bytes"))
            shown = "not reached" if rows is None or size is None else f"{rows:,.0f}, {format_bytes(round(size))}"
            cells.append(f"at most {shown}" if rows == smallest and kind != REFERENCE else shown)
        lines.append(table_line([kind, *cells]))
    return lines


if __name__ == "__main__":
    app()
