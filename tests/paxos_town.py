"""Bare roles in a town of their own, in random order, and a judge of each single message and record.

Two or three proposers, one to five acceptors, one or two learners. Messages are lost, doubled, overtaken, and
those of deposed ballots kept back for long; processes crash between any two durable writes and sends, lose
what is not durable, and are made again from what is. Everything comes from one seed.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from bayou.paxos import (
    Accept,
    Accepted,
    AcceptedRecord,
    Acceptor,
    Ballot,
    Chosen,
    Decided,
    Learner,
    Prepare,
    Promise,
    Promised,
    Proposer,
    Used,
)

if TYPE_CHECKING:
    from bayou.paxos import Effects


class Wrong(AssertionError):
    """Something that must not be; its ``rule`` is the number of the judge who says so."""

    def __init__(self, rule: int, why: str) -> None:
        super().__init__(f"rule {rule}: {why}")
        self.rule = rule


class Judge:
    """Looks at records and messages, and at nothing that a role thinks.

    1 one value is chosen; 2 it was proposed; 7 a ballot has one value and is used once; 8 a promise, and an
    acceptance, is durable before it is told, and kept; 9 what is said to be chosen a majority has accepted.
    """

    def __init__(self, acceptors: tuple[int, ...]) -> None:
        self._acceptors = acceptors
        self.wished: set[str] = set()
        self.chosen: set[str] = set()
        self._durable: dict[int, list[Any]] = {}
        self._value_of: dict[Ballot, str] = {}
        self._lives: dict[Ballot, int] = {}
        self._told: dict[int, Ballot] = {}
        self._said: dict[int, Accepted] = {}
        self._voters: dict[tuple[Ballot, str], set[int]] = {}

    def wrote(self, id: int, record: Any) -> None:
        """A process made a record durable."""
        self._durable.setdefault(id, []).append(record)
        if isinstance(record, Decided):
            self._choose(record.value)

    def sent(self, id: int, life: int, message: Any) -> None:
        """A process sent a message, in its ``life``-th life."""
        if isinstance(message, Prepare):
            self._need(7, self._lives.setdefault(message.ballot, life) == life, f"{message.ballot} again")
            self._need(7, Used(message.ballot) in self._durable.get(id, ()), f"{message} before its record")
        elif isinstance(message, Accept):
            self._have_one_value(message)
        elif isinstance(message, Promise):
            self._look_at_promise(id, message)
        elif isinstance(message, Accepted):
            self._have_one_value(message)
            self._look_at_acceptance(id, message)

    def answered(self, answer: Any) -> None:
        """A process said that a value is chosen."""
        if isinstance(answer, Chosen):
            self._choose(answer.value)

    def _look_at_promise(self, id: int, promise: Promise) -> None:
        kept = [
            record.ballot
            for record in self._durable.get(id, ())
            if isinstance(record, (Promised, AcceptedRecord))
        ]
        self._need(8, promise.ballot in kept, f"{id} sent {promise} before it was durable")
        self._keep(id, promise.ballot)
        said = self._said.get(id)
        if said is not None:
            known = promise.accepted
            self._need(8, known is not None and known.ballot >= said.ballot, f"{id} forgot {said}")

    def _look_at_acceptance(self, id: int, accepted: Accepted) -> None:
        record = AcceptedRecord(accepted.ballot, accepted.value)
        self._need(8, record in self._durable.get(id, ()), f"{id} sent {accepted} before it was durable")
        self._keep(id, accepted.ballot)
        self._said[id] = accepted
        self._voters.setdefault((accepted.ballot, accepted.value), set()).add(id)

    def _keep(self, id: int, ballot: Ballot) -> None:
        promised = self._told.setdefault(id, ballot)
        self._need(8, ballot >= promised, f"{id} took {ballot} after it had promised {promised}")
        self._told[id] = ballot

    def _have_one_value(self, message: Accept | Accepted) -> None:
        value = self._value_of.setdefault(message.ballot, message.value)
        self._need(7, value == message.value, f"{message}, and {value} in the same ballot")

    def _choose(self, value: str) -> None:
        self.chosen.add(value)
        voters = [who for (_, voted), who in self._voters.items() if voted == value]
        enough = any(2 * len(who) > len(self._acceptors) for who in voters)
        self._need(9, enough, f"{value} is said to be chosen, by {voters}")
        self._need(1, len(self.chosen) == 1, f"{self.chosen} are all chosen")
        self._need(2, value in self.wished, f"nobody proposed {value}")

    def _need(self, rule: int, condition: object, why: str) -> None:
        if not condition:
            raise Wrong(rule, why)


class Town:
    """One run: ``play`` goes through the bad times and the good ones."""

    def __init__(self, seed: int) -> None:
        rng = self._rng = Random(f"town {seed}")
        count = rng.choice([1, 2, 3, 3, 3, 4, 5])
        self.proposers = tuple(range(rng.choice([2, 2, 3])))
        self.acceptors = tuple(range(10, 10 + count))
        self.learners = tuple(range(20, 20 + rng.choice([1, 2])))
        self.judge = Judge(self.acceptors)
        self._disks: dict[int, list[Any]] = {}
        self._lives: dict[int, int] = {}
        self._roles: dict[int, Any] = {}
        self._bag: list[tuple[int, int, Any]] = []
        self._highest = Ballot.NONE
        self._loss, self._double = rng.choice([0, 0.05, 0.3]), rng.choice([0, 0.1, 0.3])
        self._cut, self._hold = rng.choice([0, 0.02, 0.1]), rng.choice([0, 0.5, 0.95])
        self._crash = rng.choice([0, 0.02, 0.05])
        for id in (*self.proposers, *self.acceptors, *self.learners):
            self._disks[id] = []
            self._start(id)

    def play(self, steps: int = 250) -> None:
        """Bad times for so many steps, then good ones in which everybody has to learn the value."""
        for _ in range(steps):
            self._step()
        self._loss = self._double = self._cut = self._hold = self._crash = 0.0
        for id in self._disks:
            if id not in self._roles:
                self._start(id)
        proposer = self._rng.choice(self.proposers)
        for _ in range(30):
            if all(self._roles[id].value is not None for id in (*self.learners, proposer)):
                return
            self._carry_out(proposer, self._wish(proposer))
            self._carry_out(proposer, self._roles[proposer].resend(everyone=True))
            while self._bag:
                self._deliver(self._rng.randrange(len(self._bag)))
            if any(self._roles[id].value is None for id in self.learners):
                self._carry_out(proposer, self._roles[proposer].prepare())
        raise AssertionError("good times, and not everybody knows the value")

    def _start(self, id: int) -> None:
        self._lives[id] = self._lives.get(id, 0) + 1
        records = self._disks[id]
        if id in self.proposers:
            self._roles[id] = Proposer(id, self.acceptors, records)
        elif id in self.acceptors:
            self._roles[id] = Acceptor(id, self.learners, records)
        else:
            self._roles[id] = Learner(id, self.acceptors, records)

    def _step(self) -> None:
        rng = self._rng
        draw = rng.random()
        if draw < self._crash:
            self._roles.pop(rng.choice(sorted(self._disks)), None)
        elif draw < 0.12:
            id = rng.choice(sorted(self._disks))
            if id not in self._roles:
                self._start(id)
        elif self._bag and draw < 0.85:
            self._deliver(self._choose())
        else:
            id = rng.choice(self.proposers)
            if id in self._roles:
                self._carry_out(id, self._urge(id))

    def _urge(self, id: int) -> Effects:
        """Let a proposer do what whoever drives it may do at any time."""
        role: Proposer = self._roles[id]
        draw = self._rng.random()
        if draw < 0.3:
            return self._wish(id)
        if draw < 0.5:
            return role.prepare()
        return role.resend(everyone=draw > 0.8)

    def _wish(self, id: int) -> Effects:
        value = f"{id} in life {self._lives[id]}"
        self.judge.wished.add(value)
        effects: Effects = self._roles[id].propose(value)
        return effects

    def _choose(self) -> int:
        """Return which message comes next; those of ballots that are no longer the highest wait for long."""
        at = self._rng.randrange(len(self._bag))
        if self._rng.random() < self._hold:
            for _ in range(8):
                if getattr(self._bag[at][2], "ballot", self._highest) == self._highest:
                    break
                at = self._rng.randrange(len(self._bag))
        return at

    def _deliver(self, at: int) -> None:
        sender, to, message = self._bag.pop(at)
        if self._rng.random() < self._loss:
            return
        if self._rng.random() < self._double:
            self._bag.append((sender, to, message))
        if to in self._roles:
            self._carry_out(to, self._roles[to].receive(sender, message))

    def _carry_out(self, id: int, effects: Effects) -> None:
        """Make durable, send, answer; the process may crash before any of these."""
        for record in effects.durable:
            if self._falls(id):
                return
            self._disks[id].append(record)
            self.judge.wrote(id, record)
        for to, message in effects.sends:
            if self._falls(id):
                return
            self.judge.sent(id, self._lives[id], message)
            self._bag.append((id, to, message))
            self._highest = max(self._highest, getattr(message, "ballot", self._highest))
        for answer in effects.answers:
            self.judge.answered(answer)

    def _falls(self, id: int) -> bool:
        if self._rng.random() < self._cut:
            del self._roles[id]
            return True
        return False
