"""Anti-entropy conversations (Petersen '97, "Basic anti-entropy"): one-way, incremental, in
numbered items.

The receiver says where it stands; the sender answers with what lies beyond, in parts of limited size,
a few of which may be on their way at a time. A part that is not the next one ends the exchange: what
came before stays, as items come in log order. Whatever is lost, doubled or late, an exchange begun
afresh goes on from where the receiver then stands.

What an exchange sends is fixed when it begins. Composed a second time it could number other items in the same
way, and a receiver that took some of either would skip a write for good, as its vector claims it. So
nobody is answered twice under one serial: serials of a server grow, and one that is not larger than the
last answered on this connection is an echo.
"""

from __future__ import annotations

from collections import deque

from bayou._record import Record
from bayou.core.vector import VersionVector
from bayou.node.messages import AntiEntropy, Continue, End, Pull

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.items import Items
    from bayou.node.context import Context


class Limits(Record):
    """How large a part may grow, and how many parts are sent ahead of the receiver's word.

    ``characters`` counts keys and values; a single write may exceed it, and then makes a part alone.
    """

    items: int = 8192
    characters: int = 1 << 20
    parts_ahead: int = 4

    def part_end(self, items: Items, start: int) -> int:
        """Return the number of the first item that does not fit into a part that begins at ``start``."""
        committed, tentative = items.committed, items.tentative
        split = len(committed)
        stop = min(split + len(tentative), start + self.items)
        room = self.characters
        for at in range(start, stop):
            write = committed[at] if at < split else tentative[at - split]
            room -= len(write.key) + (len(write.value) if isinstance(write.value, str) else 0)
            if room < 0:
                return max(at, start + 1)
        return stop


class Inbound:
    """An exchange that this server asked a peer for: its serial, what for, and the item due next."""

    __slots__ = ("key", "next_item", "purpose", "seen_item", "serial")

    def __init__(self, serial: int, purpose: str, key: int) -> None:
        self.serial = serial
        self.purpose = purpose
        self.key = key
        self.next_item = 0
        self.seen_item = -1


class Outbound:
    """An exchange that this server is sending to a peer: the items, how far it has got, and the end."""

    __slots__ = ("ahead", "end", "items", "position", "serial")

    def __init__(self, serial: int, items: Items, end: End) -> None:
        self.serial = serial
        self.items = items
        self.end = end
        self.position = 0
        self.ahead: deque[int] = deque()


class Exchanges:
    """All exchanges of a server, one in each direction for each peer at a time.

    When an inbound exchange is complete, the server is told its purpose and key.
    """

    def __init__(self, server: Context, first_serial: int, limits: Limits) -> None:
        self._server = server
        self._serial = first_serial
        self.limits = limits
        self._inbound: dict[int, Inbound] = {}
        self._outbound: dict[int, Outbound] = {}
        self._answered: dict[int, int] = {}

    def expect(self, peer: int, purpose: str, key: int) -> int:
        """Get ready to receive from ``peer``, giving up any exchange that was going on; return the serial."""
        self._serial += 1
        self._inbound[peer] = Inbound(self._serial, purpose, key)
        return self._serial

    def pull(self, peer: int, purpose: str, key: int) -> None:
        """Ask ``peer`` for all that lies beyond what is known here."""
        replica = self._server.replica
        serial = self.expect(peer, purpose, key)
        self._server.send(peer, Pull(serial, purpose, replica.csn, replica.vector))

    def is_progressing(self, peer: int, purpose: str, key: int) -> bool:
        """Whether such an exchange is going on and has got further since this was last asked."""
        inbound = self._inbound.get(peer)
        if inbound is None or inbound.purpose != purpose or inbound.key != key:
            return False
        return self.has_progressed(peer)

    def purpose_from(self, peer: int) -> str | None:
        """Return what the exchange is for that is coming in from ``peer``, None where none is."""
        inbound = self._inbound.get(peer)
        return None if inbound is None else inbound.purpose

    def expected_from(self, purpose: str) -> int | None:
        """Return a server from which an exchange for that purpose is coming in, None where there is none."""
        return next((peer for peer, inbound in self._inbound.items() if inbound.purpose == purpose), None)

    def has_progressed(self, peer: int) -> bool:
        """Whether the exchange coming in from ``peer`` has got further since this was last asked."""
        inbound = self._inbound[peer]
        progress = inbound.next_item > inbound.seen_item
        inbound.seen_item = inbound.next_item
        return progress

    def serve(self, peer: int, serial: int, csn: int, vector: VersionVector, back: int | None = None) -> None:
        """Send ``peer`` what lies beyond ``csn`` and ``vector``, under its ``serial``, unless that is an
        echo."""
        if not self.is_new(peer, serial):
            return
        self._answered[peer] = serial
        replica = self._server.replica
        outbound = Outbound(serial, replica.beyond(csn, vector), End(replica.csn, replica.vector, back))
        self._outbound[peer] = outbound
        self._send_parts(peer, outbound)

    def is_new(self, peer: int, serial: int) -> bool:
        """Whether what ``peer`` asks for under this serial has not been answered yet on this connection."""
        return serial > self._answered.get(peer, -1)

    def break_off(self, peer: int) -> None:
        """Go on with nothing that was going on with ``peer``."""
        self._inbound.pop(peer, None)
        self._outbound.pop(peer, None)

    def forget(self, peer: int) -> None:
        """The connection to ``peer`` is gone, or new, and with it what was going on there."""
        self.break_off(peer)
        self._answered.pop(peer, None)

    def give_up(self, peer: int, serial: int) -> bool:
        """Expect no more of that exchange from ``peer``; return whether it was expected."""
        inbound = self._inbound.get(peer)
        if inbound is None or inbound.serial != serial:
            return False
        del self._inbound[peer]
        return True

    def stop_receiving(self, purpose: str | None = None) -> None:
        """Take nothing over any more (for that purpose)."""
        for peer, inbound in list(self._inbound.items()):
            if purpose is None or inbound.purpose == purpose:
                del self._inbound[peer]

    def on_continue(self, peer: int, message: Continue) -> None:
        """The peer has room for more of an exchange."""
        outbound = self._outbound.get(peer)
        if outbound is None or outbound.serial != message.serial:
            return
        while outbound.ahead and outbound.ahead[0] <= message.upto:
            outbound.ahead.popleft()
        self._send_parts(peer, outbound)

    def on_part(self, peer: int, message: AntiEntropy) -> None:
        """Take in a part of an exchange if it is the next one; a gap ends the exchange."""
        inbound = self._inbound.get(peer)
        if inbound is None or inbound.serial != message.serial or message.first < inbound.next_item:
            return
        if message.first > inbound.next_item:
            del self._inbound[peer]
            return
        count = len(message.items)
        inbound.next_item += count
        new = self._server.replica.apply(message.items)
        self._server.note("exchange", inbound.purpose, "from", peer, "items", count, "new", new)
        if message.end is None:
            self._server.send(peer, Continue(message.serial, inbound.next_item))
        else:
            del self._inbound[peer]
            self._server.pulled(inbound.purpose, inbound.key, peer, message.end)

    def _send_parts(self, peer: int, outbound: Outbound) -> None:
        while len(outbound.ahead) < self.limits.parts_ahead:
            start, items = outbound.position, outbound.items
            stop = outbound.position = self.limits.part_end(items, start)
            last = stop == len(items)
            part = items if last and start == 0 else items.slice(start, stop)
            outbound.ahead.append(stop)
            self._server.send(peer, AntiEntropy(outbound.serial, start, part, outbound.end if last else None))
            if last:
                del self._outbound[peer]
                return

    def check(self) -> list[str]:
        """Return what is being waited for, a line each."""
        return [
            f"waits for server {peer} to send ({inbound.purpose}, from item {inbound.next_item} on)"
            for peer, inbound in sorted(self._inbound.items())
        ]
