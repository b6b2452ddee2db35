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

Where the log of the sender goes back no further than to behind the receiver's CSN, rows of its base go out in
place of the exchange (bayou.core.past). The sender keeps nothing of that: the receiver asks for each further
piece by a new Pull, under a new serial, of the same server or any other.

Rows of a base are taken in from one server at a time: two that stand on bases of different CSNs would make
the receiver begin afresh again and again. What another one sends meanwhile is put aside, and asked for again
when the base is complete; after some time without progress it is that one's turn.

A general write that calls a function which is missing here ends an exchange before it: what came before
stays, and so does the connection. The peer is asked again after a while, which grows.
"""

from __future__ import annotations

from bayou.core.errors import MissingFunction
from bayou.core.items import Items
from bayou.core.log import noticed
from bayou.core.past import check_position
from bayou.core.vector import VersionVector
from bayou.node.messages import AntiEntropy, BaseRows, Continue, End, Pull
from bayou.node.peers import NO_SERIAL, Inbound, Outbound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.log import WriteLog
    from bayou.core.past import BasePosition
    from bayou.core.write import Write
    from bayou.node.context import Context
    from bayou.node.peers import Peer
    from bayou.node.settings import Limits


REST_S = 1.0
REST_MAX_S = 60.0
"""For how long a peer is not asked again whose writes call a function that is missing here: twice as long
each time, from the one to the other."""


class Exchanges:
    """All exchanges of a server: for each peer one in each direction at a time.

    When an inbound exchange is complete, the server is told its purpose and key.
    """

    UNCOMPARED = ("has_lacked", "_patience_s", "_peers", "_serial", "_server", "_source_at", "limits")

    def __init__(self, server: Context, first_serial: int, limits: Limits, patience_s: float) -> None:
        self._server = server
        self._peers = server.peers
        self._serial = first_serial
        self.limits = limits
        self._patience_s = patience_s
        self.has_lacked = False  # whether a function was ever missing here: seldom, and looked at often
        self._source: int | None = None
        self._source_at = 0.0

    # Receiving.

    def expect(self, peer: int, purpose: str, key: int) -> int:
        """Get ready to receive from ``peer``, giving up any exchange that was going on; return the serial."""
        self._serial += 1
        self._peers.of(peer).inbound = Inbound(self._serial, purpose, key)
        return self._serial

    def pull(self, peer: int, purpose: str, key: int) -> None:
        """Ask ``peer`` for all that lies beyond what is known here."""
        self._ask(peer, self.expect(peer, purpose, key), purpose)

    def _ask(self, peer: int, serial: int, purpose: str) -> None:
        replica = self._server.replica
        self._server.send(peer, Pull(serial, purpose, replica.csn, replica.vector, self.position))

    @property
    def position(self) -> BasePosition | None:
        """How far a base has come in, None where nothing has."""
        incoming = self._server.past.incoming
        return None if incoming is None else incoming.position

    def on_part(self, peer: int, message: AntiEntropy) -> None:
        """Take in a part of an exchange if it is the next one; a gap ends the exchange."""
        at = self._peers.of(peer)
        inbound = at.inbound
        at.came(message.serial)
        if inbound is None or inbound.serial != message.serial or message.first < inbound.next_item:
            return
        if message.first > inbound.next_item:
            at.inbound = None
            return
        count = len(message.items)
        inbound.next_item += count
        try:
            new = self._server.replica.apply(message.items)
        except MissingFunction as error:
            self._lacks(peer, inbound, error)
            return
        self._server.note("exchange", inbound.purpose, "from", peer, "items", count, "new", new)
        if message.end is None:
            self._server.send(peer, Continue(message.serial, inbound.next_item))
        else:
            at.inbound = at.lacks = None
            at.rest_s = 0.0
            end = message.end
            self._server.replica.compare_digest(end.csn, end.digest)
            self._server.heard_votes(end)
            if inbound.back is not None:
                end = End(end.csn, end.vector, inbound.back, end.base, end.digest, end.boundary, end.votes)
            self._server.pulled(inbound.purpose, inbound.key, peer, end)

    def _lacks(self, peer: int, inbound: Inbound, missing: MissingFunction) -> None:
        """A write is due that can't be carried out here: what came before it stays, and the exchange ends."""
        server, at = self._server, self._peers.of(peer)
        at.inbound, at.lacks = None, missing
        self.has_lacked = True
        at.rest_s = min(REST_MAX_S, max(REST_S, 2 * at.rest_s))
        at.ask_after = server.now + at.rest_s
        server.note("exchange", inbound.purpose, "from", peer, "ends:", missing)
        server.lacks(inbound.purpose, inbound.key, peer, missing)

    def on_base_rows(self, peer: int, message: BaseRows) -> None:
        """Take in rows of a base if they are the next ones, and what it was an exchange for goes on: with
        more rows, and with the log beyond the base when that is complete."""
        at = self._peers.of(peer)
        inbound = at.inbound
        at.came(message.serial)
        if inbound is None or inbound.serial != message.serial:
            return
        server = self._server
        server.base_begun(inbound.purpose, inbound.key)
        if message.stand is not None:
            inbound.back = message.stand.back
        if self._has_other_source(peer):
            inbound.is_aside = True
            return
        is_next = server.replica.receive_base(message.chunk)
        if is_next:
            self._source, self._source_at = peer, server.now
            if message.end is not None:
                server.replica.install(message.end)
                self._source = None
        count = len(message.chunk.rows)
        server.note("rows of a base", inbound.purpose, "from", peer, "rows", count, "taken", is_next)
        self._go_on(peer, inbound)
        if is_next and message.end is not None:
            self._go_on_with_others()

    def _go_on(self, peer: int, inbound: Inbound) -> None:
        """Ask for what comes next of an exchange that begins with a base."""
        serial = self.expect(peer, inbound.purpose, inbound.key)
        self._peers.of(peer).inbound = Inbound(serial, inbound.purpose, inbound.key, inbound.back)
        self._ask(peer, serial, inbound.purpose)

    def _go_on_with_others(self) -> None:
        """The base is complete: ask those again whose rows were put aside."""
        for id, peer in self._peers.items():
            if peer.inbound is not None and peer.inbound.is_aside:
                self._go_on(id, peer.inbound)

    def _has_other_source(self, peer: int) -> bool:
        """Whether a base is coming in from another server, and getting on."""
        source, server = self._source, self._server
        if source is None or source == peer or source not in server.servers or server.past.incoming is None:
            return False
        inbound = self._peers.of(source).inbound
        is_expected = inbound is not None and not inbound.is_aside
        return is_expected and server.now < self._source_at + self._patience_s

    def serial_from(self, peer: int) -> int:
        """Return the serial of the exchange that is coming in from ``peer``, NO_SERIAL where none is."""
        inbound = self._peers.of(peer).inbound
        return NO_SERIAL if inbound is None else inbound.serial

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

    def serve(
        self,
        peer: int,
        serial: int,
        csn: int,
        vector: VersionVector,
        base: BasePosition | None,
        back: int | None = None,
    ) -> None:
        """Send ``peer`` what lies beyond ``csn`` and ``vector``, under its ``serial``, unless that is an
        echo: rows of the base, behind the position ``base``, where the log does not go back so far."""
        if not self.is_new(peer, serial):
            return
        check_position(base)
        at = self._peers.of(peer)
        at.answered = serial
        replica = self._server.replica
        end = self._end(back, None if back is None else self.position)
        tentative = replica.log.tentative_beyond(vector)
        at.outbound = Outbound(serial, csn, replica.csn, vector, tentative, end, base)
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
        log = self._server.replica.log
        while len(outbound.ahead) < self.limits.parts_ahead:
            csn = outbound.csn + outbound.position
            if csn < min(outbound.upto, log.past.omitted_csn):
                self._send_base(id, outbound)
                peer.outbound = None
                return
            part = self._part(log, outbound)
            start = outbound.position
            stop = outbound.position = start + len(part)
            outbound.ahead.append(stop)
            is_last = stop == len(outbound)
            self._server.send(
                id, AntiEntropy(outbound.serial, start, part, outbound.end if is_last else None)
            )
            if is_last:
                peer.outbound = None
                return

    def _part(self, log: WriteLog, outbound: Outbound) -> Items:
        """Return the next items of an exchange, as many as fit into a part."""
        limits, at = self.limits, outbound.position
        csn, split = outbound.csn + at, max(0, outbound.upto - outbound.csn)
        committed: list[Write] = []
        if at < split:
            writes = log.stable(csn, min(outbound.upto, csn + limits.items), limits.characters)
            committed = noticed(writes, outbound.vector)
        start, room = at + len(committed) - split, limits.items - len(committed)
        tentative = outbound.tentative[start : start + room] if start >= 0 else []
        items = Items(csn if at < split else max(outbound.csn, outbound.upto), committed, tentative)
        stop = limits.part_end(items, 0)
        return items if stop == len(items) else items.slice(0, stop)

    def first_part(self, csn: int, vector: VersionVector) -> tuple[Items, bool]:
        """Return the first part of an exchange for one that stands there, and whether it is the last one
        too."""
        replica = self._server.replica
        tentative = replica.log.tentative_beyond(vector)
        end = self._end()
        outbound = Outbound(0, csn, replica.csn, vector, tentative, end, None)
        part = self._part(replica.log, outbound)
        return part, len(part) == len(outbound)

    def _send_base(self, id: int, outbound: Outbound) -> None:
        """Send rows of the base in place of what the log has no more."""
        limits = self.limits
        replica = self._server.replica
        chunk, end = replica.base_chunk(outbound.csn, outbound.base, limits.items, limits.characters)
        told, stand = outbound.end, None
        if told.back is not None:  # no votes, which belong behind the items that they name
            stand = End(told.csn, told.vector, told.back, told.base, told.digest)
        self._server.send(id, BaseRows(outbound.serial, chunk, end, stand))

    def _end(self, back: int | None = None, base: BasePosition | None = None) -> End:
        """Return what the last part of an exchange adds that begins now."""
        replica, server = self._server.replica, self._server
        boundary = 0 if len(replica.group) == 1 else replica.boundary
        votes = () if server.paused else server.votes
        return End(replica.csn, replica.vector, back, base, replica.database.digest, boundary, votes)

    # Both.

    def break_off(self, peer: int) -> None:
        """Go on with nothing that was going on with ``peer``."""
        at = self._peers.of(peer)
        at.inbound = at.outbound = None
