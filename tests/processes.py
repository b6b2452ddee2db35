"""Running the master as a user does, and looking at the processes that it starts (Linux)."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S = 20.0


def wait_until(condition: Callable[[], object], patience_s: float = PATIENCE_S) -> float:
    """Return how many seconds it took for the condition to come true; AssertionError after too many."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < patience_s, f"waited {patience_s} s in vain"
        time.sleep(0.002)
    return time.monotonic() - began


def run_master(
    scenario: str | bytes, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the master on a scenario from standard input, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "bayou.master", *arguments],
        input=scenario.encode() if isinstance(scenario, str) else scenario,
        capture_output=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )


class Master:
    """A master that is told one line after another."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bayou.master", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def __enter__(self) -> Master:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.family():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def say(self, *lines: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self.process.stdin.flush()

    def hear(self) -> str:
        """Return the next line of output."""
        return self._read_line(self.process.stdout)

    def hear_error(self) -> str:
        """Return the next line of standard error."""
        return self._read_line(self.process.stderr)

    def _read_line(self, stream: object) -> str:
        fd, line = stream.fileno(), b""  # type: ignore[attr-defined]
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([fd], [], [], PATIENCE_S)
            assert ready, f"nothing more after {line!r}"
            byte = os.read(fd, 1)
            assert byte, f"the end after {line!r}"
            line += byte
        return line.decode()[:-1]

    def ask(self, line: str) -> str:
        """Say a line and return what it prints."""
        self.say(line)
        return self.hear()

    def end(self) -> tuple[int, str, str]:
        """Close the input and return the exit status and what was still printed and said."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out.decode(), err.decode()

    # Its processes.

    def family(self) -> list[int]:
        """Return all processes of the session that the master leads, less dead ones not yet reaped."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if int(fields[3]) == self.process.pid and fields[0] != "Z":
                    found.append(int(entry.name))
        return sorted(found)

    def pid_of(self, name: str) -> int:
        """Return the process with that name, such as ``bayou server 0``."""
        found: list[int] = []

        def look() -> bool:
            found[:] = [pid for pid in self.family() if _name_of(pid) == name]
            return bool(found)

        wait_until(look)
        return found[0]

    def ports(self) -> list[int]:
        """Return the ports at which its processes listen."""
        inodes = set()
        for pid in self.family():
            for fd in Path(f"/proc/{pid}/fd").iterdir():
                try:
                    inodes.add(os.readlink(fd).removeprefix("socket:[").removesuffix("]"))
                except OSError:
                    continue
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and row[9] in inodes]


def _name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def is_listening(port: int) -> bool:
    """Whether anybody accepts connections at a port of the loopback address."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
