"""What a server of a log has to know again after a crash."""

from __future__ import annotations

from bayou.machine.records import Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from bayou.paxos.ballot import Ballot
    from bayou.paxos.log.messages import LogValue


class Promised(Fact):
    """It takes part in no ballot below this one, in any slot. A candidate's own ballot is promised by itself
    first, so that none is used twice."""

    ballot: Ballot


class AcceptedRecord(Fact):
    """It has accepted this value in this slot, and so promised the ballot."""

    slot: int
    ballot: Ballot
    value: LogValue

    @property
    def key(self) -> tuple[str, object]:
        """The slot."""
        return "AcceptedRecord", self.slot


class Decided(Fact):
    """A value is decided in this slot: the one that was accepted there, where ``value`` is None. May be
    written later than it became known: a majority has accepted it."""

    slot: int
    value: LogValue | None

    @property
    def key(self) -> tuple[str, object]:
        """The slot."""
        return "Decided", self.slot


class Snapshot(Fact):
    """All that slots below ``slot`` came to, as text (bayou.paxos.log.snapshots). What was made durable
    before it is of no use any more: all that is still needed follows in the same batch."""

    begins_anew: ClassVar[bool] = True
    slot: int
    text: str
