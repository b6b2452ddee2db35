"""A small, obvious model of the commit group: one server, and the rules that it keeps.

The model came before what it models, and is kept as its twin. It has no messages and no files: names are
tuples of stamps, vectors are dictionaries, a log is a list, and what is durable is a list of records, from
which a server that was down is made again. Exchanges, and what must hold of all servers together, are in
tests/group_world.py, histories made up from seeds in tests/group_driver.py.

Each rule that can be left out is a field of ``Rules`` (tests/group_rules.py); tests/group_bugs.py says what
then happens.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any

from tests.group_rules import (
    ENTERED,
    PUT,
    RETIRE,
    ROOT,
    Ballot,
    Broken,
    Name,
    Rules,
    Vector,
    Vote,
    Write,
    completed,
    counts,
    covers,
    learn,
    merged,
)

TURNS_MAX = 200


class Server:
    """One server: its log, its vector, group and epoch, the votes that it holds, what is durable of it."""

    def __init__(self, name: Name, rules: Rules, target: tuple[Vector, int]) -> None:
        self.name = name
        self.rules = rules
        self.target = target
        self.journal: list[tuple[str, Any]] = []
        self.kept = 0
        self.is_up = True
        self.is_lost = False
        self.is_gone = False
        self.island = 0
        self._begin()

    def _begin(self) -> None:
        self.vector: Vector = {self.name[at:]: 0 for at in range(len(self.name), -1, -1)}
        self.log: list[Write] = []
        self.tentative: list[Write] = []
        self.has: set[Write] = set()
        self.clock = self.name[0] if self.name else 0
        self.epoch = self.boundary = self.omitted = 0
        self.group: tuple[Name, ...] = (ROOT,)
        self.votes: dict[Name, Vote] = {} if self.name else {ROOT: ENTERED}
        self.consented = -1
        self.was_member = not self.name
        # What a crash takes away.
        self.expecting: dict[Name, list[int]] = {}
        self.answered: dict[Name, int] = {}
        self.wishes_to_go = False
        self.left_in = -1
        self.change: tuple[int, tuple[Name, ...], dict[Name, None]] | None = None
        self.sound: dict[Name, Vote] = {}
        """Votes that have been looked at, and whose decrees are held here: that stays so."""
        self._is_joined = False

    @property
    def is_retired(self) -> bool:
        return self.name not in self.vector

    @property
    def is_joined(self) -> bool:
        """Whether it has all that its creator had."""
        if not self._is_joined:
            vector, csn = self.target
            self._is_joined = len(self.log) >= csn and covers(self.vector, vector)
        return self._is_joined

    @property
    def is_active(self) -> bool:
        """Whether it takes writes."""
        return self.is_up and self.is_joined and not self.is_retired

    @property
    def quorum(self) -> int:
        size = len(self.group)
        if self.rules.quorum == "majority":
            return size // 2 + 1
        return (size + 1) // 2 if self.rules.quorum == "half" else max(1, (size - 1) // 2)

    # The log.

    def accept(self, kind: int = PUT, since: int = 0, names: tuple[Name, ...] = ()) -> Write:
        """Accept a write from a client, or one of its own."""
        write = Write(self.clock + 1, self.name, kind, since, names)
        self.add(write)
        return write

    def add(self, write: Write) -> None:
        """Take a tentative write that is not known yet."""
        self._learn(write)
        insort(self.tentative, write)
        self.journal.append(("write", write))

    def _learn(self, write: Write) -> None:
        learn(self.vector, write)
        self.has.add(write)
        if write.stamp > self.clock:
            self.clock = write.stamp

    def knows(self, write: Write) -> bool:
        return completed(self.vector, write.server) >= write.stamp

    def take(self, csn: int, write: Write, is_notice: bool) -> None:
        """Take an item of an exchange: of CSN 0 where it is tentative."""
        known = self.knows(write)
        if known is not (write in self.has):
            raise Broken(f"{self.name} passes over {write}, which it never had")
        if not csn:
            if not known:
                self.add(write)
        elif csn > len(self.log) + 1:
            raise Broken(f"{self.name} has a gap below CSN {csn}")
        elif csn == len(self.log) + 1:
            if is_notice and not known:
                raise Broken(f"{self.name} gets a notice of {write}, which it lacks")
            self._commit(write)

    def _commit(self, write: Write) -> None:
        if self.knows(write):
            at = bisect_left(self.tentative, write)
            if at == len(self.tentative) or self.tentative[at] != write:
                raise Broken(f"{self.name} commits {write} twice")
            del self.tentative[at]
        else:
            self._learn(write)
        self.log.append(write)
        csn = len(self.log)
        self.journal.append(("commit", (csn, write)))
        if write.kind >= RETIRE and counts(write, self.epoch, self.group, self.rules):
            self.boundary = csn
            self._enter(csn, write.names)
        elif len(self.group) == 1 or not self.rules.boundary:
            self.boundary = csn

    def _enter(self, epoch: int, names: tuple[Name, ...]) -> None:
        """Begin an epoch: all votes are forgotten, and a member's begins anew."""
        self.epoch = epoch
        self.group = tuple(sorted(names))
        self.votes = {}
        if self.name in self.group:
            self.votes[self.name] = ENTERED
            self.was_member = True

    def install(self, prefix: list[Write]) -> None:
        """Take over the committed database, which is here told by the writes that made it."""
        if len(prefix) <= len(self.log):
            return
        vector: Vector = {ROOT: 0}
        epoch = 0
        group: tuple[Name, ...] = (ROOT,)
        for csn, write in enumerate(prefix, start=1):
            learn(vector, write)
            if write.kind >= RETIRE and counts(write, epoch, group, self.rules):
                epoch, group = csn, tuple(sorted(write.names))
        self.log = list(prefix)
        self.has.update(prefix)
        self.tentative = [each for each in self.tentative if completed(vector, each.server) < each.stamp]
        self.vector = merged(self.vector, vector)
        self.clock = max(self.clock, *(write.stamp for write in prefix))
        self.omitted = self.boundary = len(prefix)
        self.journal.append(("base", tuple(prefix)))
        if epoch != self.epoch:
            self._enter(epoch, group)

    def truncate(self, csn: int) -> None:
        """Let go of committed writes: up to a boundary, never beyond."""
        if self.omitted < csn <= self.boundary:
            self.omitted = csn
            self.journal.append(("omit", csn))

    def consent(self, epoch: int) -> bool:
        """Whether it consents to be named in a change since that epoch."""
        if self.wishes_to_go or not self.is_active or self.epoch > epoch:
            return False
        if epoch > self.consented:
            self.consented = epoch
            self.journal.append(("consent", epoch))
        return True

    # Votes.

    def hear(self, epoch: int, boundary: int, votes: dict[Name, Vote]) -> None:
        """Take the end of an exchange."""
        if epoch > self.epoch and self.rules.votes_last:
            raise Broken(f"{self.name} hears of the epoch {epoch}, and is in {self.epoch}")
        if boundary > self.boundary:
            self.boundary = boundary
            self.journal.append(("boundary", boundary))
        if epoch == self.epoch:
            self.hear_votes(votes)

    def hear_votes(self, votes: dict[Name, Vote]) -> None:
        """Keep of each member the latest vote."""
        for member, vote in votes.items():
            own = self.votes.get(member)
            if own is None or vote[:3] > own[:3]:
                if member == self.name:
                    if self.rules.accepted_durable and self.rules.promise_durable:
                        raise Broken(f"{member} has forgotten its vote {vote}")
                    continue
                if member not in self.group:
                    raise Broken(f"{member}, which is no member of {self.group}, votes")
                self.votes[member] = vote
            elif vote[:3] == own[:3] and vote.upto != own.upto:
                raise Broken(f"{member} votes for two decrees: {own}, {vote}")

    def vote(self, vote: Vote) -> bool:
        self.votes[self.name] = vote
        self.journal.append(("vote", (self.epoch, vote)))
        return True

    def settle(self, *, proposes: bool = True) -> None:
        """Do what a server does after each input, as long as there is anything to do."""
        for _ in range(TURNS_MAX):
            if self._mark() or self._commit_decided():
                continue
            if self.name not in self.votes or self.is_retired:
                return
            if not (self._promise() or (proposes and self.propose()) or self._accept_decree()):
                return
        raise Broken(f"{self.name} never comes to rest")

    def _mark(self) -> bool:
        if not self.tentative or self.group != (self.name,):
            return False
        self._commit(self.tentative[0])
        return True

    def _usable(self, upto: Vector | None) -> bool:
        rules = self.rules
        return rules.votes_last or not rules.holds or upto is None or covers(self.vector, upto)

    def _commit_decided(self) -> bool:
        tally: dict[Ballot, list[Vote]] = {}
        for vote in self.votes.values():
            if vote.base == self.boundary:
                tally.setdefault(vote.accepted, []).append(vote)
        for votes in tally.values():
            upto = votes[0].upto
            if len(votes) >= self.quorum and upto is not None and self._usable(upto):
                return self._carry_out(upto if self.rules.says_what else dict(self.vector))
        return False

    def _carry_out(self, upto: Vector) -> bool:
        """Commit what the decree at the boundary says, and is not committed yet."""
        base, epoch, log = self.boundary, self.epoch, self.log
        end = base
        while end < len(log) and completed(upto, log[end].server) >= log[end].stamp:
            end += 1
        if end == len(log):
            for write in [each for each in self.tentative if completed(upto, each.server) >= each.stamp]:
                self._commit(write)
                end += 1
                if self.epoch != epoch and self.rules.ends:
                    break
        if end == base:
            if self.rules.votes_last:
                raise Broken(f"{self.name} has a decree at {base} that commits nothing")
            return False
        self.boundary = max(self.boundary, end)
        self.journal.append(("decree", (epoch, base, end)))
        return True

    def _promise(self) -> bool:
        own = self.votes[self.name]
        highest = max(vote.ballot for vote in self.votes.values())
        if highest <= own.ballot:
            return False
        return self.vote(own._replace(ballot=highest) if self.rules.promise_keeps else Vote(highest))

    def lead(self) -> bool:
        """Begin a ballot of its own."""
        own = self.votes.get(self.name)
        if own is None or len(self.group) == 1 or self.is_retired:
            return False
        number = max(vote.ballot[0] for vote in self.votes.values())
        return self.vote(own._replace(ballot=(number + 1, self.name)))

    def propose(self) -> bool:
        """Propose a decree at the boundary, where it leads."""
        own = self.votes.get(self.name)
        if own is None or own.ballot[1] != self.name or not own.ballot[0] or len(self.group) == 1:
            return False
        base, ballot = self.boundary, own.ballot
        again = own.accepted == ballot and own.base == base
        if again and (self.rules.one_decree or own.upto is None or covers(own.upto, self.vector)):
            return False
        same = [vote for vote in self.votes.values() if vote.ballot == ballot]
        if len(same) < self.quorum:
            return False
        found = [vote for vote in same if vote.base == base and self._usable(vote.upto)]
        if found and self.rules.adopts and not again:
            upto = sorted(found, key=lambda vote: vote.accepted)[-1 if self.rules.highest else 0].upto
        elif self.tentative:
            upto = dict(self.vector)
        else:
            return False
        return self.vote(Vote(ballot, ballot, base, upto))

    def _accept_decree(self) -> bool:
        own = self.votes[self.name]
        leads = self.votes.get(own.ballot[1])
        if leads is None or leads.accepted != own.ballot or leads.base != self.boundary:
            return False
        if (own.accepted, own.base) == (leads.accepted, leads.base) or not self._usable(leads.upto):
            return False
        upto = leads.upto if self.rules.says_what else dict(self.vector)
        return self.vote(Vote(own.ballot, own.ballot, leads.base, upto))

    # Crashes.

    def restart(self) -> None:
        """Make the server again, from what is durable."""
        records, self.journal = self.journal, []
        self._begin()
        for kind, what in records:
            self._redo(kind, what)
        self.kept = len(self.journal)

    def _redo(self, kind: str, what: Any) -> None:
        if kind == "write":
            self.add(what)
        elif kind == "commit":
            self._commit(what[1])
        elif kind == "base":
            self.install(list(what))
        elif kind == "vote":
            self._redo_vote(what[1])
        else:
            self.journal.append((kind, what))
            if kind == "consent":
                self.consented = what
            elif kind == "omit":
                self.omitted = what
            else:
                self.boundary = max(self.boundary, what if kind == "boundary" else what[2])

    def _redo_vote(self, vote: Vote) -> None:
        own = self.votes[self.name]
        if not self.rules.accepted_durable and vote[1:] != own[1:]:
            vote = own._replace(ballot=max(vote.ballot, own.ballot))
        if not self.rules.promise_durable and vote[1:] == own[1:]:
            vote = own
        self.vote(vote)
