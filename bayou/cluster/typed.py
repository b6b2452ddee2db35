"""What is typed, or comes through a pipe: lines, as many at a time as are wanted."""

from __future__ import annotations

import os

from bayou.families.chat.commands import MESSAGE_BYTES_MAX
from bayou.script.console import LINE_BYTES_MAX, complain, to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.net.network import Network

READ_BYTES = 64 << 10
UNDER_WAY_MAX = 256
BLANKS = " \t\r\n\v\f"


class Typed:
    """``lines`` have come, and wait to be taken; ``has_ended``: whether no others will come."""

    def __init__(self, network: Network, fd: int | None) -> None:
        """Read from a descriptor whenever the network's wait finds something there; None: from nowhere."""
        self.lines: list[str] = []
        self.has_ended = fd is None
        self._network = network
        self._fd = -1 if fd is None else fd
        self._pending = bytearray()
        self._is_overlong = False
        self._is_watched = False
        self._is_plain = False
        if fd is not None:
            self._watch()

    @property
    def is_always_ready(self) -> bool:
        """Whether there is nothing to wait for before the next read, as with a plain file."""
        return self._is_plain and not self.has_ended and not self.lines

    def take(self, under_way: int) -> list[str]:
        """Return the messages that may be sent now, with so many under way. What nobody takes is not read, so
        that whoever writes into the pipe waits."""
        if self._is_plain and not self.has_ended and not self.lines:
            self._read()
        room = max(0, UNDER_WAY_MAX - under_way)
        taken, self.lines = self.lines[:room], self.lines[room:]
        if not self.has_ended and not self._is_plain:
            if self.lines and self._is_watched:
                self._network.unwatch(self._fd)
                self._is_watched = False
            elif not self.lines and not self._is_watched:
                self._watch()
        return taken

    def _watch(self) -> None:
        try:
            self._network.watch(self._fd, self._read)
            self._is_watched = True
        except PermissionError:  # a plain file
            self._is_plain = True
        except OSError:  # nothing at all
            self.has_ended = True

    def _read(self) -> None:
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end()
            return
        *whole, rest = data.split(b"\n")
        for line in whole:
            self._add(line)
            self._is_overlong = False
        self._keep(rest)

    def _keep(self, data: bytes) -> None:
        if len(self._pending) + len(data) > LINE_BYTES_MAX:
            self._pending.clear()
            self._is_overlong = True
        else:
            self._pending += data

    def _add(self, end: bytes) -> None:
        """A line is complete."""
        line = to_text(bytes(self._pending + end)).strip(BLANKS)
        size = len(self._pending) + len(end)
        self._pending.clear()
        if self._is_overlong or size > MESSAGE_BYTES_MAX + 2:
            complain(f"a message is too long, and not sent: {MESSAGE_BYTES_MAX >> 10} KiB are the limit")
        elif line:
            self.lines.append(line)

    def _end(self) -> None:
        self.has_ended = True
        if self._is_watched:
            self._network.unwatch(self._fd)
            self._is_watched = False
        self._add(b"")
