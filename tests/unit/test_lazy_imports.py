"""Imports put off or left out, seen from a process of their own."""

import subprocess
import sys


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_module_put_off_is_loaded_when_something_of_it_is_used() -> None:
    said = run(
        "import sys\nfrom medianest_hub.infrastructure.lazy_imports import import_lazily\n"
        "import_lazily('black'); import black; print('pathspec' in sys.modules)\n"
        "print(black.format_str('x=1', mode=black.FileMode()).strip()); print('pathspec' in sys.modules)"
    )
    assert said.splitlines() == ["False", "x = 1", "True"]


def test_a_module_left_out_of_an_import_can_be_imported_afterwards() -> None:
    said = run(
        "import sys\nfrom medianest_hub.infrastructure.lazy_imports import import_without\n"
        "import_without('structlog', 'rich'); print('rich' in sys.modules)\n"
        "import rich, structlog; print(rich.__name__, structlog.get_logger() is not None)"
    )
    assert said.splitlines() == ["False", "rich True"]


def test_openid_connect_costs_nothing_until_somebody_signs_in_by_it() -> None:
    said = run(
        "import sys, medianest_hub.web.app, medianest_hub.jobs.process\n"
        "print([name for name in sys.modules if name.startswith(('authlib', 'joserfc'))])"
    )
    assert said == "[]"
