"""What a short scenario does without: start-up time counts (docs/decisions/0002-start-time.md)."""

from __future__ import annotations

import subprocess
import sys

import pytest

SPARED = (
    "argparse",
    "asyncio",
    "collections",
    "dataclasses",
    "enum",
    "functools",
    "hashlib",
    "importlib",
    "json",
    "re",
)
SCENARIO = b"joinServer 0\njoinServer 1\njoinClient 9 1\nput 9 a b\nget 9 a\nprintLog 0\nretireServer 1\n"


def python(code: str, given: bytes = b"") -> str:
    done = subprocess.run([sys.executable, "-S", "-c", code], input=given, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


@pytest.mark.processes
def test_the_master_loads_none_of_these_for_a_short_scenario() -> None:
    path = repr(sys.path)
    code = (
        f"import sys; sys.path = {path}; before = set(sys.modules)\n"
        "from bayou.master.main import main; main([])\n"
        f"print(*[name for name in {SPARED} if name in sys.modules and name not in before])"
    )
    assert python(code, SCENARIO) == "a:b\nPUT:(a, b):TRUE\n\n"


def test_a_simulated_scenario_loads_no_other_family() -> None:
    """With an option on the command line, what other families can do was put together for nobody's help."""
    code = (
        f"import sys; sys.path = {sys.path!r}\n"
        "from bayou.master.main import main; main(['--world', 'sim'])\n"
        "print(*[name for name in sys.modules if name.startswith('bayou.families.') and 'commands' in name])"
    )
    assert python(code, SCENARIO).splitlines()[-1] == "bayou.families.store.commands"


def test_what_is_borrowed_for_a_moment_is_given_back() -> None:
    """The module that stands in for functools while _pickle is loaded is nobody else's."""
    code = (
        f"import sys; sys.path = {sys.path!r}\n"
        "import bayou._lean; print('functools' in sys.modules)\n"
        "import functools; print(functools.__file__ is not None, functools.partial is bayou._lean.partial)\n"
        "import pickle; print(pickle.loads(pickle.dumps(functools.partial(int, '7')))())"
    )
    assert python(code).split() == ["False", "True", "True", "7"]


def test_what_is_there_already_stays() -> None:
    code = (
        f"import sys; sys.path = {sys.path!r}\n"
        "import functools as before; import bayou._lean, functools; print(functools is before)"
    )
    assert python(code).split() == ["True"]
