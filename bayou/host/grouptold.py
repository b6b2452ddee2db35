"""What there is to be told of the commit group by a server that lasts."""

from __future__ import annotations

from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.name import Name
    from bayou.host.stats import Told
    from bayou.node.server import Server


def group_lines(station: Told) -> tuple[str, ...]:
    """Return lines of a name and what is to be said of it: how far commitment has got here, who leads, and a
    line for each member."""
    machine, now = station.machine, monotonic()
    replica = machine.replica
    lines = [
        f"epoch {replica.epoch}",
        f"csn {replica.csn}",
        f"boundary {replica.boundary}",
        f"tentative {len(replica.log.tentative)}",
        f"leads {_leader(machine)}",
    ]
    heard = {peer.who.name: now - peer.heard_at for peer in station.known if peer.is_server}
    for member in replica.group:
        at = heard.get(member)
        seen = "not connected" if at is None else f"heard {at:.1f} s ago"
        lines.append(
            f"member {member} {'itself' if member is replica.name else seen}{_vote(machine, member)}"
        )
    return tuple(lines)


def changed_lines(station: Told) -> tuple[str, ...]:
    """Return what is to be said when a change has been accepted."""
    replica = station.machine.replica
    if not replica.log.tentative:
        return (f"committed: the group is {' '.join(map(repr, replica.group))}",)
    return ("accepted: it counts when a majority of the present group has committed it",)


def _leader(machine: Server) -> str:
    replica, voting = machine.replica, machine.voting
    if len(replica.group) == 1:
        return repr(replica.group[0])
    number, leader = (0, None) if voting is None else voting.votes.highest
    return f"{leader} ballot {number}" if number else "nobody yet"


def _vote(machine: Server, member: Name) -> str:
    vote = None if machine.voting is None else machine.voting.votes.of(member)
    if vote is None or len(machine.replica.group) == 1:
        return ""
    accepted = "nothing" if vote.accepted is None else f"what follows CSN {vote.accepted.base}"
    return f" ballot {vote.number} accepted {accepted}"
