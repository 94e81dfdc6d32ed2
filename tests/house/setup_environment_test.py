"""The set-up: pip's settings reach uv, a mirror is derived, failures say what to do, nothing is half used."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import index_settings
import lock
import pytest
import setup_commands
import setup_environment
from old_glibc import private_runtime

from tests.house.tree import PROJECT


def test_settings_of_pip_reach_uv_and_the_users_own_win(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example.org/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels /more")
    monkeypatch.setenv("PIP_CERT", "/pip.pem")
    monkeypatch.setenv("SSL_CERT_FILE", "/own.pem")
    environment = index_settings.uv_environment(Path(sys.executable), fallback_cache=tmp_path)
    assert environment["UV_DEFAULT_INDEX"] == "https://mirror.example.org/simple"
    assert environment["UV_FIND_LINKS"] == "/wheels,/more"
    assert environment["SSL_CERT_FILE"] == "/own.pem"


def test_later_sections_of_pip_win_whatever_their_order():
    listing = ":env:.cert='/c'\nglobal.cert='/a'\ninstall.cert='/b'\nglobal.quiet='1'"
    assert index_settings.parse(listing)["cert"] == "/c"


@pytest.mark.parametrize(
    ("distribution", "targets", "wanted"),
    [
        # (os-release, what `apt-get indextargets` prints, the line for the newer release)
        (
            {"ID": "debian", "VERSION_CODENAME": "bookworm"},
            "http://m.example.org/debian\tbookworm\tmain\tPackages\t/keys.gpg\n",
            "deb [signed-by=/keys.gpg] http://m.example.org/debian trixie main\n",
        ),
        (
            {"ID": "ubuntu", "ID_LIKE": "debian", "VERSION_CODENAME": "jammy"},
            "http://other.example.org/x\tstable\tmain\tPackages\t\nhttp://m.example.org/ubuntu\tjammy\tmain\tPackages\t\n",
            "deb http://m.example.org/ubuntu noble main\n",
        ),
    ],
)
def test_mirror_is_the_one_the_system_uses(
    distribution: dict, targets: str, wanted: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.delenv("TFCTR_RUNTIME_SOURCE", raising=False)
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: distribution)
    monkeypatch.setattr(private_runtime, "run", lambda *args, **kwargs: targets)
    assert private_runtime.source_lines(log=tmp_path / "log") == wanted


def test_mirror_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("TFCTR_RUNTIME_SOURCE", "deb http://m.example.org/debian sid main")
    assert private_runtime.source_lines(log=tmp_path / "log") == "deb http://m.example.org/debian sid main\n"


def test_unknown_mirror_says_what_to_type(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("TFCTR_RUNTIME_SOURCE", raising=False)
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "arch"})
    monkeypatch.setattr(private_runtime, "run", lambda *args, **kwargs: "")
    with pytest.raises(setup_commands.SetupError, match="TFCTR_RUNTIME_SOURCE="):
        private_runtime.source_lines(log=tmp_path / "log")


def test_failed_command_shows_its_last_lines_and_a_hint(tmp_path: Path):
    log = tmp_path / "log"
    with pytest.raises(setup_commands.SetupError, match=r"(?s)sh.*status 3.*No space left.*disk is full.*log"):
        setup_commands.run(["sh", "-c", "echo No space left on device >&2; exit 3"], log=log)
    assert "No space left" in log.read_text()


def test_missing_command_is_named(tmp_path: Path):
    with pytest.raises(setup_commands.SetupError, match="`no-such-command` is missing"):
        setup_commands.run(["no-such-command"], log=tmp_path / "log")


def test_absent_package_is_told_from_a_silent_index(tmp_path: Path):
    absent = "echo 'ERROR: No matching distribution found for uv'; exit 1"
    silent = "echo 'WARNING: Retrying (Retry(total=0))'; " + absent
    for script, expected in ((absent, True), (silent, False)):
        with pytest.raises(setup_commands.SetupError) as error:
            setup_commands.run(["sh", "-c", script], log=tmp_path / "log")
        assert error.value.package_is_absent is expected


def test_other_machines_are_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(setup_commands.SetupError, match="docker run --platform linux/amd64"):
        setup_environment.check_machine()


def test_full_disk_is_refused_before_anything_is_made(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(setup_environment, "NEEDED_BYTES", 10**18)
    with pytest.raises(setup_commands.SetupError, match="about 5 GB are needed"):
        setup_environment.check_machine()


def test_comments_of_the_lock_do_not_ask_for_a_rebuild(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    copy = tmp_path / "requirements.txt"
    monkeypatch.setattr(setup_environment, "LOCK", copy)
    prints = []
    for text in ("keras==3.0\n", "# a word\nkeras==3.0  # why\n", "keras==3.1\n"):
        copy.write_text(text, encoding="utf-8")
        prints.append(setup_environment.fingerprint())
    assert prints[0] == prints[1] != prints[2]


def test_scripts_are_pointed_at_the_final_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(setup_environment, "PARTIAL", tmp_path / ".venv.partial")
    monkeypatch.setattr(setup_environment, "VENV", tmp_path / ".venv")
    script = tmp_path / "tool"
    script.write_text(f"#!{tmp_path}/.venv.partial/bin/python\n", encoding="utf-8")
    setup_environment.repoint(script)
    assert script.read_text(encoding="utf-8") == f"#!{tmp_path}/.venv/bin/python\n"


def test_lock_keeps_the_groups_of_its_source():
    source = "intro\n# --- core\nKeras>=3\n# --- dev\npytest  # tests\n"
    pins = {"keras": ("3.15.1", []), "pytest": ("9.2.0", []), "numpy": ("2.4.6", ["a", "b", "c", "d"])}
    lines = lock.arrange(source, pins).splitlines()
    assert "intro" not in lines
    assert lines.index("# --- core") + 1 == lines.index("keras==3.15.1")
    assert lines[-1].split() == ["numpy==2.4.6", "#", "via", "a,", "b,", "c,", "…"]


@pytest.mark.skipif(not (PROJECT / ".runtime").exists(), reason="the system's glibc is new enough")
def test_newer_library_reaches_child_pythons_and_no_one_else():
    probe = "import os; print(os.confstr('CS_GNU_LIBC_VERSION').split()[1])"
    child = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
    assert tuple(map(int, child.split("."))) >= private_runtime.WANTED
    system = subprocess.run(["getconf", "GNU_LIBC_VERSION"], capture_output=True, text=True, check=True).stdout
    assert tuple(map(int, system.split()[1].split("."))) < private_runtime.WANTED
    assert "LD_LIBRARY_PATH" not in os.environ


@pytest.mark.parametrize("script", ["tools/setup.sh", ".ci/run"])
def test_shell_scripts_parse(script: str):
    subprocess.run(["bash", "-n", PROJECT / script], check=True)
    assert os.access(PROJECT / script, os.X_OK)


def test_make_alone_lists_what_there_is():
    listing = subprocess.run(["make", "-s"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    for target in ("setup", "demo", "test", "lint", "serve", "clean"):
        assert f"make {target} " in listing
