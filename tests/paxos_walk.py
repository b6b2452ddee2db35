"""Every order of events of single decree, as far as there are finitely many: breadth first, all states.

The model. Two proposers, each with a value of its own and so many ballots, and three acceptors: the very
classes of bayou.paxos. A state is what each of them is and has made durable, and the set of all messages that
were ever sent. From each state goes a step for

- each proposer with a ballot left: it proposes (the first time) or prepares, whatever it was doing;
- each message that was ever sent: it arrives. It stays in the set, so that this covers messages that are
  lost (they never arrive), late, overtaken, doubled;
- each acceptor: it crashes, and is made again from what was durable, which leads a right one back to the
  state in which it was; with ``forgetful`` each proposer too, which forgets all but its records.

Each step is carried out whole: a step of these roles has one record at most, and a crash behind that is the
same as one before the next step with all that was sent lost.

Proposers hear each Promise and each Nack. They hear each Accepted only where the model is ``told``: all that
an Accepted changes is what the proposer says of it, and that it wishes for the chosen value from then on.

In each state one value is chosen at most, counting what acceptors ever sent; it was proposed; and no proposer
says of another one that it is chosen. A learner says nothing to anybody, so it is looked at apart: in each
state, whichever messages to it have arrived, each once or twice, it knows what these make chosen and nothing
else.

States that differ only in which acceptor is which are one state here, where the model is ``symmetric``: they
are made alike, nobody prefers one of them, and what is demanded names none. Proposers are not alike, as
ballots are ordered by their ids.

Two ballots each are too many for this; with fewer states they are not: see tests/paxos_walk_less.py.

    python -m tests.paxos_walk [BALLOTS OF 0 [BALLOTS OF 1 [STATES]]]

walks with so many ballots each (2 and 2 if nothing is said), up to so many states.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from copy import copy
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from typing import TYPE_CHECKING, Any

from bayou.paxos import Accepted, Acceptor, Learner, Proposer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayou.paxos import Effects

PROPOSERS = (0, 1)
ACCEPTORS = (2, 3, 4)
PLACES = range(len(ACCEPTORS))
LEARNER = 5
MAJORITY = 2
WISHES = ("a", "b")
NOT_HEARD = "not heard"

Heard = tuple[Any, bool]
"""What a proposer has heard of an acceptor: its promise (NOT_HEARD for none), and whether it accepted."""

State = tuple[tuple[int, int], tuple[int, ...]]
"""The numbers of both proposers and of each acceptor's column."""


class Broken(AssertionError):
    """A state in which what is demanded does not hold."""


@dataclass(frozen=True)
class Model:
    """What is walked through, with so many ``ballots`` for each proposer; see the module."""

    ballots: tuple[int, int] = (1, 1)
    told: bool = False
    forgetful: bool = False
    symmetric: bool = True
    states_max: int | None = None


@dataclass(frozen=True)
class Found:
    """``states`` were found, all that there are if ``is_complete``, and ``steps`` between them, those that
    lead back to where they began left out; ``chosen`` says in how many states which value is chosen.
    ``unfolded`` is how many states there are if each acceptor is one of its own."""

    states: int
    unfolded: int
    steps: int
    chosen: dict[str, int]
    is_complete: bool


class _Core:
    """A proposer without what it has heard of single acceptors, and how many ballots it has used."""

    def __init__(self, role: Proposer, records: tuple[Any, ...], used: int) -> None:
        self.role = role
        self.records = records
        self.used = used


class Column:
    """An acceptor, what is durable of it, all messages from and to it, what each proposer has heard of it."""

    def __init__(
        self, role: Acceptor, records: tuple[Any, ...], messages: frozenset[tuple[str, int, Any]],
        heard: tuple[Heard, Heard],
    ) -> None:  # fmt: skip
        self.role = role
        self.records = records
        self.messages = messages
        self.heard = heard
        self.votes = frozenset(
            (message.ballot, message.value)
            for way, _, message in messages
            if way == "from" and isinstance(message, Accepted)
        )
        self.told = [
            (proposer, message)
            for way, proposer, message in sorted(messages, key=repr)
            if way == "from" and proposer in PROPOSERS
        ]


def plain(role: object, left_out: tuple[str, ...] = ()) -> str:
    """Return what tells one state of a role from another, as a text."""
    return repr(sorted((name, value) for name, value in vars(role).items() if name not in left_out))


def copied(role: Any) -> Any:
    """Return a copy of a role, with dicts of its own."""
    made = copy(role)
    for name, value in vars(made).items():
        if isinstance(value, dict):
            setattr(made, name, dict(value))
    return made


def _last(records: tuple[Any, ...], more: list[Any]) -> tuple[Any, ...]:
    """Return records, of each kind the last one."""
    kept = {type(record).__name__: record for record in (*records, *more)}
    return tuple(kept[name] for name in sorted(kept))


class Walk:
    """One walk. Parts of states have numbers, and what a step makes of them is remembered."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._cores: list[_Core] = []
        self._columns: list[Column] = []
        self._numbers: dict[object, int] = {}
        self._arrived: dict[tuple[object, ...], tuple[int, Heard, tuple[Any, ...]]] = {}
        self._column_steps: dict[int, list[int]] = {}
        self._with: dict[tuple[object, ...], int] = {}
        self._choices: dict[tuple[int, ...], tuple[str, ...]] = {}

    def run(self) -> Found:
        """Walk through all states; Broken where one is not as it has to be."""
        start = self._start()
        seen = {start}
        level = [start]
        steps = 0
        chosen: Counter[str] = Counter()
        limit = self.model.states_max
        while level and (limit is None or len(seen) < limit):
            following = []
            for state in level:
                chosen.update(self._check(state))
                for after in self._after(state):
                    if after != state:
                        steps += 1
                        if after not in seen:
                            seen.add(after)
                            following.append(after)
            level = following
        for state in level:
            self._check(state)
        unfolded = (
            sum(len(set(permutations(columns))) for _, columns in seen) if self.model.symmetric else len(seen)
        )
        return Found(len(seen), unfolded, steps, dict(sorted(chosen.items())), not level)

    def _start(self) -> State:
        proposers = [self._core(Proposer(id, ACCEPTORS), (), 0) for id in PROPOSERS]
        nothing: Heard = (NOT_HEARD, False)
        acceptor = Acceptor(ACCEPTORS[0], (LEARNER,))
        column = self._column(acceptor, (), frozenset(), (nothing, nothing))
        return (proposers[0], proposers[1]), (column,) * len(ACCEPTORS)

    # Parts of states.

    def _core(self, role: Proposer, records: tuple[Any, ...], used: int) -> int:
        key = "core", plain(role, ("_promises", "_accepted")), records, used
        number = self._numbers.setdefault(key, len(self._cores))
        if number == len(self._cores):
            self._cores.append(_Core(role, records, used))
        return number

    def _column(
        self, role: Acceptor, records: tuple[Any, ...], messages: frozenset[Any], heard: tuple[Heard, Heard]
    ) -> int:
        key = "column", plain(role), records, messages, heard
        number = self._numbers.setdefault(key, len(self._columns))
        if number == len(self._columns):
            self._columns.append(Column(role, records, messages, heard))
        return number

    # Steps.

    def _after(self, state: State) -> Iterator[State]:
        """Give out the states one step on; perhaps the state itself, where a step changes nothing."""
        cores, columns = state
        for place in PLACES:
            for column in self._steps_of_column(columns[place]):
                yield self._made(cores, (*columns[:place], column, *columns[place + 1 :]))
        for id in PROPOSERS:
            if self._cores[cores[id]].used < self.model.ballots[id]:
                yield self._prepared(state, id)
            if self.model.forgetful:
                yield self._forgetting(state, id)
        for place in PLACES:
            for id, message in self._columns[columns[place]].told:
                if self.model.told or not isinstance(message, Accepted):
                    yield self._told(state, place, id, message)

    def _made(self, cores: tuple[int, int], columns: tuple[int, ...]) -> State:
        return cores, tuple(sorted(columns)) if self.model.symmetric else columns

    def _steps_of_column(self, number: int) -> list[int]:
        """Return what can become of an acceptor and its messages by steps of its own."""
        steps = self._column_steps.get(number)
        if steps is not None:
            return steps
        column = self._columns[number]
        again = Acceptor(column.role.node, (LEARNER,), column.records)
        steps = [self._column(again, column.records, column.messages, column.heard)]
        for way, proposer, message in sorted(column.messages, key=repr):
            if way == "to":
                role = copied(column.role)
                effects = role.receive(proposer, message)
                sent = {("from", to, answer) for to, answer in effects.sends}
                records = _last(column.records, effects.durable)
                steps.append(self._column(role, records, column.messages | sent, column.heard))
        steps = self._column_steps[number] = sorted(set(steps) - {number})
        return steps

    def _proposer(self, state: State, id: int) -> Any:
        """Return a copy of a proposer as it is in a state."""
        role = copied(self._cores[state[0][id]].role)
        for place in PLACES:
            promise, has_accepted = self._columns[state[1][place]].heard[id]
            if promise is not NOT_HEARD:
                role._promises[ACCEPTORS[place]] = promise
            if has_accepted:
                role._accepted[ACCEPTORS[place]] = None
        return role

    def _prepared(self, state: State, id: int) -> State:
        core = self._cores[state[0][id]]
        role = self._proposer(state, id)
        effects = role.prepare() if core.used else role.propose(WISHES[id])
        return self._changed(state, id, role, effects, core.used + 1)

    def _forgetting(self, state: State, id: int) -> State:
        core = self._cores[state[0][id]]
        return self._changed(state, id, Proposer(id, ACCEPTORS, core.records), None, core.used)

    def _told(self, state: State, place: int, id: int, message: Any) -> State:
        heard = tuple(self._columns[column].heard[id] for column in state[1])
        key = id, state[0][id], heard, place, message
        step = self._arrived.get(key)
        if step is None:
            role = self._proposer(state, id)
            effects = role.receive(ACCEPTORS[place], message)
            core = self._core(_bare(role), self._cores[state[0][id]].records, self._cores[state[0][id]].used)
            sent = tuple(dict.fromkeys(message for _, message in effects.sends))
            step = self._arrived[key] = core, _heard_by(role, place), sent
        core, now_heard, sent = step
        if core == state[0][id] and now_heard == heard[place] and not sent:
            return state
        columns = [
            self._column_with(column, id, now_heard if at == place else heard[at], sent)
            for at, column in enumerate(state[1])
        ]
        return self._made(_put(state[0], id, core), tuple(columns))

    def _changed(self, state: State, id: int, role: Any, effects: Effects | None, used: int) -> State:
        """Return the state in which a proposer has become this."""
        records = _last(self._cores[state[0][id]].records, effects.durable if effects else [])
        sent = tuple(dict.fromkeys(message for _, message in effects.sends)) if effects else ()
        core = self._core(_bare(role), records, used)
        columns = [
            self._column_with(column, id, _heard_by(role, place), sent)
            for place, column in enumerate(state[1])
        ]
        return self._made(_put(state[0], id, core), tuple(columns))

    def _column_with(self, number: int, id: int, heard: Heard, sent: tuple[Any, ...]) -> int:
        """Return a column whose proposer has heard this of it, and has sent that to it."""
        key = number, id, heard, sent
        made = self._with.get(key)
        if made is None:
            column = self._columns[number]
            both = (heard, column.heard[1]) if id == 0 else (column.heard[0], heard)
            messages = column.messages | {("to", id, message) for message in sent}
            made = self._with[key] = self._column(column.role, column.records, messages, both)
        return made

    # What is demanded.

    def _check(self, state: State) -> tuple[str, ...]:
        """Return the chosen values, of which there is one at most."""
        chosen = self._choices.get(state[1])
        if chosen is None:
            votes = tuple(self._columns[column].votes for column in state[1])
            chosen = self._choices[state[1]] = chosen_by(votes)
            if len(chosen) > 1 or not set(chosen) <= set(WISHES):
                raise Broken(f"chosen are {chosen}, as {votes} were sent")
            learns(tuple(sorted(votes, key=repr)))
        for id in PROPOSERS:
            value = self._cores[state[0][id]].role.value
            if value is not None and value not in chosen:
                raise Broken(f"proposer {id} knows {value}, chosen are {chosen}")
        return chosen


def _put(both: tuple[int, int], id: int, number: int) -> tuple[int, int]:
    return (number, both[1]) if id == 0 else (both[0], number)


def _bare(role: Any) -> Any:
    """Return a copy of a proposer that has heard of no acceptor."""
    made = copied(role)
    made._promises = {}
    made._accepted = {}
    return made


def _heard_by(role: Any, place: int) -> Heard:
    acceptor = ACCEPTORS[place]
    return role._promises.get(acceptor, NOT_HEARD), acceptor in role._accepted


Votes = tuple[frozenset[Any], ...]


def chosen_by(votes: Votes) -> tuple[str, ...]:
    """Return the values that a majority of acceptors has accepted in one ballot: ``votes`` has what each of
    them has accepted."""
    counts = Counter(vote for of_one in votes for vote in of_one)
    return tuple(sorted({value for (_, value), count in counts.items() if count >= MAJORITY}))


@cache
def learns(votes: Votes) -> None:
    """Broken where a learner that hears any of these messages, forwards, backwards or twice, knows anything
    but what they make chosen."""
    all_of_them = [
        (ACCEPTORS[place], Accepted(*vote)) for place, of_one in enumerate(votes) for vote in sorted(of_one)
    ]
    for bits in range(1 << len(all_of_them)):
        some = [told for at, told in enumerate(all_of_them) if bits >> at & 1]
        heard = tuple(
            frozenset((told.ballot, told.value) for sender, told in some if sender == acceptor)
            for acceptor in ACCEPTORS
        )
        due = chosen_by(heard)
        for order in (some, some[::-1], some + some):
            learner = Learner(LEARNER, ACCEPTORS)
            for sender, told in order:
                learner.receive(sender, told)
            if (learner.value,) != (due or (None,)):
                raise Broken(f"a learner knows {learner.value}, not {due}, after {order}")


def main(arguments: list[str]) -> int:
    """Walk, and say what was found."""
    numbers = [int(argument) for argument in arguments]
    first = numbers[0] if numbers else 2
    second = numbers[1] if len(numbers) > 1 else first
    model = Model((first, second), states_max=numbers[2] if len(numbers) > 2 else None)
    began = time.perf_counter()
    found = Walk(model).run()
    print(f"{model}\n{found}\n{time.perf_counter() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
