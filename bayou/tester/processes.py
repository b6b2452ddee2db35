"""The processes that tests start: none of them outlives the tester.

Each command leads a session of its own, which is killed as a group. Commands may start processes that
leave the group; they all carry a mark in their environment, by which they are found in the end (on Linux).
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

MARK = "BAYOU_TEST_RUNS"
"""The environment variable that holds the marks of all testers that a process descends from."""

SWEEP_S = 1.0
"""How long killed processes may take to be gone."""


class Stopped(Exception):
    """The run was given up before this test had ended."""


class Processes:
    """Starts commands, in any number of threads, and sees to their end; ``stop`` ends all of them."""

    def __init__(self) -> None:
        self._mark = secrets.token_hex(16)
        self._environment = {**os.environ, MARK: f"{os.environ.get(MARK, '')} {self._mark}".strip()}
        self._lock = threading.Lock()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._cut_off: set[int] = set()
        self._stopped = False

    def run(
        self, command: str, directory: Path, files: tuple[IO[bytes], IO[bytes], IO[bytes]], timeout_s: float
    ) -> int | None:
        """Run a shell command on three files as its standard streams, and return its exit status, None where
        time ran out. Its process group is gone then. Raises Stopped where ``stop`` came before its end."""
        with self._lock:
            if self._stopped:
                raise Stopped
            process = subprocess.Popen(
                ["sh", "-c", command],
                stdin=files[0],
                stdout=files[1],
                stderr=files[2],
                cwd=directory,
                env=self._environment,
                start_new_session=True,
            )
            self._running[process.pid] = process
        hung = threading.Event()

        def give_up() -> None:
            hung.set()
            _kill_group(process)

        timer = threading.Timer(timeout_s, give_up)
        try:
            timer.start()
            _await_end(process)
        finally:
            timer.cancel()
            self._bury(process)
        if process.pid in self._cut_off:
            raise Stopped
        return None if hung.is_set() else process.returncode

    @property
    def cut_off(self) -> int:
        """How many commands were under way when all was stopped."""
        return len(self._cut_off)

    def stop(self) -> None:
        """Kill all that runs, wherever it has gone, and start nothing more."""
        with self._lock:
            self._stopped = True
            for process in self._running.values():
                self._cut_off.add(process.pid)
                _kill_group(process)
        self.sweep()

    def sweep(self) -> None:
        """Kill all processes that descend from the commands, and see them gone."""
        deadline = time.monotonic() + SWEEP_S
        while _kill_marked(self._mark.encode()) and time.monotonic() < deadline:
            time.sleep(0.002)

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        """Kill what is left of the group, then let go of its leader: until then, nobody else can be given its
        number."""
        with self._lock:
            del self._running[process.pid]
        _kill_group(process)
        process.wait()


def _await_end(process: subprocess.Popen[bytes]) -> None:
    """Wait until the process has ended, and leave it a zombie where the system lets us.

    (``Popen.wait`` with a time limit looks at the process only every now and then.)
    """
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    else:
        process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # nobody is left


def _kill_marked(mark: bytes) -> bool:
    """Kill all processes that have the mark in their environment; whether there were any."""
    if sys.platform != "linux":
        return False
    found = False
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            found |= _kill_if_marked(int(name), mark)
    return found


def _kill_if_marked(pid: int, mark: bytes) -> bool:
    """Kill that process if it has the mark. It is held by a descriptor meanwhile, so that no other one can
    have got its number when it is killed."""
    try:
        if mark not in Path(f"/proc/{pid}/environ").read_bytes():
            return False
        fd = os.pidfd_open(pid)
    except OSError:
        return False  # it has gone, or is none of ours
    try:
        if mark not in Path(f"/proc/{pid}/environ").read_bytes():
            return False
        signal.pidfd_send_signal(fd, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True
