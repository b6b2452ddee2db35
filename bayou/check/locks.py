"""The promises of a lock service, checked on the events of a trace: locks are linearizable, and whoever is
told that it holds one holds it alone.

There are two judges, which have little in common. One searches for an order of the commands, each lock alone,
from nothing but what was asked and answered when (bayou.check.linear). The other one carries the commands out
again in the order of the slots that the answers name.
"""

from __future__ import annotations

from bayou.check.history import HistoryError
from bayou.check.linear import Search
from bayou.check.lockhistory import Grant, LockHistory, Order, Replay, Result
from bayou.check.lockmodel import EXPIRE, GRANTED, HELD, LOCK, UNLOCK, WAITING, Lock, QueuedLock
from bayou.check.model import Operation, by_key
from bayou.check.moments import Moments
from bayou.check.verdict import INVALID, UNKNOWN, Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence
    from typing import Any

    from bayou.check.lockhistory import CommandId

    Event = dict[str, Any]

RULES = {
    "linearizable": "each command on a lock takes effect at one moment between asking and answer",
    "real time": "what was answered before something else was asked stands in a lower slot",
    "results": "carried out again in the order of slots, commands are answered with the same results",
    "grants": "grants go to whom the queue says, once, with tokens that grow; at rest all have come",
    "held alone": "from its grant until it asks to unlock, or is expired, nobody else is granted a lock",
}

BUDGET = 200_000
"""How many configurations the search for an order of one lock's commands looks at; beyond that it says
nothing."""


def judge(events: Iterable[Event], budget: int = BUDGET) -> dict[str, Verdict]:
    """Return the verdict of each rule on the events of a trace; HistoryError where an event has not the form
    that it should have."""
    history = list(events)
    verdicts = {rule: Verdict() for rule in RULES}
    try:
        known = LockHistory(history)
        is_in_order = any(event["event"] == "started" and event.get("in_order") is True for event in history)
        moments = Moments(history, _numbers(known), is_in_order=is_in_order)
        replay = Replay(known.log)
        _judge_results(known, replay, verdicts["results"])
        _judge_grants(known, replay, verdicts["grants"])
        _judge_real_time(known, moments, verdicts["real time"])
        _judge_held_alone(known, moments, verdicts["held alone"])
        _judge_order(known, moments, verdicts["linearizable"], budget)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise HistoryError(f"it can't be read: {type(error).__name__}: {error}") from error
    return verdicts


def _numbers(known: LockHistory) -> list[int]:
    """Return the numbers of the events whose moments matter."""
    asked = [at for at, _ in known.asked.values()]
    told = [result.at for result in known.results.values()]
    return sorted([*asked, *told, *(grant.at for grant in known.grants)])


# The slots.


def _judge_results(known: LockHistory, replay: Replay, verdict: Verdict) -> None:
    for id, result in [*known.results.items(), *known.twice]:
        order, due = replay.answers.get(result.slot, (None, None))
        what = f"number {id[1]} of client {id[0]} was {result.text!r} in slot {result.slot}"
        if verdict.fails(order is not None and order.id == id):
            verdict.blame(result.at, f"{what}, where {order or 'nothing that counts'} stands")
        elif verdict.fails(due == result.text):
            verdict.blame(result.at, f"{what}; carried out again, {order} is {due!r}")
    for id, result in known.twice:
        verdict.blame(result.at, f"number {id[1]} of client {id[0]} was answered before")


def _judge_grants(known: LockHistory, replay: Replay, verdict: Verdict) -> None:
    tokens: dict[tuple[int, int], int] = {}
    for grant in known.grants:
        what = f"lock {grant.lock} was granted to client {grant.client} in slot {grant.slot}"
        if verdict.fails((grant.client, grant.lock, grant.slot) in replay.grants):
            verdict.blame(grant.at, f"{what}; carried out again, nothing in that slot does so")
        last = tokens.get((grant.client, grant.lock), -1)
        if verdict.fails(grant.slot > last):
            verdict.blame(grant.at, f"{what}, and before in slot {last}")
        tokens[grant.client, grant.lock] = max(grant.slot, last)
    if not known.rests:
        return
    rest = known.rests[-1]
    come = {(grant.client, grant.lock, grant.slot) for grant in known.grants if grant.at < rest}
    answered = max((result.slot for result in known.results.values() if result.at < rest), default=-1)
    for client, lock, slot in replay.grants:
        is_due = slot <= answered and known.gone.get(client, rest) >= rest
        if is_due and verdict.fails((client, lock, slot) in come):
            verdict.blame(
                rest, f"all is at rest, and client {client} has not heard that it holds lock {lock}"
            )


def _judge_real_time(known: LockHistory, moments: Moments, verdict: Verdict) -> None:
    """Go along the moments, with the highest slot that was answered by then."""
    slots = {order.id: slot for slot, order in sorted(known.log.items(), reverse=True)}
    ends = sorted((moments.latest(result.at), result.slot, id) for id, result in known.results.items())
    begins = sorted((moments.earliest(at), id) for id, (at, _) in known.asked.items() if id in slots)
    highest, whose, following = -1, (0, 0), 0
    for moment, id in begins:
        while following < len(ends) and ends[following][0] < moment:
            if ends[following][1] > highest:
                _, highest, whose = ends[following]
            following += 1
        if following and verdict.fails(slots[id] > highest):
            at, order = known.asked[id]
            other = known.asked[whose][1] if whose in known.asked else f"number {whose[1]} of {whose[0]}"
            verdict.blame(
                at,
                f"{order} is in slot {slots[id]}; asked for when {other} had been answered in slot {highest}",
            )


# Who holds a lock, as far as clients were told.


class _Hold:
    """A client holds a lock from a grant on; ``ends``: the events by which that may end."""

    def __init__(self, grant: Grant, ends: list[int]) -> None:
        self.grant = grant
        self.ends = ends


def _judge_held_alone(known: LockHistory, moments: Moments, verdict: Verdict) -> None:
    expiries: dict[int, list[tuple[int, CommandId]]] = {}
    unlocks: dict[tuple[int, int], list[tuple[int, CommandId]]] = {}
    for id, (at, order) in known.asked.items():
        if order.verb == EXPIRE:
            expiries.setdefault(order.about, []).append((at, id))
        elif order.verb == UNLOCK:
            unlocks.setdefault((order.client, order.about), []).append((at, id))
    held: dict[int, list[_Hold]] = {}
    for grant in sorted(known.grants, key=lambda grant: moments.latest(grant.at)):
        asked = [*unlocks.get((grant.client, grant.lock), ()), *expiries.get(grant.client, ())]
        ends = [at for at, id in asked if id not in known.results or known.results[id].slot > grant.slot]
        others = [hold for hold in held.get(grant.lock, []) if hold.grant.client != grant.client]
        open_ones = [hold for hold in others if _lasts(hold, grant.at, moments)]
        is_over = any(at < grant.at or not moments.is_before(grant.at, at) for at in ends)
        verdict.looked += 1
        for hold in [] if is_over else open_ones:
            if moments.is_before(hold.grant.at, grant.at):
                what = f"lock {grant.lock} is granted to client {grant.client}, slot {grant.slot}"
                why = f"{what}, while client {hold.grant.client} holds it since slot {hold.grant.slot}"
                verdict.blame(grant.at, f"{why} (event {hold.grant.at})")
        held[grant.lock] = [*open_ones, _Hold(grant, ends)]


def _lasts(hold: _Hold, at: int, moments: Moments) -> bool:
    """Whether somebody certainly held a lock still at the moment of an event."""
    return all(moments.is_before(at, end) for end in hold.ends)


# The search.


def _judge_order(known: LockHistory, moments: Moments, verdict: Verdict, budget: int) -> None:
    is_unsure = False
    for lock, operations in by_key(_operations(known, moments)).items():
        verdict.looked += len(operations)
        outcome = Search(QueuedLock(), operations).run(budget)
        is_unsure = is_unsure or outcome.word == UNKNOWN
        if outcome.word == INVALID and outcome.stuck is not None:
            at = _event_of(operations[outcome.stuck], known, moments)
            verdict.blame(at, _why(lock, operations, outcome.order, operations[outcome.stuck]))
    if is_unsure and not verdict.broken:
        verdict.looked = 0  # nothing can be said


def _operations(known: LockHistory, moments: Moments) -> list[Operation]:
    """Return what was done to each lock, as far as clients know of it."""
    found: list[Operation] = []
    named: dict[int, dict[int, None]] = {}
    for id, (at, order) in known.asked.items():
        if order.verb in (LOCK, UNLOCK):
            named.setdefault(order.client, {})[order.about] = None
            found.append(_operation(order, at, known.results.get(id), moments, order.about))
    for id, (at, order) in known.asked.items():
        if order.verb == EXPIRE:
            for lock in named.get(order.about, {}):
                found.append(_operation(order, at, known.results.get(id), moments, lock))
    asked = _locks_asked(known)
    for grant in known.grants:
        begins = [at for at, told in asked.get((grant.client, grant.lock), ()) if told < grant.at]
        if begins:
            begin, end = moments.earliest(begins[-1]), moments.latest(grant.at)
            found.append(Operation(grant.client, begin, end, GRANTED, key=grant.lock))
    return found


def _operation(order: Order, at: int, result: Result | None, moments: Moments, lock: int) -> Operation:
    end = None if result is None else moments.latest(result.at)
    text = None if result is None or order.verb == EXPIRE else result.text
    about = order.about if order.verb == EXPIRE else None
    return Operation(order.client, moments.earliest(at), end, order.verb, about, text, lock)


def _locks_asked(known: LockHistory) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Return of each client and lock when it asked for it, and when it was told that it holds it or waits."""
    asked: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for id, result in known.results.items():
        if result.text in (HELD, WAITING) and id in known.asked:
            at, order = known.asked[id]
            asked.setdefault((order.client, order.about), []).append((at, result.at))
    return asked


def _event_of(operation: Operation, known: LockHistory, moments: Moments) -> int:
    """Return the number of the event by which an operation ended."""
    ends = [result.at for result in known.results.values()] + [grant.at for grant in known.grants]
    return next((at for at in ends if moments.latest(at) == operation.end), 0)


def _why(lock: Hashable, operations: Sequence[Operation], order: Sequence[int], stuck: Operation) -> str:
    model, state = QueuedLock(), Lock()
    for place in order:
        after = model.step(state, operations[place])
        state = after if isinstance(after, Lock) else state
    last = ", ".join(model.show(operations[place]) for place in order[-5:]) or "nothing"
    what = f"lock {lock}: {model.show(stuck)} has no place"
    return f"{what}; the order that got furthest is {last}, and after that the lock is {state}"
