"""The judge of locks: what it finds in histories by hand, good and bad, each rule for itself."""

from __future__ import annotations

from typing import Any

import pytest

from bayou.check.history import HistoryError
from bayou.check.lockmodel import NOBODY, Lock
from bayou.check.locks import RULES, judge
from bayou.check.moments import Moments
from bayou.check.verdict import INVALID, UNKNOWN, VALID

Event = dict[str, Any]
MASTER = 1000
STARTED: Event = {
    "event": "started",
    "servers": [0, 1, 2],
    "clients": [0, 1, 2],
    "window": 9,
    "in_order": True,
}


def asked(client: int, number: int, text: str) -> Event:
    return {"event": "asked", "client": client, "number": number, "text": text}


def told(client: int, number: int, slot: int, result: str) -> Event:
    return {"event": "result", "client": client, "number": number, "slot": slot, "result": result}


def granted(client: int, lock: int, slot: int) -> Event:
    return {"event": "granted", "client": client, "lock": lock, "slot": slot}


def decided(slot: int, client: int, number: int, text: str) -> Event:
    value = ["command", client, number, text]
    return {"event": "told", "client": MASTER, "slot": slot, "value": value}


CLEARED: Event = {"event": "cleared", "majority": True}

HANDED_ON = [
    asked(0, 1, "lock 8"),
    told(0, 1, 0, "held"),
    granted(0, 8, 0),
    asked(1, 1, "lock 8"),
    told(1, 1, 1, "waiting"),
    asked(0, 2, "unlock 8"),
    told(0, 2, 2, "released"),
    granted(1, 8, 2),
    CLEARED,
]
"""Client 0 holds lock 8, and then client 1, which waited."""

EXPIRED = [
    *HANDED_ON[:5],
    {"event": "crashed client", "client": 0},
    asked(MASTER, 1, "expire 0"),
    granted(1, 8, 2),
    told(MASTER, 1, 2, "nothing"),
    CLEARED,
]
"""Client 0 crashes with lock 8, and its expiry hands it on."""


def words(*events: Event) -> dict[str, str]:
    return {rule: verdict.word for rule, verdict in judge([STARTED, *events]).items()}


def broken(*events: Event) -> dict[str, list[tuple[int, str]]]:
    """Return the rules that are broken, each with where and why."""
    return {rule: verdict.broken for rule, verdict in judge([STARTED, *events]).items() if verdict.broken}


def changed(events: list[Event], at: int, **fields: object) -> list[Event]:
    """Return these events with other fields in one of them."""
    return [*events[:at], {**events[at], **fields}, *events[at + 1 :]]


@pytest.mark.parametrize("history", [HANDED_ON, EXPIRED])
def test_a_lock_that_is_handed_on_keeps_all_rules(history: list[Event]) -> None:
    assert words(*history) == dict.fromkeys(RULES, VALID)


def test_nothing_is_known_where_nothing_was_told() -> None:
    assert set(words().values()) == {UNKNOWN}


def test_a_lock_held_by_who_never_asked_for_it_breaks_a_rule() -> None:
    """What was told to a client that asked nothing is no command of it."""
    assert broken(told(0, 1, 0, "held"), granted(0, 8, 0))


# Each rule, broken.


@pytest.mark.parametrize(
    ("rule", "history"),
    [
        # both hold it
        ("linearizable", changed(HANDED_ON, 4, result="held")),
        # given back by who does not hold it
        ("linearizable", [asked(2, 1, "unlock 8"), told(2, 1, 0, "released")]),
        # whoever holds it is told that another one does
        ("linearizable", [*HANDED_ON[:3], asked(0, 2, "lock 8"), told(0, 2, 1, "waiting")]),
        # granted to the second in the queue
        ("linearizable", [*HANDED_ON[:5], asked(2, 1, "lock 8"), told(2, 1, 2, "waiting"),
                          asked(0, 2, "unlock 8"), told(0, 2, 3, "released"), granted(2, 8, 3)]),
        # a lock that is free after an expiry, and said to be held
        ("linearizable", [*EXPIRED[:3], *EXPIRED[5:7], told(MASTER, 1, 1, "nothing"),
                          asked(2, 1, "lock 8"), told(2, 1, 2, "waiting")]),
        ("real time", changed(changed(HANDED_ON, 4, slot=2), 6, slot=1)),
        ("real time", [asked(0, 1, "lock 1"), told(0, 1, 5, "held"),
                       asked(1, 1, "lock 2"), told(1, 1, 4, "held")]),
        # never answered, and in the log before what was answered when it was asked
        ("real time", [*HANDED_ON[:3], decided(-1, 1, 1, "lock 3"), asked(1, 1, "lock 3")]),
        ("results", changed(HANDED_ON, 1, result="waiting")),
        ("results", changed(HANDED_ON, 6, result="not yours")),
        # another command stands in that slot
        ("results", [decided(0, 2, 1, "lock 8"), asked(2, 1, "lock 8"), *HANDED_ON]),
        ("results", [*HANDED_ON, told(0, 2, 2, "released")]),
        # a command after its client's expiry
        ("results", [*EXPIRED, decided(3, 0, 2, "lock 3"), asked(1, 2, "lock 3"), told(1, 2, 4, "waiting")]),
        ("grants", changed(HANDED_ON, 7, client=2)),
        ("grants", changed(HANDED_ON, 7, slot=1)),
        ("grants", changed(HANDED_ON, 7, lock=9)),
        ("grants", [*HANDED_ON, granted(1, 8, 2)]),
        ("grants", [*HANDED_ON[:7], CLEARED]),
        ("grants", [*EXPIRED[:7], *EXPIRED[8:]]),
        ("held alone", [*HANDED_ON[:5], granted(1, 8, 2), *HANDED_ON[5:7]]),
        ("held alone", [*EXPIRED[:5], granted(1, 8, 2), *EXPIRED[5:7]]),
        # what client 0 gave back before is no excuse
        ("held alone", [*HANDED_ON, asked(1, 2, "unlock 8"), told(1, 2, 3, "released"),
                        asked(0, 3, "lock 8"), told(0, 3, 4, "held"), granted(0, 8, 4), granted(2, 8, 5)]),
    ],
)  # fmt: skip
def test_a_broken_rule_is_told(rule: str, history: list[Event]) -> None:
    found = broken(*history)
    assert rule in found
    at, why = found[rule][0]
    assert 1 <= at <= len(history) + 1
    assert why


def test_each_rule_is_broken_alone_where_that_can_be() -> None:
    assert list(broken(*HANDED_ON[:7], CLEARED)) == ["grants"]
    assert list(broken(*[*HANDED_ON[:5], granted(1, 8, 2), *HANDED_ON[5:7], CLEARED])) == [
        "linearizable",
        "held alone",
    ]
    moved = [asked(0, 1, "lock 1"), told(0, 1, 5, "held"), asked(1, 1, "lock 2"), told(1, 1, 4, "held")]
    assert list(broken(*moved)) == ["real time"]


def test_what_breaks_it_is_told_with_its_event() -> None:
    furthest, after = "the order that got furthest is", "and after that the lock is held by 0"
    assert broken(*changed(HANDED_ON, 4, result="held"))["linearizable"] == [
        (6, f"lock 8: lock by 1: held has no place; {furthest} lock by 0: held, grant to 0, {after}")
    ]
    assert broken(*HANDED_ON[:5], granted(1, 8, 2))["held alone"] == [
        (7, "lock 8 is granted to client 1, slot 2, while client 0 holds it since slot 0 (event 4)")
    ]


# What is no break.


def test_a_grant_that_comes_late_is_in_nobodys_way() -> None:
    """Client 1 hears of its grant when client 2 has the lock already: it had asked to unlock before."""
    history = [
        asked(0, 1, "lock 8"), told(0, 1, 0, "held"), granted(0, 8, 0),
        asked(1, 1, "lock 8"), asked(1, 2, "unlock 8"),
        asked(2, 1, "lock 8"), told(2, 1, 2, "waiting"),
        asked(0, 2, "unlock 8"), told(0, 2, 3, "released"), granted(2, 8, 4),
        told(1, 1, 1, "waiting"), granted(1, 8, 3), told(1, 2, 4, "released"), CLEARED,
    ]  # fmt: skip
    assert broken(*history) == {}


def test_an_unanswered_command_may_take_effect_late_or_never() -> None:
    never = [asked(0, 1, "lock 8"), asked(1, 1, "lock 8"), told(1, 1, 0, "held")]
    late = [*never, asked(1, 2, "unlock 8"), told(1, 2, 1, "released"), asked(2, 1, "lock 8")]
    for history in (never, [*late, told(2, 1, 2, "held")], [*late, told(2, 1, 2, "waiting")]):
        assert words(*history)["linearizable"] == VALID


def test_a_command_of_who_was_expired_does_nothing_however_late_it_is() -> None:
    """Its lock was asked for and never answered: it takes effect before the expiry, or not at all."""
    crash = [asked(0, 1, "lock 8"), {"event": "crashed client", "client": 0}]
    expiry = [asked(MASTER, 1, "expire 0"), told(MASTER, 1, 0, "nothing")]
    then = [asked(1, 1, "lock 8")]
    assert words(*crash, *expiry, *then, told(1, 1, 1, "held"))["linearizable"] == VALID
    assert words(*crash, *expiry, *then, told(1, 1, 1, "waiting"))["linearizable"] == INVALID


def test_the_search_gives_up_when_its_budget_is_used_up() -> None:
    events = [asked(client, 1, "lock 8") for client in range(12)]
    events += [told(client, 1, client, "waiting" if client else "held") for client in reversed(range(12))]
    assert judge([STARTED, *events])["linearizable"].word == VALID
    assert judge([STARTED, *events], budget=3)["linearizable"].word == UNKNOWN


@pytest.mark.parametrize("text", ["lock", "lock x", "unlock -1", "read 3", "open 1"])
def test_what_is_no_command_of_a_lock_service_is_refused(text: str) -> None:
    with pytest.raises(HistoryError, match="no command of a lock service"):
        judge([STARTED, asked(0, 1, text)])


# What certainly came first.


def clocked(*clocks: float) -> list[Event]:
    return [{"event": "asked", "t": clock} for clock in clocks]


def test_in_a_trace_of_processes_only_what_clock_and_place_agree_on_is_certain() -> None:
    events = clocked(1.0, 2.0, 5.0, 3.0, 6.0)
    moments = Moments(events, range(1, 6), is_in_order=False)
    before = {(a, b) for a in range(1, 6) for b in range(1, 6) if moments.is_before(a, b)}
    everything = {(a, b) for a in range(1, 6) for b in range(a + 1, 6)}
    assert before == everything - {(3, 4)}, "the third was heard first, and its clock says otherwise"
    same = Moments(clocked(1.0, 1.0), (1, 2), is_in_order=False)
    assert not same.is_before(1, 2)
    assert Moments(clocked(1.0, 1.0), (1, 2), is_in_order=True).is_before(1, 2)


@pytest.mark.parametrize("t", [None, "1", True, -1.0, float("nan")])
def test_without_a_clock_there_is_no_order(t: object) -> None:
    with pytest.raises(HistoryError, match="event 1 does not say when"):
        Moments([{"event": "asked", "t": t}], (1,), is_in_order=False)


def test_a_late_answer_heard_before_a_question_does_not_come_before_it() -> None:
    """The clocks say that client 1 asked before client 0 was answered, the trace says otherwise: overlapping,
    so slots in the other order are no break."""
    begun = {**STARTED, "in_order": False}
    history = [asked(0, 1, "lock 1"), told(0, 1, 5, "held"), asked(1, 1, "lock 2"), told(1, 1, 4, "held")]
    clocks = (1.0, 3.0, 2.0, 4.0)
    overlapping = [{**event, "t": t} for event, t in zip(history, clocks, strict=True)]
    assert judge([begun, *overlapping])["real time"].broken == []
    in_turn = [{**event, "t": t} for event, t in zip(history, sorted(clocks), strict=True)]
    assert len(judge([begun, *in_turn])["real time"].broken) == 1


def test_a_lock_by_itself() -> None:
    lock, answer = Lock().after_lock(3)
    assert (lock.holder, answer, str(lock)) == (3, "held", "held by 3")
    lock, answer = lock.after_lock(4)
    assert (answer, str(lock)) == ("waiting", "held by 3, 4 waiting")
    assert lock.after_lock(4) == (lock, "already")
    assert lock.after_unlock(4) == (lock, "not yours")
    expired = lock.after_expiry(3)
    assert (expired.holder, expired.queue) == (4, ())
    assert expired.after_lock(3) == (expired, "nothing")
    assert expired.after_unlock(4)[0].holder == NOBODY
