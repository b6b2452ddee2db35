"""The promises of the store, checked on a history (docs/checkers.md says what each promises and can't see).

One walk over the history keeps, for each server, the writes that it knows and their order, as plain sets
and lists, and hands each step to the rules below.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bayou.check.history import History, Logged, Served, Settled, Write, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from bayou.check.history import Name, WriteId

RULES = {
    "RYW": "Read Your Writes: a read sees the session's earlier writes",
    "MR": "Monotonic Reads: a read sees all that the session's earlier reads saw",
    "WFR": "Writes Follow Reads: a write is accepted where all that its session read is known",
    "MW": "Monotonic Writes: a write is accepted where its session's earlier writes are known",
    "committed prefix": "committed prefixes agree, and never change",
    "CSN": "no CSN is missing or given twice",
    "causal order": "whoever has a write has all that its server had before it, and so does the commit order",
    "writes": "no write is lost, invented, or processed twice",
    "requests": "no request is carried out twice",
    "reads": "a read returns the last write of its song in that server's log",
    "refusals": "a request is refused only where its guarantees ask for it, or its server has retired",
    "retired": "the retired stay retired",
    "one primary": "only the primary commits, and there is one",
    "level": "when nothing more can move, connected servers are equal, and with the primary all is committed",
}

VALID, INVALID, UNKNOWN = "valid", "invalid", "unknown"


@dataclass
class Verdict:
    """What came of one rule: how often it was looked at, and what breaks it (event number, text)."""

    looked: int = 0
    broken: list[tuple[int, str]] = field(default_factory=list)

    @property
    def word(self) -> str:
        """``valid``, ``invalid``, or ``unknown`` where nothing was there to be judged."""
        return INVALID if self.broken else VALID if self.looked else UNKNOWN


@dataclass
class Server:
    """What one server knows, as far as the history has got."""

    name: Name = ()
    known: dict[WriteId, Write] = field(default_factory=dict)
    committed: list[WriteId] = field(default_factory=list)
    tentative: dict[WriteId, None] = field(default_factory=dict)
    retired: dict[Name, WriteId] = field(default_factory=dict)
    primary: Name = ()
    since_own: list[WriteId] = field(default_factory=list)
    latest: int = 0

    def read(self, song: str) -> str | None:
        """Return the URL of a song in the full view, by looking at every write."""
        own = [id for id in self.tentative if self.known[id].is_data and self.known[id].song == song]
        if own:
            return self.known[max(own)].url
        for id in reversed(self.committed):
            write = self.known[id]
            if write.is_data and write.song == song:
                return write.url
        return None


@dataclass(frozen=True)
class Done:
    """A request that a server carried out: what the server knew, and the write that it became."""

    served: Served
    knew: frozenset[WriteId]
    write: WriteId | None


class Judge:
    """Walks over a history once. ``verdicts`` has one for each rule."""

    def __init__(self, history: History) -> None:
        self.verdicts = {rule: Verdict() for rule in RULES}
        self._history = history
        self._servers: dict[int, Server] = {}
        self._csns: dict[int, WriteId] = {}
        self._csn_of: dict[WriteId, int] = {}
        self._writes: dict[WriteId, Write] = {}
        self._accepted: dict[WriteId, list[WriteId]] = {}
        self._learned: list[tuple[int, int, WriteId, int]] = []
        self._order: dict[tuple[int, Name], dict[WriteId, int]] = {}
        self._done: dict[tuple[int, int], list[Done]] = {}
        self._refused: dict[tuple[int, int], tuple[Served, frozenset[WriteId], bool]] = {}

    def judge(self) -> dict[str, Verdict]:
        """Return the verdict of each rule."""
        names = iter([*self._history.names, None])
        upcoming = next(names)
        self._check_names()
        for step in self._history.steps:
            while upcoming is not None and upcoming[0] < step.at:
                self._servers[upcoming[1]] = Server(upcoming[2])
                upcoming = next(names)
            if isinstance(step, Logged):
                self._log(step)
            elif isinstance(step, Served):
                self._serve(step)
            else:
                self._settle(step)
        self._check_causes()
        self._check_losses()
        self._check_sessions()
        self._check_refusals()
        return self.verdicts

    # Looking, and what breaks a rule.

    def _fails(self, rule: str, holds: bool) -> bool:
        """Count a look at a rule; return whether it is broken there."""
        self.verdicts[rule].looked += 1
        return not holds

    def _blame(self, rule: str, at: int, why: str) -> None:
        self.verdicts[rule].broken.append((at, why))

    def _server(self, id: int) -> Server:
        return self._servers.setdefault(id, Server())

    # Names.

    def _check_names(self) -> None:
        taken: dict[Name, int] = {}
        for at, server, name in self._history.names:
            other = taken.setdefault(name, server)
            if self._fails("retired", other == server):
                why = f"servers {other} and {server} both are <{','.join(map(str, name))}>"
                self._blame("retired", at, why)

    # What servers do to their logs.

    def _log(self, step: Logged) -> None:
        server = self._server(step.server)
        where = f"server {step.server}"
        if self._fails("CSN", step.csn <= len(server.committed) or not step.committed):
            why = f"{where} commits CSN {step.csn + 1} after CSN {len(server.committed)}"
            self._blame("CSN", step.at, why)
        for csn, write in enumerate(step.committed, start=step.csn + 1):
            self._commit(step, server, csn, write)
        for write in step.tentative:
            if self._learn(step, server, write):
                server.tentative[write.id] = None

    def _commit(self, step: Logged, server: Server, csn: int, write: Write) -> None:
        where = f"server {step.server}"
        if csn <= len(server.committed):
            already = server.committed[csn - 1]
            if self._fails("committed prefix", already == write.id):
                why = f"{where} had {show(already)} at CSN {csn}, and then {show(write.id)}"
                self._blame("committed prefix", step.at, why)
            return
        if write.id in server.known:
            if self._fails("writes", write.id in server.tentative):
                self._blame("writes", step.at, f"{where} commits {show(write.id)} for the second time")
                return
            del server.tentative[write.id]
        elif write.kind == "notice":
            if self._fails("causal order", False):
                why = f"{where} was told that {show(write.id)} is committed, and does not have it"
                self._blame("causal order", step.at, why)
            return
        elif not self._learn(step, server, write):
            return
        elsewhere = self._csns.get(csn)
        if elsewhere is None:
            self._check_primary(step, server, csn, write)
            self._csns[csn] = write.id
        else:
            if self._fails("committed prefix", elsewhere == write.id):
                why = f"{where} has {show(write.id)} at CSN {csn}, others {show(elsewhere)}"
                self._blame("committed prefix", step.at, why)
        given = self._csn_of.setdefault(write.id, csn)
        if self._fails("CSN", given == csn):
            self._blame("CSN", step.at, f"{show(write.id)} was given CSN {given} and CSN {csn}")
        server.committed.append(write.id)
        known = server.known[write.id]
        if known.heir is not None and known.server == server.primary:
            server.primary = known.heir

    def _check_primary(self, step: Logged, server: Server, csn: int, write: Write) -> None:
        own, primary = (",".join(map(str, name)) for name in (server.name, server.primary))
        if self._fails("one primary", server.name == server.primary):
            who = f"server {step.server} is <{own}>, the primary <{primary}>"
            why = f"{who}, and it gave CSN {csn} to {show(write.id)}"
            self._blame("one primary", step.at, why)

    def _learn(self, step: Logged, server: Server, write: Write) -> bool:
        """A server has a write that it did not have; return whether that is so."""
        where = f"server {step.server}"
        if self._fails("writes", write.id not in server.known):
            self._blame("writes", step.at, f"{where} processes {write} twice")
            return False
        same = self._writes.setdefault(write.id, write)
        if self._fails("writes", same == write):
            self._blame("writes", step.at, f"{where} has {write}, others {same}")
        gone = server.retired.get(write.server)
        if self._fails("retired", gone is None):
            why = f"{where} has seen {show(gone or write.id)} retire, and then processes {write}"
            self._blame("retired", step.at, why)
        if write.server == server.name:
            self._accept(step, server, write)
        else:
            server.since_own.append(write.id)
        order = self._order.setdefault((step.server, server.name), {})
        order[write.id] = len(order)
        server.known[write.id] = write
        server.latest = max(server.latest, write.id[0])
        self._learned.append((step.at, step.server, write.id, order[write.id]))
        if write.kind == "retirement":
            server.retired[write.server] = write.id
        return True

    def _accept(self, step: Logged, server: Server, write: Write) -> None:
        if self._fails("causal order", write.id[0] > server.latest):
            self._blame(
                "causal order", step.at, f"server {step.server} accepts {write} below what it has seen"
            )
        self._accepted[write.id] = server.since_own
        server.since_own = [write.id]

    # What servers answer.

    def _serve(self, step: Served) -> None:
        server = self._server(step.server)
        if step.verdict != "ok":
            refusal = step, frozenset(server.known), server.name in server.retired
            self._refused.setdefault((step.session, step.number), refusal)  # given again, it is the same
            return
        write = None if step.stamp is None else (step.stamp, server.name)
        knew = frozenset(server.known)
        self._done.setdefault((step.session, step.number), []).append(Done(step, knew, write))
        if step.kind == "get":
            last = server.read(step.song)
            again = len(self._done[step.session, step.number]) > 1  # then it is the answer of the first time
            if self._fails("reads", again or last == step.read):
                why = f"server {step.server} read {step.song}: {step.read}, and its log says {last}"
                self._blame("reads", step.at, why)
        elif write is not None:
            writes = [done.write for done in self._done[step.session, step.number]]
            others = sorted(other for other in dict.fromkeys(writes) if other is not None)
            told = ", ".join(map(show, others))
            if self._fails("requests", len(others) == 1):
                why = f"request {step.number} of session {step.session} was carried out as {told}"
                self._blame("requests", step.at, why)
            known = server.known.get(write)
            fits = known is not None and known.kind == step.kind and known.song == step.song
            if self._fails("writes", fits):
                why = f"server {step.server} answered for {show(write)}, which is not in its log"
                self._blame("writes", step.at, why)

    def _settle(self, step: Settled) -> None:
        for group in step.groups:
            members = [self._server(server) for server in group]
            for server, member in zip(group, members, strict=True):
                first = members[0]
                same = member.known.keys() == first.known.keys() and member.committed == first.committed
                if self._fails("level", same):
                    why = f"servers {group[0]} and {server} are connected, at rest, and differ"
                    self._blame("level", step.at, why)
            for server, member in zip(group, members, strict=True):
                if member.name == member.primary:
                    left = ", ".join(map(show, list(member.tentative)[:3]))
                    if self._fails("level", not member.tentative):
                        why = f"server {server} is the primary, at rest, and has not committed {left}"
                        self._blame("level", step.at, why)

    # In the end.

    def _check_causes(self) -> None:
        """What a server knew when it accepted a write comes before it in every log, and in commit order.

        Only what it learned since its own write before is looked at: that one has its own causes.
        """
        servers = {(at, server): self._servers[server].name for at, server, _, _ in self._learned}
        for at, server, id, position in self._learned:
            causes = self._accepted.get(id)
            if self._fails("writes", causes is not None):
                self._blame("writes", at, f"nobody has accepted {show(id)}")
                continue
            order = self._order.get((server, servers[at, server]), {})
            for cause in causes or ():
                before = order.get(cause, position) < position
                if self._fails("causal order", before):
                    why = f"server {server} has {show(id)} without its cause {show(cause)} before it"
                    self._blame("causal order", at, why)
        for csn, id in sorted(self._csns.items()):
            for cause in self._accepted.get(id) or ():
                if self._fails("causal order", self._csn_of.get(cause, csn) < csn):
                    why = f"{show(id)} is committed before {show(cause)}, which it depends on"
                    self._blame("causal order", 0, why)

    def _check_losses(self) -> None:
        """What was accepted is known to somebody who is still there, unless its server crashed for good."""
        gone = {*self._history.left, *self._history.crashed}
        here = [server for id, server in self._servers.items() if id not in gone]
        if not here:
            return
        crashed = {self._server(id).name for id in self._history.crashed}
        for id in self._accepted:
            known = id[1] in crashed or any(id in server.known for server in here)
            if self._fails("writes", known):
                self._blame("writes", 0, f"{show(id)} was accepted, and nobody has it any more")

    def _check_sessions(self) -> None:
        by_session: dict[int, list[int]] = {}
        for session, number in self._done:
            by_session.setdefault(session, []).append(number)
        for session, numbers in sorted(by_session.items()):
            self._check_session(session, sorted(numbers))

    def _check_refusals(self) -> None:
        """A refused request asked for something that its session had read or written, which was lacking."""
        for served, knew, has_retired in self._refused.values():
            is_read = served.kind == "get"
            asked: set[WriteId] = set()
            for (session, number), done in self._done.items():
                if session != served.session or number >= served.number:
                    continue
                if self._history.answered.get((session, number)) != "ok":
                    continue
                wrote = done[0].write is not None
                rule = ("RYW" if wrote else "MR") if is_read else ("MW" if wrote else "WFR")
                if rule in self._history.guarantees:
                    for each in done:
                        asked |= {each.write} if each.write is not None else each.knew
            if self._fails("refusals", has_retired or not asked <= knew):
                why = f"request {served.number} of session {served.session} was refused without need"
                self._blame("refusals", served.at, why)

    def _check_session(self, session: int, numbers: list[int]) -> None:
        writes: list[tuple[int, WriteId]] = []
        reads: list[tuple[int, frozenset[WriteId]]] = []
        for number in numbers:
            done = self._done[session, number]
            for each in done:
                self._check_request(each, writes, reads)
            if self._history.answered.get((session, number)) == "ok":
                if done[0].write is not None:
                    writes.append((number, done[0].write))
                else:
                    reads.append((number, frozenset.intersection(*(each.knew for each in done))))

    def _check_request(
        self,
        done: Done,
        writes: Iterable[tuple[int, WriteId]],
        reads: Iterable[tuple[int, frozenset[WriteId]]],
    ) -> None:
        served = done.served
        is_read = served.kind == "get"
        what = f"request {served.number} of session {served.session} ({served.kind} {served.song})"
        rule = "RYW" if is_read else "MW"
        for number, write in writes if rule in self._history.guarantees else ():
            if self._fails(rule, write in done.knew):
                self._blame(rule, served.at, f"{what} was served without {show(write)}, its request {number}")
        rule = "MR" if is_read else "WFR"
        for number, seen in reads if rule in self._history.guarantees else ():
            if self._fails(rule, seen <= done.knew):
                missing = show(min(seen - done.knew))
                self._blame(rule, served.at, f"{what} was served without {missing}, read by request {number}")


def judge(history: History) -> dict[str, Verdict]:
    """Return the verdict of each rule on a history."""
    return Judge(history).judge()


def overall(verdicts: dict[str, Verdict]) -> str:
    """Return ``invalid`` where one rule is, else ``unknown`` where nothing was looked at, else ``valid``."""
    words = {verdict.word for verdict in verdicts.values()}
    return INVALID if INVALID in words else VALID if VALID in words else UNKNOWN
