"""A connection to another node, and how it is dialled."""

from __future__ import annotations

from bayou.core.errors import PeerError
from bayou.net.stream import Stream
from bayou.wire.connection import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou._lean import socket
    from bayou.net.address import Address
    from bayou.net.tls import TlsEnd

HANDSHAKE_S = 5.0
FIRST_TRY_S = 0.5
"""How long the first try to connect may take; the next one twice as long, and so on up to HANDSHAKE_S."""

FIRST_PAUSE_S = 0.02
LAST_PAUSE_S = 0.5
"""How long to wait after a try that failed before the next one: twice as long each time, up to the last."""


class Dialling:
    """An order to connect: its number, where to, until when to try (monotonic), and how often it was tried.

    ``due`` is when to try next; ``first_try_s``: how long the first try may take, the next one twice as long.
    """

    __slots__ = ("address", "due", "first_try_s", "number", "tries", "until")

    def __init__(
        self, number: int, address: Address, now: float, within_s: float, first_try_s: float = FIRST_TRY_S
    ) -> None:
        self.number = number
        self.address = address
        self.until = now + within_s
        self.tries = 0
        self.due = now
        self.first_try_s = first_try_s

    def patience_s(self) -> float:
        """Begin another try, and return how long it may take."""
        self.tries += 1
        return min(HANDSHAKE_S, self.first_try_s * 2.0 ** (self.tries - 1))

    def put_off(self, now: float) -> bool:
        """After a try that failed, return whether to try again, at ``due``."""
        self.due = now + min(LAST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (self.tries - 1))
        return self.due < self.until


class Link(Stream):
    """A connection to another node.

    ``peer`` is its id once it is known; ``due`` when the handshake must be over; ``dialling`` the order that
    asked for the connection; ``connecting`` whether it is not yet established; ``has_more`` whether messages
    have been read that are yet to be carried out; ``used_s`` how much of this node's time it took lately;
    ``is_ours`` whether this node dialled; ``boot`` the number that the peer drew when it was started, 0 where
    it told none; ``heard_at`` when something last came in; ``is_turned_away`` whether it only waits for the
    peer to hear that there will be no connection.
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
        self.is_ours = dialling is not None
        self.boot = 0
        self.heard_at = 0.0
        self.is_turned_away = False
        self._tls: TlsEnd | None = None

    def encrypt(self, tls: TlsEnd) -> None:
        """Let all that goes over it be encrypted, from the first byte on."""
        self._tls = tls

    def read(self) -> bytes | None:
        """As Stream.read; with TLS, what came may say nothing yet. PeerError where it is no TLS."""
        data = super().read()
        if self._tls is None or not data:
            return data
        try:
            return self._tls.decrypt(data) or None
        except PeerError:
            self.flush()  # why, for the other end
            raise

    @property
    def has_outgoing(self) -> bool:
        return bool(self.channel.outgoing) or (self._tls is not None and bool(self._tls.outgoing))

    def flush(self) -> None:
        tls = self._tls
        if tls is None:
            super().flush()
            return
        while True:
            if not tls.outgoing:
                tls.encrypt(self.channel.outgoing)
            if not self._send(tls.outgoing):
                return
            if not tls.outgoing and not self.channel.outgoing:
                return
            if not tls.outgoing and not tls.is_open:
                return

    def blame_for_end(self) -> str | None:
        """Return what is wrong with a connection that ended here, None where nothing is."""
        if self.is_turned_away:
            return None
        if self.peer is None:
            return "it ended before the handshake was over"
        pending = self.channel.pending_bytes
        return f"it ended within a frame, {pending} bytes into it" if pending else None
