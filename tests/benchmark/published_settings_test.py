"""What the benchmarks and the constructors set is what was published, or a difference that says why."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from benchmarks import domains, graph_hash, survival
from tfctr.benchmark import settings_of as with_protocol
from tfctr.layers._base import constructor_arguments
from tfctr.models import MODELS
from tfctr.training import FitConfig

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
TABLE: dict[str, Any] = yaml.safe_load((BENCHMARKS / "published_settings.yaml").read_text(encoding="utf-8"))
YAML_FILES = (
    "criteo.yaml",
    "frappe.yaml",
    "frappe_search.yaml",
    "movielens_100k.yaml",
    "movielens_1m.yaml",
    "movielens_tag.yaml",
    "multi_task.yaml",
    "planted.yaml",
    "samples.yaml",
    "long_sequences.yaml",
)
NOT_TOLD = "not told"

Settings = dict[str, Any]


def in_code() -> dict[str, dict[str, Settings]]:
    """Settings that stand in benchmarks themselves, in the form of the files."""

    def told(config: FitConfig) -> Settings:
        return config.model_dump(exclude_unset=True)

    on_click = {"model": graph_hash.MODEL, "batch_size": graph_hash.CLICK_BATCH, "fit": told(graph_hash.CLICK_FIT)}
    on_items = {"model": "TwoTower", "batch_size": graph_hash.RETRIEVAL_BATCH, "fit": told(graph_hash.RETRIEVAL_FIT)}
    by_domain = {"batch_size": domains.BATCH, "fit": told(domains.FIT), **domains.SHARED}
    on_lives = {"batch_size": survival.BATCH, "fit": told(survival.FIT), **survival.TOWER}
    return {
        "domains.py": {name: by_domain | options for name, options in domains.TRIED.items()},
        "graph_hash.py": {"click": on_click | graph_hash.CLICK, "retrieval": on_items | graph_hash.RETRIEVAL},
        "survival.py": {"CreativeSurvival": on_lives, "DNN": on_lives},
    }


def settings_of(file: str) -> dict[str, Settings]:
    """The settings that a benchmark reads, by name, `all` merged in."""
    if file.endswith(".py"):
        return in_code()[file]
    return merged(yaml.safe_load((BENCHMARKS / file).read_text(encoding="utf-8")))


def merged(chosen: Mapping[str, Settings]) -> dict[str, Settings]:
    return {name: with_protocol(chosen, name) for name in chosen if name != "all"}


def flat(settings: Settings) -> Settings:
    """What stands under `fit` and `attention` by dotted names; tuples as lists."""
    found: Settings = {}
    for name, value in settings.items():
        if name in ("fit", "attention"):
            found |= {f"{name}.{key}": of_file(item) for key, item in value.items()}
        else:
            found[name] = of_file(value)
    return found


def of_file(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def defaults_of(cls: Any) -> Settings:
    """Constructor argument -> default, bases included."""
    if issubclass(cls, BaseModel):
        return {name: of_file(field.default) for name, field in cls.model_fields.items()}
    found: Settings = {}
    for base in cls.__mro__[::-1]:
        init = base.__dict__.get("__init__")
        named = inspect.signature(init).parameters.values() if init and base is not object else ()
        found |= {p.name: of_file(p.default) for p in named if p.default is not p.empty}
    return found


def problems(file: str, chosen: Mapping[str, Settings], table: Mapping[str, Any]) -> Iterator[str]:
    """Where settings and table disagree."""
    entries = {name: blocks for name, blocks in table.items() if name != "all"}
    yield from (f"{file}: {name} is not in the table" for name in chosen.keys() - entries.keys())
    yield from (f"{file}: {name} is in the table alone" for name in entries.keys() - chosen.keys())
    for name in chosen.keys() & entries.keys():
        told = flat({key: value for key, value in chosen[name].items() if key != "model"})
        model = MODELS[chosen[name].get("model", name)]
        used = {**defaults_of(model), **flat({"fit": defaults_of(FitConfig)}), **told}
        known = stated(table, "all") | stated(table, name)
        yield from (f"{file}: {name} sets {key} = {told[key]}, of which the table says nothing"
                    for key in told.keys() - known.keys())  # fmt: skip
        for key, value in known.items():
            if used.get(key, NOT_TOLD) != value:
                yield f"{file}: {name} has {key} = {used.get(key, NOT_TOLD)}, the table says {value}"


def stated(table: Mapping[str, Any], name: str) -> Settings:
    """Our value of every setting in the blocks of a name, later blocks before earlier ones."""
    found: Settings = {}
    for block in table.get(name, ()):
        if "as" in block:
            found |= stated(table, block["as"])
        found |= ours(block)
    return found


def ours(block: Mapping[str, Any]) -> Settings:
    differing = {key: values["ours"] for key, values in block.get("differs", {}).items()}
    return {**block.get("same", {}), **block.get("own", {}), **differing}


def all_blocks() -> list[dict[str, Any]]:
    of_files = [block for names in TABLE["files"].values() for blocks in names.values() for block in blocks]
    return [*of_files, *TABLE["defaults"]]


@pytest.mark.parametrize("file", TABLE["files"])
def test_every_setting_is_the_published_one_or_says_why_not(file: str) -> None:
    assert list(problems(file, settings_of(file), TABLE["files"][file])) == []


def test_every_file_of_settings_is_in_the_table() -> None:
    assert {*YAML_FILES, *in_code()} == set(TABLE["files"])
    read = {path.name for path in BENCHMARKS.glob("*.yaml")} - {"published_settings.yaml"}
    assert read == set(YAML_FILES)


def test_every_model_of_the_results_is_in_the_table() -> None:
    """Commands above the results name a file of settings and the models."""
    commands = re.findall(
        r"--models? (\S+) .*--settings benchmarks/(\S+?)[ `]", (BENCHMARKS / "RESULTS.md").read_text()
    )
    assert {file for _, file in commands} == set(YAML_FILES)
    measured = {(file, name) for names, file in commands for name in names.split(",")}
    assert {(file, name) for file, name in measured if name not in TABLE["files"][file]} == set()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("DNN", {"dropout_rate": 0.3}, "DNN has dropout_rate = 0.3, the table says 0.2"),
        ("AutoInt", {"attention": {"scale": False}}, "AutoInt has attention.scale = False, the table says True"),
        ("FinalMLP", {"fit": {"patience": 3}}, "FinalMLP has fit.patience = 3, the table says 2"),
        ("DCNv2", {"structure": "stacked"}, "DCNv2 has structure = stacked, the table says parallel"),
        ("LR", {"inner_activation": True}, "LR sets inner_activation = True, of which the table says nothing"),
        ("PLE", {}, "PLE is not in the table"),
    ],
)
def test_a_changed_setting_is_seen(name: str, change: Settings, message: str) -> None:
    chosen = settings_of("frappe.yaml")
    changed = {**chosen.get(name, {})}
    for key, value in change.items():
        changed[key] = {**changed.get(key, {}), **value} if isinstance(value, dict) else value
    found = list(problems("frappe.yaml", {**chosen, name: changed}, TABLE["files"]["frappe.yaml"]))
    assert f"frappe.yaml: {message}" in found


def test_every_block_has_its_source_or_its_reason() -> None:
    for block in all_blocks():
        assert "as" in block or {"same", "differs", "own"} & set(block), block
        assert ("same" in block or "differs" in block) == ("source" in block), block
        assert ("differs" in block or "own" in block) == bool(block.get("why")), block
        assert block.get("source", "bars") in TABLE["sources"], block
        for values in block.get("differs", {}).values():
            assert values["published"] != values["ours"], block
    used = {block["source"] for block in all_blocks() if "source" in block}
    for name, source in TABLE["sources"].items():
        assert {"cite", "where"} < source.keys() & {"cite", "where", "arxiv", "doi"}, name
    assert used == set(TABLE["sources"])


def named_class(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("block", TABLE["defaults"], ids=lambda block: f"{block['class']}-{block['source']}")
def test_defaults_are_the_published_ones_or_say_why_not(block: dict[str, Any]) -> None:
    defaults = defaults_of(named_class(block["class"]))
    assert {key: defaults.get(key, NOT_TOLD) for key in ours(block)} == ours(block)


THE_PAPERS = re.compile(r"^ +(\w+): [^:]*?the paper's (\d[\d.]*\d|\d)(?![\w-])", re.MULTILINE)


def test_numbers_that_docstrings_call_the_paper_s_are_the_defaults() -> None:
    """And stand in the table."""
    listed = {(block["class"].rpartition(".")[2], key): value for block in TABLE["defaults"]
              for key, value in ours(block).items()}  # fmt: skip
    classes = {cls for model in MODELS.values() for cls in model.__mro__ if cls.__module__.startswith("tfctr.")}
    classes |= {named_class(block["class"]) for block in TABLE["defaults"]}
    found = {}
    for cls in classes:
        for name, number in THE_PAPERS.findall(inspect.getdoc(cls) or ""):
            found[cls.__name__, name] = float(number)
    assert {("SDIM", "signatures"), ("SDIM", "bits"), ("SDIM", "short_length")} <= set(found)
    assert {key: listed.get(key) for key in found} == found


def test_every_named_argument_exists() -> None:
    for block in TABLE["defaults"]:
        cls = named_class(block["class"])
        known = set(cls.model_fields) if issubclass(cls, BaseModel) else set(constructor_arguments(cls))
        assert set(ours(block)) <= known, block
