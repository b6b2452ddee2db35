"""Whether a history is linearizable: a search for one order in which each operation takes effect at one
moment between its begin and its end, in the manner of Wing and Gong (1993) and Lowe (2017).

It walks along the ends of operations in order. At each the operation that ends has to be in effect; if it is
not, it takes effect now or, before it, others that have begun (just in time, as Lowe does it). What is
remembered is a *configuration*: the next end, the operations under way that are in effect, the state. One
that was seen before is not looked at again. Four things keep their number small, and lose no order:

- An operation that only reads is taken as soon as it fits: no later moment could be better.
- Of operations that do the same, the one that ends first is taken first. Of those without an end it is
  therefore only counted how many of each kind are in effect.
- Of two configurations that differ in those counts only, the one with fewer can do all that the other can.
- An operation without an end takes effect only where what comes next would not do the same without it.

The worst case stays exponential (Gibbons and Korach 1997: the question is NP-complete), so there is a budget.
"""

from __future__ import annotations

from bisect import bisect_right

from bayou._record import Record
from bayou.check.verdict import INVALID, UNKNOWN, VALID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from bayou.check.model import Model, Operation, State

    Trail = tuple["Trail", int] | None
    """The operations in effect, by their places in the history, the latest first."""

    Node = tuple[int, int, int, int, Trail, int]
    """A configuration: the next end; a bit for each operation under way that is in effect; how many of each
    kind without an end are (_Kind); the number of the state; how it came about; the number of the state
    before, where an operation without an end was the last thing that took effect, and else -1."""

    Open = tuple[int, int, int]
    """An operation under way: its bit, the number of its likeness, its place."""

BUDGET = 1_000_000
"""How many configurations are looked at before the verdict is ``unknown``."""


DEAD_ENDS_MAX = 1_000
"""How many of the configurations that nothing can follow are kept."""


class Start(Record):
    """Where a search begins: the state, and the places of the operations under way that are in effect."""

    state: State
    done: frozenset[int] = frozenset()


class Outcome(Record):
    """What came of a search. ``word``: valid, invalid or unknown; ``steps``: configurations looked at;
    ``order``: places of operations in the order found, or of as many as took effect in the first
    configuration that got furthest; ``stuck``: the place of the operation that could not end there (None
    where an order was found)."""

    word: str
    steps: int
    order: tuple[int, ...]
    stuck: int | None


class ModelError(Exception):
    """A model contradicts itself: what it says only reads has changed a state."""


class _States:
    """States and likenesses as numbers, and what each operation makes of each state, asked once."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._numbers: dict[State, int] = {}
        self.states: list[State] = []
        self._likenesses: dict[Hashable, int] = {}
        self._samples: list[Operation] = []
        self._reads: list[bool] = []
        self._after: list[dict[int, int]] = []

    def number(self, state: State) -> int:
        """Return the number of a state."""
        number = self._numbers.setdefault(state, len(self.states))
        if number == len(self.states):
            self.states.append(state)
            self._after.append({})
        return number

    def likeness(self, operation: Operation) -> int:
        """Return the number of an operation's likeness."""
        number = self._likenesses.setdefault(self._model.likeness(operation), len(self._samples))
        if number == len(self._samples):
            self._samples.append(operation)
            self._reads.append(self._model.only_reads(operation))
        return number

    def only_reads(self, like: int) -> bool:
        """Whether operations of this likeness only read."""
        return self._reads[like]

    def step(self, state: int, like: int) -> int:
        """Return the number of the state after such an operation, below 0 where there can be none."""
        after = self._after[state]
        known = after.get(like)
        if known is None:
            new = self._model.step(self.states[state], self._samples[like])
            known = after[like] = -1 if new is None else self.number(new)
            if self._reads[like] and known not in (-1, state):
                text = self._model.show(self._samples[like])
                raise ModelError(f"{text}: it changes a state, which no read does")
        return known


class _Kind:
    """Operations of one likeness without an end: where each begins; where in the counts theirs stands."""

    def __init__(self, like: int) -> None:
        self.like = like
        self.begins: list[int] = []
        self.places: list[int] = []
        self.shift = self.mask = 0


class _Timeline:
    """A history made ready to be walked: ends in order, and what is under way at each."""

    def __init__(self, states: _States, operations: Sequence[Operation]) -> None:
        self.ends: list[int] = []
        self.places: list[int] = []
        self.own: list[int] = []
        self.own_likes: list[int] = []
        self.reads: list[list[Open]] = []
        self.others: list[list[Open]] = []
        self.kinds: list[_Kind] = []
        self.guards = 0
        likes = [states.likeness(operation) for operation in operations]
        order = sorted(range(len(operations)), key=lambda place: operations[place].begin)
        self._walk(states, operations, likes, order)
        self._count(states, operations, likes, order)

    def _walk(
        self, states: _States, operations: Sequence[Operation], likes: list[int], order: list[int]
    ) -> None:
        """Give each operation that ends a bit, free again after its end, and list those under way at each
        end, the one that ends first leading."""
        begun = [place for place in order if operations[place].end is not None]
        ending = sorted(begun, key=lambda place: (operations[place].end, operations[place].begin))
        rank = {place: at for at, place in enumerate(ending)}
        bits: dict[int, int] = {}
        free: list[int] = []
        following = 0
        for place in ending:
            end = operations[place].end or 0
            while following < len(begun) and operations[begun[following]].begin <= end:
                bits[begun[following]] = free.pop() if free else 1 << len(bits)
                following += 1
            under_way = sorted(bits, key=rank.__getitem__)
            opened = [(bits[each], likes[each], each) for each in under_way]
            self.reads.append([each for each in opened if states.only_reads(each[1])])
            self.others.append([each for each in opened if not states.only_reads(each[1])])
            self.ends.append(end)
            self.places.append(place)
            self.own.append(bits[place])
            self.own_likes.append(likes[place])
            free.append(bits.pop(place))

    def _count(
        self, states: _States, operations: Sequence[Operation], likes: list[int], order: list[int]
    ) -> None:
        """Put together those without an end that do the same. Each kind's count has a bit more than it needs,
        by which two lots of counts are compared in one go."""
        kinds: dict[int, _Kind] = {}
        for place in order:
            if operations[place].end is None and not states.only_reads(likes[place]):
                kind = kinds.setdefault(likes[place], _Kind(likes[place]))
                kind.begins.append(operations[place].begin)
                kind.places.append(place)
        shift = 0
        for kind in kinds.values():
            width = len(kind.begins).bit_length()
            kind.shift, kind.mask = shift, (1 << width) - 1
            self.guards |= 1 << (shift + width)
            shift += width + 1
        self.kinds = list(kinds.values())


class Search:
    """A search through one object's history. ``operations`` may come in any order; ``starts``: where it may
    begin, by default in the model's initial state with nothing in effect. ``work``: how often it was asked
    whether an operation can be next, which tells better than steps how long it took."""

    def __init__(
        self, model: Model, operations: Sequence[Operation], starts: Sequence[Start] | None = None
    ) -> None:
        self._states = _States(model)
        self._timeline = timeline = _Timeline(self._states, operations)
        self._starts = [Start(model.initial)] if starts is None else starts
        self._seen: dict[tuple[int, int, int], list[int]] = {}
        self._none_taken = [0]
        self._moves_of: dict[int, list[tuple[_Kind, int]]] = {}
        self._stop = len(timeline.ends)
        self._steps = 0
        self.work = 0
        self._furthest = 0
        self._best: Trail = None
        self._dead_ends: list[Node] = []
        self._blocked: Node | None = None
        self.operations = operations

    def run(self, budget: int = BUDGET) -> Outcome:
        """Look for an order of all; call it once."""
        for node in self._walk(budget):
            return Outcome(VALID, self._steps, _order(node[4]), None)
        if self._steps > budget:
            return Outcome(UNKNOWN, self._steps, _order(self._best), self._stuck())
        return Outcome(INVALID, self._steps, _order(self._best), self._stuck())

    def before_end(self, at: int, budget: int = BUDGET) -> list[Start] | None:
        """Return all configurations in which the end of number ``at`` can be come upon, None where there was
        no budget to find all; call it once, instead of ``run``."""
        self._stop = at
        found = dict.fromkeys(self._start_of(node) for node in self._walk(budget))
        return None if self._steps > budget else list(found)

    def last_fit(self, place: int) -> int:
        """Return the number of the last end, of those come upon so far, before which the operation at
        ``place`` fitted a state, -1 for none."""
        like = self._states.likeness(self.operations[place])
        fits = (at for at, _, state in self._seen if self._states.step(state, like) >= 0)
        return max(fits, default=-1)

    def state_of(self, node: Node) -> State:
        """Return the state of a configuration."""
        return self._states.states[node[3]]

    def order_of(self, node: Node) -> tuple[int, ...]:
        """Return the places of what took effect on the way to a configuration."""
        return _order(node[4])

    def ending(self) -> list[int]:
        """Return the places of the operations that end, by their ends."""
        return self._timeline.places

    def dead_ends(self) -> list[Node]:
        """Return configurations that nothing can follow, those that got furthest first. Where all of those
        that got furthest go round among themselves, by operations without an end, one of them is listed."""
        found = sorted(self._dead_ends, key=lambda node: -node[0])
        if self._blocked is not None and (not found or found[0][0] < self._furthest):
            found.insert(0, self._blocked)
        return found

    @property
    def furthest(self) -> int:
        """The number of the last end that was come upon."""
        return self._furthest

    def _walk(self, budget: int) -> Iterator[Node]:
        """Yield each configuration that reaches the end at which the search stops, depth first."""
        waiting = [self._node_of(start) for start in self._starts]
        while waiting:
            self._steps += 1
            if self._steps > budget:
                return
            node = self._settle(waiting.pop())
            if not self._is_new(node):
                continue
            if node[0] >= self._stop:
                yield node
                continue
            if node[0] > self._furthest or self._best is None:
                self._furthest, self._best = node[0], node[4]
            following = self._following(node)
            waiting += reversed(following)
            self._note(node, following)

    def _note(self, node: Node, following: list[Node]) -> None:
        """Remember a configuration in which the operation that is to end has no place."""
        at, state = node[0], node[3]
        if self._states.step(state, self._timeline.own_likes[at]) >= 0:
            return  # what comes next would do the same without what came last
        if not following and len(self._dead_ends) < DEAD_ENDS_MAX:
            self._dead_ends.append(node)
        if at == self._furthest:
            self._blocked = node

    def _settle(self, node: Node) -> Node:
        """Return the configuration after all reads that fit, and past all ends of what is in effect."""
        at, bits, taken, state, trail, before = node
        timeline, step = self._timeline, self._states.step
        while at < self._stop:
            for bit, like, place in timeline.reads[at]:
                if not bits & bit and step(state, like) >= 0:
                    bits |= bit
                    trail, before = (trail, place), -1
            own = timeline.own[at]
            if not bits & own:
                break
            bits ^= own
            at += 1
        return at, bits, taken, state, trail, before

    def _is_new(self, node: Node) -> bool:
        """Whether nothing was seen that can do all that this one can; remember it."""
        at, bits, taken, state, _, _ = node
        guards = self._timeline.guards
        known = self._seen.get((at, bits, state))
        if known is None:
            self._seen[at, bits, state] = [taken] if guards else self._none_taken
            return True
        if any(((taken | guards) - other) & guards == guards for other in known):
            return False
        known.append(taken)
        return True

    def _following(self, node: Node) -> list[Node]:
        """Return what comes after one more operation took effect, the most likely one first: what ends
        soonest, and last what has no end."""
        at, bits, taken, state, trail, before = node
        timeline, step = self._timeline, self._states.step
        found: list[Node] = []
        tried: set[int] = set()
        for bit, like, place in timeline.others[at]:
            if bits & bit or like in tried:
                continue
            tried.add(like)
            new = step(state, like)
            if new >= 0 and (before < 0 or step(before, like) != new):
                found.append((at, bits | bit, taken, new, (trail, place), -1))
        moves = self._moves(state)
        self.work += 1 + len(timeline.others[at]) + len(moves)
        for kind, new in moves:
            count = taken >> kind.shift & kind.mask
            if kind.like in tried or count >= bisect_right(kind.begins, timeline.ends[at]):
                continue
            if before < 0 or step(before, kind.like) != new:
                taken_too = taken + (1 << kind.shift)
                found.append((at, bits, taken_too, new, (trail, kind.places[count]), state))
        return found

    def _moves(self, state: int) -> list[tuple[_Kind, int]]:
        """Return the kinds without an end that change a state, each with what it makes of it."""
        known = self._moves_of.get(state)
        if known is None:
            after = [(kind, self._states.step(state, kind.like)) for kind in self._timeline.kinds]
            known = self._moves_of[state] = [(kind, new) for kind, new in after if new not in (-1, state)]
        return known

    def _node_of(self, start: Start) -> Node:
        """Return the configuration of a start."""
        bits = taken = 0
        opened = self._timeline.reads[0] + self._timeline.others[0] if self._stop else []
        for bit, _, place in opened:
            bits |= bit if place in start.done else 0
        for kind in self._timeline.kinds:
            taken += sum(place in start.done for place in kind.places) << kind.shift
        return 0, bits, taken, self._states.number(start.state), None, -1

    def _start_of(self, node: Node) -> Start:
        """Return a configuration in words that hold for any other search of these operations."""
        at, bits, taken, state, _, _ = node
        opened = self._timeline.reads[at] + self._timeline.others[at]
        done = {place for bit, _, place in opened if bits & bit}
        for kind in self._timeline.kinds:
            done.update(kind.places[: taken >> kind.shift & kind.mask])
        return Start(self._states.states[state], frozenset(done))

    def _stuck(self) -> int | None:
        return self._timeline.places[self._furthest] if self._furthest < self._stop else None


def _order(trail: Trail) -> tuple[int, ...]:
    places: list[int] = []
    while trail is not None:
        trail, place = trail
        places.append(place)
    return tuple(reversed(places))
