"""What a node says on standard error: few lines whatever goes on, and never waiting for a reader.

Standard error is shared with the master and with the terminal, so its own mode must not be changed: a node
opens it once more for itself where the system has a way to, and looks whether there is room before it writes.
"""

from __future__ import annotations

import os
import select
from stat import S_ISCHR, S_ISFIFO, S_ISREG

from bayou._lean import socket
from bayou._quoting import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

STANDARD_ERROR = 2
BURST = 10
"""How many lines of a sort may come at once; after them there is one each PERIOD_S."""

PERIOD_S = 1.0
LINE_BYTES_MAX = select.PIPE_BUF
"""A pipe takes so much in one piece, or nothing."""


class Complaints:
    """Lines for a person, each of some sort: a sort that has too much to say is cut short, and the lines
    left out are counted. So are those for which standard error had no room."""

    def __init__(self, clock: Callable[[], float], put: Callable[[bytes], bool] | None = None) -> None:
        """``clock`` tells the time in seconds, never going back; ``put`` takes a line, end and all, without
        waiting, and returns whether it has: standard error does unless told otherwise."""
        self._clock = clock
        self._put = put or _writer(STANDARD_ERROR)
        self._allowance: dict[str, tuple[float, float]] = {}
        self._left_out: dict[str, int] = {}
        self._told_at: dict[str, float] = {}
        self._who = ""

    def introduce(self, who: str) -> None:
        """All lines begin with who says them."""
        self._who = who

    def say(self, line: str) -> bool:
        """Write a line if there is room for it now; return whether there was."""
        data = printable(f"{self._who}: {line}" if self._who else line).encode("utf-8", "replace")
        return self._put(data[: LINE_BYTES_MAX - 1] + b"\n")

    def complain(self, sort: str, line: str) -> None:
        """Write a line unless there have been too many of its sort, a word for strangers, say."""
        if not self._allow(sort) or not self.say(line):
            if sort not in self._left_out:
                self._told_at[sort] = self._clock()
            self._left_out[sort] = self._left_out.get(sort, 0) + 1

    @property
    def due(self) -> float | None:
        """When there will be something to say about what was left out, None where nothing was."""
        if not self._left_out:
            return None
        return min(self._told_at[sort] for sort in self._left_out) + PERIOD_S

    def pass_time(self) -> None:
        """Say how many lines were left out, where it is time to."""
        if not self._left_out:
            return
        now = self._clock()
        for sort, count in list(self._left_out.items()):
            if now >= self._told_at[sort] + PERIOD_S:
                self._told_at[sort] = now
                if self.say(f"{count} more complaints about {sort} were left out"):
                    del self._left_out[sort]

    def _allow(self, sort: str) -> bool:
        """Take one from the allowance of a sort, which grows by one each PERIOD_S, up to BURST."""
        now = self._clock()
        left, since = self._allowance.get(sort, (float(BURST), now))
        left = min(float(BURST), left + (now - since) / PERIOD_S)
        allowed = left >= 1
        self._allowance[sort] = (left - allowed, now)
        return allowed


def _writer(fd: int) -> Callable[[bytes], bool]:
    """Return what writes to a descriptor without waiting, and returns whether all was taken."""
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return lambda data: False
    if S_ISREG(mode):
        return lambda data: _write(fd, data)  # nobody has to make room in a file
    if S_ISFIFO(mode) or S_ISCHR(mode):
        try:
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            fd = os.open(f"/dev/fd/{fd}", flags)
        except OSError:
            pass  # it belongs to somebody else: looking before each write has to do
    else:
        try:
            sock = socket.socket(fileno=os.dup(fd))
            return lambda data: _send(sock, data)
        except OSError:
            pass
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return lambda data: bool(poll.poll(0)) and _write(fd, data)


def _write(fd: int, data: bytes) -> bool:
    try:
        return os.write(fd, data) == len(data)
    except OSError:
        return False


def _send(sock: socket.socket, data: bytes) -> bool:
    try:
        return sock.send(data, socket.MSG_DONTWAIT) == len(data)
    except OSError:
        return False
