"""What a history amounts to: each server's own past, rebuilt from its own events, and who accepted, committed
and served what.

The events of each server are in order, and so are those of each client; between servers the order in which
events were heard says nothing. So whatever happened at a server is kept with the place in its own past (how
many writes it knew by then), and what concerns several servers is put together by the writes in their logs.

Nothing is judged here. What the rules (bayou.check.logs, bayou.check.answers) can't see from the outcome is
kept as a fact: ``twice``, ``late`` and the like.
"""

from __future__ import annotations

from bayou.check.changes import written
from bayou.check.facts import (
    NEVER,
    Accepted,
    Based,
    Batch,
    Bound,
    Cast,
    Commit,
    Done,
    Learned,
    Odd,
    Rest,
    Server,
    Shortened,
    members_made,
)
from bayou.check.history import Installed, Logged, Named, Served, Settled, Truncated, Write, show
from bayou.check.views import CONFLICTS, Views, conflict_key
from bayou.check.votes import Consented, Voted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.check.history import Fate, History, Name, Row, Step, WriteId

SHOWN = 3

UNTOLD: WriteId = (0, ())
"""Stands for a committed write of a base that nobody was heard to have."""


class State:
    """All that a history amounts to, as far as its steps have been taken: ``of`` takes them all.

    Attributes are lists of facts (bayou.check.facts), in the order of events;

    - ``servers``, and ``by_name`` the first of each name;
    - ``writes``: the contents of each write, as first heard; ``accepted``: by identity;
    - ``csns``, ``csn_of``: the writes by CSN, as first heard, and the event; and the other way round;
    - ``bases``, ``shortened``: bases that were taken over, and logs that were let go of;
    - ``casts``, ``bounds``: votes in the commit group, and consents to changes of it;
    - ``requests``: what servers answered, by session and number;
    - ``twice``: processed a second time; ``changed``: with other contents; ``late``: after the retirement of
      its server; ``unknown``: a notice of a write that is not there; ``again``: another one at the same CSN.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self.servers: list[Server] = []
        self.by_name: dict[Name, Server] = {}
        self.writes: dict[WriteId, Write] = {}
        self.accepted: dict[WriteId, Accepted] = {}
        self.csns: dict[int, tuple[int, WriteId]] = {}
        self.csn_of: dict[WriteId, int] = {}
        self.batches: list[Batch] = []
        self.learned: list[Learned] = []
        self.commits: list[Commit] = []
        self.bases: list[Based] = []
        self.shortened: list[Shortened] = []
        self.casts: list[Cast] = []
        self.bounds: list[Bound] = []
        self.requests: dict[tuple[int, int], list[Done]] = {}
        self.rests: list[Rest] = []
        self.twice: list[Odd] = []
        self.changed: list[Odd] = []
        self.late: list[Odd] = []
        self.unknown: list[Odd] = []
        self.again: list[Odd] = []
        self._current: dict[int, Server] = {}
        self._within: dict[tuple[Server, Server], list[int]] = {}
        self._order: dict[int, WriteId] = {}
        self._contents: dict[WriteId, Write] = {}
        self.views = Views(self.writes, history.given)
        self._has_changes = False
        self._busy: tuple[int, int] = (-1, 0)
        if any(isinstance(step, Installed) for step in history.steps):
            self._look_ahead()

    @classmethod
    def of(cls, history: History) -> State:
        """Return what a whole history amounts to."""
        state = cls(history)
        for step in history.steps:
            state.take(step)
        return state

    def take(self, step: Step) -> None:
        """Take in the next step of the history."""
        server = -1 if isinstance(step, Settled) else step.server
        if server != self._busy[0]:
            self._busy = server, step.at
        if isinstance(step, Logged):
            self._log(step)
        elif isinstance(step, Served):
            self._serve(step)
        elif isinstance(step, Settled):
            self._settle(step)
        elif isinstance(step, Named):
            self._name(step)
        elif isinstance(step, Installed):
            self._install(step)
        elif isinstance(step, Truncated):
            self._truncate(step)
        elif isinstance(step, Voted):
            self._vote(step)
        elif isinstance(step, Consented):
            self._consent(step)
        else:
            self._befall(step)

    # What rules ask.

    def may_lack_its_end(self, server: Server) -> bool:
        """Whether the last events of a server may be missing: it is a process that was killed, or of which
        more was to come when the trace ended."""
        history = self.history
        cut = server.is_down or server.is_replaced or not history.is_whole
        return history.of_processes and server.left_at is None and cut

    def knew_all(self, one: Server, place: int, other: Server, other_place: int) -> bool:
        """Whether ``other``, when it knew ``other_place`` writes, knew all that ``one`` did at ``place``."""
        if one is other or not place:
            return place <= other_place
        within = self._within.get((one, other))
        if within is None:
            within = self._within[one, other] = []
            highest = -1
            for id in one.known:
                highest = max(highest, other.known.get(id, NEVER))
                within.append(highest)
        return within[place - 1] < other_place

    # Each server's own past.

    def _name(self, step: Named) -> None:
        former = self._current.get(step.server)
        if step.again and former is not None and former.name == step.name:
            return
        if former is not None and former.left_at is None:
            former.is_replaced = True
        server = self._add(Server(step.server, step.name, step.at))
        self.by_name.setdefault(step.name, server)

    def _add(self, server: Server) -> Server:
        self._current[server.id] = server
        self.servers.append(server)
        return server

    def _server(self, id: int) -> Server:
        """Return the server at an id; one without a name where none was heard of."""
        return self._current.get(id) or self._add(Server(id, (), None))

    def _befall(self, step: Fate) -> None:
        server = self._current.get(step.server)
        if server is None:
            return
        if step.what == "left":
            server.left_at = step.at
        elif step.what == "crashed":
            server.lives += 1
            server.is_down = True
        else:
            server.is_down = False

    def _log(self, step: Logged) -> None:
        server = self._server(step.server)
        if step.again and self._has(server, step):
            return
        self.batches.append(Batch(step.at, server, step.csn, len(server.committed)))
        for csn, write in enumerate(step.committed, start=step.csn + 1):
            self._commit(step.at, server, csn, write)
        for write in step.tentative:
            if write.id in server.known:
                self.twice.append(Odd(step.at, server, write, write.id))
            else:
                self._learn(step.at, server, write)
                server.tentative[write.id] = None

    def _has(self, server: Server, step: Logged) -> bool:
        """Whether what a restarted server tells again had been heard before its crash."""
        committed = [write.id for write in step.committed]
        heard = server.committed[step.csn : step.csn + len(committed)] == committed
        return heard and all(write.id in server.known for write in step.tentative)

    def _commit(self, at: int, server: Server, csn: int, write: Write) -> None:
        id = write.id
        if csn <= len(server.committed):
            self.again.append(Odd(at, server, write, server.committed[csn - 1]))
            return
        is_own = False
        if id in server.known:
            if id not in server.tentative:
                self.twice.append(Odd(at, server, write, id))
                return
            del server.tentative[id]
            if write.kind != "notice" and write != self.writes[id]:
                self.changed.append(Odd(at, server, write, id))
        elif write.kind == "notice":
            self.unknown.append(Odd(at, server, write, id))
            return
        else:
            self._learn(at, server, write)
            is_own = id[1] == server.name
        self.commits.append(Commit(at, server, csn, id, server.group, is_own))
        self.csns.setdefault(csn, (at, id))
        self.csn_of.setdefault(id, csn)
        server.committed.append(id)
        self._regroup(server, self.writes[id])

    def _regroup(self, server: Server, write: Write) -> None:
        members = members_made(write, server.group, server.epoch)
        if members is not None:
            server.group, server.epoch = members, len(server.committed)

    def _learn(self, at: int, server: Server, write: Write) -> None:
        id = write.id
        place = len(server.known)
        server.known[id] = place
        if self.writes.setdefault(id, write) != write:
            self.changed.append(Odd(at, server, write, id))
        self._has_changes = self._has_changes or write.kind == "change"
        gone = server.retired.get(id[1])
        if gone is not None:
            self.late.append(Odd(at, server, write, gone))
        if id[1] == server.name:
            knew = server.group, server.epoch, server.consented
            self.accepted.setdefault(id, Accepted(at, server, server.since_own, server.latest, *knew))
            server.own.append(id)
            server.since_own = [id]
        else:
            server.since_own.append(id)
        server.latest = max(server.latest, id[0])
        self.learned.append(Learned(at, server, id, place))
        if write.kind == "retirement":
            server.retired[id[1]] = id

    # Bases.

    def _look_ahead(self) -> None:
        """Find out which write has which CSN, and what each is. A server may be heard to have taken over a
        base before those are heard that committed what is in it."""
        for step in self.history.steps:
            if isinstance(step, Logged):
                for csn, write in enumerate(step.committed, start=step.csn + 1):
                    self._order.setdefault(csn, write.id)
                for write in (*step.committed, *step.tentative):
                    if write.kind != "notice":
                        self._contents.setdefault(write.id, write)

    def _install(self, step: Installed) -> None:
        """A server has a base: so it has all that was committed up to there, in that order."""
        server = self._server(step.server)
        before = len(server.committed)
        if step.again and step.csn <= before:
            return
        lacking = None
        for csn in range(before + 1, step.csn + 1):
            write = self._contents.get(self._order.get(csn, UNTOLD))
            if write is None:
                lacking = lacking or csn
                self.writes[UNTOLD] = Write(UNTOLD, "untold")
                server.committed.append(UNTOLD)
                continue
            server.tentative.pop(write.id, None)
            if write.id not in server.known:
                self._learn(step.at, server, write)
            server.committed.append(write.id)
            self._regroup(server, write)
        server.omitted = max(server.omitted, step.csn)
        self.bases.append(Based(step, server, before, len(server.tentative), lacking))

    def _truncate(self, step: Truncated) -> None:
        server = self._server(step.server)
        if step.again and step.csn <= server.omitted:
            return
        self.shortened.append(Shortened(step, server, len(server.committed), server.omitted))
        server.omitted = max(server.omitted, step.csn)

    # The commit group.

    def _vote(self, step: Voted) -> None:
        server = self._server(step.server)
        if step.again and any(cast.server is server and cast.step.age >= step.age for cast in self.casts):
            return
        stand = len(server.known), len(server.committed), server.epoch
        self.casts.append(Cast(step, server, self._busy[1], *stand))

    def _consent(self, step: Consented) -> None:
        server = self._server(step.server)
        server.consented = max(server.consented, step.epoch)
        self.bounds.append(Bound(step, server))

    def _serve(self, step: Served) -> None:
        server = self._server(step.server)
        is_ok = step.verdict == "ok"
        last = self._read(server, step.row, step.view) if is_ok and step.kind == "get" else None
        rows = self._rows(server, step) if is_ok and step.kind == "rows" else None
        outcome = self._outcome(server, step.outcome[0]) if is_ok and step.outcome is not None else None
        write = None if step.stamp is None else (step.stamp, server.name)
        had_retired = server.name in server.retired
        place = len(server.known)
        is_told = not (is_ok and step.kind == "get") or self._is_told(server, step.view)
        done = Done(step, server, server.lives, place, write, last, had_retired, rows, outcome, is_told)
        self.requests.setdefault((step.session, step.number), []).append(done)

    def _is_told(self, server: Server, view: str) -> bool:
        """Whether the trace tells what there is in a view of a server's log."""
        if not self._has_changes:
            return True
        return (self.views.full(server) if view == "full" else self.views.committed(server)).is_told

    def _read(self, server: Server, row: Row, view: str) -> str | None:
        """Return the value of a row in a view of a server's log, by looking at every write."""
        writes = self.writes
        if self._has_changes:
            made = self.views.full(server) if view == "full" else self.views.committed(server)
            return written(made.values[row]) if row in made.values else None
        own = [id for id in server.tentative if writes[id].row == row and writes[id].is_data]
        if own and view == "full":
            return writes[max(own)].value
        for id in reversed(server.committed):
            write = writes[id]
            if write.row == row and write.is_data:
                return write.value
        return None

    def _rows(self, server: Server, step: Served) -> tuple[tuple[str, str, bool], ...] | None:
        """Return the rows that a read is due: key, value, and whether that is committed."""
        made = self.views.full(server) if step.view == "full" else self.views.committed(server)
        if not made.is_told:
            return None
        collection, prefix = step.row
        return tuple(
            (key, written(made.values[name, key]), made.committed[name, key])
            for name, key in sorted(made.values)
            if name == collection and key.startswith(prefix) and (step.after is None or key > step.after)
        )

    def _outcome(self, server: Server, id: WriteId) -> tuple[WriteId, str, int | None, bool] | None:
        """Return how a write is due to stand."""
        if id not in server.known:
            return id, "unknown", None, False
        made = self.views.full(server)
        if not made.is_told:
            return None
        is_conflict = (CONFLICTS, conflict_key(id)) in made.values
        if id in server.tentative:
            return id, "tentative", made.outcomes.get(id), is_conflict
        is_kept = server.committed.index(id) >= server.omitted
        return id, "committed", made.outcomes.get(id) if is_kept else None, is_conflict

    def _settle(self, step: Settled) -> None:
        for group in step.groups:
            # One that has retired, and waits for somebody to hand over to, takes nothing over any more.
            members = [server for server in map(self._server, group) if server.name not in server.retired]
            can_decide = _can_decide(members)
            for member in members:
                lacking = _lacking(members[0], member)
                is_primary = member.group == (member.name,)
                uncommitted = tuple(member.tentative) if is_primary or can_decide else None
                self.rests.append(Rest(step.at, member, members[0], lacking, uncommitted))


def _can_decide(servers: list[Server]) -> bool:
    """Whether these servers hold a majority of a group of several, which the largest committed prefix among
    them names."""
    if not servers:
        return False
    group = max(servers, key=lambda server: len(server.committed)).group
    return len(group) > 1 and 2 * sum(server.name in group for server in servers) > len(group)


def _lacking(first: Server, other: Server) -> str:
    """Return what either of two servers lacks that should be the same, empty where they are."""
    if other.known.keys() == first.known.keys() and other.committed == first.committed:
        return ""
    told = []
    for one, two in ((first, other), (other, first)):
        if missing := sorted(two.known.keys() - one.known.keys()):
            told.append(f"server {one.id} lacks {', '.join(map(show, missing[:SHOWN]))}")
    if not told:
        told.append(
            f"server {first.id} has committed {len(first.committed)} writes, server {other.id} "
            f"{len(other.committed)}"
        )
    return "; ".join(told)
