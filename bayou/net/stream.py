"""A non-blocking socket and the channel whose bytes it carries."""

from __future__ import annotations

import select

from bayou._lean import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from bayou.machine.messages import Message
    from bayou.wire.connection import Channel

    class Poll(Protocol):
        """What ``select.poll`` does, as far as it is used here."""

        def register(self, fd: int, events: int, /) -> None:
            """Look at a descriptor from now on."""

        def modify(self, fd: int, events: int, /) -> None:
            """Look out for other events there."""

        def unregister(self, fd: int, /) -> None:
            """Look at it no more."""

        def poll(self, patience_ms: float | None, /) -> list[tuple[int, int]]:
            """Wait for events, up to so many milliseconds, and return them, a pair for each descriptor."""


EVENTS_MAX = 128
"""How many events are taken at a time; the others are there the next time."""

_Epoll = getattr(select, "epoll", None)
"""Linux has it, others may not."""

READ_BYTES = 256 << 10


def new_buffer() -> memoryview:
    """Return what streams read into. All those of a thread share one: what is read is copied out at once, and
    nothing is allocated for what is not."""
    return memoryview(bytearray(READ_BYTES))


def notice_silence(sock: socket.socket, seconds: int) -> None:
    """Let the system end a TCP connection whose other host has given no sign of life for so long, as far as
    it has a way to: one that was switched off, or is cut off, says nothing."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    parts = {
        "TCP_KEEPIDLE": seconds,
        "TCP_KEEPINTVL": 1,
        "TCP_KEEPCNT": 3,
        "TCP_USER_TIMEOUT": 1000 * seconds,
    }
    for name, value in parts.items():
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def new_poll() -> Poll:
    """Return what waits for events; where the system has a way to, at a cost that does not grow with the
    number of descriptors looked at. A ``select.poll`` walks through all of them each time, which makes n³
    steps while n servers join a mesh."""
    return select.poll() if _Epoll is None else EventPoll(_Epoll())


class EventPoll:
    """A ``select.epoll`` that is asked as a ``select.poll`` is; its events have the same numbers."""

    __slots__ = ("_wait", "close", "fileno", "modify", "register", "unregister")

    def __init__(self, epoll: select.epoll) -> None:
        self.register = epoll.register
        self.modify = epoll.modify
        self.unregister = epoll.unregister
        self.close = epoll.close
        self.fileno = epoll.fileno
        self._wait = epoll.poll

    def poll(self, patience_ms: float | None, /) -> list[tuple[int, int]]:
        return self._wait(None if patience_ms is None else patience_ms / 1000, EVENTS_MAX)


class Stream:
    """Reads what is there and sends what the other end takes; never waits.

    ``events`` are those of ``select.poll`` that it was last registered for; ``sent_bytes`` and
    ``read_bytes`` how many it has sent and read in all; ``is_congested`` whether nothing is to be read until
    more of what is queued has left; ``is_broken`` whether nothing can be sent any more; ``is_closed`` whether
    whoever owns it has done with it.
    """

    def __init__(self, sock: socket.socket, channel: Channel, buffer: memoryview) -> None:
        """``buffer`` comes from ``new_buffer``."""
        sock.setblocking(False)
        self.sock = sock
        self.fd = sock.fileno()
        self.channel = channel
        self.events = select.POLLIN
        self.sent_bytes = 0
        self.read_bytes = 0
        self.is_congested = False
        self.is_broken = False
        self.is_closed = False
        self._buffer = buffer

    def read(self) -> bytes | None:
        """Return what the socket holds, empty at its end, None where nothing is there."""
        try:
            size = self.sock.recv_into(self._buffer)
        except BlockingIOError:
            return None
        except OSError:
            return b""
        self.read_bytes += size
        return bytes(self._buffer[:size])

    def flush(self) -> None:
        """Send as much as the socket takes."""
        self._send(self.channel.outgoing)

    def _send(self, outgoing: bytearray) -> bool:
        """Send from the front of ``outgoing``; return whether the socket took all of it."""
        try:
            while outgoing:
                sent = self.sock.send(outgoing)
                del outgoing[:sent]
                self.sent_bytes += sent
        except BlockingIOError:
            return False
        except OSError:
            outgoing.clear()  # the end of the stream shows when it is next read
            self.channel.outgoing.clear()
            self.is_broken = True
            return False
        return True

    @property
    def has_outgoing(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self.channel.outgoing)

    def watch(self, poll: Poll) -> None:
        """Let ``poll`` look out for what this stream waits for: room to send, if it has something to."""
        events = (0 if self.is_congested else select.POLLIN) | (select.POLLOUT if self.has_outgoing else 0)
        if events != self.events:
            self.events = events
            poll.modify(self.fd, events)


class Line(Stream):
    """A stream to somebody who is trusted, such as the parent of this process; what comes in goes to
    ``hear``."""

    def __init__(
        self, sock: socket.socket, channel: Channel, buffer: memoryview, hear: Callable[[Message], None]
    ) -> None:
        super().__init__(sock, channel, buffer)
        self.hear = hear
