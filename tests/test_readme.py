"""What most people come for: the first programs of the README run as they stand there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import wait_until
from tests.serving import PATIENCE_S, Served
from tests.test_docs import ROOT, blocks

pytestmark = pytest.mark.processes


def run(program: str, folder: Path) -> str:
    """Run a program to its end; return what it prints. It says nothing else."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_five_lines(tmp_path: Path) -> None:
    program = blocks(ROOT / "README.md", "python")[0]
    lines = [line for line in program.splitlines() if line]
    assert len(lines) == 5
    for _ in range(2):  # with a new file, and with the one that there is then
        assert run(program, tmp_path) == "buy milk\n"


def test_the_program_that_joins_the_server(tmp_path: Path) -> None:
    session = blocks(ROOT / "README.md", "console")[0]
    command, line = session.splitlines()
    server = Served(tmp_path, "hub")
    words = shlex.split(command.removeprefix("$ .venv/bin/bayou ").replace("127.0.0.1:7474", server.address))
    with server.out.open("wb") as out, server.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bayou", *words], cwd=tmp_path, stdout=out, stderr=log
        )
    try:
        wait_until(lambda: "\n" in server.lines(), PATIENCE_S)
        pattern = re.sub(r"cluster=\w{8}", r"cluster=[0-9a-f]{8}", re.escape(line))
        assert re.fullmatch(pattern, server.lines().rstrip().replace(server.address, "127.0.0.1:7474"))
        program = blocks(ROOT / "README.md", "python")[1].replace("127.0.0.1:7474", server.address)
        printed = run(program, tmp_path).splitlines()
        assert printed == ["False ['monday']", "True []"]
        text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
        assert f"`{printed[0]}`, and after the sync `{printed[1]}`" in text
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def test_its_two_commands_stay_the_only_set_up() -> None:
    """They are what the continuous integration takes: the first two blocks of shell."""
    first, second, *_ = blocks(ROOT / "README.md", "sh")
    for command in (first, second):
        assert command.startswith(
            "python3 -m venv .venv && .venv/bin/python -m pip install --quiet --editable "
        )
        assert command.count("\n") == 1
    assert first.endswith(".venv/bin/python tester.py\n")
    assert second.endswith(".venv/bin/python -m pytest -n auto\n")
