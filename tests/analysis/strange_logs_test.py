"""First specs of generated logs: each house has other columns and names, and the meaning is found all the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.infer_spec.facts import read_facts, score
from benchmarks.infer_spec.generated import generate
from tfctr.analysis import columns_of, infer_spec
from tfctr.analysis._outcomes import label_rank
from tfctr.spec import check_columns

ROWS = 300


def write(path: Path, **columns: list[object]) -> Path:
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def flags(rate: float, seed: int = 0) -> list[object]:
    return [int(x) for x in np.random.default_rng(seed).random(ROWS) < rate]


def codes(count: int, seed: int = 0) -> list[object]:
    return [int(x) for x in np.random.default_rng(seed).integers(100, 100 + count, ROWS)]


def test_what_generated_logs_mean_is_found(tmp_path: Path) -> None:
    wrong, facts = [], 0
    for seed in range(25):
        log = generate(seed, tmp_path)
        found = score(log.facts, log.path)
        facts += found.columns
        wrong += [f"{log.path.name}: {fact}: {said}" for fact, said in found.wrong.items()]
    assert len(wrong) <= 0.05 * facts, "\n".join(wrong)


@pytest.mark.parametrize("seed", range(5))
def test_the_spec_of_a_generated_log_fits_it(tmp_path: Path, seed: int) -> None:
    log = generate(seed, tmp_path)
    spec = infer_spec(log.path).spec
    assert check_columns(spec, columns_of(str(log.path), spec)) == []


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("label", ["click", "is_click", "clk", "label", "y", "target", "converted"])
def test_a_label_is_known_by_name_before_place(tmp_path: Path, label: str, place: int) -> None:
    """Beside it a flag that is rarer, and feedback that is named like an outcome, in front of it or behind."""
    columns = [("is_like", flags(0.02, 1)), ("newbie", flags(0.05, 2)), ("item_id", codes(40))]
    columns.insert(place, (label, flags(0.3)))
    found = infer_spec(write(tmp_path / "log.csv", **dict(columns)))
    assert found.spec.tasks[0].label == label
    assert found.spec.feature("newbie").kind == "categorical"
    assert "known only afterwards" in found.left_out["is_like"]


def test_labels_come_before_clicks_before_orders_before_likes() -> None:
    names = ["target", "isClick", "click_label", "click_rate", "purchased", "is_liked"]
    ranks = [label_rank(name) for name in names]
    assert ranks == sorted(ranks, key=lambda rank: (rank is None, rank))
    assert label_rank("price") is label_rank("prev_click") is label_rank("click_history") is None


@pytest.mark.parametrize("name", ["play_time_ms", "watchSeconds", "dwell-time", "revenue", "is_follow", "add_to_cart"])
def test_what_happened_at_the_same_moment_is_held_back(tmp_path: Path, name: str) -> None:
    values = flags(0.1, 3) if name in ("is_follow", "add_to_cart") else codes(200)
    found = infer_spec(write(tmp_path / "log.csv", **{name: values, "click": flags(0.3), "item_id": codes(40)}))
    assert "known only afterwards" in found.left_out[name]
    assert f"#   {name} looks like" in found.text


@pytest.mark.parametrize("name", ["avg_watch_time", "user_total_spend", "clicked_before", "follow_user_num_range"])
def test_what_was_counted_before_is_a_feature(tmp_path: Path, name: str) -> None:
    values = flags(0.1, 3) if name == "clicked_before" else [value % 7 for value in codes(200)]
    found = infer_spec(write(tmp_path / "log.csv", **{name: values, "click": flags(0.3), "item_id": codes(40)}))
    assert name not in found.left_out


@pytest.mark.parametrize("words", [("train", "valid", "test"), ("training", "val", "holdout"), (1, 2, 3)])
def test_parts_that_the_log_names_are_taken(tmp_path: Path, words: tuple[object, ...]) -> None:
    parts = [words[0 if index % 10 < 8 else index % 10 - 7] for index in range(ROWS)]
    spec = infer_spec(write(tmp_path / "log.csv", split=parts, click=flags(0.3), item_id=codes(40))).spec
    assert (spec.split.by, spec.split.column) == ("column", "split")
    assert [feature.name for feature in spec.features] == ["item_id"]
    if words[0] != "train":
        assert (spec.split.valid_values, spec.split.test_values) == ((str(words[1]),), (str(words[2]),))


def test_parts_without_valid_rows_are_left_out_and_rows_split_otherwise(tmp_path: Path) -> None:
    parts = ["train" if index % 10 < 8 else "test" for index in range(ROWS)]
    found = infer_spec(write(tmp_path / "log.csv", split=parts, click=flags(0.3), item_id=codes(40)))
    assert found.spec.split.by == "random"
    assert found.left_out["split"] == "says which part of the data a row belongs to"


def test_a_request_is_the_group_and_the_user_has_the_history(tmp_path: Path) -> None:
    columns = {"user_id": codes(30), "request_id": [f"r{index // 4}" for index in range(ROWS)]}
    columns |= {"item_id": codes(40, 5), "ts": list(range(1_600_000_000, 1_600_000_000 + ROWS)), "click": flags(0.3)}
    found = infer_spec(write(tmp_path / "log.csv", **columns))
    assert found.spec.meta.group == "request_id"
    assert "by: user_id" in found.text


def test_an_unknown_device_is_no_group(tmp_path: Path) -> None:
    devices = ["a99f214a" if index % 4 else f"{index:08x}" for index in range(ROWS)]
    found = infer_spec(write(tmp_path / "log.csv", device_id=devices, click=flags(0.3), item_id=codes(40)))
    assert found.spec.meta.group is None
    assert any("'device_id' is no group of rows: 75% of them have one value" in doubt for doubt in found.doubts)


@pytest.mark.parametrize("name", ["viewed", "hist_item_ids", "click_sequence"])
def test_a_history_shares_the_ids_that_it_lists(tmp_path: Path, name: str) -> None:
    """By name or by values, and not those of another column of the same type."""
    items = codes(80, 6)
    past = ["^".join(str(items[(index + step) % ROWS]) for step in range(1 + index % 4)) for index in range(ROWS)]
    columns = {"shop": [5000 + index % 60 for index in range(ROWS)], "item_id": items, name: past}
    found = infer_spec(write(tmp_path / "log.csv", click=flags(0.3), **columns))
    assert found.spec.feature(name).shares == "item_id"


def test_codes_are_no_counts(tmp_path: Path) -> None:
    """Skewed whole numbers: those that begin anywhere and leave gaps are ids, those dense near zero are counts."""
    rng = np.random.default_rng(8)
    kept = np.array([33, 35, 39, 41, 163, 431, *rng.integers(500, 200_000, 40)])
    columns = {
        "C19": [int(x) for x in rng.choice(kept, ROWS, p=np.geomspace(1, 0.01, 46) / np.geomspace(1, 0.01, 46).sum())]
    }
    columns |= {"f7": [int(x) for x in rng.lognormal(2.5, 1.8, ROWS)], "dense_3": codes(5), "sparse_3": codes(200)}
    spec = infer_spec(write(tmp_path / "log.csv", click=flags(0.3), **columns)).spec
    kinds = {feature.name: feature.kind for feature in spec.features}
    assert kinds == {"C19": "categorical", "f7": "numeric", "dense_3": "numeric", "sparse_3": "categorical"}


def test_a_doubt_about_minus_one_stands_at_its_line(tmp_path: Path) -> None:
    values = [-1 if index % 3 else value for index, value in enumerate(codes(50))]
    text = infer_spec(write(tmp_path / "log.csv", C20=values, click=flags(0.3))).text
    line = next(line for line in text.splitlines() if "name: C20" in line)
    assert line.endswith('; if 66.7% mean no value: null_values: ["-1"]')


@pytest.mark.parametrize("name", ["row", "id", "Unnamed: 0", ""])
def test_what_numbers_the_rows_is_left_out(tmp_path: Path, name: str) -> None:
    found = infer_spec(write(tmp_path / "log.csv", **{name: list(range(ROWS)), "click": flags(0.3), "ad_id": codes(9)}))
    assert found.left_out == {name: "numbers the rows: every row has a value of its own"}


def test_a_text_label_never_becomes_a_feature(tmp_path: Path) -> None:
    words = ["clicked" if flag else "passed over" for flag in flags(0.3)]
    found = infer_spec(write(tmp_path / "log.csv", label=words, ad_id=codes(9)))
    assert found.spec.tasks[0].label == "label"
    assert found.spec.tasks[0].positive == ("clicked",)


def test_names_of_any_script_are_told_apart(tmp_path: Path) -> None:
    columns = {"用户": codes(20), "广告": codes(30), "цена": codes(40), "ad position": codes(4)}
    spec = infer_spec(write(tmp_path / "log.csv", click=flags(0.3), **columns)).spec
    assert [feature.column for feature in spec.features] == list(columns)
    assert len({feature.name for feature in spec.features}) == 4


def test_columns_that_would_be_one_input_are_not_both_taken(tmp_path: Path) -> None:
    found = infer_spec(write(tmp_path / "log.csv", **{"ad-id": codes(9), "ad_id": codes(9), "click": flags(0.3)}))
    assert found.left_out["ad_id"] == "would be the same input of a served model as 'ad-id'; rename one to use it"


@pytest.mark.real_data
@pytest.mark.parametrize("facts", read_facts(), ids=lambda facts: facts.log)
def test_facts_of_public_logs(data_dir: Path, facts: object) -> None:
    path = data_dir / facts.log
    if not path.exists():
        pytest.skip(f"{path} is not there")
    found = score(facts, path, max_rows=2_000)
    assert found.right >= 0.85 * found.columns - 1, found.wrong
