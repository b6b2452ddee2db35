"""The smallest part of a history that can't be explained, for people to look at.

**What a part means.** Its operations, placed as they are in the history, can't all be put into an order,
*whatever all others did*: each of those that are left out may have taken effect, with its result, at any
moment from its begin on, or never. That is why leaving out is sound, and why it is more than taking away:
were a write just taken away, every read of its value would be a finding. So

- what comes after the end that no order gets past is cut off: operations that began later are gone, those
  under way may take effect or not;
- an operation that reads (also one that failed, and says so) is left out with no trace: who explains a
  history with a read in it explains it without;
- any other operation that is left out loses its end only (``Operation.without_end``). Every order of the
  whole history is one of the weaker history, too; where that has none, the whole one has none.

Which ones are needed is found from both sides. First they are collected: as long as there is an order, one
of those is added that stands too late in it, or not at all. From what was collected then, many at once at
first, each is left out again without which there still is no order. Of those that lost their ends, those
without which the others could not even get so far are shown with them (``loose``).

A part begins at the beginning, in the initial state, or where that makes it smaller, in the configurations
that all orders of what came before can end in: no less is known there than in the whole history. It begins no
later than where the operation that can't be explained was last possible.
"""

from __future__ import annotations

from bayou._record import Record
from bayou.check.linear import BUDGET, Search, Start
from bayou.check.verdict import INVALID, VALID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.check.linear import Node
    from bayou.check.model import Model, Operation, State

SMALL = 4
"""A part of so many operations is not tried from a later beginning."""

STARTS_MAX = 16
"""With more configurations than these a later beginning would explain nothing."""

TRIAL_STEPS = 20_000
"""How many configurations are looked at to see whether a smaller part has an order."""

COLLECTED_MAX = 60
"""How many operations are collected at most."""

WORK = 300_000
"""How much work (Search.work) may go into making one part smaller."""

STARTS_STEPS = 100_000
"""How many configurations are looked at to know all in which a later beginning may be."""

ATTEMPTS_MAX = 5
"""How many orders are listed."""

READY_WORK = 10
"""The work that it is to make an operation of a history ready for a search."""


class Beginning(Record):
    """Where a part may begin: the state, and what of its operations is in effect."""

    state: State
    done: tuple[Operation, ...] = ()


class Attempt(Record):
    """An order that was tried: these operations, which leave ``state``; in it ``blocked`` does not fit, and
    it has to take effect before anything else ends."""

    order: tuple[Operation, ...]
    state: State
    blocked: Operation


class Part(Record):
    """Operations that can't be explained, in order of their begins, the one that has no place at ``last``.

    ``since``: the position at which it begins, None for the beginning of the history. ``loose``: operations
    that may take effect at any moment from their begin on, or never. ``left_out``: how many others the
    history has. ``attempts``: the orders, those first that got furthest; ``more``: how many are not listed.
    """

    last: Operation
    since: int | None
    beginnings: tuple[Beginning, ...]
    operations: tuple[Operation, ...]
    loose: tuple[Operation, ...]
    left_out: int
    attempts: tuple[Attempt, ...]
    more: int


class Finding(Record):
    """What came of one object's history: ``word`` is valid, invalid or unknown; ``steps`` says how many
    configurations were looked at for that; ``part`` is there where it is invalid."""

    word: str
    steps: int
    part: Part | None = None


def examine(model: Model, operations: Sequence[Operation], budget: int = BUDGET) -> Finding:
    """Judge the history of one object, and find the smallest part where it is invalid. ``budget``: how many
    configurations may be looked at for the verdict."""
    search = Search(model.folded(operations), operations)
    outcome = search.run(budget)
    if outcome.word != INVALID or outcome.stuck is None:
        return Finding(outcome.word, outcome.steps)
    return Finding(INVALID, outcome.steps, _smallest(model, operations, search, outcome.stuck, budget))


def _smallest(model: Model, operations: Sequence[Operation], search: Search, stuck: int, budget: int) -> Part:
    """Return the smaller one of the parts from the beginning, and from where ``stuck`` was last possible."""
    whole = _Shrinking(model, operations, search.ending()[: search.furthest], stuck, [Start(model.initial)])
    whole.shrink(WORK)
    best, since = whole, None
    if len(whole.shown) > SMALL:
        at = search.last_fit(stuck)
        at = search.furthest if at < 0 else at
        starts = Search(model, operations).before_end(at, min(budget, STARTS_STEPS))
        if at and starts is not None and len(starts) <= STARTS_MAX:
            over = set(search.ending()[:at])
            later = _Shrinking(model, operations, search.ending()[at : search.furthest], stuck, starts, over)
            later.shrink(WORK)
            if later.is_invalid and len(later.shown) < len(whole.shown):
                best, since = later, operations[search.ending()[at - 1]].end
    return best.part(since)


class _Shrinking:
    """Leaves out what is not needed. Operations are known by their places: ``ended`` end before the last one,
    in order; ``over`` are those that a later beginning has behind it."""

    def __init__(
        self,
        model: Model,
        operations: Sequence[Operation],
        ended: Sequence[int],
        last: int,
        starts: Sequence[Start],
        over: set[int] | None = None,
    ) -> None:
        self._model = model
        self._operations = operations
        self._last = last
        self._starts = starts
        end = operations[last].end or 0
        within = (place for place, each in enumerate(operations) if each.begin <= end)
        self._places = [place for place in within if over is None or place not in over]
        self._reads = {place for place in self._places if model.only_reads(operations[place])}
        self._ended = ended
        self._kept = list(ended)
        self._loose: list[int] = []
        self.is_invalid = False
        self._left = 0

    def shrink(self, work: int) -> None:
        """Leave out what can be, with not much more work than that."""
        self._left = work
        collected = self._collected()
        if collected is not None:
            self._kept = collected
        self.is_invalid = collected is not None or self._has_no_order(self._kept)
        size = len(self._kept)
        while size and self._left > 0:
            at = 0
            while at < len(self._kept) and self._left > 0:
                fewer = self._kept[:at] + self._kept[at + size :]
                if self._has_no_order(fewer):
                    self._kept = fewer
                else:
                    at += size
            size = min(size // 2, len(self._kept))
        self._loose = self._needed_to_get_there()
        self._do_without_reads()

    def _do_without_reads(self) -> None:
        """Where what a read rests on says as much by its own end, leave out the read."""
        for place in tuple(self._loose):
            for read in [each for each in self._kept if each in self._reads]:
                fewer = [each for each in self._ended if each in {*self._kept, place} - {read}]
                if self._left > 0 and place in fewer and self._has_no_order(fewer):
                    self._kept = fewer
                    self._loose = self._needed_to_get_there()
                    break

    @property
    def shown(self) -> list[int]:
        """The places of the operations of the part, in order of their begins."""
        places = {*self._kept, *self._loose, self._last}
        return sorted(places, key=lambda place: self._operations[place].begin)

    def _collected(self) -> list[int] | None:
        """Return operations that can't be explained, with the last one, None where there was too much to
        collect."""
        collected: list[int] = []
        for _ in range(COLLECTED_MAX):
            if self._left <= 0:
                break
            tight = {*collected, self._last}
            places = self._with(tight)
            search = self._search(places, tight)
            outcome = search.run(TRIAL_STEPS)
            self._left -= search.work + READY_WORK * len(places)
            if outcome.word == INVALID:
                return [place for place in self._kept if place in tight]
            more = self._out_of_place([places[number] for number in outcome.order], tight)
            if outcome.word != VALID or more is None:
                break
            collected.append(more)
        return None

    def _out_of_place(self, order: Sequence[int], tight: set[int]) -> int | None:
        """Return one of the operations whose ends do not count yet, and are not kept by this order: the last
        one that it has too late, or else the one that ends last of those that it has not at all."""
        found, begun = None, -1
        for place in order:
            operation = self._operations[place]
            if place not in tight and operation.end is not None and operation.end < begun:
                found = place
            begun = max(begun, operation.begin)
        if found is not None and found in self._kept:
            return found
        placed = {*order, *tight}
        return next((place for place in reversed(self._kept) if place not in placed), None)

    def _has_no_order(self, kept: Sequence[int]) -> bool:
        """Whether it is certain that these and the last one can't be explained, whatever the others did."""
        tight = {*kept, self._last}
        search = self._search(self._with(tight), tight)
        found = search.run(TRIAL_STEPS).word == INVALID
        self._left -= search.work + READY_WORK * len(self._places)
        return found

    def _with(self, tight: set[int]) -> list[int]:
        """Return the places of these, and of all others but those that only read: a search would not ask for
        these, and has fewer states to tell apart without them."""
        return [place for place in self._places if place in tight or place not in self._reads]

    def _search(self, places: Sequence[int], tight: set[int], *, folded: bool = True) -> Search:
        """Return a search through the operations at these places, all but ``tight`` without their ends."""
        operations = [
            self._operations[place] if place in tight else self._operations[place].without_end()
            for place in places
        ]
        at = {place: number for number, place in enumerate(places)}
        model = self._model.folded(operations) if folded else self._model
        starts = [
            Start(model.fold(start.state), frozenset(at[place] for place in start.done if place in at))
            for start in self._starts
        ]
        return Search(model, operations, starts)

    def _needed_to_get_there(self) -> list[int]:
        """Return those without an end without which the kept ones could not be explained even without the
        end of the last one."""
        kept = set(self._kept)
        weak = self._with(kept)
        outcome = self._search(weak, kept).run(TRIAL_STEPS)
        if outcome.word != VALID:
            return []
        needed = [weak[number] for number in outcome.order]
        needed = [place for place in dict.fromkeys(needed) if place not in kept and place != self._last]
        for place in tuple(needed):
            fewer = [each for each in needed if each != place]
            places = [each for each in weak if each in kept or each in fewer or each == self._last]
            if self._search(places, kept).run(TRIAL_STEPS).word == VALID:
                needed = fewer
        return needed

    def part(self, since: int | None) -> Part:
        """Return what was found, with the orders that were tried."""
        shown = self.shown
        search = self._search(shown, {*self._kept, self._last}, folded=False)
        search.run(TRIAL_STEPS)
        dead_ends = search.dead_ends()
        operations = self._operations
        return Part(
            operations[self._last],
            since,
            tuple(self._beginning(start) for start in self._starts),
            tuple(operations[place] for place in shown),
            tuple(operations[place] for place in self._loose),
            len(operations) - len(shown),
            tuple(self._attempt(search, node, shown) for node in dead_ends[:ATTEMPTS_MAX]),
            max(0, len(dead_ends) - ATTEMPTS_MAX),
        )

    def _beginning(self, start: Start) -> Beginning:
        done = [self._operations[place] for place in self.shown if place in start.done]
        return Beginning(start.state, tuple(done))

    def _attempt(self, search: Search, node: Node, shown: Sequence[int]) -> Attempt:
        order = tuple(self._operations[shown[number]] for number in search.order_of(node))
        blocked = self._operations[shown[search.ending()[node[0]]]]
        return Attempt(order, search.state_of(node), blocked)
