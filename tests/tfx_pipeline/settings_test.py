"""Settings, gates files and the command line, before anything runs."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from tfx.utils.dependency_utils import make_beam_dependency_flags
from typer.testing import CliRunner

from tfctr.spec import SpecError
from tfx_pipeline.commands import FAILED, app
from tfx_pipeline.config import LOCAL_BEAM, PipelineConfig
from tfx_pipeline.gates_file import load_gates


def test_unknown_setting() -> None:
    with pytest.raises(ValidationError, match="modle"):
        PipelineConfig(spec="s.yaml", modle="LR")


def test_settings_are_kept_with_the_run(tmp_path: Path) -> None:
    config = PipelineConfig(spec="s.yaml", workdir=tmp_path, hyperparameters={"embedding_dim": 8})
    config.write()
    assert PipelineConfig.read(tmp_path) == config


def test_reading_settings_where_nothing_ran(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing ran in"):
        PipelineConfig.read(tmp_path)


def test_gates_from_a_file_replace_those_of_the_spec(tmp_path: Path) -> None:
    (tmp_path / "gates.yaml").write_text("auc_min: 0.72\nslices: [[gender], [gender, age]]\n")
    gates = load_gates(tmp_path / "gates.yaml")
    assert gates.auc_min == 0.72
    assert gates.slices == (("gender",), ("gender", "age"))
    spec = PipelineConfig(spec="movielens_100k", gates=tmp_path / "gates.yaml").read_spec()
    assert spec.gates == gates


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("auc_minn: 0.7\n", "gates.yaml:1: auc_minn: unknown key (did you mean 'auc_min'?)"),
        ("\nauc_min: high\n", "gates.yaml:2: auc_min"),
        ("- auc_min\n", "a gates file is a mapping"),
        ("auc_min: 2\n", "gates.yaml:1: auc_min"),
    ],
)
def test_wrong_gates_files(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "gates.yaml").write_text(text)
    with pytest.raises(SpecError) as error:
        load_gates(tmp_path / "gates.yaml")
    assert problem in str(error.value)


def test_no_data_is_said(tmp_path: Path) -> None:
    config = PipelineConfig(spec="criteo")
    spec = config.read_spec()
    if spec.source.dataset:
        assert config.source_of(spec) == spec.source.dataset
    with pytest.raises(ValueError, match="--data"):
        config.source_of(spec.model_copy(update={"source": spec.source.model_copy(update={"dataset": None})}))


def test_a_wrong_spec_ends_with_every_problem(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("name: a\nfeatures: []\ntasks: []\nnonsense: 1\n")
    answer = CliRunner().invoke(app, ["run", "--spec", str(tmp_path / "spec.yaml"), "--workdir", str(tmp_path / "w")])
    assert answer.exit_code == FAILED
    assert "nonsense" in answer.output


@pytest.mark.parametrize("command", [[], ["run"], ["compile"], ["report"], ["why"], ["evaluate"]])
def test_every_command_has_help_with_an_example(command: list[str]) -> None:
    answer = CliRunner().invoke(app, [*command, "--help"])
    assert answer.exit_code == 0
    if command:
        assert "Example: tfctr " in answer.output


def test_help_loads_no_framework() -> None:
    program = "import sys, tfx_pipeline.__main__; print([m for m in ('tfx', 'tensorflow', 'kfp') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_local_run_packs_no_tfx_for_workers_elsewhere() -> None:
    assert make_beam_dependency_flags(list(LOCAL_BEAM)) == list(LOCAL_BEAM)
