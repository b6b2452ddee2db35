"""What the roles of single-decree Paxos have to know again after a crash; of each kind the last counts."""

from __future__ import annotations

from bayou.core.errors import Misuse
from bayou.machine.records import Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bayou.paxos.ballot import Ballot

__all__ = ["AcceptedRecord", "Decided", "Promised", "Used"]


class Used(Fact):
    """A proposer's: ``ballot`` is used, and so is each below it (section 2.5: it "remembers (in stable
    storage) the highest-numbered proposal it has tried to issue")."""

    ballot: Ballot


class Promised(Fact):
    """An acceptor's: it has promised ``ballot``, and accepts nothing below it."""

    ballot: Ballot


class AcceptedRecord(Fact):
    """An acceptor's: it has accepted ``value`` in ``ballot``, which is a promise of that ballot as well."""

    ballot: Ballot
    value: str


class Decided(Fact):
    """A learner's: ``value`` is chosen."""

    value: str


def own(records: Iterable[object]) -> Iterator[Fact]:
    """Give out records of single decree, of whichever of these kinds; Misuse for anything else, with which no
    role can go on where it was."""
    for record in records:
        if not isinstance(record, (Used, Promised, AcceptedRecord, Decided)):
            raise Misuse(f"{record!r:.80} is no record of a proposer, an acceptor or a learner")
        yield record
