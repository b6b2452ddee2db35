"""The walk of tests/paxos_walk.py with fewer states: what can make no difference any more is left out.

Two states are one here where nothing that can still happen tells them apart. Acceptors are alike; and

- A proposer that has proposed in its ballot, or has given it up, rests: what it heard in that ballot, and
  which one that was, is forgotten. It is not told of Accepted here, and all that is left to it is to prepare
  anew, with a number above all that it has seen.
- A proposer without a ballot left needs no highest number; once it rests there is nothing left of it.
- Nobody hears a Nack in his last ballot. Who gives that up does nothing from then on, and whatever others
  do then they do as well where it goes on waiting and no message of its comes.
- A message to a proposer goes that would change nothing: a second promise, one of another ballot, a Nack with
  no higher number than those seen. Ballots and numbers only grow, so it never will.
- A message to an acceptor goes that changes neither the acceptor nor, by its answer, the proposer, where no
  later answer will: a Nack may come of it later, with a higher number, as long as its proposer has ballots
  left.
- Of what was accepted only that is kept which may still become chosen, by acceptors that have accepted it or
  have promised nothing higher; and whatever was chosen is kept by itself.

That these lose nothing is tried, too: all states of small walks without them, and random ways through larger
ones, are among these (tests/test_paxos_bugs.py).

    python -m tests.paxos_walk_less [BALLOTS OF 0 [BALLOTS OF 1]]

walks with so many ballots each (2 and 2 if nothing is said).
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from bayou.paxos import Acceptor, Ballot, Nack, Promise, Proposer
from tests.paxos_walk import (
    LEARNER,
    MAJORITY,
    NOT_HEARD,
    PLACES,
    Broken,
    Found,
    Model,
    Votes,
    Walk,
    chosen_by,
    copied,
    plain,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.paxos_walk import Column, Heard, State

    LessState = tuple[State, tuple[str, ...]]

NOTHING_HEARD: Heard = (NOT_HEARD, False)
REMEMBERED_MAX = 300_000


class _Proposing(NamedTuple):
    """What is left of a proposer: its number among the cores, whether it rests, and has no ballot left."""

    core: int
    role: Proposer
    rests: bool
    is_spent: bool


class LessWalk(Walk):
    """One walk. A state is one of Walk, and the values that were ever chosen."""

    def __init__(self, model: Model) -> None:
        if model.told or model.forgetful or not model.symmetric:
            raise ValueError("states are told apart here as the plain model needs it")
        super().__init__(model)
        self._proposings: dict[tuple[int, int], _Proposing] = {}
        self._less: dict[LessState, LessState] = {}
        self.seen: set[LessState] = set()

    def run(self) -> Found:
        """Walk through all states; Broken where one is not as it has to be."""
        level = [self.less(self._start(), ())]
        self.seen = set(level)
        steps = 0
        limit = self.model.states_max
        while level and (limit is None or len(self.seen) < limit):
            following = []
            for state in level:
                for after in self._following(state):
                    if after != state:
                        steps += 1
                        if after not in self.seen:
                            self.seen.add(after)
                            following.append(after)
            level = following
        chosen = Counter(value for _, values in self.seen for value in values)
        return Found(len(self.seen), 0, steps, dict(sorted(chosen.items())), not level)

    def _following(self, state: LessState) -> Iterator[LessState]:
        plain_state, chosen = state
        for after in self._after(plain_state):
            if after != plain_state:
                yield self.less(after, chosen)

    def less(self, state: State, chosen: tuple[str, ...]) -> LessState:
        """Return a state without what makes no difference; ``chosen``: what was chosen before."""
        key = state, chosen
        made = self._less.get(key)
        if made is None:
            if len(self._less) >= REMEMBERED_MAX:
                self._less.clear()
            made = self._less[key] = self._make_less(state, chosen)
        return made

    def _make_less(self, state: State, chosen: tuple[str, ...]) -> LessState:
        cores, numbers = state
        columns = [self._columns[number] for number in numbers]
        votes = tuple(column.votes for column in columns)
        chosen = tuple(sorted({*chosen, *chosen_by(votes)}))
        if len(chosen) > 1:
            raise Broken(f"chosen are {chosen}, as {votes} were sent")
        proposings = self._proposing(0, cores[0]), self._proposing(1, cores[1])
        kept = _kept(votes, columns, chosen)
        made = [self._column_less(column, proposings, kept) for column in columns]
        return ((proposings[0].core, proposings[1].core), tuple(sorted(made))), chosen

    def _proposing(self, id: int, number: int) -> _Proposing:
        made = self._proposings.get((id, number))
        if made is None:
            core = self._cores[number]
            role: Proposer = copied(core.role)
            rests = not role.is_live or role._proposed is not None
            is_spent = core.used == self.model.ballots[id]
            if rests:
                role.is_live = role._is_waiting = False
                role._proposed = None
                role.ballot = Ballot.NONE
            if is_spent:
                role._highest = 0
            number_less = self._core(role, (), core.used)
            made = self._proposings[id, number] = _Proposing(number_less, role, rests, is_spent)
        return made

    def _column_less(self, column: Column, proposings: tuple[_Proposing, ...], kept: frozenset[Any]) -> int:
        heard = (
            NOTHING_HEARD if proposings[0].rests else column.heard[0],
            NOTHING_HEARD if proposings[1].rests else column.heard[1],
        )
        messages: set[tuple[str, int, Any]] = set()
        for way, proposer, message in column.messages:
            if way == "from" and proposer == LEARNER:
                matters = (message.ballot, message.value) in kept
            elif way == "from":
                matters = _tells(message, proposings[proposer], heard[proposer])
            else:
                matters = _asks(message, proposer, column.role, proposings[proposer], heard[proposer])
            if matters:
                messages.add((way, proposer, message))
        return self._column(column.role, column.records, frozenset(messages), heard)


def _kept(votes: Votes, columns: list[Column], chosen: tuple[str, ...]) -> frozenset[Any]:
    """Return what was accepted, is not chosen, and may still become so."""
    return frozenset(
        vote
        for vote in frozenset().union(*votes)
        if vote[1] not in chosen
        and sum(vote in votes[at] or columns[at].role.promised <= vote[0] for at in PLACES) >= MAJORITY
    )


def _tells(message: Any, proposing: _Proposing, heard: Heard) -> bool:
    """Whether a message to a proposer can change anything."""
    role = proposing.role
    if isinstance(message, Promise):
        is_older = message.accepted is None or message.accepted.ballot < role.ballot
        return not proposing.rests and message.ballot == role.ballot and heard[0] is NOT_HEARD and is_older
    if isinstance(message, Nack):
        if proposing.is_spent:
            return False
        is_ours = not proposing.rests and message.ballot == role.ballot and message.promised > role.ballot
        return is_ours or message.promised.number > role._highest
    return False  # Accepted: nobody is told here


def _asks(message: Any, proposer: int, acceptor: Acceptor, proposing: _Proposing, heard: Heard) -> bool:
    """Whether a message to an acceptor can change anything, there or by its answers, now or later."""
    if not proposing.is_spent:
        return True  # a Nack may come of it
    role = copied(acceptor)
    effects = role.receive(proposer, message)
    return (
        bool(effects.durable)
        or plain(role) != plain(acceptor)
        or any(to == proposer and _tells(answer, proposing, heard) for to, answer in effects.sends)
    )


def main(arguments: list[str]) -> int:
    """Walk, and say what was found."""
    numbers = [int(argument) for argument in arguments]
    first = numbers[0] if numbers else 2
    second = numbers[1] if len(numbers) > 1 else first
    model = Model((first, second))
    began = time.perf_counter()
    found = LessWalk(model).run()
    print(f"{model}\n{found}\n{time.perf_counter() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
