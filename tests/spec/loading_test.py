"""Every way a spec file can be wrong ends in one readable SpecError that tells everything at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfctr.spec import SpecError, dump_spec, load_spec, parse_spec
from tfctr.spec._document import MAX_BYTES

GOOD = """\
name: ads
meta: {time: second}
features:
  - kind: categorical
    name: site
    role: context
  - kind: sequence
    name: history
    role: user
    shares: site
tasks:
  - name: click
    label: clicked
"""


def problems_of(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, "ads.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_a_good_text_is_read() -> None:
    spec = parse_spec(GOOD)
    assert spec.feature("site").column == "site"
    assert spec.tables == ("site",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("role: context", "rolle: context", "ads.yaml:6: features.0.rolle: unknown key (did you mean 'role'?)"),
        ("time: second", "tim: second", "ads.yaml:2: meta.tim: unknown key (did you mean 'time'?)"),
        ("label: clicked", "labl: clicked", "ads.yaml:13: tasks.0.labl: unknown key (did you mean 'label'?)"),
        (
            "role: context",
            "role: contxt",
            "ads.yaml:6: features.0.role: must be user, item or context, received 'contxt' (did you mean 'context'?)",
        ),
        (
            "kind: categorical",
            "kind: category",
            "ads.yaml:4: features.0: unknown kind 'category' (did you mean 'categorical'?)",
        ),
        (
            "- kind: categorical\n    name: site",
            "- name: site",
            "ads.yaml:4: features.0: a feature needs `kind`: categorical, multi, sequence, numeric, vector or cross",
        ),
        ("    role: context\n", "", "ads.yaml:4: features.0.role: is missing"),
        ("name: site", "name: 7", "ads.yaml:5: features.0.name: must be text, received 7 (write it in quotes)"),
        (
            "name: site",
            "name: my site",
            "ads.yaml:5: features.0.name: 'my site' is no name: begin with a letter, then letters, digits and _ only",
        ),
        (
            "role: context",
            "role: context\n    hash_buckets: many",
            "ads.yaml:7: features.0.hash_buckets: must be a whole number, received 'many'",
        ),
        (
            "role: context",
            "role: context\n    hash_buckets: 0",
            "ads.yaml:7: features.0.hash_buckets: must be greater than or equal to 1, received 0",
        ),
        (
            "role: context",
            "role: context\n    vocabulary: {min_cuont: 2}",
            "ads.yaml:7: features.0.vocabulary.min_cuont: unknown key (did you mean 'min_count'?)",
        ),
        (
            "role: context",
            "role: context\n    scale: log",
            "ads.yaml:7: features.0.scale: numeric features have this key, a categorical feature has not",
        ),
        (
            "role: context",
            "role: context\n    hash_buckets: 3\n    vocabulary: {}",
            "ads.yaml:4: features.0: give only one of vocabulary, hash_buckets, shares; received vocabulary and "
            "hash_buckets",
        ),
        ("label: clicked", "label: clicked\n    at_least: .nan", "must be a finite number, received nan"),
        (
            "shares: site",
            "shares: sit",
            "ads.yaml:10: features.1.shares: shares the unknown feature 'sit' (did you mean 'site'?)",
        ),
        (
            "shares: site",
            "target: sites",
            "ads.yaml:10: features.1.target: compares with the unknown feature 'sites' (did you mean 'site'?)",
        ),
        (
            "name: history",
            "name: click",
            "ads.yaml:12: tasks.0.name: name 'click' is used already by features.1.name",
        ),
        ("name: click", "name: site", "ads.yaml:12: tasks.0.name: name 'site' is used already by features.0.name"),
        (
            "name: click",
            "name: click\n    after: clik",
            "ads.yaml:13: tasks.0.after: comes after the unknown task 'clik'",
        ),
        (
            "label: clicked",
            "label: site",
            "ads.yaml:13: tasks.0.label: label column 'site' is also the feature 'site'",
        ),
        ("meta: {time: second}\n", "", "split.by: a split by time needs `meta.time`"),
        ("meta:", "split: {by: hash}\nmeta:", "ads.yaml:2: split: split by hash needs a column"),
        ("meta:", "split: {by: hash, column: 0}\nmeta:", "ads.yaml:2: split.column: must be text, received 0"),
        ("name: site", "name: site\n    column: 0", "ads.yaml:6: features.0.column: must be text, received 0"),
        ("meta:", "split: {train: 0.9}\nmeta:", "ads.yaml:2: split: train + valid + test must be 1, received 1.1"),
        ("meta:", "name: other\nmeta:", "ads.yaml:2: key 'name' is given twice, first in line 1"),
        ("meta:", "\tsplit: 1\nmeta:", "ads.yaml:2: a tab stands where YAML wants spaces; indent with spaces"),
        ("meta:", "when: !!python/name:os.system 1\nmeta:", "ads.yaml:2: the tag '!!python/name:os.system' is not"),
        ("meta: {time: second}", "meta: {time: second", "ads.yaml:3: is not valid YAML: expected ',' or '}'"),
        ("meta:", "---\nmeta:", "ads.yaml:2: holds more than one document"),
        ("time: second", "time: *second", "ads.yaml:2: is not valid YAML: found undefined alias 'second'"),
        ("name: ads", "name: a\x01ds", "ads.yaml:1: the character U+0001 is not allowed in YAML"),
        ("name: ads", "? [a, b]\n: 1\nname: ads", "ads.yaml:1: a key must be a plain word"),
        ("name: ads", "<<: 3\nname: ads", "ads.yaml:1: `<<` takes another mapping"),
    ],
)
def test_one_mistake_is_one_line_with_place_and_remedy(old: str, new: str, message: str) -> None:
    assert old in GOOD
    (problem,) = problems_of(GOOD.replace(old, new, 1))
    assert message in problem


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    """Wrong types, unknown keys and broken references of one file, though pydantic stops before references."""
    text = (
        GOOD.replace("name: ads", "nme: ads")
        .replace("role: context", "role: context\n    hash_buckets: many")
        .replace("shares: site", "share: sit")
        .replace("label: clicked", "label: clicked\n    after: clik")
    )
    assert problems_of(text) == [
        "ads.yaml:1: nme: unknown key (did you mean 'name'?)",
        "ads.yaml:7: features.0.hash_buckets: must be a whole number, received 'many'",
        "ads.yaml:8: features.1.shares: shares the unknown feature 'sit' (did you mean 'site'?)",
        "ads.yaml:11: features.1.share: unknown key (did you mean 'shares'?)",
        "ads.yaml:15: tasks.0.after: comes after the unknown task 'clik'",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; `tfctr spec infer LOG` writes a first spec from a log"),
        ("# nothing but a remark\n", "is empty"),
        ("- a\n- b\n", "holds a list; a feature spec is a mapping"),
        ("plain words\n", "holds a single value; a feature spec is a mapping"),
        ("a: " + "x" * MAX_BYTES, "a feature spec has at most 1,048,576"),
        ("[" * 3000, "is nested more than 20 deep"),
        ("a: &a [*a]", "expands to more than 20 levels"),
    ],
)
def test_texts_that_are_no_spec(text: str, message: str) -> None:
    (problem,) = problems_of(text)
    assert message in problem


def test_aliases_of_aliases_do_not_fill_the_memory() -> None:
    """Ten levels of ten aliases are 10^10 values; reading stops at the limit."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 11)]
    (problem,) = problems_of("\n".join(lines))
    assert "expands to more than 200,000 values" in problem


def test_merge_keys_do_not_fill_the_memory() -> None:
    lines = ["m0: &m0 {k: 1}"]
    lines += [f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 10)}]}}" for n in range(1, 11)]
    (problem,) = problems_of("\n".join(lines))
    assert "expands to more than" in problem


def test_aliases_and_merges_save_typing() -> None:
    text = GOOD.replace("- kind: categorical", "- &site\n    kind: categorical").replace(
        "tasks:", "  - {<<: *site, name: page}\n  - {<<: *site, name: slot, type: int}\ntasks:"
    )
    spec = parse_spec(text)
    assert [(f.name, f.column) for f in spec.features][2:] == [("page", "page"), ("slot", "slot")]
    assert spec.feature("slot").type == "int"
    assert spec.feature("page").role == "context"


@pytest.mark.parametrize("word", ["no", "on", "yes", "2020-01-01", "0x1F", "12:30", "010"])
def test_words_that_older_yaml_takes_for_something_else_stay_text(word: str) -> None:
    spec = parse_spec(GOOD.replace("label: clicked", f"label: {word}"))
    assert spec.tasks[0].label == word
    assert parse_spec(dump_spec(spec)) == spec


@pytest.mark.parametrize(("text", "value"), [("1e-3", 0.001), ("2", 2.0), ("-.5", -0.5), ("1.5E+2", 150.0)])
def test_numbers(text: str, value: float) -> None:
    spec = parse_spec(GOOD.replace("label: clicked", f"label: clicked\n    at_least: {text}"))
    assert spec.tasks[0].at_least == value


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("name: ads\ndescription: déjà vu\n".encode("latin-1"))
    with pytest.raises(SpecError, match=r"latin.yaml:2: is not UTF-8 text: byte 0xe9 in this line"):
        load_spec(latin)
    with pytest.raises(SpecError, match=r"missing.yaml: no such file"):
        load_spec(tmp_path / "missing.yaml")
    with pytest.raises(SpecError, match="is a folder; give the spec file inside"):
        load_spec(tmp_path)
    huge = tmp_path / "log.yaml"
    huge.write_bytes(b"x" * (MAX_BYTES + 1))
    with pytest.raises(SpecError, match="is larger than 1,048,576 bytes; is this a feature spec"):
        load_spec(huge)
    empty = tmp_path / "empty.yaml"
    empty.touch()
    with pytest.raises(SpecError, match=r"empty.yaml: is empty"):
        load_spec(empty)


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    file = tmp_path / "ads.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_spec(file) == parse_spec(GOOD)
