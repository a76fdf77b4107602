"""How scripts/setup and scripts/system-packages behave on machines that have, or lack, this or that; nothing is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A Python that notes what it is asked to do; `-m venv` leaves a copy of itself behind, as the real one does.
FAKE_PYTHON = """#!/bin/sh
echo "$*" >>"$FAKE_LOG"
case "$FAKE_OFFLINE $*" in "1 "*requirements/run.txt) exit 1 ;; esac
case "$*" in
    *ensurepip*) [ -z "$FAKE_NO_VENV" ] || [ -f "$FAKE_LOG.installed" ] ;;
    *"print("*) echo 3.11 ;;
    --version) echo Python 3.11.9 ;;
    "-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *"config get"*) exit 1 ;;
    *"uv pip install"*) [ -z "$FAKE_UV_FAILS" ] || case "$*" in *--require-hashes*) exit 1 ;; esac ;;
esac
"""
FAKE_APT = """#!/bin/sh
echo "apt-get $*" >>"$FAKE_LOG"
case "$1" in install) [ -z "$FAKE_APT_FAILS" ] || exit 100; touch "$FAKE_LOG.installed" ;; esac
"""


class Machine:
    """A clone of the project in a folder, with a PATH on which everything that matters is a stand-in."""

    def __init__(self, folder: Path, *, uid: int = 1000) -> None:
        self.clone, self.bin, self.log = folder / "clone", folder / "bin", folder / "log"
        self.bin.mkdir(parents=True)
        self.log.touch()
        for part in ("scripts", "requirements"):
            shutil.copytree(ROOT / part, self.clone / part)
        shutil.copy(ROOT / "pyproject.toml", self.clone)
        for name in ("sh", "dirname", "cat", "cut", "sha256sum", "mkdir", "rm", "cp", "touch", "head", "flock"):
            if found := shutil.which(name):
                (self.bin / name).symlink_to(found)
        self.put("python3", FAKE_PYTHON)
        self.put("id", f"#!/bin/sh\necho {uid}\n")
        self.put("sleep", "#!/bin/sh\n")
        self.environment = {
            "PATH": str(self.bin),
            "SERVERS_PATH": str(self.bin),
            "HOME": str(folder),
            "FAKE_LOG": str(self.log),
        }

    def put(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.clone / command[0]), *command[1:]],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def calls(self, containing: str) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if containing in line]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_first_set_up_makes_an_environment_and_installs_by_hash(machine: Machine) -> None:
    done = machine.run("scripts/setup", "run")
    assert done.returncode == 0, done.stderr
    assert machine.calls("-m venv") == [f"-m venv --clear {machine.clone}/.venv"]
    installs = machine.calls("pip install")
    assert "--require-hashes" in installs[0]
    assert installs[0].endswith("-r requirements/bootstrap.txt")
    assert installs[1].endswith("--require-hashes --compile-bytecode -r requirements/run.txt")
    assert "--no-deps --no-build-isolation" in installs[2]
    assert installs[2].endswith(f"-e {machine.clone}[embedded]")
    assert len(installs) == 3


def test_second_set_up_starts_no_program_at_all(machine: Machine) -> None:
    machine.run("scripts/setup", "run")
    machine.log.write_text("")
    done = machine.run("scripts/setup", "run")
    assert (done.returncode, done.stderr, machine.log.read_text()) == (0, "", "")


def test_the_larger_set_up_serves_the_smaller_one_too(machine: Machine) -> None:
    assert machine.run("scripts/setup", "dev").returncode == 0
    assert machine.calls("requirements/dev.txt")
    machine.log.write_text("")
    assert machine.run("scripts/setup", "run").returncode == 0
    assert machine.log.read_text() == ""


@pytest.mark.parametrize("changed", ["requirements/run.txt", "pyproject.toml"])
def test_a_changed_input_installs_again_into_the_same_environment(machine: Machine, changed: str) -> None:
    machine.run("scripts/setup", "run")
    machine.log.write_text("")
    with (machine.clone / changed).open("a") as file:
        file.write("# changed\n")
    assert machine.run("scripts/setup", "run").returncode == 0
    assert machine.calls("-m venv") == []
    assert len(machine.calls("pip install")) == 3


def test_a_set_up_that_was_interrupted_is_completed_by_the_next(machine: Machine) -> None:
    failed = machine.run("scripts/setup", "run", FAKE_OFFLINE="1")
    assert failed.returncode == 1
    assert "installing requirements/run.txt failed" in failed.stderr
    machine.log.write_text("")
    assert machine.run("scripts/setup", "run").returncode == 0
    assert machine.calls("-m venv") == []
    assert "--reinstall" in machine.calls("requirements/run.txt")[0]
    machine.run("scripts/setup", "dev")
    assert "--reinstall" not in machine.calls("requirements/dev.txt")[0]


def test_a_moved_folder_gets_a_new_environment(machine: Machine, tmp_path: Path) -> None:
    machine.run("scripts/setup", "run")
    machine.clone = machine.clone.rename(tmp_path / "elsewhere")
    machine.log.write_text("")
    assert machine.run("scripts/setup", "run").returncode == 0
    assert machine.calls("-m venv") == [f"-m venv --clear {machine.clone}/.venv"]


def test_pip_takes_over_where_uv_cannot_reach_the_index(machine: Machine) -> None:
    done = machine.run("scripts/setup", "run", FAKE_UV_FAILS="1")
    assert done.returncode == 0, done.stderr
    by_pip = [line for line in machine.calls("requirements/run.txt") if "-m pip install" in line]
    assert len(by_pip) == 1
    assert "--require-hashes" in by_pip[0]


def test_a_python_too_old_is_named_and_nothing_is_made(machine: Machine) -> None:
    done = machine.run("scripts/setup", "run", PYTHON="false")
    assert done.returncode == 1
    assert "PYTHON=false is not a working Python 3.11, 3.12 or 3.13" in done.stderr
    assert not (machine.clone / ".venv" / "bin").exists()


def test_without_the_venv_module_an_ordinary_user_is_told_the_package(machine: Machine) -> None:
    machine.put("apt-get", FAKE_APT)
    done = machine.run("scripts/setup", "run", FAKE_NO_VENV="1", PYTHON="python3")
    assert done.returncode == 1
    assert "apt-get install python3.11-venv" in done.stderr
    assert machine.calls("apt-get") == []


def test_without_the_venv_module_root_on_debian_gets_it_and_is_told(tmp_path: Path) -> None:
    machine = Machine(tmp_path, uid=0)
    machine.put("apt-get", FAKE_APT)
    done = machine.run("scripts/setup", "run", FAKE_NO_VENV="1", PYTHON="python3")
    assert done.returncode == 0, done.stderr
    assert "installing python3.11-venv with apt-get" in done.stderr
    assert machine.calls("-m venv")


def test_commands_that_are_here_need_no_package(machine: Machine) -> None:
    for name in ("chromium", "ffmpeg", "ffprobe", "git", "nginx", "node", "npm", "apt-get"):
        machine.put(name, FAKE_APT)
    done = machine.run("scripts/system-packages")
    assert (done.returncode, done.stderr, machine.calls("apt-get")) == (0, "", [])


def test_missing_commands_are_named_to_an_ordinary_user(machine: Machine) -> None:
    machine.put("git", FAKE_APT)
    done = machine.run("scripts/system-packages")
    assert done.returncode == 1
    assert "not here: chromium ffmpeg ffprobe nginx node npm" in done.stderr
    assert "apt-get install chromium ffmpeg nginx nodejs npm)" in done.stderr


def test_benchmarks_need_more_than_tests(machine: Machine) -> None:
    for name in ("chromium", "ffmpeg", "ffprobe", "git", "nginx", "node", "npm"):
        machine.put(name, FAKE_APT)
    assert machine.run("scripts/system-packages", "test").returncode == 0
    done = machine.run("scripts/system-packages", "bench")
    assert done.returncode == 1
    assert "not here: wrk" in done.stderr


def test_root_gets_missing_packages_and_a_second_attempt(tmp_path: Path) -> None:
    machine = Machine(tmp_path, uid=0)
    machine.put("apt-get", FAKE_APT)
    machine.put("git", FAKE_APT)
    assert machine.run("scripts/system-packages").returncode == 0
    assert machine.calls("apt-get install") == [
        "apt-get install -y -qq --no-install-recommends chromium ffmpeg nginx nodejs npm"
    ]
    assert machine.run("scripts/system-packages", FAKE_APT_FAILS="1").returncode == 1
    assert len(machine.calls("apt-get install")) == 3
