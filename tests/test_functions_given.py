"""Where functions come from, and that none runs for ever: bayou.host.functions, bayou.host.guard."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from bayou.core.errors import TookTooLong
from bayou.host.functions import FunctionsError, found, load
from bayou.host.guard import Guard
from bayou.worlds.simulated import SimulatedWorld
from bayou.worlds.world import NodeLost
from tests import write_functions
from tests.processes import run_master

HERE = Path(__file__).parent
GOOD = "import bayou\n\n@bayou.merge('f', 1)\ndef f(view, args):\n    return []\n"


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("def f(:\n", 1, "invalid syntax: mend the file"),
        ("import bayou\nimport nowhere_to_be_found\n", 2, "ModuleNotFoundError: No module named"),
        (f"{GOOD}\n\nf(1)\n", 8, "TypeError: f\\(\\) missing 1 required"),
        ("raise SystemExit(3)\n", 1, "SystemExit: 3"),
        ("x = 1\n", None, "there is no function in it that writes could call: @bayou.merge"),
        (
            f"{GOOD}\n@bayou.merge('f', 1)\ndef g(view, args):\n    return []\n",
            7,
            "a second function f 1; .* line 3",
        ),
        (f"{GOOD}\n@bayou.merge('f', 1)\ndef f(view, args):\n    return []\n", 7, "a second function f 1"),
        (
            "import bayou\n\n@bayou.merge('f', 0)\ndef f(view, args):\n    return []\n",
            3,
            "is no version of a function",
        ),
        ("x = '\0'\n", 1, "null bytes"),
    ],
)
def test_a_bad_file_is_one_error_with_its_line(tmp_path: Path, text: str, line: int | None, why: str) -> None:
    path = tmp_path / "functions.py"
    path.write_text(text)
    place = str(path) if line is None else f"{path}:{line}"
    with pytest.raises(FunctionsError, match=f"^{place}: .*{why}"):
        load(str(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        FunctionsError, match=r"no.py can't be read: No such file or directory: name a Python file"
    ):
        load(str(tmp_path / "no.py"))


def test_functions_come_from_a_file_a_module_or_a_list(tmp_path: Path) -> None:
    path = tmp_path / "functions.py"
    path.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\nimport bayou\n"
        "@dataclass\nclass Point:\n    x: int\n"
        "@bayou.merge('other', 1)\n@bayou.merge('f', 1)\ndef f(view, args):\n    return []\nalias = f\n"
        "class Held:\n    @bayou.merge('held', 2)\n    def of(view, args):\n        return None\n"
    )
    assert sorted(found(path)) == [("f", 1), ("held", 2), ("other", 1)]
    assert found(str(path))["f", 1] is not found(str(path))["f", 1]  # executed afresh
    names = {("book", 1), ("book", 2), ("transfer", 1), ("close", 1), ("half", 1), ("many", 1)}
    assert set(found(write_functions)) == names
    assert found([write_functions.book, write_functions.book]) == {("book", 1): write_functions.book}
    assert found([]) == {}
    with pytest.raises(FunctionsError, match="has no name that writes could call it by"):
        found([len])  # type: ignore[list-item]
    with pytest.raises(FunctionsError, match="there is no function in it"):
        found(signal)


def endless() -> None:
    while True:
        pass


def swallowing() -> None:
    for _ in range(3):
        try:
            endless()
        except TookTooLong:
            pass
    endless()


@pytest.mark.parametrize("does", [endless, swallowing])
@pytest.mark.parametrize("is_main", [True, False])
def test_what_runs_for_ever_is_interrupted(does: Any, is_main: bool) -> None:
    before = signal.getsignal(signal.SIGALRM)
    came: list[str] = []

    def work() -> None:
        guard = Guard(0.05)
        assert guard(lambda: 5) == 5
        try:
            guard(does)
        except TookTooLong:
            came.append("too long")
        assert guard(lambda: 6) == 6

    if is_main:
        work()
    else:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(60)
    assert came == ["too long"]
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_what_a_function_raises_comes_through_and_somebody_elses_alarm_too() -> None:
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: rung.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 300)
        with pytest.raises(ZeroDivisionError):
            Guard()(lambda: 1 // 0)
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 300
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert rung == []


def test_what_never_comes_back_from_c_ends_the_process_with_a_traceback() -> None:
    code = (
        "from itertools import count\nfrom bayou.host.guard import Guard\n"
        "def never():\n    return sum(count())\nGuard(0.1, ends_process=True)(never)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGPROF
    assert "in never" in done.stderr


FAULTY = """import bayou

@bayou.merge("import", 1)
def imports(view, args):
    import nowhere_to_be_found

@bayou.merge("endless", 1)
def endless(view, args):
    while True:
        pass
"""

CALLS = "joinServer 0\njoinClient 1 0\nput 1 a b\nwrite 1 w call {} 1 1\nget 1 a\n"


@pytest.mark.processes
@pytest.mark.parametrize("world", ["sim", "processes"])
def test_a_fault_of_a_server_ends_it(world: str, tmp_path: Path) -> None:
    path = tmp_path / "functions.py"
    path.write_text(FAULTY)
    done = run_master(CALLS.format("import").encode(), "--world", world, "--functions", str(path))
    said = done.stderr.decode()
    assert done.returncode == 1
    assert "the function import 1 could not be carried out for the write 'w'" in said
    assert "No module named 'nowhere_to_be_found'" in said
    assert "start the server again" in said
    assert "server 0 has ended by itself, as it could not carry out a function" in said
    assert done.stdout == b""


def test_an_endless_loop_ends_a_simulated_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bayou.core.functions import Functions
    from bayou.families.store import functions
    from bayou.master.language import COMMANDS
    from bayou.master.run import Run, RunSettings
    from tests.simulated import store_options

    path = tmp_path / "functions.py"
    path.write_text(FAULTY)
    monkeypatch.setattr(functions, "functions_of", lambda text: Functions(load(text), Guard(0.05)))
    world = SimulatedWorld()
    said: list[str] = []
    world.complain = said.append
    run = Run(
        world, COMMANDS, RunSettings(options=store_options(functions=str(path))), write=lambda data: None
    )
    *lines, last, _, _ = CALLS.format("endless").encode().split(b"\n")
    for number, line in enumerate(lines, start=1):
        run.line(number, line)
    records = len(world.journals[0])
    with pytest.raises(NodeLost, match="server 0 has ended by itself"):
        run.line(9, last)
    assert "it ran for more than 10 s" in said[0]
    assert len(world.journals[0]) == records
    assert 0 not in world.nodes


@pytest.mark.processes
def test_an_endless_loop_ends_a_process(tmp_path: Path) -> None:
    """After 10 seconds."""
    path = tmp_path / "functions.py"
    path.write_text(FAULTY)
    done = run_master(CALLS.format("endless").encode(), "--functions", str(path))
    assert done.returncode == 1
    assert b"the function endless 1 could not be carried out" in done.stderr
    assert b"it ran for more than 10 s" in done.stderr


@pytest.mark.processes
@pytest.mark.parametrize("verb", [["-m", "bayou.master"], ["-m", "bayou", "serve", "--data", "x"]])
def test_a_bad_file_is_a_wrong_option(verb: list[str], tmp_path: Path) -> None:
    """Before anything is started, or made."""
    path = tmp_path / "functions.py"
    path.write_text("import bayou\n\n100% wrong\n")
    command = [sys.executable, *verb, "--functions", str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path, input=""
    )
    assert done.returncode == 2
    assert (
        f"error: argument --functions: {path}:3: NameError: name 'wrong' is not defined: mend the file"
        in done.stderr
    )
    assert list(tmp_path.iterdir()) == [path]
