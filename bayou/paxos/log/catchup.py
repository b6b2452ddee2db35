"""Catching up: who knows less asks, and gets decrees, or a snapshot, in bounded parts.

No ballot is needed for that: what is decided is so for ever, and may come from anyone.
"""

from __future__ import annotations

from bayou.paxos.ballot import Ballot
from bayou.paxos.log.leading import IDLE
from bayou.paxos.log.ledger import size_of
from bayou.paxos.log.messages import Ask, Decree, Decrees, Heard
from bayou.paxos.log.snapshots import Collecting, part_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import ClassVar

    from bayou.paxos.effects import Effects
    from bayou.paxos.log.leading import Leadership
    from bayou.paxos.log.ledger import Ledger
    from bayou.paxos.log.messages import SnapshotPart
    from bayou.paxos.log.options import LogOptions


class CatchUp:
    """What a server says and hears of what is decided.

    ``known``: of each other server its first undecided slot, and how many slots it knows decided in all, as
    it was last reported.
    """

    UNCOMPARED: ClassVar[tuple[str, ...]] = ("_ledger", "_leading", "_options", "_has_asked")

    def __init__(self, ledger: Ledger, leading: Leadership, options: LogOptions) -> None:
        self._ledger = ledger
        self._leading = leading
        self._options = options
        self._collecting = Collecting()
        self._has_asked = False
        self.known: dict[int, tuple[int, int]] = {}

    def begin(self) -> None:
        """A step begins: one server is asked in it, unless this is called again."""
        self._has_asked = False

    def is_level_with(self, peer: int) -> bool:
        """Whether that server has reported that it knows as much as this one, at least."""
        first, count = self.known.get(peer, (-1, -1))
        return first >= self._ledger.first and count >= self._ledger.count

    # Asking, and reporting.

    def ask(self, peer: int, effects: Effects) -> None:
        """Ask a server for what is decided, once in a step."""
        if not self._has_asked:
            self._has_asked = True
            slot, start = self._collecting.ask(peer)
            effects.sends.append((peer, Ask(self._ledger.first, self._ledger.above, slot, start)))

    def report(self, peer: int, ballot: Ballot, effects: Effects) -> None:
        """Tell a server how far this one is."""
        effects.sends.append((peer, Heard(ballot, self._ledger.first, self._ledger.count)))

    def on_heard(self, sender: int, message: Heard, effects: Effects) -> None:
        """A server has told how far it is."""
        self.known[sender] = (message.first, message.decided)
        self._leading.reported(sender, message.first)

    # Answering.

    def on_ask(self, sender: int, message: Ask, effects: Effects) -> None:
        """A server asks. Who is ahead of us is asked back: new members may not know the former ones."""
        self.bring_on(sender, message, effects)
        if message.first > self._ledger.first:
            self.ask(sender, effects)

    def bring_all_on(self, effects: Effects) -> None:
        """Send to all that have reported less than what is known here."""
        for server, (first, _) in self.known.items():
            if not self.is_level_with(server):
                self.bring_on(server, Ask(first), effects)

    def bring_on(self, peer: int, ask: Ask, effects: Effects) -> None:
        """Send a server that is behind some of what is decided here, or of the snapshot."""
        ledger = self._ledger
        if ask.first < ledger.base and ledger.snapshot is not None:
            effects.sends.append((peer, part_for(ledger.snapshot, ask, self._options.chunk_bytes)))
            return
        decrees: list[Decree] = []
        size = 0
        for slot in self._lacking(ask):
            size += size_of(ledger.decided[slot])
            if decrees and size > self._options.chunk_bytes:
                break
            decrees.append(Decree(slot, ledger.decided[slot]))
        if decrees:
            effects.sends.append((peer, Decrees(tuple(decrees), ledger.first)))

    def _lacking(self, ask: Ask) -> Iterator[int]:
        """Give out the slots that who asks lacks, and whose decree is kept here, the lowest first."""
        ledger, known = self._ledger, dict.fromkeys(ask.above)
        for slot in range(max(ask.first, ledger.base), ledger.first):
            if slot not in known:
                yield slot
        for slot in ledger.above:
            if slot >= ask.first and slot not in known:
                yield slot

    # Learning.

    def on_decrees(self, sender: int, message: Decrees, effects: Effects) -> None:
        """A server has sent some of what is decided: ask on where it has more."""
        leading = self._leading
        decrees = [decree for decree in message.decrees if decree.slot >= 0]
        news = [leading.learn(decree.slot, decree.value, effects) for decree in decrees]
        if any(news):
            leading.ask_again(sender, effects)
            if self._ledger.first < message.first:
                self.ask(sender, effects)
            self._report_at_rest(sender, effects)

    def on_snapshot_part(self, sender: int, message: SnapshotPart, effects: Effects) -> None:
        """A part of a snapshot has come: take it over once it is whole, and ask on."""
        if message.slot <= self._ledger.first:
            return
        is_due = self._collecting.take(sender, message)
        if not is_due and (message.start or self._leading.phase == IDLE):
            return  # an echo; the first part may answer what a leader sent, which goes on from where it is
        snapshot = self._collecting.whole(sender, message.size) if is_due else None
        if snapshot is not None:
            self._ledger.install(snapshot, effects)
            self._leading.installed()
            self._leading.ask_again(sender, effects)
            self._report_at_rest(sender, effects)
        self.ask(sender, effects)

    def _report_at_rest(self, sender: int, effects: Effects) -> None:
        """Without heartbeats, which are answered, whoever told us something is told that it has come."""
        if self._options.heartbeat_s is None:
            self.report(sender, Ballot.NONE, effects)
