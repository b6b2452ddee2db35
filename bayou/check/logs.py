"""The rules about logs: what each server has, in which order, and who said so. Each is a function that looks
at a State and says into a Verdict what it finds."""

from __future__ import annotations

from bayou.check.facts import members_made
from bayou.check.history import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.check.history import Name, Write, WriteId
    from bayou.check.state import State
    from bayou.check.verdict import Verdict


def named(name: Name) -> str:
    """Return a name as people read it."""
    return f"<{','.join(map(str, name))}>"


def called(group: tuple[Name, ...]) -> str:
    """Return those who commit as people read it."""
    return f"the primary {named(group[0])}" if len(group) == 1 else f"the group {several(group)}"


def several(group: tuple[Name, ...]) -> str:
    """Return names as people read them."""
    return ", ".join(map(named, group))


def committed_prefix(state: State, verdict: Verdict) -> None:
    """Committed prefixes agree, and never change."""
    for commit in state.commits:
        _, elsewhere = state.csns[commit.csn]
        if verdict.fails(elsewhere == commit.id):
            here = f"server {commit.server.id} has {show(commit.id)} at CSN {commit.csn}"
            verdict.blame(commit.at, f"{here}, others {show(elsewhere)}")
    for odd in state.again:
        if verdict.fails(odd.write.id == odd.other):
            csn = odd.server.committed.index(odd.other) + 1
            why = f"server {odd.server.id} had {show(odd.other)} at CSN {csn}, and then {show(odd.write.id)}"
            verdict.blame(odd.at, why)


def commit_numbers(state: State, verdict: Verdict) -> None:
    """No CSN is missing or given twice."""
    for batch in state.batches:
        if verdict.fails(batch.csn <= batch.before):
            why = (
                f"server {batch.server.id} goes on after CSN {batch.csn}, and has come to CSN {batch.before}"
            )
            verdict.blame(batch.at, why)
    for commit in state.commits:
        given = state.csn_of[commit.id]
        if verdict.fails(given == commit.csn):
            verdict.blame(commit.at, f"{show(commit.id)} was given CSN {given} and CSN {commit.csn}")


def causal_order(state: State, verdict: Verdict) -> None:
    """What a server knew when it accepted a write comes before it in every log, and in commit order; and the
    write's stamp is larger.

    Only what it learned since its own write before is looked at: that one has its own causes.
    """
    for id, accepted in state.accepted.items():
        latest = max(accepted.latest, id[1][0] if id[1] else 0)
        if verdict.fails(id[0] > latest):
            why = f"server {accepted.server.id} accepts {state.writes[id]} below what it has seen, {latest}"
            verdict.blame(accepted.at, why)
    for odd in state.unknown:
        verdict.fails(False)
        why = f"server {odd.server.id} was told that {show(odd.write.id)} is committed, and does not have it"
        verdict.blame(odd.at, why)
    for learned in state.learned:
        by = state.accepted.get(learned.id)
        if by is None or by.server is learned.server:
            continue
        known, place = learned.server.known, learned.place
        verdict.looked += len(by.causes)
        for cause in by.causes:
            if known.get(cause, place) >= place:
                what = f"{show(learned.id)} without its cause {show(cause)} before it"
                verdict.blame(learned.at, f"server {learned.server.id} has {what}")
    for csn, (at, id) in sorted(state.csns.items()):
        by = state.accepted.get(id)
        for cause in () if by is None else by.causes:
            if verdict.fails(state.csn_of.get(cause, csn) < csn):
                verdict.blame(at, f"{show(id)} is committed before {show(cause)}, which it depends on")


def writes(state: State, verdict: Verdict) -> None:
    """No write is lost, invented, changed, or processed twice."""
    verdict.looked += len(state.learned)
    for odd in state.twice:
        verdict.blame(odd.at, f"server {odd.server.id} processes {odd.write} twice")
    for odd in state.again:
        verdict.blame(
            odd.at, f"server {odd.server.id} commits {show(odd.write.id)} where it had come further"
        )
    for batch in state.batches:
        if batch.csn < batch.before:
            why = (
                f"server {batch.server.id} goes on after CSN {batch.csn}, and had come to CSN {batch.before}"
            )
            verdict.blame(batch.at, why)
    for odd in state.changed:
        verdict.blame(odd.at, f"server {odd.server.id} has {odd.write}, others {state.writes[odd.other]}")
    for learned in state.learned:
        if learned.id not in state.accepted and not _may_have_been_accepted(state, learned.id):
            verdict.blame(learned.at, f"nobody has accepted {show(learned.id)}")
    _losses(state, verdict)


def _may_have_been_accepted(state: State, id: WriteId) -> bool:
    """Whether it is the end of a server's events that is missing, if one accepted this write."""
    server = state.by_name.get(id[1])
    if server is None:
        return not state.history.is_whole
    return state.may_lack_its_end(server) and (not server.own or server.own[-1][0] < id[0])


def _losses(state: State, verdict: Verdict) -> None:
    """What was accepted is known to somebody who is still there, or was lost in a crash with whoever had
    it."""
    here = [server for server in state.servers if server.is_here]
    if not here or not state.history.is_whole:
        return
    crashed = [server for server in state.servers if server.is_down]
    for id, accepted in state.accepted.items():
        known = any(id in server.known for server in here) or any(id in server.known for server in crashed)
        if verdict.fails(known):
            verdict.blame(accepted.at, f"{show(id)} was accepted, and nobody has it any more")


def retired(state: State, verdict: Verdict) -> None:
    """Nothing of a server is processed after its retirement."""
    verdict.looked += len(state.learned)
    for odd in state.late:
        why = f"server {odd.server.id} has seen {show(odd.other)} retire, and then processes {odd.write}"
        verdict.blame(odd.at, why)


def names(state: State, verdict: Verdict) -> None:
    """Each server has a name that no other ever had, of a creation write that it has before it takes part."""
    for server in state.servers:
        if server.named_at is None:
            verdict.fails(False)
            verdict.blame(0, f"server {server.id} took part without a name")
            continue
        other = state.by_name[server.name]
        if verdict.fails(other is server):
            verdict.blame(
                server.named_at, f"servers {other.id} and {server.id} both are {named(server.name)}"
            )
        creation = server.creation
        if creation is None:
            continue
        write = state.writes.get(creation)
        exists = write is not None and write.kind == "creation"
        if verdict.fails(exists or (write is None and _may_have_been_accepted(state, creation))):
            why = f"server {server.id} is {named(server.name)}, and {show(creation)} is no creation write"
            verdict.blame(server.named_at, why)
        if server.own:
            first = server.own[0]
            if verdict.fails(server.knew(creation, server.known[first])):
                at = state.accepted[first].at
                verdict.blame(
                    at, f"server {server.id} accepts {show(first)} before its own creation reached it"
                )
    for done in (done for all_done in state.requests.values() for done in all_done):
        creation = done.server.creation
        if creation is not None and verdict.fails(done.server.knew(creation, done.place)):
            why = f"server {done.server.id} serves {done.what} before its own creation reached it"
            verdict.blame(done.served.at, why)


def one_primary(state: State, verdict: Verdict) -> None:
    """A CSN is given by the primary that the committed writes before it name, alone or as a group, and there
    always is one.

    Who gave a CSN can't be told from the order in which servers were heard. But a primary that is alone must
    have the write there, and who commits its own write as it accepts it has given the CSN, which nobody does
    in a group of several. What such a group gave: see bayou.check.commitgroup.
    """
    for commit in state.commits:
        if commit.is_own and verdict.fails(commit.group == (commit.server.name,)):
            who = f"server {commit.server.id} is {named(commit.server.name)}"
            gave = f"and it gave CSN {commit.csn} to {show(commit.id)}"
            verdict.blame(commit.at, f"{who}, {called(commit.group)}, {gave}")
    group: tuple[Name, ...] = ((),)
    former: tuple[Name, ...] = ()
    epoch = csn = 0
    while csn + 1 in state.csns:
        csn += 1
        at, id = state.csns[csn]
        write = state.writes[id]
        if len(group) == 1:
            by = state.by_name.get(group[0])
            has_it = by is not None and len(by.committed) >= csn
            if verdict.fails(has_it or _may_lack_its_end(state, group[0])):
                why = f"CSN {csn} was given to {show(id)}, and not by the primary, {named(group[0])}"
                verdict.blame(at, why)
        concerns_it = write.kind == "retirement" and (write.heir is not None or write.server in group)
        if concerns_it and verdict.fails(group == (write.server,) and write.heir is not None):
            verdict.blame(at, f"{write} {_what_of_heir(write, group)}")
        members = members_made(write, group, epoch)
        if members is not None:
            former, group, epoch = group, members, csn
    _duty(state, verdict, group, former, epoch)


def _what_of_heir(write: Write, group: tuple[Name, ...]) -> str:
    if write.heir is not None:
        who = "is the primary" if len(group) == 1 else "are the group"
        return f"names an heir, and {several(group)} {who}"
    return "names no heir" if len(group) == 1 else f"is of a member of {called(group)}"


def _duty(
    state: State, verdict: Verdict, group: tuple[Name, ...], former: tuple[Name, ...], appointed: int
) -> None:
    """In the end, the primary's duty is with servers who have not left, or on its way there from its former
    holders, who have not left either."""
    if not state.servers:
        return
    for name in group:
        holder = state.by_name.get(name)
        if holder is None:
            if verdict.fails(not state.history.is_whole):
                verdict.blame(0, f"nobody is primary: {named(name)} is the name of no server")
        elif verdict.fails(holder.left_at is None):
            why = f"{named(name)} has left, and handed it to nobody"
            verdict.blame(holder.left_at or 0, f"nobody is primary: {why}")
    givers = [state.by_name[name] for name in former if name in state.by_name]
    gone = [giver for giver in givers if giver.left_at is not None]
    if not gone:
        return
    # The holder may have been down when the giver left: whoever took over from that one tells it.
    told = any(len(server.committed) >= appointed for server in state.servers if server.left_at is None)
    if verdict.fails(told or any(_may_lack_its_end(state, name) for name in group)):
        next_ones = several(group)
        why = f"{named(gone[0].name)} has left, and nobody who is there knows that {next_ones} is next"
        verdict.blame(gone[0].left_at or 0, f"nobody is primary: {why}")


def _may_lack_its_end(state: State, name: Name) -> bool:
    server = state.by_name.get(name)
    return not state.history.is_whole if server is None else state.may_lack_its_end(server)


def level(state: State, verdict: Verdict) -> None:
    """When nothing more can move, connected servers are equal, and with the primary, or a majority of the
    commit group, all is committed."""
    for rest in state.rests:
        if verdict.fails(not rest.lacking):
            pair = f"servers {rest.first.id} and {rest.server.id}"
            why = f"{pair} are connected, at rest, and differ: {rest.lacking}"
            verdict.blame(rest.at, why)
        if rest.uncommitted is not None and verdict.fails(not rest.uncommitted):
            left = ", ".join(map(show, rest.uncommitted[:3]))
            alone = rest.server.group == (rest.server.name,)
            who = "is the primary" if alone else "is with a majority of the commit group"
            why = f"server {rest.server.id} {who}, at rest, and has not committed {left}"
            verdict.blame(rest.at, why)
