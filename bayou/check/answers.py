"""The rules about requests: which were carried out, where, and what was answered. Each is a function that
looks at a State and says into a Verdict what it finds."""

from __future__ import annotations

from bayou.check.history import READS, show, show_row

AFRESH = ("rows", "outcome")
"""What servers do not remember having answered."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayou.check.facts import Done
    from bayou.check.history import Answered, WriteId
    from bayou.check.state import State
    from bayou.check.verdict import Verdict


def read_your_writes(state: State, verdict: Verdict) -> None:
    """A read sees the session's earlier writes."""
    _sees_writes(state, verdict, "RYW", of_reads=True)


def monotonic_reads(state: State, verdict: Verdict) -> None:
    """A read sees all that the session's earlier reads saw."""
    _sees_reads(state, verdict, "MR", of_reads=True)


def writes_follow_reads(state: State, verdict: Verdict) -> None:
    """A write is accepted where all that its session read is known."""
    _sees_reads(state, verdict, "WFR", of_reads=False)


def monotonic_writes(state: State, verdict: Verdict) -> None:
    """A write is accepted where its session's earlier writes are known."""
    _sees_writes(state, verdict, "MW", of_reads=False)


def _sees_writes(state: State, verdict: Verdict, rule: str, *, of_reads: bool) -> None:
    if rule not in state.history.guarantees:
        return
    for requests in _sessions(state):
        seen: list[tuple[int, WriteId]] = []
        for number, (carried_out, is_answered) in requests:
            for done in carried_out if carried_out[0].served.is_read == of_reads else ():
                for earlier, write in seen:
                    if verdict.fails(done.server.knew(write, done.place)):
                        why = f"{done.what} was served without {show(write)}, its request {earlier}"
                        verdict.blame(done.served.at, why)
            write_made = carried_out[0].write
            if is_answered and write_made is not None:
                seen.append((number, write_made))


def _sees_reads(state: State, verdict: Verdict, rule: str, *, of_reads: bool) -> None:
    if rule not in state.history.guarantees:
        return
    for requests in _sessions(state):
        seen: list[tuple[int, list[Done]]] = []
        for number, (carried_out, is_answered) in requests:
            for done in carried_out if carried_out[0].served.is_read == of_reads else ():
                for earlier, reads in seen:
                    # Where it was answered twice, one of the two answers is the one that was heard.
                    if verdict.fails(any(_knew_all(state, read, done) for read in reads)):
                        missing = show(_missing(reads[0], done))
                        why = f"{done.what} was served without {missing}, read by request {earlier}"
                        verdict.blame(done.served.at, why)
            if is_answered and carried_out[0].served.is_read:
                seen.append((number, carried_out))


def _sessions(state: State) -> Iterator[list[tuple[int, tuple[list[Done], bool]]]]:
    """Give, for each session, its requests that were carried out, by number: how, and whether the client
    heard of it."""
    sessions: dict[int, list[tuple[int, tuple[list[Done], bool]]]] = {}
    for (session, number), all_done in sorted(state.requests.items()):
        carried_out = [done for done in all_done if done.is_ok]
        if carried_out:
            answered = state.history.answered.get((session, number))
            is_answered = answered is not None and answered.verdict == "ok"
            sessions.setdefault(session, []).append((number, (carried_out, is_answered)))
    yield from sessions.values()


def _knew_all(state: State, earlier: Done, later: Done) -> bool:
    return state.knew_all(earlier.server, earlier.place, later.server, later.place)


def _missing(earlier: Done, later: Done) -> WriteId:
    known = list(earlier.server.known)[: earlier.place]
    return min(id for id in known if not later.server.knew(id, later.place))


def requests(state: State, verdict: Verdict) -> None:
    """Each request is carried out once at most, for somebody, and answered in one way only."""
    made: set[WriteId] = set()
    for all_done in state.requests.values():
        made |= _carried_out(all_done, verdict)
        _given_again(all_done, verdict)
        for done in all_done:
            _asked_for(state, done, verdict)
    for id, accepted in state.accepted.items():
        write = state.writes[id]
        if write.is_data and verdict.fails(id in made):
            verdict.blame(
                accepted.at, f"server {accepted.server.id} accepted {write}, and no request became that"
            )
    for key, answered in state.history.answered.items():
        if verdict.fails(_was_given(state, key, answered)):
            why = f"request {key[1]} of session {key[0]} heard an answer that no server gave"
            verdict.blame(answered.at, why)


def _carried_out(all_done: list[Done], verdict: Verdict) -> set[WriteId]:
    """A request becomes one write at most. Returns what this one became."""
    made: set[WriteId] = set()
    for done in all_done:
        if done.write is None or not done.is_ok:
            continue
        made.add(done.write)
        if verdict.fails(len(made) == 1):
            told, served = ", ".join(map(show, sorted(made))), done.served
            why = f"request {served.number} of session {served.session} was carried out as {told}"
            verdict.blame(served.at, why)
    return made


def _given_again(all_done: list[Done], verdict: Verdict) -> None:
    """An answer that a server gives again is the one of the first time, unless it crashed since. Rows and
    outcomes are looked at afresh."""
    first: dict[tuple[object, int], Done] = {}
    for done in all_done:
        if done.served.kind in AFRESH:
            continue
        before = first.setdefault((done.server, done.life), done)
        if before is done:
            continue
        one, other = before.served, done.served
        same = (one.verdict, one.read, one.stamp) == (other.verdict, other.read, other.stamp)
        if verdict.fails(same):
            why = f"server {done.server.id} answered {done.what} at event {one.at}, and then in another way"
            verdict.blame(other.at, why)


def _asked_for(state: State, done: Done, verdict: Verdict) -> None:
    """What was served is what was asked, where it was asked."""
    served = done.served
    asked = state.history.asked.get((served.session, served.number))
    if asked is None:
        return
    same = (asked.server, asked.kind, asked.row, asked.view) == (
        served.server,
        served.kind,
        served.row,
        served.view,
    )
    write = None if done.write is None else state.writes.get(done.write)
    if verdict.fails(same and (write is None or write.value == asked.value)):
        verdict.blame(served.at, f"{done.what} is not what was asked, at event {asked.at}")


def _was_given(state: State, key: tuple[int, int], answered: Answered) -> bool:
    """Whether a server gave the answer that a client heard; or may have, its last events being unknown."""
    told = dict(answered.told)
    for done in state.requests.get(key, ()):
        served = done.served
        gave = {"stamp": served.stamp, "by": done.server.name, "value": served.read}
        if served.verdict == answered.verdict and all(gave[name] == value for name, value in told.items()):
            return True
    asked = state.history.asked.get(key)
    session, number = key
    later = {
        done.server
        for (other, n), all_ in state.requests.items()
        if other == session and n > number
        for done in all_
    }
    return any(
        state.may_lack_its_end(server) and server not in later
        for server in state.servers
        if asked is None or server.id == asked.server
    )


def reads(state: State, verdict: Verdict) -> None:
    """A read returns the last write of its row in that server's log; in the committed view, in the committed
    prefix of it."""
    for all_done in state.requests.values():
        first: set[tuple[object, int]] = set()
        for done in all_done:
            served = done.served
            if served.kind != "get" or not done.is_ok or not done.is_told:
                continue
            life = (done.server, done.life)
            is_again = life in first  # then it is the answer of the first time
            first.add(life)
            if not is_again and verdict.fails(done.last == served.read):
                what = f"{show_row(served.row)} in the {served.view} view: {served.read}"
                why = f"server {done.server.id} read {what}, and its log says {done.last}"
                verdict.blame(served.at, why)


def rows(state: State, verdict: Verdict) -> None:
    """Rows that are shown are those which the writes in that server's log make, general ones included."""
    for done, told, due in _shown(state):
        pairs = [(key, value) for key, value, _ in told]
        if verdict.fails(pairs == [(key, value) for key, value, _ in due]):
            what = f"{show_row(done.served.row)} in the {done.served.view} view: {pairs}"
            made = [(key, value) for key, value, _ in due]
            verdict.blame(done.served.at, f"server {done.server.id} showed {what}, and its log makes {made}")


def marks(state: State, verdict: Verdict) -> None:
    """A row is shown as tentative just where a tentative write gave it its value."""
    for done, told, due in _shown(state):
        for (key, _, told_mark), (other, _, mark) in zip(told, due, strict=False):
            if key == other and verdict.fails(told_mark == mark):
                what = "committed" if told_mark else "tentative"
                row = f"{done.served.row[0]}/{key}"
                verdict.blame(
                    done.served.at, f"server {done.server.id} showed {row} as {what}, which it is not"
                )


def _shown(
    state: State,
) -> Iterator[tuple[Done, tuple[tuple[str, str, bool], ...], tuple[tuple[str, str, bool], ...]]]:
    """Give what was shown of rows, and what is due: of a piece that others follow, the beginning."""
    for all_done in state.requests.values():
        for done in all_done:
            told, due = done.served.rows, done.rows
            if told is not None and due is not None:
                yield done, told, due if done.served.is_last else due[: len(told)]


def outcomes(state: State, verdict: Verdict) -> None:
    """A general write came to what the order of writes makes of it; committed, at each server to the same."""
    for all_done in state.requests.values():
        for done in all_done:
            told, due = done.served.outcome, done.outcome
            if told is not None and due is not None and verdict.fails(told == due):
                why = f"server {done.server.id} said of {show(told[0])}: {told[1:]}, where {due[1:]} is due"
                verdict.blame(done.served.at, why)


def results(state: State, verdict: Verdict) -> None:
    """A put or delete that was carried out is answered with the stamp of a write of its row, which is in the
    log of whoever answers."""
    for all_done in state.requests.values():
        for done in all_done:
            if not done.is_ok or done.served.is_read:
                continue
            if done.write is None:
                verdict.fails(False)
                verdict.blame(done.served.at, f"server {done.server.id} answered {done.what} without a stamp")
                continue
            write = state.writes.get(done.write)
            fits = write is not None and (write.kind, write.row) == (done.served.kind, done.served.row)
            if verdict.fails(fits and done.server.knew(done.write, done.place)):
                why = f"server {done.server.id} answered for {show(done.write)}, which is not in its log"
                verdict.blame(done.served.at, why)
    for key, answered in state.history.answered.items():
        asked = state.history.asked.get(key)
        if answered.verdict != "ok" or asked is None or asked.kind in READS:
            continue
        if verdict.fails({name for name, _ in answered.told} >= {"stamp", "by"}):
            why = (
                f"request {key[1]} of session {key[0]} heard that it was carried out, and not as which write"
            )
            verdict.blame(answered.at, why)


def refusals(state: State, verdict: Verdict) -> None:
    """A refused request asked for something that its session had read or written, which was lacking."""
    heard: dict[int, list[tuple[int, list[Done]]]] = {}
    for (session, number), all_done in state.requests.items():
        answered = state.history.answered.get((session, number))
        if answered is not None and answered.verdict == "ok":
            heard.setdefault(session, []).append((number, [done for done in all_done if done.is_ok]))
    for (session, number), all_done in state.requests.items():
        looked: set[tuple[object, int]] = set()
        for done in all_done:
            life = (done.server, done.life)
            if done.is_ok or done.served.verdict == "turned down" or life in looked:  # again, it is the same
                continue
            looked.add(life)
            earlier = [made for n, each in heard.get(session, ()) if n < number for made in each]
            needed = done.had_retired or any(_demands(state, done, made) for made in earlier)
            if verdict.fails(needed):
                why = f"request {number} of session {session} was refused without need"
                verdict.blame(done.served.at, why)


def _demands(state: State, refused: Done, earlier: Done) -> bool:
    """Whether a chosen guarantee made a request wait for what an earlier one of its session read or wrote."""
    is_read, wrote = refused.served.is_read, earlier.write is not None
    rule = ("RYW" if wrote else "MR") if is_read else ("MW" if wrote else "WFR")
    if rule not in state.history.guarantees:
        return False
    if earlier.write is not None:
        return not refused.server.knew(earlier.write, refused.place)
    return not _knew_all(state, earlier, refused)
