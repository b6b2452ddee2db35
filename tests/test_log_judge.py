"""The judge of a consensus log on histories written by hand: good ones, and ones that break a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bayou.check.consensus import RULES, judge
from bayou.check.history import HistoryError
from bayou.check.verdict import INVALID, UNKNOWN, VALID

if TYPE_CHECKING:
    from collections.abc import Sequence

Event = dict[str, Any]
Ballot = tuple[int, int]

A = ["command", 0, 1, "a"]
B = ["command", 0, 2, "b"]
NOOP = ["noop"]
FIRST, SECOND = (1, 0), (2, 1)
"""The ballots of servers 0 and 1."""


def of(kind: str, **fields: Any) -> Event:
    return {"event": kind, **fields}


def started(servers: Sequence[int] = (0, 1, 2), clients: Sequence[int] = (0,), window: int = 2) -> Event:
    return of("started", servers=list(servers), clients=list(clients), window=window, in_order=True)


def asked(number: int, text: str) -> Event:
    return of("asked", client=0, number=number, text=text)


def promised(server: int, ballot: Ballot) -> Event:
    return of("promised", server=server, ballot=list(ballot))


def accepted(server: int, slot: int, ballot: Ballot, value: Any) -> Event:
    return of("accepted", server=server, slot=slot, ballot=list(ballot), value=value)


def prepare(server: int, ballot: Ballot, first: int = 0) -> Event:
    return of("sent", server=server, message="Prepare", ballot=list(ballot), first=first)


def promise(server: int, ballot: Ballot, votes: Any = (), first: int = 0, upto: int | None = None) -> Event:
    said = of("sent", server=server, message="Promise", ballot=list(ballot))
    return said | {"first": first, "upto": upto, "accepted": list(votes)}


def accept(server: int, slot: int, ballot: Ballot, value: Any) -> Event:
    return of("sent", server=server, message="Accept", ballot=list(ballot), slot=slot, value=value)


def accepted_sent(server: int, slot: int, ballot: Ballot) -> Event:
    return of("sent", server=server, message="Accepted", ballot=list(ballot), slot=slot)


def decided(server: int, slot: int, value: Any = None) -> Event:
    event = of("decided", server=server, slot=slot)
    return event if value is None else event | {"value": value}


def applied(server: int, slot: int, number: int) -> Event:
    return of("applied", server=server, slot=slot, client=0, number=number)


def answered(server: int, slot: int, number: int) -> Event:
    return of("answered", server=server, slot=slot, client=0, number=number)


def told(slot: int, value: Any, client: int = 0) -> Event:
    return of("told", client=client, slot=slot, value=value)


def acknowledged(number: int, slot: int) -> Event:
    return of("acknowledged", client=0, number=number, slot=slot)


def members(server: int, slot: int, ids: Sequence[int]) -> Event:
    return of("members", server=server, slot=slot, members=list(ids))


CLEARED = of("cleared", majority=True)
LEADS = [promised(0, FIRST), prepare(0, FIRST), promised(1, FIRST), promise(1, FIRST)]
"""Server 0 has a majority of promises."""


def agreed(slot: int, value: Any, ballot: Ballot = FIRST) -> list[Event]:
    """The owner of the ballot and one more accept a value."""
    leader, other = ballot[1], 1 - ballot[1]
    return [
        accepted(leader, slot, ballot, value),
        accept(leader, slot, ballot, value),
        accepted(other, slot, ballot, value),
        accepted_sent(other, slot, ballot),
    ]


GOOD = [
    started(),
    asked(1, "a"),
    *LEADS,
    *agreed(0, A),
    decided(0, 0, A),
    applied(0, 0, 1),
    answered(0, 0, 1),
    told(0, A),
    acknowledged(1, 0),
    decided(1, 0),
    applied(1, 0, 1),
    decided(2, 0, A),
    applied(2, 0, 1),
    CLEARED,
]

TAKEN_OVER = [
    started(),
    asked(1, "a"),
    *LEADS,
    accepted(0, 0, FIRST, A),
    accept(0, 0, FIRST, A),
    promised(1, SECOND),
    prepare(1, SECOND),
    promised(0, SECOND),
    promise(0, SECOND, [[0, list(FIRST), A]]),
    *agreed(0, A, SECOND),
    decided(1, 0, A),
    applied(1, 0, 1),
]
"""Server 1 takes over, and adopts what server 0 had accepted."""

CHANGED = [
    started(),
    asked(1, "a"),
    *LEADS,
    *agreed(0, ["members", [0, 1, 3]]),
    *agreed(1, A),
    *(
        decided(server, slot, value)
        for server in (0, 1)
        for slot, value in ((0, ["members", [0, 1, 3]]), (1, A))
    ),
    applied(0, 1, 1),
    applied(1, 1, 1),
    members(0, 2, [0, 1, 3]),
    CLEARED,
]
"""Server 3 takes the place of server 2 from slot 2 on."""


def broken(history: Sequence[Event]) -> list[str]:
    """Return the rules that a history breaks."""
    return [rule for rule, verdict in judge(history).items() if verdict.word == INVALID]


def instead(history: Sequence[Event], old: Event, *new: Event) -> list[Event]:
    """Return the history with other events in place of one."""
    at = history.index(old)
    return [*history[:at], *new, *history[at + 1 :]]


def after(history: Sequence[Event], one: Event, *new: Event) -> list[Event]:
    """Return the history with more events after one."""
    return instead(history, one, one, *new)


def between(history: Sequence[Event], *new: Event) -> list[Event]:
    """Return the history with more events before its last one."""
    return [*history[:-1], *new, history[-1]]


@pytest.mark.parametrize("history", [GOOD, TAKEN_OVER, CHANGED], ids=["good", "taken over", "changed"])
def test_a_good_history_breaks_no_rule(history: list[Event]) -> None:
    assert broken(history) == []


def test_each_rule_looks_at_something_in_good_histories_and_at_nothing_in_an_empty_one() -> None:
    words = [judge(history) for history in (GOOD, TAKEN_OVER, CHANGED)]
    assert {rule for verdicts in words for rule in RULES if verdicts[rule].word == VALID} == set(RULES)
    assert {verdict.word for verdict in judge([started()]).values()} == {UNKNOWN}


def test_events_told_again_after_a_crash_count_once() -> None:
    """A server that was killed tells its last batch once more, when it has promised higher meanwhile."""
    again = [event | {"again": True} for event in TAKEN_OVER if event["event"] in ("promised", "accepted")]
    own = [event for event in again if event["server"] == 0]
    history = [*TAKEN_OVER, of("crashed", server=0), *own, decided(0, 0) | {"again": True}]
    assert broken([*history, of("restarted", server=0), applied(0, 0, 1)]) == []


def test_servers_may_be_heard_in_any_order_where_the_trace_does_not_say_otherwise() -> None:
    first, *rest = GOOD
    loose = {key: value for key, value in first.items() if key != "in_order"}
    by_server = sorted(rest[:-1], key=lambda event: -event.get("server", 9))
    assert broken([loose, *by_server, rest[-1]]) == []
    assert broken([first, *by_server, rest[-1]]) != []


def test_a_snapshot_and_a_new_life_begin_where_they_are() -> None:
    """What is below a snapshot is neither applied again nor told in promises."""
    history = between(
        GOOD,
        of("snapshot", server=1, slot=1),
        of("crashed", server=1),
        of("restarted", server=1),
        of("installed", server=1, slot=1),
        promised(1, (3, 2)),
        promise(1, (3, 2), first=1),
    )
    assert broken(history) == []


def test_a_promise_in_parts_tells_what_is_in_each_of_them() -> None:
    votes = [[slot, list(FIRST), value] for slot, value in ((0, A), (1, NOOP))]
    history = [*GOOD[:10], *agreed(1, NOOP)[:3], promised(1, (2, 2))]
    parts = [promise(1, (2, 2), votes[:1], upto=1), promise(1, (2, 2), votes[1:], first=1)]
    assert broken([*history, *parts]) == []
    assert broken([*history, promise(1, (2, 2), votes[:1], upto=2)]) == ["promises"]


BAD: list[tuple[str, list[str], list[Event]]] = [
    ("another server decides otherwise", ["agreement"], instead(GOOD, decided(2, 0, A), decided(2, 0, NOOP))),
    ("a client is told otherwise", ["agreement"], between(GOOD, told(0, NOOP))),
    ("nobody sent it", ["validity"], instead(GOOD, asked(1, "a"))),
    ("another text", ["validity"], instead(GOOD, asked(1, "a"), asked(1, "x"))),
    (
        "somebody is named twice",
        ["validity"],
        [started(), *LEADS, *agreed(0, ["members", [1, 1]]), decided(0, 0, ["members", [1, 1]])],
    ),
    (
        "applied in two slots",
        ["at most once"],
        [*GOOD[:-1], *agreed(1, A), decided(0, 1, A), applied(0, 1, 1)],
    ),
    ("applied twice by a server", ["at most once"], after(GOOD, applied(1, 0, 1), applied(1, 0, 1))),
    (
        "number 2 before number 1",
        ["client order"],
        [
            *[started(), asked(1, "a"), asked(2, "b"), *LEADS, *agreed(0, B), *agreed(1, A)],
            *[decided(0, 0, B), decided(0, 1, A), applied(0, 0, 2), applied(0, 1, 1)],
        ],
    ),
    (
        "number 1 after number 2, at another server",
        ["client order"],
        [
            *[started(), asked(1, "a"), asked(2, "b"), *LEADS, *agreed(0, B), *agreed(1, A)],
            *[decided(0, 0, B), decided(0, 1, A), applied(0, 0, 2), applied(1, 0, 2), applied(1, 1, 1)],
        ],
    ),
    (
        "applies what is decided elsewhere",
        ["one log"],
        [*GOOD[:-1], *agreed(1, NOOP), decided(2, 1, NOOP), asked(2, "b"), applied(2, 1, 2)],
    ),
    (
        "passes over a slot",
        ["one log"],
        [*GOOD[:-3], asked(2, "b"), *agreed(1, B), decided(0, 1, B), applied(0, 1, 2), applied(2, 1, 2)],
    ),
    (
        "goes back to a snapshot",
        ["one log"],
        [*GOOD[:-1], of("installed", server=1, slot=0)],
    ),
    (
        "a view lacks a line",
        ["one log"],
        [started(clients=(0, 1)), *GOOD[1:-1], CLEARED],
    ),
    (
        "acknowledged where something else is",
        ["acknowledged"],
        [*GOOD[:-1], *agreed(1, NOOP), decided(0, 1, NOOP), acknowledged(1, 1)],
    ),
    (
        "acknowledged, and in nobody's view",
        ["acknowledged"],
        [
            *[started(), asked(1, "a"), *LEADS, *agreed(0, NOOP), *agreed(1, A)],
            *(decided(server, slot) for server in (0, 1) for slot in (0, 1)),
            *[decided(2, 0, NOOP), decided(2, 1, A), *(applied(server, 1, 1) for server in (0, 1, 2))],
            *[told(1, A), acknowledged(1, 1), CLEARED],
        ],
    ),
    ("sent and lost", ["acknowledged"], between(GOOD, asked(2, "b"))),
    (
        "answered when it is decided",
        ["answers"],
        [*GOOD[:10], decided(0, 0, A), answered(0, 0, 1), applied(0, 0, 1)],
    ),
    ("answered with another slot", ["answers"], after(GOOD, applied(0, 0, 1), answered(0, 1, 1))),
    (
        "answered after a crash, before it is applied again",
        ["answers"],
        [*GOOD[:-1], of("crashed", server=0), of("restarted", server=0), answered(0, 0, 1)],
    ),
    ("two values in a ballot", ["ballots"], between(GOOD, accepted(2, 0, FIRST, NOOP))),
    ("somebody else's ballot", ["ballots"], after(GOOD, promised(1, FIRST), prepare(1, FIRST))),
    (
        "a ballot used in two lives",
        ["ballots"],
        [*GOOD[:4], of("crashed", server=0), of("restarted", server=0), prepare(0, FIRST)],
    ),
    ("a promise that is not durable", ["records"], [started(), *LEADS[:2], promise(1, FIRST)]),
    ("a promise taken back", ["records"], [started(), promised(1, SECOND), promised(1, FIRST)]),
    ("accepts below its promise", ["records"], between(GOOD, promised(2, SECOND), accepted(2, 0, FIRST, A))),
    (
        "Accepted that is not durable",
        ["records"],
        between(GOOD, promised(2, FIRST), accepted_sent(2, 0, FIRST)),
    ),
    (
        "proposes before it has accepted",
        ["records"],
        [started(), asked(1, "a"), *LEADS, accept(0, 0, FIRST, A), accepted(0, 0, FIRST, A)],
    ),
    ("decided is what it never accepted", ["records"], after(GOOD, decided(2, 0, A), decided(2, 1))),
    (
        "a promise that conceals a vote",
        ["promises"],
        instead(TAKEN_OVER, promise(0, SECOND, [[0, list(FIRST), A]]), promise(0, SECOND)),
    ),
    (
        "a promise that makes a vote up",
        ["promises"],
        after(GOOD, promised(1, FIRST), promise(1, FIRST, [[3, [1, 2], NOOP]])),
    ),
    (
        "a promise that tells of an earlier vote",
        ["promises"],
        [
            *TAKEN_OVER,
            promised(1, (3, 2)),
            accepted(0, 0, (3, 2), A),
            promise(0, (3, 2), [[0, list(FIRST), A]]),
        ],
    ),
    (
        "no majority has promised",
        ["proposals"],
        [started(), asked(1, "a"), *LEADS[:2], accepted(0, 0, FIRST, A), accept(0, 0, FIRST, A)],
    ),
    (
        "what was accepted is not adopted",
        ["proposals"],
        [*TAKEN_OVER[:12], accepted(1, 0, SECOND, NOOP), accept(1, 0, SECOND, NOOP)],
    ),
    (
        "not the value of the highest ballot",
        ["proposals"],
        [
            *[started(), asked(1, "a"), *LEADS, accepted(0, 0, FIRST, A), accept(0, 0, FIRST, A)],
            *[promised(1, SECOND), prepare(1, SECOND), promised(2, SECOND), promise(2, SECOND)],
            *[accepted(1, 0, SECOND, NOOP), accept(1, 0, SECOND, NOOP)],
            *[promised(0, (3, 0)), prepare(0, (3, 0)), promised(1, (3, 0))],
            *[promise(1, (3, 0), [[0, list(SECOND), NOOP]])],
            *[accepted(0, 0, (3, 0), A), accept(0, 0, (3, 0), A)],
        ],
    ),
    (
        "one of three has accepted",
        ["majorities"],
        [started(), asked(1, "a"), *LEADS, *agreed(0, A)[:2], decided(0, 0, A)],
    ),
    (
        "two of three have, in two ballots",
        ["majorities"],
        [*TAKEN_OVER[:12], *agreed(0, A, SECOND)[:2], decided(1, 0, A)],
    ),
    (
        "one who is no member has",
        ["majorities"],
        [
            *[started(), asked(1, "a"), *LEADS, *agreed(0, A)[:2]],
            *[promised(7, FIRST), accepted(7, 0, FIRST, A), decided(0, 0, A)],
        ],
    ),
    ("beyond the window", ["members"], [started(), *LEADS, *agreed(2, NOOP)]),
    ("other members than decided", ["members"], instead(CHANGED, CHANGED[-2], members(0, 2, [0, 3]))),
    (
        "told before they have it",
        ["members"],
        [*CHANGED[:-6], decided(0, 0, ["members", [0, 1, 3]]), decided(0, 1, A), members(0, 2, [0, 1, 3])],
    ),
    ("nobody told", ["members"], instead(CHANGED, CHANGED[-2])),
    ("not applied at a member", ["level"], instead(GOOD, applied(2, 0, 1))),
    (
        "a member does not know a slot",
        ["level"],
        between(GOOD, *agreed(1, NOOP), decided(0, 1, NOOP), decided(1, 1, NOOP)),
    ),
]


@pytest.mark.parametrize(("rules", "history"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
def test_a_bad_history_breaks_its_rule(rules: list[str], history: list[Event]) -> None:
    assert broken(history) == rules


def test_each_rule_is_broken_by_two_histories() -> None:
    blamed = [rule for _, rules, _ in BAD for rule in rules]
    assert [rule for rule in RULES if blamed.count(rule) < 2] == []


def test_what_is_blamed_is_the_event_by_its_place() -> None:
    history = instead(GOOD, decided(2, 0, A), decided(2, 0, NOOP))
    at, why = judge(history)["agreement"].broken[0]
    assert history[at - 1] == decided(2, 0, NOOP)
    assert why == "server 2 has a no-op in slot 0, and event 11 'a' (number 1 of client 0)"


@pytest.mark.parametrize(
    "event",
    [
        of("accepted", server=0),
        of("decided", server=0, slot=0, value=["king"]),
        of("told", client=0, slot=0, value=["command", 1]),
        of("sent", server=0, message="Hello", ballot=[1, 0]),
        of("promised", server=0, ballot=7),
    ],
    ids=lambda event: str(event["event"]),
)
def test_an_event_of_another_form_is_refused(event: Event) -> None:
    with pytest.raises(HistoryError):
        judge([started(), event])
