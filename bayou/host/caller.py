"""How a program asks one server something, waits for the answer, and has no loop of its own."""

from __future__ import annotations

from random import SystemRandom
from time import monotonic

from bayou.core.errors import BayouError
from bayou.host.acquaintances import PROTOCOL, Acquaintances
from bayou.host.messages import Ping, Pong
from bayou.net.address import look_up, shown
from bayou.net.link import HANDSHAKE_S
from bayou.net.network import Network
from bayou.node.messages import Hello
from bayou.wire.connection import Identity, Introduce

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.machine.messages import Message
    from bayou.net.address import Address
    from bayou.net.tls import Tls


class CallFailed(BayouError):
    """A server can't be reached, or did not answer in time; says which, and why."""


class Caller:
    """A connection to one server, as a client of it. ``server`` is who is at the other end."""

    def __init__(
        self,
        address: Address,
        secret: bytes,
        *,
        tls: Tls | None = None,
        cluster: str = "",
        hello: Message | None = None,
        within_s: float = 10.0,
    ) -> None:
        """Connect to the server at ``address``, whose host may be a name. ``cluster``: which one it has to
        belong to, "" for any. CallFailed where there is no connection within ``within_s`` seconds."""
        self._address = address
        self._id = SystemRandom().getrandbits(62)
        me = Identity(cluster, None, 0, SystemRandom().getrandbits(62), PROTOCOL)
        self._acquaintances = Acquaintances(self._id, me)
        self._network = Network(secret, self, gate=self._acquaintances.refuse, tls=tls)
        self._network.introduce_as(Introduce(self._id, False, hello or Hello(is_server=False), me))
        self._received: list[Message] = []
        self._failure: str | None = None
        self._peer: int | None = None
        self.server = me
        try:
            self._connect(within_s)
        except BaseException:
            self._network.close()
            raise

    def _connect(self, within_s: float) -> None:
        until = monotonic() + within_s
        try:
            place = look_up(*self._address)
        except (OSError, UnicodeError) as error:
            raise CallFailed(f"nobody knows the host of {shown(self._address)}: {error}") from error
        self._network.dial(1, place, 0.0, min(within_s, HANDSHAKE_S))
        while self._peer is None and self._failure is None and monotonic() < until:
            self._turn(until)
        if self._peer is None:
            why = self._failure or "no answer in time"
            hint = "; is the secret the same there?" if why.endswith("handshake was over") else ""
            raise CallFailed(f"{shown(self._address)} can't be reached: {why}{hint}")

    def ask(self, message: Message, is_answer: Callable[[Message], bool], within_s: float = 10.0) -> Message:
        """Send a message, and return the answer; CallFailed where none comes within so many seconds."""
        until = monotonic() + within_s
        if self._peer is not None:
            self._network.send(self._peer, message)
        while True:
            while self._received:
                received = self._received.pop(0)
                if is_answer(received):
                    return received
            if self._peer is None:
                raise CallFailed(f"{shown(self._address)}: the connection ended before there was an answer")
            if monotonic() >= until:
                raise CallFailed(f"{shown(self._address)} has not answered within {within_s:g} s")
            self._turn(until)

    def close(self) -> None:
        """Close the connection."""
        self._network.close()

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _turn(self, until: float) -> None:
        self._network.flush()
        self._network.wait(until)
        self._network.flush()

    # What the network tells.

    def linked(self, peer: Introduce) -> None:
        self._peer = peer.id
        if peer.who is not None:
            self.server = peer.who

    def unlinked(self, peer: int) -> None:
        self._peer = None

    def received(self, peer: int, message: Message) -> None:
        if isinstance(message, Ping):
            self._network.send(peer, Pong())
        else:
            self._received.append(message)

    def dialled(self, number: int, failure: str | None) -> None:
        self._failure = failure

    def relieved(self) -> None:
        """What was freed is kept by the C library for what comes."""

    def complain(self, sort: str, line: str) -> None:
        self._failure = self._failure or line
