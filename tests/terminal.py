"""A master at a terminal, as a person meets it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pexpect

from tests.processes import wait_until

GIVEN_UP = "given up; the system goes on"
HINT = "(Ctrl-C again, or Ctrl-D, ends the run)"


class Terminal:
    """A master at a terminal, by default a wide one."""

    def __init__(self, state: Path, *arguments: str, columns: int = 200) -> None:
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "bayou.master", *arguments],
            encoding="utf-8",
            timeout=20,
            dimensions=(50, columns),
            env={**os.environ, "XDG_STATE_HOME": str(state), "TERM": "dumb", "INPUTRC": "/dev/null"},
        )
        self.ready()

    def ready(self) -> str:
        """Wait for the prompt and return what came before it."""
        self.child.expect_exact("bayou> ")
        return str(self.child.before)

    def say(self, *lines: str) -> str:
        """Give commands and return what the last one shows, its echo included."""
        shown = ""
        for line in lines:
            self.child.sendline(line)
            if line.isprintable() and line:
                self.child.expect_exact(line)
            shown = self.ready()
        return shown

    def see(self, *expected: str) -> None:
        """Wait until ``status`` shows all of these lines."""
        shown = ""

        def look() -> bool:
            nonlocal shown
            shown = self.say("status")
            return set(expected) <= set(shown.splitlines())

        try:
            wait_until(look)
        except AssertionError as error:
            raise AssertionError(f"status goes on to show:\n{shown}\nand not all of {expected}") from error

    def hear(self, beginning: str) -> list[str]:
        """Press Enter until a line with this beginning is told, and once more; return all such lines."""
        told: list[str] = []

        def listen() -> bool:
            told.extend(line for line in self.say("# nothing").splitlines() if line.startswith(beginning))
            return bool(told)

        wait_until(listen)
        listen()
        return told

    def give_up(self, line: str) -> str:
        """Give a command that hangs, press Ctrl-C and return what that shows."""
        while True:
            self.child.sendline(line)
            self.child.expect_exact(f"{line}\r\n")
            self.child.sendintr()
            if self.child.expect_exact([GIVEN_UP, HINT]) == 0:
                return str(self.child.before) + self.ready()
            self.ready()  # it was pressed before the line had been read, and threw that away

    def interrupt_at_prompt(self) -> None:
        """Press Ctrl-C at the prompt."""
        self.child.sendintr()
        self.child.expect_exact(HINT)
        self.ready()

    def pid_of(self, name: str) -> int:
        """Return the process with that name among those of this run."""
        found: list[int] = []

        def look() -> bool:
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    try:
                        session = int((entry / "stat").read_text().rpartition(")")[2].split()[3])
                        if session == self.child.pid and (entry / "comm").read_text().strip() == name:
                            found.append(int(entry.name))
                    except OSError:
                        continue
            return bool(found)

        wait_until(look)
        return found[0]

    def stop(self, name: str) -> int:
        """Let a node's process stop, as a machine that hangs, and return its id."""
        pid = self.pid_of(name)
        os.kill(pid, signal.SIGSTOP)
        return pid

    def go_on(self, pid: int) -> None:
        """Let a process that was stopped go on."""
        os.kill(pid, signal.SIGCONT)

    def end(self) -> int | None:
        """Press Ctrl-D and return the exit status."""
        self.child.sendeof()
        return self.wait()

    def wait(self) -> int | None:
        """Wait for the end and return the exit status."""
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus
