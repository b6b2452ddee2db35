"""Every order of events in a group of three, as far as there are finitely many: breadth first, all states.

Three members, level, the second of which leads, as all know; each of the first two has since accepted a write
of its own. The first may begin a ballot, once. From each state goes a step for

- that ballot, and a proposal of a member that leads and can make one;
- each exchange between two of them, whole or broken off after any item: it is composed and taken in one step;
- each member, where the walk is one with ``crashes``: it crashes, and is made again from what is durable.

What an exchange makes of its receiver depends on the two that take part. So a state is three numbers of
states of one member, and each exchange between two such states is carried out once. In each state the
committed logs go together: of two of them one goes on from the other; and each member holds what the votes
that it holds name.

    python -m tests.group_walk [BUG]
"""

from __future__ import annotations

import sys
import time
from typing import NamedTuple

from tests.group_bugs import BUGS
from tests.group_model import Server
from tests.group_rules import ROOT, Broken, Name, Rules, Vector, Vote, Write, covers, learn
from tests.group_runs import Stage
from tests.group_world import composed, take

MEMBERS = 3
WRITING = (0, 1)
LED = 1
OTHERS = (0, 2)
LEADS = 0
"""Its write goes before that of the first leader, so that it matters which is decided first."""

Frozen = tuple[Name, Vote, tuple[tuple[Name, int], ...] | None]


class Local(NamedTuple):
    """What a member has beyond the beginning; what it may still do."""

    log: tuple[Write, ...] = ()
    tentative: tuple[Write, ...] = ()
    boundary: int = 0
    votes: tuple[Frozen, ...] = ()
    may_lead: bool = False


State = tuple[int, ...]


class Found(NamedTuple):
    """How many states there are, steps between them, states of one member, states where all is committed."""

    states: int
    steps: int
    locals: int
    done: int


class Walk:
    """The states, and how to get from one to another."""

    def __init__(self, rules: Rules, *, crashes: bool = True) -> None:
        self.crashes = crashes
        stage = Stage(rules, MEMBERS, MEMBERS)
        stage.lead(LED)
        stage.gather(LED, *OTHERS)
        stage.tell(LED, *OTHERS)
        for who in WRITING:
            stage.put(who)
        self.rules = rules
        self.first = stage.world.servers
        self.vector: Vector = {ROOT: 0}
        for write in self.first[0].log:
            learn(self.vector, write)
        self.locals: list[Local] = []
        self.numbers: dict[tuple[int, Local], int] = {}
        self.whose: list[int] = []
        self.exchanged: dict[tuple[int, int], tuple[int, ...]] = {}
        self.alone: dict[int, tuple[int, ...]] = {}

    def number(self, who: int, local: Local) -> int:
        """Return the number of a state of a member."""
        found = self.numbers.get((who, local))
        if found is None:
            found = self.numbers[who, local] = len(self.locals)
            self.locals.append(local)
            self.whose.append(who)
        return found

    def thawed(self, number: int) -> Server:
        """Return a member in that state."""
        first, local = self.first[self.whose[number]], self.locals[number]
        made = Server(first.name, self.rules, first.target)
        made.vector, made.log, made.has = dict(self.vector), [*first.log, *local.log], set(first.log)
        made.epoch, made.group, made.clock = first.epoch, first.group, first.clock
        made.tentative, made.boundary = list(local.tentative), local.boundary
        for write in (*local.log, *local.tentative):
            learn(made.vector, write)
            made.has.add(write)
            made.clock = max(made.clock, write.stamp)
        made.votes = {
            name: vote._replace(upto=None if upto is None else dict(upto)) for name, vote, upto in local.votes
        }
        return made

    def frozen(self, server: Server, number: int, *, led: bool = False) -> int:
        """Return the number of the state in which a member is that was in the state ``number``."""
        who = self.whose[number]
        votes = tuple(
            (name, vote._replace(upto=None), None if vote.upto is None else tuple(sorted(vote.upto.items())))
            for name, vote in sorted(server.votes.items())
        )
        if self.rules.votes_last:
            for vote in server.votes.values():
                if vote.upto and not (vote.base <= server.boundary and covers(server.vector, vote.upto)):
                    raise Broken(f"{server.name} lacks what {vote} names")
        log = tuple(server.log[len(self.first[who].log) :])
        may_lead = self.locals[number].may_lead and not led
        return self.number(who, Local(log, tuple(server.tentative), server.boundary, votes, may_lead))

    def begin(self) -> State:
        """Return the first state."""
        numbers = []
        for who, server in enumerate(self.first):
            numbers.append(self.frozen(server, self.number(who, Local(may_lead=who == LEADS))))
        return tuple(numbers)

    def steps_alone(self, number: int) -> tuple[int, ...]:
        """Return the states that a member comes to by itself."""
        found = self.alone.get(number)
        if found is None:
            found = self.alone[number] = tuple(dict.fromkeys(self._steps_alone(number)))
        return found

    def _steps_alone(self, number: int) -> list[int]:
        local = self.locals[number]
        found = []
        server = self.thawed(number)
        if local.may_lead and server.lead():
            server.settle(proposes=False)
            found.append(self.frozen(server, number, led=True))
        server = self.thawed(number)
        if server.propose():
            server.settle(proposes=False)
            found.append(self.frozen(server, number))
        if self.crashes:
            server = self.thawed(number)
            server.votes = {server.name: self._kept(server)}
            found.append(self.frozen(server, number))
        return found

    def _kept(self, server: Server) -> Vote:
        """Return what is durable of a member's vote."""
        own = server.votes[server.name]
        if not self.rules.accepted_durable:
            return Vote(own.ballot)
        if not self.rules.promise_durable:
            return own._replace(ballot=max(own.accepted, (0, ())))
        return own

    def exchanges(self, receiver: int, sender: int) -> tuple[int, ...]:
        """Return the states that an exchange brings its receiver to, whole and broken off after any item."""
        found = self.exchanged.get((receiver, sender))
        if found is None:
            one, other = self.thawed(receiver), self.thawed(sender)
            items = composed(other, one.vector, len(one.log))
            made = []
            for most in range(1, len(items) + 1):
                server = self.thawed(receiver)
                for item in items[:most]:
                    take(server, item)
                server.settle(proposes=False)
                made.append(self.frozen(server, receiver))
            found = self.exchanged[receiver, sender] = tuple(dict.fromkeys(made))
        return found

    def run(self, states_max: int = 10_000_000) -> Found:
        """Walk through all states; raise Broken where something is."""
        begun = self.begin()
        seen = {begun}
        row: list[State] = [begun]
        steps = done = 0
        while row:
            following: list[State] = []
            for state in row:
                self._check(state)
                done += self._is_done(state)
                for other in self._following(state):
                    steps += 1
                    if other not in seen:
                        seen.add(other)
                        following.append(other)
            if len(seen) > states_max:
                break
            row = following
        return Found(len(seen), steps, len(self.locals), done)

    def _following(self, state: State) -> list[State]:
        found = []
        for who in range(MEMBERS):
            head, tail = state[:who], state[who + 1 :]
            mine = state[who]
            own = list(self.steps_alone(mine))
            for sender in (*head, *tail):
                own += self.exchanges(mine, sender)
            for number in own:
                if number != mine:
                    found.append((*head, number, *tail))
        return found

    def _check(self, state: State) -> None:
        logs = sorted((self.locals[number].log for number in state), key=len)
        if logs[0] != logs[2][: len(logs[0])] or logs[1] != logs[2][: len(logs[1])]:
            raise Broken(f"two writes have one CSN: {logs}")

    def _is_done(self, state: State) -> bool:
        return all(
            len(self.locals[number].log) == len(WRITING) and not self.locals[number].tentative
            for number in state
        )


def main(arguments: list[str]) -> int:
    """Walk, with a bug where one is named, and say what was found."""
    began = time.perf_counter()
    try:
        print(Walk(BUGS[arguments[0]].rules if arguments else Rules()).run(3_000_000))
    except Broken as broken:
        print(broken)
        return 1
    print(f"{time.perf_counter() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
