"""The ranking of a whole log: planted fields, noise controls, streams, and logs that cannot be ranked."""

from __future__ import annotations

import csv
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.analysis.ranking.planted import COPY, PLANTED, USEFUL, USELESS, planted_log, share_in_order
from tfctr.analysis.ranking import FeatureRanking, RankingConfig, rank_features
from tfctr.analysis.ranking._controls import NOISE, TARGET
from tfctr.analysis.ranking._reduced_spec import reduced_spec
from tfctr.analysis.ranking._report import write_ranking
from tfctr.data import BadRowsError, DataError
from tfctr.data.simulator import SimulatorConfig, simulate
from tfctr.spec import FeatureSpec, dump_spec, parse_spec

SEEDS = (0, 1, 2)
SMALL = {"batch_rows": 8_192}


def rank(log_seed: int, **settings: object) -> FeatureRanking:
    table, spec = planted_log(log_seed)
    return rank_features(table, spec, config=RankingConfig.model_validate({**SMALL, "seed": log_seed, **settings}))


@pytest.fixture(scope="module")
def rankings() -> list[FeatureRanking]:
    return [rank(seed) for seed in SEEDS]


def order(ranking: FeatureRanking) -> list[str]:
    return [one.name for one in ranking.fields]


def test_planted_fields_are_found_and_plain_information_is_beaten(rankings: list[FeatureRanking]) -> None:
    """Every useful field before every useless one, and no other kept; plain MI has at most half the pairs right."""
    for ranking in rankings:
        plain = sorted(ranking.fields, key=lambda one: -one.mutual_information)
        found, baseline = share_in_order(order(ranking)), share_in_order([one.name for one in plain])
        assert found == 1.0
        assert found >= baseline + 0.5
        assert set(USEFUL) <= set(ranking.suggested()) <= {*USEFUL, COPY}


def test_without_the_correction_noise_comes_first() -> None:
    for seed in SEEDS:
        ranking = rank(seed, heuristic="mi")
        by_3mr = sorted(ranking.fields, key=lambda one: one.three_mr)
        assert share_in_order([one.name for one in by_3mr]) < 0.6
        assert not set(USEFUL) <= set(ranking.suggested())
        assert ranking.by_score()[0].name == "row_id"


def test_without_crosses_the_interacting_fields_are_lost(rankings: list[FeatureRanking]) -> None:
    for seed, ranking in zip(SEEDS, rankings, strict=True):
        assert ranking.interactions[0].fields == ("left", "right")
        assert ranking.interactions[0].synergy > 0.2 > 5 * ranking.interactions[0].noise
        assert {"left", "right"} <= set(ranking.suggested())
        alone = rank(seed, order=1)
        assert not {"left", "right"} & set(alone.suggested())
        assert alone.interactions == ()


def test_without_redundancy_the_copy_comes_early(rankings: list[FeatureRanking]) -> None:
    """3MR takes `strong` first, and its copy after `weak`, which tells a fifth as much; with `max` after all."""
    for seed, ranking in zip(SEEDS, rankings, strict=True):
        place = {one.name: one.three_mr for one in ranking.fields}
        assert (place["strong"], place["weak"], place[COPY]) == (1, 2, 3)
        assert max(scores_of(ranking, "strong", COPY)) < 1.3 * min(scores_of(ranking, "strong", COPY))
        early = {one.name: one.three_mr for one in rank(seed, alpha=0.0, beta=0.0).fields}
        assert (early["strong"], early[COPY]) == (1, 2)
        late = {one.name: one.three_mr for one in rank(seed, aggregate="max").fields}
        assert late[COPY] > len(USEFUL)


def scores_of(ranking: FeatureRanking, *names: str) -> list[float]:
    return [one.score for one in ranking.fields if one.name in names]


@pytest.mark.parametrize("heuristic", ["cc-mi", "cc-mi-balanced"])
def test_controls_say_where_noise_ends(heuristic: str) -> None:
    for seed in SEEDS:
        ranking = rank(seed, heuristic=heuristic)
        scores = {one.name: one.score for one in ranking.fields}
        assert ranking.controls[TARGET] == pytest.approx(ranking.label_entropy, rel=0.02)
        assert ranking.controls[TARGET] > max(scores.values())
        assert scores["strong"] > max(ranking.controls[name] for name in NOISE)
        assert scores["row_id"] == ranking.controls["CONTROL-gaussian"] == ranking.controls["CONTROL-constant0"] == 0
        reasons = {one.name: one.reason for one in ranking.fields}
        assert reasons["row_id"] == "has a value of its own in nearly every row"
        assert not set(USELESS) & set(ranking.suggested())
        assert {"strong", "weak"} <= set(ranking.suggested())


def test_a_label_that_nothing_tells_about_leaves_nothing_to_keep() -> None:
    """Labels shuffled: no more than a tenth of the fields above the 95 % quantile of the random controls."""
    above = []
    for seed in range(6):
        table, spec = planted_log(seed, rows=8_192)
        labels = np.random.default_rng(seed).permutation(table.column("clicked").to_numpy())
        place = table.column_names.index("clicked")
        config = RankingConfig(batch_rows=2_048, seed=seed, order=1, redundancy=False)
        ranking = rank_features(table.set_column(place, "clicked", pa.array(labels)), spec, config=config)
        limit = np.quantile([ranking.controls[name] for name in NOISE], 0.95)
        above += [one.score > limit for one in ranking.fields]
    assert np.mean(above) <= 0.10


def test_the_same_seed_gives_the_same_ranking_and_batches_hardly_matter(rankings: list[FeatureRanking]) -> None:
    assert rank(0).to_dict() == rankings[0].to_dict()
    assert rank(0, seed=9).to_dict() != rankings[0].to_dict()
    one_pass = rank(0, batch_rows=100_000)
    assert (one_pass.batches, rankings[0].batches) == (1, 2)
    assert set(one_pass.suggested()) == set(rankings[0].suggested())
    for whole, part in zip(*(sorted(r.fields, key=lambda f: f.name) for r in (one_pass, rankings[0])), strict=True):
        assert part.score == pytest.approx(whole.score, abs=0.02)


def test_memory_does_not_grow_with_the_rows() -> None:
    """Five times the rows, read from a stream of slices: the peak stays within a third."""
    table, spec = planted_log(0, rows=4_096)

    def peak(times: int) -> int:
        long = pa.concat_tables([table] * times)  # the same buffers again: takes no memory
        tracemalloc.start()
        rank_features(long, spec, config=RankingConfig(batch_rows=2_048, order=1, redundancy=False))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(5) < 1.33 * peak(1)


def test_pairs_are_dealt_out_when_there_are_too_many() -> None:
    ranking = rank(0, max_pairs=40, batch_rows=2_048)
    assert len(ranking.interactions) == len(PLANTED) * (len(PLANTED) - 1) // 2
    turns = [one.batches for one in ranking.interactions]
    assert max(turns) - min(turns) <= 1
    assert ranking.interactions[0].fields == ("left", "right")


def test_triples() -> None:
    """A label that is the parity of three fields is told by their cross and by no pair."""
    generator = np.random.default_rng(0)
    bits = generator.integers(0, 2, (3, 6_000))
    columns = {name: pa.array(values.astype(str)) for name, values in zip("abc", bits, strict=True)}
    table = pa.table({**columns, "clicked": bits.sum(axis=0) % 2})
    ranking = rank_features(table, spec_of("a", "b", "c"), config=RankingConfig(order=3))
    assert ranking.interactions[0].fields == ("a", "b", "c")
    assert ranking.interactions[0].synergy > 0.6
    assert max(one.synergy for one in ranking.interactions[1:]) < 0.05


def spec_of(*names: str, **keys: object) -> FeatureSpec:
    features = [{"kind": "categorical", "name": name, "role": "context"} for name in names]
    tasks = [{"name": "click", "label": "clicked"}]
    parts = {"name": "ads", "features": features, "tasks": tasks, "split": {"by": "random"}, **keys}
    return FeatureSpec.model_validate(parts)


def test_anomalies_are_told() -> None:
    generator = np.random.default_rng(0)
    rows = 4_000
    clicked = generator.integers(0, 2, rows)
    site = generator.integers(0, 9, rows)
    table = pa.table(
        {
            "clicked": clicked,
            "site": site.astype(str),
            "site_name": np.array([f"site {number}" for number in range(9)])[site],
            "constant": ["x"] * rows,
            "empty": pa.array([None] * rows, pa.string()),
            "request": np.arange(rows).astype(str),
            "sparse": pa.array([str(number % 5) if number % 10 == 0 else None for number in range(rows)]),
            "late": pa.array([None] * (rows // 2) + ["a", "b"] * (rows // 4)),
            "nearly": ["x"] * (rows - 3) + ["y"] * 3,
            "tail": [f"once {n}" if n % 3 else "often" for n in range(rows)],
            "outcome": np.where(generator.random(rows) < 0.999, clicked, 1 - clicked).astype(str),
        }
    )
    names = [name for name in table.column_names if name != "clicked"]
    ranking = rank_features(table, spec_of(*names), config=RankingConfig(batch_rows=1_024))
    found = {(one.kind, one.field) for one in ranking.anomalies}
    assert found == {
        ("constant", "constant"),
        ("empty", "empty"),
        ("distinct", "request"),
        ("sparse", "sparse"),
        ("drifting", "late"),
        ("dominated", "nearly"),
        ("rare", "tail"),
        ("leak", "outcome"),
        ("duplicate", "site_name"),
    }
    reasons = {one.name: one.reason for one in ranking.fields}
    assert reasons["constant"] == "is always 'x'"
    assert reasons["empty"] == "never has a value"
    assert not {"constant", "empty", "request"} & set(ranking.suggested())
    assert ranking.rare_values[0] == ("tail", "once 1", 1) or ("request", "0", 1) in ranking.rare_values


@pytest.mark.parametrize("kind", ["constant", "distinct"])
def test_a_log_of_which_nothing_can_be_kept_has_a_defined_answer(kind: str) -> None:
    rows = 3_000
    values = ["x"] * rows if kind == "constant" else np.arange(rows).astype(str)
    table = pa.table({"a": values, "b": values, "clicked": np.arange(rows) % 2})
    ranking = rank_features(table, spec_of("a", "b"))
    assert [one.score for one in ranking.fields] == [0.0, 0.0]
    assert ranking.suggested() == ()
    assert {one.kind for one in ranking.anomalies} == {kind}
    with pytest.raises(DataError, match="keeps no field"):
        reduced_spec(spec_of("a", "b"), ["a", "b"], ranking.suggested())


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_only(label: int) -> None:
    table = pa.table({"a": ["x", "y"] * 50, "clicked": [label] * 100})
    with pytest.raises(DataError, match=f"the label 'clicked' is {label} in all 100 rows"):
        rank_features(table, spec_of("a"))


def test_logs_that_cannot_be_ranked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows to read"):
        rank_features(pa.table({"a": pa.array([], pa.string()), "clicked": pa.array([], pa.int64())}), spec_of("a"))
    with pytest.raises(DataError, match=r"missing column\(s\): 'clicked' \(did you mean 'click'\?\)"):
        rank_features(pa.table({"a": ["x"], "click": [1]}), spec_of("a"))
    with pytest.raises(DataError, match=r"has no task 'clik' \(did you mean 'click'\?\)"):
        rank_features(pa.table({"a": ["x"], "clicked": [1]}), spec_of("a"), task="clik")
    with pytest.raises(BadRowsError, match="the label is not 0 or 1"):
        rank_features(pa.table({"a": ["x"] * 9, "clicked": list(range(9))}), spec_of("a"))
    vector = {"kind": "vector", "name": "v", "role": "item", "width": 2}
    with pytest.raises(DataError, match="no categorical, numeric or multi feature"):
        rank_features(pa.table({"v": [[1.0, 2.0]], "clicked": [1]}), spec_of(features=[vector]))
    (tmp_path / "log.csv").touch()
    with pytest.raises(DataError, match="is empty"):
        rank_features(tmp_path / "log.csv", spec_of("a"))


def test_a_task_of_durations_has_no_label_to_rank_by() -> None:
    """Beside a yes/no task it is passed over; alone, or by its name, it is refused."""
    lasting = {"kind": "survival", "name": "stop", "duration": "days", "event": "ended", "cut_points": [1, 2]}
    table = pa.table({"a": ["x", "y"] * 50, "days": [1.0] * 100, "ended": [1] * 100, "clicked": [0, 1] * 50})
    both = spec_of("a", tasks=[lasting, {"name": "click", "label": "clicked"}])
    assert rank_features(table, both).task == "click"
    with pytest.raises(DataError, match="stop asks how long something lasts; add a task on its event column"):
        rank_features(table, both, task="stop")
    with pytest.raises(DataError, match="stop asks how long something lasts"):
        rank_features(table, spec_of("a", tasks=[lasting]))


def test_masked_rows_and_thresholds() -> None:
    """Only unmasked rows count; a rating of 4 or more is a 1."""
    task = {"name": "like", "label": "rating", "at_least": 4, "mask": "shown"}
    spec = spec_of("a", tasks=[task])
    rating, shown = [5, 1, 4, 2] * 500, [1, 1, 1, 0] * 500
    table = pa.table({"a": ["x", "y", "x", "y"] * 500, "rating": rating, "shown": shown})
    ranking = rank_features(table, spec)
    assert ranking.rows == 1_500
    assert ranking.label_rate == pytest.approx(2 / 3)
    assert ranking.fields[0].score == pytest.approx(ranking.label_entropy)
    hidden = table.set_column(2, "shown", pa.array([0] * 2_000))
    with pytest.raises(DataError, match="no row counts for task 'like'"):
        rank_features(hidden, spec)


def test_numbers_lists_and_features_that_are_not_ranked() -> None:
    config = SimulatorConfig(rows=6_000, quality=0, affinity=0, crosses=0, position_bias=2, cross_features=True)
    log = simulate(config)
    ranking = rank_features(log.table, log.spec, config=RankingConfig(transforms=True))
    assert ranking.by_score()[0].name == "position"
    assert {one.name for one in ranking.fields} >= {"age", "price", "tags"}
    assert ranking.not_ranked == {
        "clicked_items": "a sequence is not ranked and stays",
        "item_vector": "a vector is not ranked and stays",
        "device_x_category": "a cross is not ranked and stays where all that it crosses does",
        "domain_x_category": "a cross is not ranked and stays where all that it crosses does",
    }
    reduced = reduced_spec(log.spec, [one.name for one in ranking.fields], ["position"])
    assert {f.name for f in reduced.features} == {"position", "clicked_items", "item_id", "item_vector"}
    assert parse_spec(dump_spec(reduced)) == reduced
    kept = reduced_spec(log.spec, [one.name for one in ranking.fields], ["device", "category"])
    assert [f.name for f in kept.features if f.kind == "cross"] == ["device_x_category"]


def test_a_number_that_needs_a_logarithm_gets_one() -> None:
    generator = np.random.default_rng(0)
    views = np.exp(generator.normal(4, 2, 8_000))
    clicked = (generator.random(8_000) < 1 / (1 + np.exp(8 * np.sin(np.log1p(views) * 12)))).astype(int)
    numeric = {"kind": "numeric", "name": "views", "role": "context"}
    spec = spec_of(features=[numeric])
    table = pa.table({"views": views, "clicked": clicked})
    found = rank_features(table, spec, config=RankingConfig(transforms=True, buckets=8)).fields[0]
    assert found.transform.startswith("log(")
    assert rank_features(table, spec, config=RankingConfig(buckets=8)).fields[0].transform == ""


def test_files(tmp_path: Path, rankings: list[FeatureRanking]) -> None:
    written = write_ranking(rankings[0], tmp_path / "out")
    assert sorted(path.name for path in written) == sorted(path.name for path in (tmp_path / "out").iterdir())
    loaded = json.loads((tmp_path / "out" / "ranking.json").read_text())
    assert loaded["suggested"] == list(rankings[0].suggested())
    with (tmp_path / "out" / "features.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["name"] for row in rows] == order(rankings[0])
    assert float(rows[0]["score"]) == rankings[0].fields[0].score
    assert (tmp_path / "out" / "ranking.png").read_bytes().startswith(b"\x89PNG")
    before = {path.name: path.read_bytes() for path in written}
    assert {path.name: path.read_bytes() for path in write_ranking(rankings[0], tmp_path / "out")} == before


@pytest.mark.real_data
def test_frappe(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app tells most: negatives are apps drawn at random. User and city have many values and tell nothing alone."""
    monkeypatch.setenv("TFCTR_DATA", str(data_dir))
    monkeypatch.setenv("TFCTR_CACHE", str(tmp_path))
    from tfctr.spec import load_spec

    ranking = rank_features("frappe", load_spec("frappe"), config=RankingConfig(every=8, order=1, redundancy=False))
    assert ranking.by_score()[0].name == "item"
    scores = {one.name: one for one in ranking.fields}
    assert scores["user"].mutual_information > 0.02 > 2 * scores["user"].noise > 2 * scores["user"].score
