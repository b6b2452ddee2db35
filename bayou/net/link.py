"""A connection to another node, and how it is dialled."""

from __future__ import annotations

from bayou.net.stream import Stream
from bayou.wire.connection import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou._lean import socket
    from bayou.net.address import Address

HANDSHAKE_S = 5.0
FIRST_TRY_S = 0.5
"""How long the first try to connect may take; the next one twice as long, and so on up to HANDSHAKE_S."""

FIRST_PAUSE_S = 0.02
LAST_PAUSE_S = 0.5
"""How long to wait after a try that failed before the next one: twice as long each time, up to the last."""


class Dialling:
    """An order to connect: its number, where to, until when to try (monotonic), and how often it was tried.

    ``due`` is when to try next.
    """

    __slots__ = ("address", "due", "number", "tries", "until")

    def __init__(self, number: int, address: Address, now: float, within_s: float) -> None:
        self.number = number
        self.address = address
        self.until = now + within_s
        self.tries = 0
        self.due = now

    def patience_s(self) -> float:
        """Begin another try, and return how long it may take."""
        self.tries += 1
        return min(HANDSHAKE_S, FIRST_TRY_S * 2.0 ** (self.tries - 1))

    def put_off(self, now: float) -> bool:
        """After a try that failed, return whether to try again, at ``due``."""
        self.due = now + min(LAST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (self.tries - 1))
        return self.due < self.until


class Link(Stream):
    """A connection to another node.

    ``peer`` is its id once it is known; ``due`` when the handshake must be over; ``dialling`` the order that
    asked for the connection; ``connecting`` whether it is not yet established; ``has_more`` whether messages
    have been read that are yet to be carried out; ``used_s`` how much of this node's time it took lately.
    """

    channel: Connection

    def __init__(
        self,
        sock: socket.socket,
        channel: Connection,
        due: float,
        dialling: Dialling | None,
        buffer: memoryview,
    ) -> None:
        super().__init__(sock, channel, buffer)
        self.peer: int | None = None
        self.is_server = False
        self.due = due
        self.dialling = dialling
        self.connecting = dialling is not None
        self.has_more = False
        self.used_s = 0.0

    def blame_for_end(self) -> str | None:
        """Return what is wrong with a connection that ended here, None where nothing is."""
        if self.peer is None:
            return "it ended before the handshake was over"
        pending = self.channel.pending_bytes
        return f"it ended within a frame, {pending} bytes into it" if pending else None
