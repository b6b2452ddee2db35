"""A project as the tester wants it, and a look at all processes that came of running it (Linux)."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pexpect

TESTER = Path(__file__).parent.parent / "tester.py"
PROGRAMS = {"tester.py": [str(TESTER)], "bayou test": ["-m", "bayou", "test"]}
REVERSE = "exec sort -r"  # a command simple enough to see what the tester makes of it
OWN = f"exec {sys.executable} -m bayou.master"


class Project:
    """A directory as the tester wants it."""

    def __init__(self, path: Path, command: str | None = REVERSE) -> None:
        self.path = path
        (path / "tests").mkdir()
        (path / "solutions").mkdir()
        if command is not None:
            (path / "COMMAND").write_text(command)

    def test(self, name: str, scenario: str, solution: str | None) -> None:
        self._write("tests", f"{name}.test", scenario)
        if solution is not None:
            self._write("solutions", f"{name}.sol", solution)

    def config(self, name: str, text: str) -> None:
        self._write("tests", f"{name}.config", text)

    def answer(self, name: str) -> str:
        return (self.path / "answers" / f"{name}.ans").read_text()

    def solution(self, name: str) -> str:
        return (self.path / "solutions" / f"{name}.sol").read_text()

    def run(self, *arguments: str, program: str = "tester.py") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *PROGRAMS[program], *arguments], cwd=self.path, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=60, check=False,
        )  # fmt: skip

    def _write(self, directory: str, name: str, text: str) -> None:
        path = self.path / directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def at_terminal(project: Project, *arguments: str) -> pexpect.spawn[str]:
    return pexpect.spawn(
        sys.executable, [str(TESTER), *arguments], cwd=str(project.path), encoding="utf-8", timeout=20
    )


class Traces:
    """Knows every process that descends from one started with ``environment``, wherever it hides."""

    def __init__(self) -> None:
        self._mark = f"TRACES={secrets.token_hex(8)}"
        name, value = self._mark.split("=")
        self.environment = {**os.environ, name: value}

    def alive(self) -> list[int]:
        """Return the processes that are left, less dead ones not yet reaped."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if self._mark.encode() not in (entry / "environ").read_bytes():
                    continue
                if (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def kill(self) -> None:
        """Leave nothing behind where a test failed."""
        for pid in self.alive():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
