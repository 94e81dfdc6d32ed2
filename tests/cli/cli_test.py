"""The command line, through typer's runner: what is printed, where, and with which exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tfctr._version import __version__
from tfctr.cli._app import app
from tfctr.cli._error_messages import report_errors
from tfctr.cli._output import write_text
from tfctr.spec import load_spec, parse_spec

BAD = """\
name: ads
meta: {time: second}
features:
  - {kind: categorical, name: site, rolle: context}
tasks:
  - {name: click, label: clicked, after: clik}
"""


@pytest.fixture(autouse=True)
def _plain_wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")


def run(*arguments: str | Path, status: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "clicks.csv"
    rows = [f"{i % 7},s{i % 5},{int(i % 6 == 0)},{1_700_000_000 + i}" for i in range(120)]
    file.write_text("user_id,site,clicked,time\n" + "\n".join(rows) + "\n")
    return file


def test_version() -> None:
    assert run("--version").stdout == f"tfctr {__version__}\n"


def test_the_package_is_the_command_too() -> None:
    done = subprocess.run([sys.executable, "-m", "tfctr.cli", "--version"], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("tfctr "), done.stderr


def test_help_lists_the_commands_and_an_example() -> None:
    text = run("--help").stdout
    for word in ("doctor", "spec", "data", "serve", "predict", "tfctr spec infer clicks.csv"):
        assert word in text


@pytest.mark.parametrize("command", ["check", "infer", "cross", "show", "schema"])
def test_help_of_spec_commands_has_an_example(command: str) -> None:
    assert f"Example: tfctr spec {command}" in run("spec", command, "--help").stdout


@pytest.mark.parametrize("command", ["list", "fetch", "prepare", "simulate"])
def test_help_of_data_commands(command: str) -> None:
    assert "Usage:" in run("data", command, "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["spce"], "Did you mean 'spec'"),
        (["spec", "chek"], "Did you mean 'check'"),
        (["spec", "check", "--dta", "x", "frappe"], "--data"),
        (["spec", "check"], "Missing argument"),
        (["spec", "infer", "x", "--rows", "no"], "Invalid value for '--rows'"),
        (["spec", "infer", "x", "--rows", "0"], "greater than or equal to 1"),
    ],
)
def test_mistakes_in_the_command_line_get_a_hint(arguments: list[str], hint: str) -> None:
    assert hint in run(*arguments, status=2).output


@pytest.mark.parametrize("command", [["--help"], ["--version"], ["spec", "check", "frappe"], ["spec", "show"]])
def test_quick_commands_import_neither_tensorflow_nor_arrow(command: list[str]) -> None:
    code = (
        "import sys, tfctr.cli\n"
        f"sys.argv = ['tfctr', *{command!r}]\n"
        "try:\n    tfctr.cli.main()\n"
        "except SystemExit as done:\n    assert not done.code, done.code\n"
        "heavy = {'tensorflow', 'keras', 'pyarrow', 'numpy', 'grpc'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_check_tells_all_problems_and_fails(tmp_path: Path) -> None:
    file = tmp_path / "ads.yaml"
    file.write_text(BAD)
    result = run("spec", "check", file, status=1)
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "2 problems in the feature spec:",
        f"  {file}:4: features.0.rolle: unknown key (did you mean 'role'?)",
        f"  {file}:6: tasks.0.after: comes after the unknown task 'clik'",
    ]


def test_check_of_a_good_spec() -> None:
    text = run("spec", "check", "movielens-100k").stdout
    assert "movielens_100k.yaml: 9 features, 1 task; checked the spec itself: no problem" in text


def test_check_with_data_tells_lines_of_the_spec(tmp_path: Path, log: Path) -> None:
    file = tmp_path / "ads.yaml"
    file.write_text(
        BAD.replace("rolle: context", "role: context, type: int")
        .replace(", after: clik", "")
        .replace("clicked", "clickd")
    )
    assert run("spec", "check", file, "--data", log, status=1).stderr.splitlines() == [
        "3 problems:",
        f"  {file}:2: meta.time: the data has no column 'second' (known: clicked, site, time, user_id)",
        f"  {file}:4: features.0: column 'site' holds string, but int is wanted",
        f"  {file}:6: tasks.0.label: the data has no column 'clickd' (did you mean 'clicked'?)",
    ]


def test_check_tells_what_takes_labels_that_are_neither_0_nor_1(tmp_path: Path) -> None:
    log, file = tmp_path / "log.csv", tmp_path / "ads.yaml"
    log.write_text("site,stars,clicked\n" + "".join(f"s{i % 5},{i % 5 + 1},{i % 2}\n" for i in range(50)))
    tasks = "[{name: like, label: stars}, {name: click, label: clicked}]"
    text = (
        f"name: ads\nsplit: {{by: random}}\nfeatures: [{{kind: categorical, name: site, role: item}}]\ntasks: {tasks}\n"
    )
    file.write_text(text)
    assert run("spec", "check", file, "--data", log, status=1).stderr.splitlines() == [
        "1 problem:",
        f"  {file}:4: tasks.0.label: column 'stars' also holds 2, and a yes/no label is 0 or 1; say which value is "
        "yes (positive), from where on it is yes (at_least), or predict the number itself (kind: regression)",
    ]
    for better in ("label: stars, at_least: 4", "label: stars, kind: regression"):
        file.write_text(text.replace("label: stars", better))
        assert "no problem" in run("spec", "check", file, "--data", log).stdout


def test_check_of_data_that_is_not_there(tmp_path: Path) -> None:
    assert "nothing.csv" in run("spec", "check", "frappe", "--data", tmp_path / "nothing.csv", status=1).stderr


def test_check_with_a_model() -> None:
    """DIN compares a history with a candidate; Frappe has no history."""
    assert "the needs of DCNv2: no problem" in run("spec", "check", "frappe", "--model", "DCNv2").stdout
    text = run("spec", "check", "frappe", "--model", "DIN", status=1).stderr
    assert text.startswith("1 problem:\n")
    assert "sequence" in text
    assert (
        "there is no model 'DCNv3' (did you mean 'DCNv2'?)"
        in run("spec", "check", "frappe", "--model", "DCNv3", status=1).stderr
    )


def test_infer_then_check(tmp_path: Path, log: Path) -> None:
    spec = tmp_path / "new" / "ads.yaml"
    result = run("spec", "infer", log, "-o", spec)
    assert f"tfctr spec check {spec} --data {log}" in result.stdout
    assert load_spec(spec).tasks[0].label == "clicked"
    assert "no problem" in run("spec", "check", spec, "--data", log).stdout


def test_infer_prints_a_spec_that_can_be_piped(log: Path) -> None:
    assert parse_spec(run("spec", "infer", log).stdout).meta.group == "user_id"


def test_infer_does_not_write_over_a_file(tmp_path: Path, log: Path) -> None:
    spec = tmp_path / "ads.yaml"
    spec.write_text("mine")
    assert "is there already; give --force" in run("spec", "infer", log, "-o", spec, status=1).stderr
    assert spec.read_text() == "mine"
    run("spec", "infer", log, "-o", spec, "--force")
    assert load_spec(spec).name == "clicks"


def test_infer_takes_a_tab_as_a_shell_can_type_it(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("click\tsite\n" + "".join(f"{int(i % 5 == 0)}\ts{i % 4}\n" for i in range(40)))
    assert parse_spec(run("spec", "infer", log, "--delimiter", "\\t").stdout).source.format == "tsv"
    assert "1 to 8 characters" in run("spec", "infer", log, "--delimiter", "a tab, please", status=2).output


def test_infer_of_a_bad_log(tmp_path: Path) -> None:
    (tmp_path / "log.csv").touch()
    assert run("spec", "infer", tmp_path / "log.csv", status=1).stderr == (
        f"{tmp_path / 'log.csv'}: is empty; there is nothing to look at\n"
    )


def test_cross_prints_a_spec_with_crosses(tmp_path: Path) -> None:
    result = run("spec", "cross", "frappe", "--of", "user, item,city", "--min-count", "20")
    crossed = parse_spec(result.stdout)
    assert crossed == load_spec("frappe").with_crosses(["user", "item", "city"], min_count=20)
    assert result.stderr == "3 crosses added to 10 features\n"
    file = tmp_path / "crossed.yaml"
    run("spec", "cross", "frappe", "--pair", "user,item", "--pair", "cost,city", "--hash-buckets", "100", "-o", file)
    assert [feature.name for feature in load_spec(file).features[10:]] == ["user_x_item", "cost_x_city"]
    assert "12 features, 1 task" in run("spec", "check", file).stdout
    assert "is there already" in run("spec", "cross", "frappe", "-o", file, status=1).stderr


def test_cross_tells_what_cannot_be_crossed() -> None:
    assert "'itm' (did you mean 'item'?)" in run("spec", "cross", "frappe", "--of", "user,itm", status=1).stderr
    assert "a pair is two features" in run("spec", "cross", "frappe", "--pair", "user", status=2).output
    both = run("spec", "cross", "frappe", "--hash-buckets", "9", "--min-count", "2", status=1)
    assert "hash buckets count no values" in both.stderr


def test_show() -> None:
    assert "movielens_100k" in run("spec", "show").stdout
    assert run("spec", "show", "template").stdout.startswith("# A feature spec with every key there is.")
    defaults = run("spec", "show", "frappe", "--defaults").stdout
    assert "max_bad_share: 0.01" in defaults
    assert parse_spec(defaults) == load_spec("frappe")
    assert json.loads(run("spec", "show", "frappe", "--json").stdout)["name"] == "frappe"
    tensors = run("spec", "show", "movielens_100k", "--tensors").stdout
    assert "liked__times" in tensors
    assert "(batch, 50)" in tensors


def test_schema(tmp_path: Path) -> None:
    run("spec", "schema", "-o", tmp_path / "schema.json")
    assert json.loads((tmp_path / "schema.json").read_text())["title"] == "FeatureSpec"


def test_simulate_writes_a_log_and_its_spec(tmp_path: Path) -> None:
    log, spec = tmp_path / "clicks.csv", tmp_path / "ads.yaml"
    more = ("--set", "users=30", "--set", "noise_values=7")
    text = run("data", "simulate", log, "--rows", "500", "--spec", spec, "--seed", "3", "--crosses", *more).stdout
    assert "500 rows; oracle AUC 0." in text
    assert load_spec(spec).feature("noise").kind == "categorical"
    assert "no problem" in run("spec", "check", spec).stdout
    assert load_spec(spec).feature("device_x_category").of == ("device", "category")
    assert "is there already" in run("data", "simulate", log, status=1).stderr
    assert "idle_shares" in run("data", "simulate", log, "--set", "idle_shares=0.5", "--force", status=2).output


def test_data_sets_are_listed_with_their_licences() -> None:
    text = run("data", "list").stdout
    assert "movielens-100k  (100,000 rows)" in text
    assert text.count("licence: ") > 5


def test_an_unknown_data_set_gets_the_nearest_name() -> None:
    text = run("data", "fetch", "movielens-10k", status=1).stderr
    assert text == "there is no data set 'movielens-10k' (did you mean 'movielens-100k'?)\n"
    missing = run("data", "prepare", "template", status=1).stderr
    assert "no data: give a file, a folder or a data set" in missing


def test_prepare_cuts_a_simulated_log(tmp_path: Path) -> None:
    log, spec = tmp_path / "clicks.csv", tmp_path / "ads.yaml"
    run("data", "simulate", log, "--rows", "600", "--spec", spec)
    text = run("data", "prepare", spec, "--data", log, "--workdir", tmp_path / "data").stdout
    assert text.startswith("600 rows of")
    assert [line.split()[0] for line in text.splitlines()[1:4]] == ["train", "valid", "test"]
    assert "kept from before" in run("data", "prepare", spec, "--data", log, "--workdir", tmp_path / "data").stdout


@pytest.mark.real_data
@pytest.mark.parametrize(
    "name",
    [
        "movielens_100k",
        "movielens_1m",
        "movielens_1m_folds",
        "frappe",
        "movielens_tag",
        "criteo",
        "avazu",
        "amazon_beauty",
        "movielens_100k_long",
        "movielens_1m_long",
    ],
)
def test_a_shipped_spec_fits_its_data_set(
    name: str, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFCTR_DATA", str(data_dir))
    monkeypatch.setenv("TFCTR_CACHE", str(tmp_path))
    dataset = load_spec(name).source.dataset
    assert dataset is not None
    assert "no problem" in run("spec", "check", name, "--data", dataset).stdout


def test_predict_says_when_no_server_answers(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"site": "a"}\n')
    text = run("predict", rows, "--server", "localhost:1", "--timeout-seconds", "2", status=1).stderr
    assert text.startswith("tfctr predict: ")
    assert "localhost:1" in text


def test_doctor_says_what_is_installed() -> None:
    assert "tensorflow" in CliRunner().invoke(app, ["doctor"]).stdout.lower()


def test_serve_reads_its_own_flags() -> None:
    assert "--model_base_path" in run("serve", "--help").stdout
    assert "nothing to serve" in run("serve", "--port", "1", status=2).stderr


def test_a_mistake_of_the_program_keeps_its_traceback() -> None:
    @report_errors
    def broken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        broken()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "a.txt"
    write_text("ä\n", file)
    assert file.read_text("utf-8") == "ä\n"
    assert file.stat().st_mode & 0o777 == 0o666 & ~_umask()
    with pytest.raises(UnicodeEncodeError):
        write_text("\ud800", file, force=True)
    assert file.read_text("utf-8") == "ä\n"
    assert list(file.parent.iterdir()) == [file]
    with pytest.raises(typer.Exit):
        write_text("new", file)


def _umask() -> int:
    import os

    mask = os.umask(0)
    os.umask(mask)
    return mask
