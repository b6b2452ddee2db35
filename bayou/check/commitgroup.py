"""The rules about the commit group: votes, decrees, and changes of the group. Each is a function that looks
at a State and says into a Verdict what it finds.

They are worked out from what members made durable alone: which decree each accepted when, and which writes
there are. In a trace of processes events of different servers stand in no certain order, and a process that
was killed may not have told all: there only what all events together say is judged.
"""

from __future__ import annotations

from bayou.check.facts import members_made
from bayou.check.history import show
from bayou.check.logs import named, several

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.check.facts import Accepted, Cast, Group, Server
    from bayou.check.history import Name, Write, WriteId
    from bayou.check.state import State
    from bayou.check.verdict import Verdict
    from bayou.check.votes import Ballot, Decree

    Accepts = dict[Ballot, dict[Name, tuple[int, Decree]]]
    """Who has accepted a decree with some base, by ballot: since which event, and which decree."""

EVERYTHING = 1 << 63
"""Up to which stamp a vector knows a server that has retired."""


class Writes:
    """All writes of a history by server, and which of them are committed up to some CSN."""

    def __init__(self, state: State) -> None:
        self._of: dict[Name, list[WriteId]] = {}
        self._next: dict[Name, int] = {}
        for id, write in sorted(state.writes.items()):
            if write.kind != "untold":
                self._of.setdefault(id[1], []).append(id)

    def commit(self, id: WriteId) -> None:
        """The next CSN is that of this write."""
        ids, at = self._of.get(id[1], []), self._next.get(id[1], 0)
        while at < len(ids) and ids[at] <= id:
            at += 1
        self._next[id[1]] = at

    def named_by(self, decree: Decree, *, all_of_them: bool = False) -> list[WriteId]:
        """Return what a decree names: the writes that its vector knows, in accept order; without
        ``all_of_them`` those that are not committed yet."""
        upto = dict(decree.upto)
        found = []
        for server, ids in self._of.items():
            most = _completed(upto, server)
            for id in ids[0 if all_of_them else self._next.get(server, 0) :]:
                if id[0] > most:
                    break
                found.append(id)
        return sorted(found)


def _completed(upto: dict[Name, int], name: Name) -> int:
    """Return up to which stamp a vector knows the writes of a server: all where it does not list one whose
    creation it knows, and so its retirement."""
    while name not in upto:
        if not name:
            return EVERYTHING
        stamp, name = name[0], name[1:]
        if name in upto:
            return EVERYTHING if upto[name] >= stamp else 0
    return upto[name]


def _groups(state: State) -> dict[int, Group]:
    """Return who committed in each epoch."""
    group: Group = ((),)
    epoch = csn = 0
    groups = {epoch: group}
    while csn + 1 in state.csns:
        csn += 1
        members = members_made(state.writes[state.csns[csn][1]], group, epoch)
        if members is not None:
            group, epoch = members, csn
            groups[epoch] = group
    return groups


def _may_lack_votes(state: State, name: Name) -> bool:
    """Whether a server may have voted otherwise than the trace tells: it is a process that was killed."""
    server = state.by_name.get(name)
    if server is None or not state.history.of_processes:
        return not state.history.is_whole
    return server.lives > 0 or state.may_lack_its_end(server)


# Votes.


def votes(state: State, verdict: Verdict) -> None:
    """A vote only grows; it is of a member, in its epoch, which holds what it accepts; under a ballot there
    is one decree for each base, which its leader made after a majority had promised it."""
    groups, writes = _groups(state), Writes(state)
    last: dict[Server, Cast] = {}
    said: dict[tuple[int, Ballot, int], Cast] = {}
    for cast in state.casts:
        vote, before = cast.step, last.get(cast.server)
        who = f"server {cast.server.id} votes in epoch {vote.epoch}"
        if before is not None and verdict.fails(before.step.age < vote.age):
            verdict.blame(vote.at, f"{who}, and its vote of event {before.step.at} was a later one")
        last[cast.server] = cast
        members = groups.get(vote.epoch, ())
        if verdict.fails(cast.server.name in members or (not members and not state.history.is_whole)):
            verdict.blame(vote.at, f"{who}, and is no member of that group")
        if verdict.fails(vote.epoch <= cast.epoch):
            verdict.blame(vote.at, f"{who}, and knows of epoch {cast.epoch} alone")
        decree = vote.accepted
        if decree is None or (before is not None and before.step.accepted == decree):
            continue
        if verdict.fails(decree.ballot <= vote.ballot and decree.base >= vote.epoch):
            verdict.blame(vote.at, f"{who} for a decree of ballot {_show(decree.ballot)} that can't be")
        _look_at_holding(state, verdict, cast, decree, writes)
        first = said.setdefault((vote.epoch, decree.ballot, decree.base), cast)
        other = first.step.accepted
        if verdict.fails(other is None or dict(other.upto) == dict(decree.upto)):
            what = f"another decree of ballot {_show(decree.ballot)} behind {decree.base}"
            verdict.blame(vote.at, f"{who} for {what} than server {first.server.id}")
        if first is cast and not state.history.of_processes:
            _look_at_proposal(state, verdict, cast, decree, members)


def _show(ballot: Ballot) -> str:
    return f"{ballot[0]} of {named(ballot[1])}"


def _look_at_holding(state: State, verdict: Verdict, cast: Cast, decree: Decree, writes: Writes) -> None:
    """Whoever accepts a decree holds the committed prefix up to its base, and all that it names."""
    who = f"server {cast.server.id} accepts a decree behind {decree.base}"
    if verdict.fails(decree.base <= cast.committed):
        verdict.blame(cast.step.at, f"{who}, and has come to CSN {cast.committed}")
    server = cast.server
    lacking = [id for id in writes.named_by(decree, all_of_them=True) if not server.knew(id, cast.place)]
    if verdict.fails(not lacking or _may_lack_votes(state, server.name)):
        verdict.blame(cast.step.at, f"{who} that names {show(lacking[0])}, which it does not have")


def _look_at_proposal(state: State, verdict: Verdict, cast: Cast, decree: Decree, members: Group) -> None:
    """The first one to accept a decree is the leader of its ballot, which a majority has promised by then."""
    who = f"server {cast.server.id} accepts a decree of ballot {_show(decree.ballot)}"
    if verdict.fails(cast.server.name == decree.ballot[1]):
        verdict.blame(cast.step.at, f"{who} behind {decree.base} before its leader does")
    promised: dict[Name, Decree | None] = {}
    for other in state.casts:
        vote = other.step
        if vote.at <= cast.step.at and (vote.epoch, vote.ballot) == (cast.step.epoch, decree.ballot):
            is_older = vote.accepted is not None and vote.accepted.base == decree.base
            found = vote.accepted if is_older and vote.accepted != decree else None
            if other.server.name in members:
                promised.setdefault(other.server.name, found)
    if verdict.fails(2 * len(promised) > len(members)):
        verdict.blame(cast.step.at, f"{who}, which {len(promised)} of {len(members)} members have promised")
    elif verdict.fails(_may_be_proposed(decree, [*promised.values()], len(members))):
        verdict.blame(cast.step.at, f"{who}, and not what those who promised it had accepted")


def _may_be_proposed(decree: Decree, found: list[Decree | None], members: int) -> bool:
    """Whether there is a majority of which nobody had accepted a decree for that boundary, or the one of the
    highest ballot said the same. ``found``: what each of those who promised had accepted."""
    if 2 * found.count(None) > members:
        return True
    for older in found:
        if older is not None and dict(older.upto) == dict(decree.upto):
            below = sum(other is None or other.ballot <= older.ballot for other in found)
            if 2 * below > members:
                return True
    return False


# Decrees.


def decrees(state: State, verdict: Verdict) -> None:
    """What is committed behind a boundary, while the group has several members, is what a decree names that
    a majority of them has accepted by then: in accept order, up to the first group write that counts."""
    accepted = _accepted(state)
    writes = Writes(state)
    group: Group = ((),)
    epoch = csn = end = 0
    is_told = True
    while csn + 1 in state.csns:
        if len(group) > 1 and is_told and csn == end:
            decree = _decided(state, verdict, group, accepted.get((epoch, csn), {}), csn)
            due = [] if decree is None else _cut(state, writes.named_by(decree), epoch)
            is_told = decree is not None and _is_followed(state, verdict, due, csn)
            end = csn + len(due)
        csn += 1
        id = state.csns[csn][1]
        writes.commit(id)
        members = members_made(state.writes[id], group, epoch)
        if members is not None:
            group, epoch, end, is_told = members, csn, csn, True


def _accepted(state: State) -> dict[tuple[int, int], Accepts]:
    found: dict[tuple[int, int], Accepts] = {}
    for cast in state.casts:
        decree = cast.step.accepted
        if decree is not None:
            of_ballot = found.setdefault((cast.step.epoch, decree.base), {}).setdefault(decree.ballot, {})
            of_ballot.setdefault(cast.server.name, (cast.since, decree))
    return found


def _decided(state: State, verdict: Verdict, group: Group, accepts: Accepts, base: int) -> Decree | None:
    """Return the decree that was decided for a boundary, None where that can't be told; blame what is
    committed without one, or before it was decided."""
    at, id = state.csns[base + 1]
    untold = [name for name in group if _may_lack_votes(state, name)]
    decided: list[tuple[int, Decree]] = []
    for votes_of in accepts.values():
        told = sorted(since for name, (since, _) in votes_of.items() if name in group)
        excused = sum(name not in votes_of for name in untold)
        if 2 * (len(told) + excused) > len(group) and told:
            moment = told[min(len(group) // 2, len(told) - 1)]
            decided.append((moment, next(iter(votes_of.values()))[1]))
    if not decided:
        if verdict.fails(2 * len(untold) > len(group)):
            why = f"no majority of {several(group)} has accepted a decree behind {base}"
            verdict.blame(at, f"CSN {base + 1} was given to {show(id)}, and {why}")
        return None
    moment, decree = min(decided, key=lambda one: one[0])
    for _, other in decided if not untold else ():
        if verdict.fails(dict(other.upto) == dict(decree.upto)):
            verdict.blame(at, f"two decrees behind {base} were accepted by majorities of {several(group)}")
    if verdict.fails(moment <= at or state.history.of_processes):
        why = f"a majority of {several(group)} accepted that later, at event {moment}"
        verdict.blame(at, f"CSN {base + 1} was given to {show(id)}, and {why}")
    return decree


def _cut(state: State, ids: list[WriteId], epoch: int) -> list[WriteId]:
    """Return what a decree commits of what it names: up to the first group write that counts."""
    for at, id in enumerate(ids, start=1):
        if state.writes[id].since == epoch:
            return ids[:at]
    return ids


def _is_followed(state: State, verdict: Verdict, due: list[WriteId], base: int) -> bool:
    """Whether what was committed behind a boundary is what is due; blame what is not."""
    if verdict.fails(bool(due)):
        at, given = state.csns[base + 1]
        why = f"the decree behind {base} names nothing"
        verdict.blame(at, f"CSN {base + 1} was given to {show(given)}, and {why}")
        return False
    for csn, id in enumerate(due, start=base + 1):
        if csn not in state.csns:
            break
        at, given = state.csns[csn]
        if verdict.fails(given == id):
            why = f"the decree behind {base} gives it to {show(id)}"
            verdict.blame(at, f"CSN {csn} was given to {show(given)}, and {why}")
            return False
    return True


# Changes of the group.


def consent(state: State, verdict: Verdict) -> None:
    """Before a group write is accepted, all newcomers and more than half of all whom it names have consented.
    Nobody retires who has consented to a change that may still count, who is a member of a group of several,
    or who was one as long as less than half of the present group knows of that."""
    for id, accepted in state.accepted.items():
        write = state.writes[id]
        if write.since is not None:
            _look_at_change(state, verdict, write, accepted)
        elif write.kind == "retirement":
            _look_at_retirement(state, verdict, accepted)


def _look_at_change(state: State, verdict: Verdict, write: Write, accepted: Accepted) -> None:
    who = f"server {accepted.server.id} accepts the group {several(write.members)}"
    since = write.since
    if since is None or verdict.fails(since == accepted.epoch):
        verdict.blame(accepted.at, f"{who} of epoch {since}, in epoch {accepted.epoch}")
        return
    is_ordered = not state.history.of_processes
    consented = {
        bound.server.name
        for bound in state.bounds
        if bound.step.epoch >= since and (bound.step.at < accepted.at or not is_ordered)
    }
    consented |= {name for name in write.members if _may_lack_votes(state, name)}
    for name in write.members:
        if name not in accepted.group and verdict.fails(name in consented):
            verdict.blame(accepted.at, f"{who}, to which {named(name)} has not consented")
    if verdict.fails(2 * len(consented & {*write.members}) > len(write.members)):
        verdict.blame(accepted.at, f"{who}, to which no majority of them has consented")


def _look_at_retirement(state: State, verdict: Verdict, accepted: Accepted) -> None:
    server, group = accepted.server, accepted.group
    who = f"server {server.id} retires"
    if verdict.fails(accepted.consented < accepted.epoch):
        what = f"has consented to a change of the group of epoch {accepted.consented}"
        verdict.blame(accepted.at, f"{who}, and {what}, which may still count")
    if len(group) == 1:
        return
    if verdict.fails(server.name not in group):
        verdict.blame(accepted.at, f"{who}, and is a member of the group {several(group)}")
        return
    was_member = any(cast.server is server and cast.step.at < accepted.at for cast in state.casts)
    if not was_member or state.history.of_processes:
        return
    entered = {
        cast.server.name
        for cast in state.casts
        if cast.step.epoch >= accepted.epoch and cast.since <= accepted.at
    }
    if verdict.fails(2 * len(entered & {*group}) >= len(group)):
        why = f"less than half of {several(group)} is known to have heard that they are the group"
        verdict.blame(accepted.at, f"{who}, was a member before, and {why}")
