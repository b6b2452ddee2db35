"""What the judge could get wrong without any other test noticing: found by changing its code with
tests/mutation.py. Each test here fails with such a change."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from bayou.check.facts import Accepted, Batch, Commit, Done, Learned, Odd, Rest
from bayou.check.history import (
    Answered,
    Asked,
    Fate,
    History,
    HistoryError,
    Logged,
    Named,
    Served,
    Settled,
    Write,
)
from bayou.check.state import State
from bayou.check.store import judge
from bayou.check.verdict import UNKNOWN
from tests.test_check import CREATION, GOOD, ROOT, TWO, A, Event, answered, log, named, notice, put, served
from tests.test_check_rules import (
    ENDED,
    HANDED_ON,
    PROCESSES,
    SECOND,
    THREE,
    B,
    asked,
    broken,
    crashed,
    left,
    own,
    restarted,
    retirement,
    settled,
)


def said(rule: str, *events: Event) -> list[tuple[int, str]]:
    """Return what breaks a rule: the event and what is said of it."""
    return judge(History.of(events))[rule].broken


def looks(*events: Event) -> dict[str, int]:
    """Return how often each rule was looked at, where it was at all."""
    return {rule: verdict.looked for rule, verdict in judge(History.of(events)).items() if verdict.looked}


def puts(server: int, csn: int, *writes: list[Any]) -> list[Event]:
    """Return how the primary accepts the writes of requests, and answers each."""
    events = [log(server, csn, list(writes))]
    events += (served(server, 100 + write[0], "put", stamp=write[0]) for write in writes)
    return events


# What is said, and of which event.

SPREAD = [put(2, A), put(3, A), put(4, A), put(5, A)]
BOTH_HAVE = [*TWO, *own(1, 1, put(2, A), 1), log(0, 1, tentative=[put(2, A)])]
WRONG_HEIR = [*THREE, log(1, 2, tentative=[retirement(3, A, B)]), log(0, 2, [retirement(3, A, B)])]
PUT_103 = "request 103 of session 7 (put playlist/s)"
GET_1 = "request 1 of session 7 (get playlist/s)"
DIFFER = "are connected, at rest, and differ"


@pytest.mark.parametrize(
    ("rule", "events", "expected"),
    [
        ("MR", [*TWO, *GOOD[:5], served(0, 3, "get", read=None)], [
            (10, "request 3 of session 7 (get playlist/s) was served without (2 by <1>), read by request 2"),
        ]),
        ("MW", [*TWO, *GOOD[:3], *puts(0, 1, put(3, ROOT))], [
            (9, f"{PUT_103} was served without (2 by <1>), its request 1"),
        ]),
        ("WFR", [*TWO, *GOOD[:5], *puts(0, 1, put(3, ROOT))], [
            (11, f"{PUT_103} was served without (2 by <1>), read by request 2"),
        ]),
        ("committed prefix", [*TWO, log(0, 1, [put(2, ROOT)]), log(1, 1, [put(3, ROOT)])], [
            (6, "server 1 has (3 by <>) at CSN 2, others (2 by <>)"),
        ]),
        ("committed prefix", [*TWO, log(0, 1, [put(2, ROOT), put(3, ROOT)]), log(0, 2, [put(4, ROOT)])], [
            (6, "server 0 had (3 by <>) at CSN 3, and then (4 by <>)"),
        ]),
        ("committed prefix", [*TWO, log(0, 1, [put(2, ROOT), put(3, ROOT)]), log(0, 1, [put(4, ROOT)])], [
            (6, "server 0 had (2 by <>) at CSN 2, and then (4 by <>)"),
        ]),
        ("CSN", [*TWO, log(0, 2, [put(2, ROOT)])], [
            (5, "server 0 goes on after CSN 2, and has come to CSN 1"),
        ]),
        ("CSN", [*TWO, log(0, 1, [put(2, ROOT), put(3, ROOT)]), log(1, 1, [put(3, ROOT)])], [
            (6, "(3 by <>) was given CSN 3 and CSN 2"),
        ]),
        ("causal order", [*TWO, log(0, 1, [put(3, ROOT)]), log(0, 2, [put(2, ROOT)])], [
            (6, "server 0 accepts put playlist/s \"u\" (2 by <>) below what it has seen, 3"),
        ]),
        ("causal order", [*TWO, log(0, 1, [notice(5, A)])], [
            (5, "server 0 was told that (5 by <1>) is committed, and does not have it"),
        ]),
        ("causal order", [*TWO, *puts(0, 1, put(2, ROOT), put(3, ROOT)), log(1, 1, [put(3, ROOT)])], [
            (8, "server 1 has (3 by <>) without its cause (2 by <>) before it"),
        ]),
        ("causal order", [*BOTH_HAVE, *own(1, 1, put(3, A), 2), log(0, 1, [put(3, A), notice(2, A)])], [
            (10, "(3 by <1>) is committed before (2 by <1>), which it depends on"),
        ]),
        ("writes", [*TWO, log(0, 1, [put(2, ROOT)]), log(0, 2, tentative=[put(2, ROOT)])], [
            (6, "server 0 processes put playlist/s \"u\" (2 by <>) twice"),
        ]),
        ("writes", [*TWO, log(0, 1, [put(2, ROOT)]), log(0, 2, [put(2, ROOT)])], [
            (6, "server 0 processes put playlist/s \"u\" (2 by <>) twice"),
        ]),
        ("writes", [*TWO, log(0, 1, [put(2, ROOT)]), log(0, 1, [put(3, ROOT)])], [
            (6, "server 0 commits (3 by <>) where it had come further"),
            (6, "server 0 goes on after CSN 1, and had come to CSN 2"),
        ]),
        ("writes", [*TWO, log(1, 1, tentative=[put(2, A, "x")]), log(0, 1, tentative=[put(2, A, "y")])], [
            (6, "server 0 has put playlist/s \"y\" (2 by <1>), others put playlist/s \"x\" (2 by <1>)"),
        ]),
        ("writes", [*BOTH_HAVE, log(0, 1, [put(2, A, "y")])], [
            (8, "server 0 has put playlist/s \"y\" (2 by <1>), others put playlist/s \"u\" (2 by <1>)"),
        ]),
        ("writes", [*TWO, log(0, 1, tentative=[put(2, A)])], [(5, "nobody has accepted (2 by <1>)")]),
        ("writes", [*TWO, *own(1, 1, put(2, A), 1), left(1)], [
            (5, "(2 by <1>) was accepted, and nobody has it any more"),
        ]),
        ("results", [*TWO, served(0, 1, "put", stamp=9)], [
            (5, "server 0 answered for (9 by <>), which is not in its log"),
        ]),
        ("requests", [*TWO, log(1, 1, tentative=[put(2, A)])], [
            (5, "server 1 accepted put playlist/s \"u\" (2 by <1>), and no request became that"),
        ]),
        ("requests", [*TWO, answered(1)], [
            (5, "request 1 of session 7 heard an answer that no server gave"),
        ]),
        ("requests", [*TWO, served(0, 1, "get", read=None), served(0, 1, "get", read="u")], [
            (6, f"server 0 answered {GET_1} at event 5, and then in another way"),
        ]),
        ("requests", [*TWO, served(1, 2, "get", read=None), asked(1, 2, "put", value="u")], [
            (5, "request 2 of session 7 (get playlist/s) is not what was asked, at event 6"),
        ]),
        ("reads", [*TWO, *puts(0, 1, put(2, ROOT)), served(0, 1, "get", read="v")], [
            (7, 'server 0 read playlist/s in the full view: "v", and its log says "u"'),
        ]),
        ("refusals", [*TWO, served(0, 1, "get", "refused")], [
            (5, "request 1 of session 7 was refused without need"),
        ]),
        ("retired", [*TWO, log(0, 1, tentative=[retirement(3, A), put(2, A)])], [
            (5, "server 0 has seen (3 by <1>) retire, and then processes put playlist/s \"u\" (2 by <1>)"),
        ]),
        ("names", [*TWO, log(3, 0), named(4, A)], [
            (0, "server 3 took part without a name"),
            (6, "servers 1 and 4 both are <1>"),
        ]),
        ("names", [*TWO, named(2, B)], [(5, "server 2 is <2>, and (2 by <>) is no creation write")]),
        ("names", [*TWO, log(0, 1, [SECOND]), named(2, B), served(2, 1, "get", read=None)], [
            (7, "server 2 serves request 1 of session 7 (get playlist/s) before its own creation reached it"),
        ]),
        ("names", [
            *TWO, log(0, 1, [SECOND]), named(2, B),
            log(2, 0, tentative=[put(3, B), SECOND, put(4, B)]),
        ], [(7, "server 2 accepts (3 by <2>) before its own creation reached it")]),
        ("one primary", [*TWO, log(1, 1, [put(2, A)]), log(0, 1, [put(2, A)])], [
            (5, "server 1 is <1>, the primary <>, and it gave CSN 2 to (2 by <1>)"),
        ]),
        ("one primary", [*TWO, *own(1, 1, put(2, A), 1), log(1, 1, [notice(2, A)])], [
            (7, "CSN 2 was given to (2 by <1>), and not by the primary, <>"),
        ]),
        ("one primary", [named(0, ROOT), named(1, A), log(1, 0, [CREATION])], [
            (3, "CSN 1 was given to (1 by <>), and not by the primary, <>"),
        ]),
        ("one primary", [*TWO, log(0, 1, [retirement(2, ROOT)])], [
            (5, "retirement (2 by <>) names no heir"),
        ]),
        ("one primary", WRONG_HEIR, [
            (10, "retirement (3 by <1>) names an heir, and <> is the primary"),
        ]),
        ("one primary", [*TWO, log(0, 1, [retirement(2, ROOT, [7])])], [
            (0, "nobody is primary: <7> is the name of no server"),
        ]),
        ("one primary", [*BOTH_HAVE, log(0, 1, [retirement(3, ROOT, [7]), notice(2, A)])], [
            (8, "CSN 3 was given to (2 by <1>), and not by the primary, <7>"),
            (0, "nobody is primary: <7> is the name of no server"),
        ]),
        ("one primary", [*TWO, left(0)], [(5, "nobody is primary: <> has left, and handed it to nobody")]),
        ("one primary", [*HANDED_ON, left(0)], [
            (6, "nobody is primary: <> has left, and nobody who is there knows that <1> is next"),
        ]),
        ("level", [*THREE, log(2, 2, tentative=[put(n, B) for n in (3, 4, 5, 6)]), settled([1, 0, 2])], [
            (10, f"servers 1 and 2 {DIFFER}: server 1 lacks (3 by <2>), (4 by <2>), (5 by <2>)"),
        ]),
        ("level", [
            *TWO, *own(1, 1, put(2, A), 1), *puts(0, 1, put(2, ROOT)), settled([0, 1]),
        ], [
            (9, f"servers 0 and 1 {DIFFER}: server 0 lacks (2 by <1>); server 1 lacks (2 by <>)"),
        ]),
        ("level", [*BOTH_HAVE, log(0, 1, [notice(2, A)]), settled([0, 1])], [
            (9, f"servers 0 and 1 {DIFFER}: server 0 has committed 2 writes, server 1 1"),
        ]),
        ("level", [*TWO, log(1, 1, tentative=SPREAD), log(0, 1, tentative=SPREAD), settled([0, 1])], [
            (7, "server 0 is the primary, at rest, and has not committed (2 by <1>), (3 by <1>), (4 by <1>)"),
        ]),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_told_with_its_event(
    rule: str, events: list[Event], expected: list[tuple[int, str]]
) -> None:
    """All of it: nothing more is said of that rule."""
    assert said(rule, *events) == expected


def test_what_is_missing_at_rest_is_told_in_order() -> None:
    """The smallest first, however many there are and in whatever order they came."""
    many = [put(stamp, A) for stamp in (40, 9, 33, 12, 7, 21, 58)]
    ((_, why),) = said("level", *TWO, log(1, 1, tentative=many), settled([0, 1]))
    assert why.endswith("server 0 lacks (7 by <1>), (9 by <1>), (12 by <1>)")


def test_a_request_carried_out_several_times_is_told_with_all_it_became() -> None:
    """In order, each time that there is one more; and what was refused at first hides nothing."""
    stamps = (40, 9, 33, 12, 7)
    refused = served(0, 1, "put", "refused", stamp=99)
    events = [log(0, 1, [put(stamp, ROOT) for stamp in sorted(stamps)]), refused, crashed(0), restarted(0)]
    events += (served(0, 1, "put", stamp=stamp) for stamp in stamps)
    (at, two), *_, (_, all_of_them) = [
        each for each in said("requests", *TWO, *events) if "carried out" in each[1]
    ]
    assert (at, two) == (10, "request 1 of session 7 was carried out as (9 by <>), (40 by <>)")
    told = ", ".join(f"({stamp} by <>)" for stamp in sorted(stamps))
    assert all_of_them == f"request 1 of session 7 was carried out as {told}"


def test_complaints_about_the_order_of_commitment_are_in_that_order() -> None:
    """By CSN, though the later one was heard of first."""
    before = [*BOTH_HAVE, *(event for n in (3, 4, 5) for event in own(1, 1, put(n, A), n))]
    events = [log(0, 3, [put(4, A)]), log(1, 1, [notice(5, A)])]
    assert [why for _, why in said("causal order", *before, *events) if "committed before" in why] == [
        "(5 by <1>) is committed before (4 by <1>), which it depends on",
        "(4 by <1>) is committed before (3 by <1>), which it depends on",
    ]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], {}),
        ([*TWO, *GOOD], {
            "RYW": 2, "MR": 1, "WFR": 2, "MW": 1, "committed prefix": 6, "CSN": 13, "causal order": 9,
            "writes": 9, "requests": 8, "results": 2, "reads": 2, "retired": 6, "names": 6, "one primary": 6,
            "level": 3,
        }),
        ([*TWO, log(0, 1, [notice(5, A)])], {
            "committed prefix": 2, "CSN": 5, "causal order": 2, "writes": 3, "retired": 2, "names": 3,
            "one primary": 3,
        }),
        ([named(0, ROOT), log(3, 0)], {"CSN": 1, "names": 2, "one primary": 1}),
        (HANDED_ON, {
            "committed prefix": 3, "CSN": 6, "causal order": 3, "writes": 5, "retired": 3, "names": 3,
            "one primary": 6, "consent": 1,
        }),
        ([named(0, ROOT), served(0, 1, "put", "refused"), served(0, 2, "get", "refused", read=None)], {
            "names": 1, "one primary": 1, "refusals": 2,
        }),
        ([named(0, ROOT), served(0, 1, "get", read=None), served(0, 1, "get", read=None)], {
            "names": 1, "one primary": 1, "requests": 1, "reads": 1,
        }),
    ],
    ids=["nothing", "good", "unknown", "nameless", "handed on", "refused", "read twice"],
)  # fmt: skip
def test_a_rule_counts_how_often_it_was_looked_at(events: list[Event], expected: dict[str, int]) -> None:
    """`bayou check` prints these: they tell a rule that was never tried from one that was kept."""
    assert looks(*events) == expected


# Sessions.


@pytest.mark.parametrize("rule", ["RYW", "MR", "WFR", "MW"])
def test_a_guarantee_that_was_not_chosen_is_not_looked_at(rule: str) -> None:
    others = [each for each in ("RYW", "MR", "WFR", "MW") if each != rule]
    events = [*TWO, *GOOD[:5], served(0, 3, "get", read=None), *puts(0, 1, put(3, ROOT))]
    assert rule in broken(*events)
    events.append({"event": "began", "version": 2, "families": {"store": {"guarantees": others}}})
    assert judge(History.of(events))[rule].word == UNKNOWN
    assert sorted(set(broken(*events)) & {"RYW", "MR", "WFR", "MW"}) == sorted(others)


def test_what_a_client_never_heard_of_counts_for_nothing() -> None:
    """Neither a write nor a read of which no answer came, or only that an earlier service had refused it."""
    elsewhere = [served(0, 3, "get", read=None), *puts(0, 1, put(3, ROOT))]
    assert broken(*TWO, *own(1, 1, put(2, A), 1), *elsewhere) == []
    before = [*TWO, *own(1, 1, put(2, A), 1, session=8)]
    assert broken(*before, served(1, 2, "get", read="u"), *elsewhere) == []
    refused = {**answered(1), "verdict": "refused"}
    late = [served(1, 1, "put", "refused"), crashed(1), restarted(1), *own(1, 1, put(2, A), 1), refused]
    assert broken(*TWO, *late, *elsewhere) == ["refusals"]
    wants = served(0, 5, "get", "refused")
    assert len(said("refusals", *TWO, *late, wants)) == 2, "not even for a refusal"


def test_the_requests_of_a_session_are_in_order_whatever_was_heard_first() -> None:
    early = [served(0, 2, "get", read=None), *TWO[2:], *own(1, 1, put(2, A), 1), answered(1)]
    assert broken(*TWO[:2], *early) == ["RYW"]


def test_a_write_is_not_a_read_of_all_that_its_server_had() -> None:
    others = [*own(1, 1, put(2, A), 1, session=8), *own(1, 1, put(3, A), 1), answered(1)]
    assert said("MR", *TWO, *others, served(0, 2, "get", read=None)) == []
    assert said("WFR", *TWO, *others, *puts(0, 1, put(4, ROOT))) == []


WROTE = [*own(1, 1, put(2, A), 1), answered(1)]
READ = [*own(1, 1, put(2, A), 1, session=8), served(1, 1, "get", read="u"), answered(1)]


@pytest.mark.parametrize(
    ("rule", "before", "kind", "other"),
    [
        ("RYW", WROTE, "get", "put"),
        ("MR", READ, "get", "put"),
        ("WFR", READ, "put", "get"),
        ("MW", WROTE, "put", "get"),
    ],
)
def test_a_request_is_judged_as_the_kind_that_it_was_first_served_as(
    rule: str, before: list[Event], kind: str, other: str
) -> None:
    """As that everywhere, should it be served as two."""
    there, elsewhere = served(1, 2, kind, read="u"), served(0, 2, other, read=None)
    assert len(said(rule, *TWO, *before, there, elsewhere)) == 1
    assert said(rule, *TWO, *before, elsewhere, there) == []


def test_an_earlier_request_counts_as_what_it_was_first_served_as() -> None:
    """Its kind, and which write it became."""
    wrote, read, heard = READ[:2], READ[2], READ[3]
    as_put, later = served(1, 1, "put"), served(0, 2, "get", read=None)
    assert len(said("MR", *TWO, *wrote, read, as_put, heard, later)) == 1
    assert said("MR", *TWO, *wrote, as_put, read, heard, later) == []
    again = [log(0, 1, [put(3, ROOT)]), served(0, 1, "put", stamp=3)]
    assert said("RYW", *TWO, *WROTE, *again, later) == [
        (10, "request 2 of session 7 (get playlist/s) was served without (2 by <1>), its request 1")
    ]


def test_of_two_answers_to_a_read_what_the_first_saw_is_told_missing() -> None:
    """The smallest of it."""
    seen = [*own(1, 1, put(4, A), 1, session=8), *own(1, 1, put(5, A), 2, session=8)]
    more = [*own(2, 2, put(3, B), 3, session=8), log(1, 2, tentative=[put(3, B)])]
    again = served(1, 1, "get", read="u")
    events = [*THREE, *seen, again, *more, again, answered(1), served(0, 2, "get", read=None)]
    assert said("MR", *events) == [
        (19, "request 2 of session 7 (get playlist/s) was served without (4 by <1>), read by request 1")
    ]


def test_a_read_saw_what_its_server_had_by_then() -> None:
    """Neither less nor more: at the same server, at one that had nothing yet, and at the very next place."""
    read = served(1, 1, "get", read=None)
    assert broken(*TWO, read, answered(1), {**read, "number": 2}) == []
    nothing = [named(0, ROOT), served(0, 1, "get", read=None), answered(1), *TWO[1:]]
    assert broken(*nothing, *puts(0, 1, put(2, ROOT)), {**read, "number": 2}) == []
    early = [*TWO[:2], served(0, 1, "get", read=None), answered(1), TWO[2], {**read, "number": 2}]
    assert len(said("MR", *early)) == 1
    just_before = [served(0, 2, "get", read=None), log(0, 1, tentative=[put(2, A)])]
    assert broken(*TWO, *READ, *just_before) == ["MR"]
    assert broken(*TWO, *READ, just_before[1], served(0, 2, "get", read="u")) == []


# Requests.


def test_a_request_may_have_been_refused_before_it_was_carried_out() -> None:
    """What is said of a write that a refusal did not make is not looked at."""
    refused = served(1, 1, "put", "refused", stamp=9)
    events = [*TWO, refused, crashed(1), restarted(1), *own(1, 1, put(2, A), 1)]
    assert broken(*events) == ["refusals"]
    assert said("refusals", *events) == [(5, "request 1 of session 7 was refused without need")]


def test_an_answer_without_a_stamp_says_nothing_of_a_write() -> None:
    """And one to a read says nothing of a write though it has a stamp."""
    assert broken(*TWO, served(0, 1, "put")) == ["results"]
    assert broken(*TWO, served(0, 1, "put", "refused")) == ["refusals"]
    assert said("results", *TWO, served(0, 1, "get", read=None, stamp=9)) == []


@pytest.mark.parametrize(
    "events",
    [
        [served(0, 1, "put", stamp=1)],
        [*puts(0, 1, put(2, ROOT)), {**served(0, 1, "put", stamp=2), "key": "t"}],
        [*puts(0, 1, put(2, ROOT)), served(0, 1, "delete", stamp=2)],
        [served(1, 1, "put", stamp=2), log(1, 1, tentative=[put(2, A)])],
        [served(0, 1, "put", "refused"), crashed(0), restarted(0), served(0, 1, "put", stamp=9)],
    ],
    ids=["a creation", "another key", "another kind", "too early", "after a refusal"],
)
def test_who_answers_for_a_write_has_it(events: list[Event]) -> None:
    assert [why for _, why in said("results", *TWO, *events) if "answered for" in why] != []


def test_a_refusal_hides_nothing_that_comes_after_it() -> None:
    refused, again = served(0, 1, "get", "refused"), [crashed(0), restarted(0)]
    assert said("reads", *TWO, refused, served(0, 1, "get", read="u")) == [
        (6, 'server 0 read playlist/s in the full view: "u", and its log says None')
    ]
    assert len(said("refusals", *TWO, served(0, 1, "get", read=None), *again, refused)) == 1
    assert len(said("refusals", *TWO, refused, refused, *again, refused)) == 2


def test_a_refusal_is_not_asked_for_by_its_own_request() -> None:
    """Only earlier ones of its session count, and a later one asks for nothing."""
    done = [*own(1, 1, put(2, A), 5), answered(5)]
    assert broken(*TWO, *done, served(0, 6, "put", "refused")) == []
    assert broken(*TWO, *done, served(0, 5, "put", "refused")) == ["refusals"]
    assert broken(*TWO, *done, served(0, 4, "put", "refused")) == ["refusals"]


def test_what_a_read_returns_is_the_last_write_of_that_row() -> None:
    """The largest tentative one in accept order, else the last committed one; of no other row, and none that
    puts nothing, even where a key is empty."""
    swapped = [put(4, A, "new"), put(3, A, "old")]
    assert said("reads", *TWO, log(0, 1, tentative=swapped), served(0, 1, "get", read="new")) == []
    two = [put(2, ROOT, "old"), put(3, ROOT, "new")]
    assert said("reads", *TWO, log(0, 1, two), served(0, 1, "get", read="new")) == []
    other = [4, A, 0, "playlist", "t", "x"]
    assert said("reads", *TWO, log(0, 1, two, [other]), served(0, 1, "get", read="new")) == []
    assert said("reads", *TWO, log(0, 1, [*two, other]), served(0, 1, "get", read="new")) == []
    deleted = [[4, ROOT, 1, "playlist", "s"]]
    assert said("reads", *TWO, log(0, 1, [*two, *deleted]), served(0, 1, "get", read=None)) == []
    assert said("reads", *TWO, log(0, 1, two, deleted), served(0, 1, "get", read=None)) == []
    unnamed = [[2, ROOT, 0, "playlist", "", "u"], [3, ROOT, 2]]
    read = {**served(0, 1, "get", read="u"), "key": ""}
    assert said("reads", *TWO, log(0, 1, unnamed), read) == []
    assert said("reads", *TWO, log(0, 1, unnamed[:1], [retirement(4, A)]), read) == []


# Answers that may be lost.


@pytest.mark.parametrize(
    "told",
    [
        [{**served(1, 2, "get", read=None), "session": 8}],
        [{**served(1, 3, "get", read=None), "session": 8}],
        [served(1, 1, "get", read=None)],
        [{**served(1, 1, "get", read=None), "session": 8}],
        [served(1, 2, "get", "refused")],
        [served(0, 3, "get", read=None)],
    ],
    ids=["same number", "larger number", "earlier", "earlier of another", "itself", "later elsewhere"],
)
def test_what_a_process_told_of_other_requests_does_not_make_its_end_complete(told: list[Event]) -> None:
    """Only a later request of the same session shows that an answer should have been heard of there."""
    unserved = [PROCESSES, *TWO, asked(1, 2, "get"), answered(2), *told]
    assert said("requests", *unserved) == []
    assert len(said("requests", *unserved, served(1, 3, "get", read=None))) == 1


def test_one_process_that_was_killed_is_enough_for_an_answer_without_a_question() -> None:
    assert said("requests", PROCESSES, *TWO, answered(1), crashed(1), ENDED) == []
    assert len(said("requests", PROCESSES, *TWO, answered(1), ENDED)) == 1


def test_what_a_simulated_server_did_is_known_whole() -> None:
    """Crashed or not, at any time: only events of processes can be lost."""
    events = [*TWO, asked(1, 1, "get"), answered(1), crashed(1)]
    assert len(said("requests", *events)) == 1
    assert len(said("requests", {**PROCESSES, "world": "simulated"}, *events)) == 1
    assert said("requests", PROCESSES, *events) == []


# Logs.


def test_stamps_grow_beyond_the_latest_and_beyond_the_own_creation() -> None:
    """Equal is too little; the creation counts though its write has not come, and no stamp is 0 or less."""
    assert "causal order" in broken(*TWO, log(0, 1, [put(5, A)]), log(0, 2, [put(5, ROOT)]))
    deep = [named(2, [5, 1]), log(2, 0, tentative=[put(3, [5, 1])])]
    assert (6, 'server 2 accepts put playlist/s "u" (3 by <5,1>) below what it has seen, 5') in said(
        "causal order", *TWO, *deep
    )
    below = [named(2, [-5]), log(2, 0, tentative=[put(0, [-5])])]
    assert said("causal order", *TWO, *below) == [
        (6, 'server 2 accepts put playlist/s "u" (0 by <-5>) below what it has seen, 0')
    ]


def test_what_a_server_heard_from_others_is_a_cause_of_its_next_write() -> None:
    events = [
        *THREE, *own(2, 2, put(3, B), 1, session=8), log(1, 2, tentative=[put(3, B)]),
        *own(1, 2, put(4, A, "v"), 1), log(0, 2, tentative=[put(4, A, "v")]),
    ]  # fmt: skip
    assert said("causal order", *events) == [
        (14, "server 0 has (4 by <1>) without its cause (3 by <2>) before it")
    ]


def test_a_write_committed_in_full_that_was_there_is_the_same() -> None:
    """As it may be sent by one that does not know that it is there."""
    assert broken(*BOTH_HAVE, log(0, 1, [put(2, A)])) == []


def test_what_is_committed_where_a_log_had_come_further_changes_nothing() -> None:
    """It is told once, and not taken into the log."""
    events = [*TWO, *puts(0, 1, put(2, ROOT)), log(0, 1, [put(2, ROOT), put(3, ROOT)])]
    assert said("committed prefix", *events) == []
    assert said("writes", *events) == [
        (7, "server 0 commits (2 by <>) where it had come further"),
        (7, "server 0 goes on after CSN 1, and had come to CSN 2"),
    ]
    other = [*TWO, *puts(0, 1, put(2, ROOT)), log(0, 1, [put(3, ROOT)]), served(0, 1, "get", read="u")]
    assert said("reads", *other, settled([0])) == []
    twice = State.of(History.of([*events, log(0, 3, [put(3, ROOT)])]))
    assert [len(server.committed) for server in twice.servers] == [3, 1]


def test_a_loss_is_told_only_where_somebody_is_there_in_the_end() -> None:
    """Neither after all have left or crashed, nor where a process may not have told all."""
    lost = [*TWO, *own(1, 1, put(2, A), 1), left(1)]
    assert broken(*lost) == ["writes"]
    assert broken(*lost, crashed(0)) == []
    assert broken(*lost, crashed(0), restarted(0)) == ["writes"]
    assert broken(*lost, left(0)) == ["one primary"]
    assert broken(PROCESSES, *lost) == []
    assert broken(PROCESSES, *lost, ENDED) == ["writes"]


def test_what_befalls_an_id_that_nobody_has_is_passed_over() -> None:
    assert broken(*TWO, crashed(5), restarted(5), left(5)) == []


# Ends that may be missing.


@pytest.mark.parametrize(
    ("stamp", "expected"), [(1, False), (3, False), (5, True)], ids=["before all", "between", "after all"]
)
def test_of_a_killed_process_only_what_came_after_its_last_write_may_be_unheard(
    stamp: int, expected: bool
) -> None:
    """What came before it would have been heard of."""
    accepted = [*own(1, 1, put(2, A), 1), *own(1, 1, put(4, A), 2), log(0, 1, tentative=[put(stamp, A)])]
    events = [PROCESSES, *TWO, *accepted, crashed(1), ENDED]
    blamed = (10, f"nobody has accepted ({stamp} by <1>)") in said("writes", *events)
    assert blamed != expected


def test_a_process_that_left_had_told_everything() -> None:
    """Though others have not yet."""
    unheard = [PROCESSES, *TWO, log(0, 1, tentative=[put(2, A)])]
    assert said("writes", *unheard) == []
    assert said("writes", *unheard, left(1)) == [(6, "nobody has accepted (2 by <1>)")]


def test_a_process_that_another_one_replaced_may_not_have_told_everything() -> None:
    """As its process was ended before it had left."""
    replaced = [PROCESSES, *THREE, log(0, 2, [[3, ROOT, 2]], [put(4, B)]), named(2, [3])]
    replaced += [log(2, 0, [CREATION, SECOND, [3, ROOT, 2]]), ENDED]
    assert said("writes", *replaced) == []
    assert said("writes", *replaced[1:]) == [(9, "nobody has accepted (4 by <2>)")]


def test_a_server_that_nobody_has_named_may_be_heard_of_later() -> None:
    """Until the trace has ended: its writes, its name for a child, and its duty."""
    stranger = log(0, 1, tentative=[put(2, [7])])
    assert said("writes", PROCESSES, *TWO, stranger) == []
    assert said("writes", PROCESSES, *TWO, stranger, ENDED) == [(6, "nobody has accepted (2 by <7>)")]
    child = named(2, [9, 7])
    assert said("names", PROCESSES, *TWO, child) == []
    assert len(said("names", PROCESSES, *TWO, child, ENDED)) == 1
    heir = log(0, 1, [retirement(3, ROOT, [7]), notice(2, A)])
    assert said("one primary", PROCESSES, *BOTH_HAVE, heir) == []
    assert len(said("one primary", PROCESSES, *BOTH_HAVE, heir, ENDED)) == 2


def test_a_creation_that_a_killed_process_did_not_tell_may_have_been() -> None:
    """But not where that very write is known to be something else."""
    lost = [PROCESSES, named(0, ROOT), named(1, A), crashed(0)]
    assert said("names", *lost, ENDED) == []
    assert len(said("names", *lost, restarted(0), ENDED)) == 1
    other = log(1, 0, tentative=[put(1, ROOT)])
    assert said("names", *lost, other, ENDED) == [(3, "server 1 is <1>, and (1 by <>) is no creation write")]


def test_a_server_may_be_named_by_another_one_than_the_first() -> None:
    """Its name holds its creator's: the creation write is that one's."""
    child = [3, A, 2]
    events = [*TWO, log(1, 1, tentative=[child]), named(2, [3, 1]), log(2, 0, [CREATION], [child])]
    assert broken(*events) == []
    assert broken(*events, *own(2, 1, put(4, [3, 1]), 1)) == []


# The primary.


def test_an_heir_that_the_primary_did_not_name_gets_nothing() -> None:
    """Whoever names it: the primary goes on committing."""
    ((at, _),) = said("one primary", *WRONG_HEIR, *puts(0, 3, put(4, ROOT)))
    assert at == 10


def test_one_that_is_there_is_enough_to_know_the_heir() -> None:
    """The heir itself, while another one has not heard of it; or a process that was killed, with its end."""
    knows = [*THREE, log(0, 2, [retirement(3, ROOT, A)]), log(1, 2, [retirement(3, ROOT, A)]), left(0)]
    assert broken(*knows) == []
    unheard = [PROCESSES, *HANDED_ON, left(0), crashed(1), ENDED]
    assert said("one primary", *unheard) == []
    assert len(said("one primary", *unheard[:-2], ENDED)) == 1


# What is made of a history.


def state(*events: Event) -> State:
    return State.of(History.of(events))


def test_crashes_are_counted_and_answers_are_of_a_life() -> None:
    read = served(0, 1, "get", read=None)
    made = state(*TWO, read, crashed(0), restarted(0), read, crashed(0), restarted(0), read)
    assert [server.lives for server in made.servers] == [2, 0]
    assert [done.life for done in made.requests[7, 1]] == [0, 1, 2]


def test_who_left_is_not_replaced_by_the_next_one_under_its_id() -> None:
    assert [server.is_replaced for server in state(*TWO, named(1, B)).servers] == [False, True, False]
    assert [server.is_replaced for server in state(*TWO, left(1), named(1, B)).servers] == [False] * 3


def test_what_the_log_said_is_kept_for_a_read_that_was_served() -> None:
    """Of other requests it is nobody's question, and costs a look at every write."""
    there = log(0, 1, [put(2, ROOT)])
    done = [served(0, 1, "get"), served(0, 1, "get", "refused"), served(0, 1, "put", stamp=2)]
    assert [done.last for done in state(*TWO, there, *done).requests[7, 1]] == ['"u"', None, None]


def test_servers_at_rest_that_are_level_lack_nothing() -> None:
    """Said as an empty text, of each with the first of its group."""
    rests = state(*TWO, settled([1, 0])).rests
    assert [(rest.first.id, rest.server.id, rest.lacking) for rest in rests] == [(1, 1, ""), (1, 0, "")]


@pytest.mark.parametrize(
    "fact",
    [
        Write, Logged, Served, Settled, Named, Fate, Asked, Answered,
        Batch, Learned, Commit, Accepted, Odd, Done, Rest,
    ],
)  # fmt: skip
def test_a_fact_can_not_be_changed(fact: type[Any]) -> None:
    """All rules look at the same ones, and none can spoil them for those after it."""
    field = next(iter(fact.__dataclass_fields__))
    with pytest.raises(FrozenInstanceError):
        setattr(object.__new__(fact), field, None)


# The form of events.

LOG = log(0, 0)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"event": 3}, "event 2 (3): the kind of an event is a text"),
        ({**LOG, "csn": -1}, "event 2 (log): a CSN is 0 at least"),
        ({**LOG, "csn": True}, "event 2 (log): a bool where a number is due"),
        ({**LOG, "server": 1.0}, "event 2 (log): a float where a number is due"),
        ({**LOG, "committed": ()}, "event 2 (log): a tuple where a list is due"),
        (log(0, 0, [[1, ROOT, "move"]]), "event 2 (log): a str where a number is due"),
        (log(0, 0, [[1, ROOT, 2, A]]), "event 2 (log): a creation has nothing more to it"),
        (log(0, 0, [[1, ROOT, 4, "s"]]), "event 2 (log): a notice has nothing more to it"),
        (log(0, 0, [[1, ROOT, -1]]), "event 2 (log): -1 is no kind of write"),
        (log(0, 0, [[1, ROOT, 7, "", "", "x"]]), "event 2 (log): 7 is no kind of write"),
        (log(0, 0, [[1, ROOT, True, "playlist", "s"]]), "event 2 (log): a bool where a number is due"),
        (log(0, 0, [[1, ROOT, 0, "playlist", 5, "u"]]), "event 2 (log): a int where a text is due"),
        (log(0, 0, [[1, ROOT, 0, 5, "s", "u"]]), "event 2 (log): a int where a text is due"),
        (
            log(0, 0, [[1, ROOT, 0, "playlist", "s", None]]),
            "event 2 (log): a put has a value, which null is not",
        ),
        (log(0, 0, [[1, ROOT, 1, "playlist", 5]]), "event 2 (log): a int where a text is due"),
        (log(0, 0, [[1, ROOT, 3, "x"]]), "event 2 (log): a str where a list is due"),
        (served(0, 1, "post"), "event 2 (served): 'post' is no kind of request"),
        ({**served(0, 1, "get"), "view": "half"}, "event 2 (served): 'half' is no view"),
        ({**served(0, 1, "get"), "key": 5}, "event 2 (served): a int where a text is due"),
        ({"event": "began", "version": 2, "families": []}, "event 2 (began): a list where an object is due"),
        (
            {"event": "began", "version": 2, "families": {"store": 3}},
            "event 2 (began): a int where an object is due",
        ),
        (
            {"event": "began", "version": 2, "families": {"store": {"guarantees": ("MW",)}}},
            "event 2 (began): a tuple where a list is due",
        ),
        ({"event": "settled", "groups": [(0,)]}, "event 2 (settled): a tuple where a list is due"),
    ],
)
def test_an_event_of_another_form_is_refused(event: Event, why: str) -> None:
    with pytest.raises(HistoryError) as caught:
        History.of([TWO[0], event])
    assert str(caught.value) == why


def test_where_nothing_is_said_of_guarantees_all_are_promised() -> None:
    for event in (
        {"event": "began", "version": 2},
        {"event": "began", "version": 2, "families": {"store": {}}},
    ):
        assert History.of([event]).guarantees == {"RYW", "MR", "WFR", "MW"}


def test_a_write_is_read_as_it_stands() -> None:
    (read,) = History.of([log(0, 0, [[1, A, 1, "playlist", "s"], [2, A, 3, B], [3, A, 3]])]).steps
    assert isinstance(read, Logged)
    assert read.committed == (
        Write((1, (1,)), "delete", ("playlist", "s")),
        Write((2, (1,)), "retirement", heir=(2,)),
        Write((3, (1,)), "retirement"),
    )
