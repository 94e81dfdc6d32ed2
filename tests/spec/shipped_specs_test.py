"""The specs that ship load, agree with their data sets, and the template explains every key there is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from tfctr.spec import FeatureSpec, SpecError, SurvivalTask, find_spec, load_spec, shipped_specs
from tfctr.spec._base import models_in

NAMES = [
    "ads16",
    "ads16_stars",
    "amazon_beauty",
    "avazu",
    "census_income",
    "criteo",
    "frappe",
    "hillstrom_email",
    "movielens_100k",
    "movielens_100k_long",
    "movielens_1m",
    "movielens_1m_folds",
    "movielens_1m_long",
    "movielens_tag",
    "support2",
    "template",
]


def test_these_specs_ship() -> None:
    assert list(shipped_specs()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_spec_loads_under_its_own_name(name: str) -> None:
    assert load_spec(name).name == name


@pytest.mark.parametrize("name", [name for name in NAMES if name != "template"])
def test_a_shipped_spec_names_its_data_and_keeps_outcomes_out_of_the_features(name: str) -> None:
    spec = load_spec(name)
    assert spec.source.dataset is not None
    outcomes = {name for task in spec.tasks for name in task.label_columns}
    assert not outcomes & {feature.column for feature in spec.features}
    lasting = any(isinstance(task, SurvivalTask) for task in spec.tasks)
    bound = spec.gates.c_index_min if lasting else spec.gates.auc_min
    assert bound is not None
    assert bound > 0.5


def test_movielens_has_histories_of_liked_and_of_all_earlier_films() -> None:
    spec = load_spec("movielens-100k")
    assert [(h.name, h.positives_of, h.by, h.of) for h in spec.history] == [
        ("liked", "like", "user_id", "item_id"),
        ("seen", None, "user_id", "item_id"),
    ]
    assert spec.tables == ("user_id", "age", "gender", "occupation", "item_id", "year", "genres")
    assert spec.tasks[0].at_least == 4


def _keys(model: type[BaseModel]) -> set[str]:
    keys = set(model.model_fields)
    for field in model.model_fields.values():
        for part in models_in(field.annotation):
            keys |= _keys(part)
    return keys


def test_the_template_has_every_key() -> None:
    text = shipped_specs()["template"].read_text("utf-8")
    missing = {key for key in _keys(FeatureSpec) if not re.search(rf"\b{key}:", text)}
    assert not missing


def test_the_template_states_true_defaults() -> None:
    """Every "default X" in a remark equals the default of the key in that line."""
    models = {model for field in FeatureSpec.model_fields.values() for model in models_in(field.annotation)}
    defaults: dict[str, set[str]] = {}
    for model in models:
        for key, field in model.model_fields.items():
            defaults.setdefault(key, set()).add(_yaml(field.default))
    stated = re.findall(r"^[ -]*(\w+):.*#.*\bdefault (null|true|false|[\d.]+|\|)", _template(), re.MULTILINE)
    assert len(stated) > 15
    wrong = [(key, said) for key, said in stated if said.rstrip(".") not in defaults.get(key, {said})]
    assert not wrong


def _template() -> str:
    return shipped_specs()["template"].read_text("utf-8")


def _yaml(value: object) -> str:
    return {"None": "null", "True": "true", "False": "false"}.get(str(value), str(value))


def test_a_file_of_ones_own_goes_before_a_shipped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_spec("frappe").parent.name == "feature_specs"
    Path("frappe").write_text("name: mine")
    assert find_spec("frappe") == Path("frappe")


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(
        SpecError, match=r"movielens_100: is neither a file nor a shipped spec \(did you mean 'movielens_100k'"
    ):
        load_spec("movielens_100")


def test_shipped_specs_are_found_from_any_folder(tmp_path: Path) -> None:
    code = "from tfctr.spec import load_spec; print(load_spec('frappe').name)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "frappe"


def test_the_room_needs_no_heavy_library() -> None:
    code = "import sys, tfctr.spec; print(sorted({'tensorflow', 'keras', 'numpy', 'pyarrow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
