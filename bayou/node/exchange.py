"""Anti-entropy conversations (Petersen '97, "Basic anti-entropy"): one-way, incremental, in
numbered items.

The receiver says where it stands; the sender answers with what lies beyond, in parts of limited size,
a few of which may be on their way at a time. A part that is not the next one ends the exchange: what
came before stays, as items come in log order. Whatever is lost, doubled or late, an exchange begun
afresh goes on from where the receiver then stands.

What an exchange sends is fixed when it begins. If a request that comes twice were answered twice, the same
numbers could stand for other items the second time. A receiver that took some items of one answer and some of
the other would miss a write, and never get it, because its vector would say that it has it. So nobody is
answered twice under one serial: each serial that a server uses is larger than the one before, and one that is
not larger than the last answered on this connection is an echo.
"""

from __future__ import annotations

from bayou.core.vector import VersionVector
from bayou.node.messages import AntiEntropy, Continue, End, Pull
from bayou.node.peers import Inbound, Outbound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.node.context import Context
    from bayou.node.peers import Peer
    from bayou.node.settings import Limits


class Exchanges:
    """All exchanges of a server: for each peer one in each direction at a time.

    When an inbound exchange is complete, the server is told its purpose and key.
    """

    UNCOMPARED = ("_peers", "_serial", "_server", "limits")

    def __init__(self, server: Context, first_serial: int, limits: Limits) -> None:
        self._server = server
        self._peers = server.peers
        self._serial = first_serial
        self.limits = limits

    # Receiving.

    def expect(self, peer: int, purpose: str, key: int) -> int:
        """Get ready to receive from ``peer``, giving up any exchange that was going on; return the serial."""
        self._serial += 1
        self._peers.of(peer).inbound = Inbound(self._serial, purpose, key)
        return self._serial

    def pull(self, peer: int, purpose: str, key: int) -> None:
        """Ask ``peer`` for all that lies beyond what is known here."""
        replica = self._server.replica
        serial = self.expect(peer, purpose, key)
        self._server.send(peer, Pull(serial, purpose, replica.csn, replica.vector))

    def on_part(self, peer: int, message: AntiEntropy) -> None:
        """Take in a part of an exchange if it is the next one; a gap ends the exchange."""
        at = self._peers.of(peer)
        inbound = at.inbound
        if inbound is None or inbound.serial != message.serial or message.first < inbound.next_item:
            return
        if message.first > inbound.next_item:
            at.inbound = None
            return
        count = len(message.items)
        inbound.next_item += count
        new = self._server.replica.apply(message.items)
        self._server.note("exchange", inbound.purpose, "from", peer, "items", count, "new", new)
        if message.end is None:
            self._server.send(peer, Continue(message.serial, inbound.next_item))
        else:
            at.inbound = None
            self._server.pulled(inbound.purpose, inbound.key, peer, message.end)

    def purpose_from(self, peer: int) -> str | None:
        """Return what the exchange is for that is coming in from ``peer``, None where none is."""
        inbound = self._peers.of(peer).inbound
        return None if inbound is None else inbound.purpose

    def expected_from(self, purpose: str) -> int | None:
        """Return the server from which an exchange for that purpose is expected: of several the one that was
        asked last; None where there is none."""
        found, latest = None, -1
        for id, peer in self._peers.items():
            inbound = peer.inbound
            if inbound is not None and inbound.purpose == purpose and inbound.serial > latest:
                found, latest = id, inbound.serial
        return found

    def take_progress(self, peer: int, purpose: str, key: int | None = None) -> bool:
        """Whether such an exchange (for that key, unless it is None) is coming in from ``peer`` and has got
        further since this was last asked. One that has just begun has."""
        inbound = self._peers.of(peer).inbound
        if inbound is None or inbound.purpose != purpose or (key is not None and inbound.key != key):
            return False
        progress = inbound.next_item > inbound.seen_item
        inbound.seen_item = inbound.next_item
        return progress

    def give_up(self, peer: int, serial: int) -> bool:
        """Expect no more of that exchange from ``peer``; return whether it was expected."""
        at = self._peers.of(peer)
        if at.inbound is None or at.inbound.serial != serial:
            return False
        at.inbound = None
        return True

    def stop_receiving(self, purpose: str | None = None) -> None:
        """Take nothing over any more (for that purpose)."""
        for peer in self._peers.all():
            if peer.inbound is not None and (purpose is None or peer.inbound.purpose == purpose):
                peer.inbound = None

    def waiting(self) -> list[str]:
        """Return what is being waited for, a line each."""
        return [
            f"waits for server {id} to send ({peer.inbound.purpose}, from item {peer.inbound.next_item} on)"
            for id, peer in self._peers.items()
            if peer.inbound is not None
        ]

    # Sending.

    def serve(self, peer: int, serial: int, csn: int, vector: VersionVector, back: int | None = None) -> None:
        """Send ``peer`` what lies beyond ``csn`` and ``vector``, under its ``serial``, unless that is an
        echo."""
        if not self.is_new(peer, serial):
            return
        at = self._peers.of(peer)
        at.answered = serial
        replica = self._server.replica
        at.outbound = Outbound(serial, replica.beyond(csn, vector), End(replica.csn, replica.vector, back))
        self._send_parts(peer, at, at.outbound)

    def is_new(self, peer: int, serial: int) -> bool:
        """Whether what ``peer`` asks for under this serial has not been answered yet on this connection."""
        return serial > self._peers.of(peer).answered

    def on_continue(self, peer: int, message: Continue) -> None:
        """The peer has room for more of an exchange."""
        at = self._peers.of(peer)
        outbound = at.outbound
        if outbound is None or outbound.serial != message.serial:
            return
        while outbound.ahead and outbound.ahead[0] <= message.upto:
            outbound.ahead.popleft()
        self._send_parts(peer, at, outbound)

    def _send_parts(self, id: int, peer: Peer, outbound: Outbound) -> None:
        """Send as many parts as may be on their way; with the last part the exchange is over here."""
        while len(outbound.ahead) < self.limits.parts_ahead:
            start, items = outbound.position, outbound.items
            stop = outbound.position = self.limits.part_end(items, start)
            last = stop == len(items)
            part = items if last and start == 0 else items.slice(start, stop)
            outbound.ahead.append(stop)
            self._server.send(id, AntiEntropy(outbound.serial, start, part, outbound.end if last else None))
            if last:
                peer.outbound = None
                return

    # Both.

    def break_off(self, peer: int) -> None:
        """Go on with nothing that was going on with ``peer``."""
        at = self._peers.of(peer)
        at.inbound = at.outbound = None
