"""Who leads, as those who look at a run from outside can know it."""

from __future__ import annotations

from bayou.families.log.messages import Stand
from bayou.paxos.ballot import Ballot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.families.log.system import LogSystem


def await_leader(system: LogSystem, above: Ballot = Ballot.NONE) -> Ballot:
    """Return the highest ballot in which anybody was heard to lead, once it is above another one, and its
    node lives; DeadlineExceeded where that takes too long."""
    system.world.begin()
    while True:
        standings = system.stand(system.live)
        ballots = [each.ballot for each in standings.values() if each.ballot is not None]
        highest = max(ballots, default=Ballot.NONE)
        if highest > above and highest.node in system.live:
            return highest
        system.world.ask_first([(server, Stand(known)) for server, known in standings.items()])
