"""The judge's rule about bases: histories by hand, good and bad."""

from __future__ import annotations

from typing import Any

import pytest

from bayou.check.history import History, HistoryError
from bayou.check.store import judge
from bayou.check.verdict import INVALID
from tests.test_check import ROOT, A, Event, answered, log, named, notice, put, served

B = [2]
CREATIONS = [[1, ROOT, 2], [2, ROOT, 2]]
PROCESSES = {"event": "began", "version": 2, "world": "processes"}
ENDED = {"event": "ended"}


def row(stamp: int, name: list[int], key: str, value: str) -> list[Any]:
    return [stamp, name, 0, "playlist", key, value]


def installed(
    server: int,
    csn: int,
    vector: list[Any],
    clock: int,
    tentative: int = 0,
    primary: list[int] | None = None,
) -> Event:
    event = {"event": "installed", "server": server, "csn": csn, "vector": vector}
    return {**event, "primary": primary or ROOT, "clock": clock, "tentative": tentative}


def truncated(server: int, csn: int) -> Event:
    return {"event": "truncated", "server": server, "csn": csn}


def served_of(session: int, event: Event) -> Event:
    return {**event, "session": session}


THREE = [
    named(0, ROOT), log(0, 0, [CREATIONS[0]]), named(1, A), log(1, 0, [CREATIONS[0]]),
    log(0, 1, [CREATIONS[1]]), named(2, B), log(2, 0, CREATIONS),
]  # fmt: skip

OWN = [
    log(1, 1, tentative=[put(2, A, "own")]),
    served_of(8, served(1, 1, "put", stamp=2)),
    log(0, 2, [put(3, ROOT, "first")]),
    served(0, 1, "put", stamp=3),
    log(0, 3, [put(4, ROOT, "second")]),
    served(0, 2, "put", stamp=4),
    log(2, 2, [put(3, ROOT, "first"), put(4, ROOT, "second")]),
    truncated(0, 4),
]
"""Server 1, which has come to CSN 1 and has a write of its own, lacks what server 0 has no more."""

VECTOR = [[ROOT, 4], [A, 1], [B, 2]]
TAKES_OVER = installed(1, 4, VECTOR, 4, tentative=1)
AFTERWARDS = [
    served_of(8, served(1, 2, "get", read="own")),
    log(0, 4, tentative=[put(2, A, "own")]),
    log(0, 4, [notice(2, A)]),
    log(1, 4, [notice(2, A)]),
    log(2, 4, [put(2, A, "own")]),
    {"event": "settled", "groups": [[0, 1, 2]]},
]


def broken(*events: Event) -> list[str]:
    verdicts = judge(History.of([*THREE, *events]))
    return [rule for rule, verdict in verdicts.items() if verdict.word == INVALID]


def why(*events: Event) -> str:
    return judge(History.of([*THREE, *events]))["bases"].broken[0][1]


def test_a_good_base_is_valid() -> None:
    assert broken(*OWN, TAKES_OVER, *AFTERWARDS) == []
    assert judge(History.of([*THREE, *OWN, TAKES_OVER]))["bases"].word == "valid"
    assert judge(History.of(THREE))["bases"].word == "unknown"


def test_what_a_base_has_counts_as_known_and_read() -> None:
    """Rows of the base, sessions, and the order of commitment."""
    put_late = [log(1, 4, tentative=[put(5, A, "late")]), served_of(8, served(1, 3, "put", stamp=5))]
    assert broken(*OWN, TAKES_OVER, answered(2), served(1, 3, "get", read="own")) == []
    assert "reads" in broken(*OWN, TAKES_OVER, served_of(8, served(1, 2, "get", read="first")))
    committed = {**served_of(8, served(1, 2, "get", read="second")), "view": "committed"}
    assert broken(*OWN, TAKES_OVER, committed) == []
    assert "reads" in broken(*OWN, TAKES_OVER, {**committed, "read": "first"})
    assert broken(*OWN, TAKES_OVER, *put_late) == []
    low = [log(1, 4, tentative=[put(4, A, "late")]), served_of(8, served(1, 3, "put", stamp=4))]
    assert "causal order" in broken(*OWN, TAKES_OVER, *low), "its clock lags behind the base"
    assert "RYW" in broken(*OWN, answered(1), served(1, 3, "get", read="own"))


@pytest.mark.parametrize(
    ("base", "says"),
    [
        (installed(1, 4, [*VECTOR[:1], [A, 2], VECTOR[2]], 4, 1), "has 2 for <1>, not 1"),
        (installed(1, 4, VECTOR[:2], 4, 1), "has nothing for <2>, not 2"),
        (installed(1, 4, [[ROOT, 3], *VECTOR[1:]], 4, 1), "has 3 for <>, not 4"),
        (installed(1, 4, [*VECTOR, [[9], 9]], 4, 1), "has 9 for <9>, not nothing"),
        (installed(1, 4, VECTOR, 4, 1, primary=A), "names <1> the primary, not <>"),
        (installed(1, 4, VECTOR, 3, 1), "the clock 3, not 4"),
        (installed(1, 4, VECTOR, 5, 1), "the clock 5, not 4"),
        (installed(1, 4, VECTOR, 4, 0), "keeps 0 tentative writes, where 1 are not in it"),
        (installed(1, 4, VECTOR, 4, 2), "keeps 2 tentative writes, where 1 are not in it"),
        (installed(1, 5, VECTOR, 4, 1), "nobody has given CSN 5"),
        (installed(1, 1, [[ROOT, 1], [A, 1]], 1, 1), "and has come to CSN 1"),
    ],
)
def test_a_base_that_the_commitments_do_not_make_is_invalid(base: Event, says: str) -> None:
    assert "bases" in broken(*OWN, base)
    assert says in why(*OWN, base)


def test_what_a_base_covers_is_tentative_no_more() -> None:
    own = [*OWN, log(0, 4, tentative=[put(2, A, "own")]), log(0, 4, [notice(2, A)]), truncated(0, 5)]
    vector = [[ROOT, 4], [A, 2], [B, 2]]
    assert broken(*own, installed(1, 5, vector, 4, 0)) == []
    assert "bases" in broken(*own, installed(1, 5, vector, 4, 1)), "kept though it is committed"


def test_the_duty_and_retirements_are_in_a_base() -> None:
    retirement = [5, ROOT, 3, B]
    events = [*OWN, log(0, 4, [retirement]), log(2, 4, [retirement]), {"event": "left", "server": 0}]
    vector = [[A, 1], [B, 2]]
    good = installed(1, 5, vector, 5, 1, primary=B)
    assert broken(*events, good, log(2, 5, tentative=[put(2, A, "own")]), log(2, 5, [notice(2, A)])) == []
    assert "bases" in broken(*events, installed(1, 5, vector, 5, 1, primary=ROOT)), "as it was"
    assert "bases" in broken(*events, installed(1, 5, [[ROOT, 5], *vector], 5, 1, primary=B)), "listed"
    late = log(1, 5, tentative=[put(9, ROOT, "late")])
    assert "retired" in broken(*events, good, late), "who retired in the base has retired"


def test_a_base_may_be_heard_of_before_what_is_in_it() -> None:
    """With processes, the primary's own events may come later, and those of the killed not at all."""
    primary = [event for event in [*THREE, *OWN] if event["server"] == 0]
    others = [event for event in [*THREE, *OWN] if event["server"] != 0]
    late = [PROCESSES, *others, TAKES_OVER, *primary, ENDED]
    verdicts = judge(History.of(late))
    assert [rule for rule, verdict in verdicts.items() if verdict.word == INVALID] == []
    unheard = [*primary[:2], *primary[2:3]]
    cut = [PROCESSES, *unheard, named(1, A), log(1, 0, [CREATIONS[0]]), installed(1, 4, VECTOR, 4)]
    assert judge(History.of(cut))["bases"].word != INVALID, "more was to come"
    assert judge(History.of([*cut, ENDED]))["bases"].word == INVALID


def test_what_a_restarted_server_tells_again_counts_once() -> None:
    again = [{**TAKES_OVER, "again": True}, {**truncated(0, 4), "again": True}]
    assert broken(*OWN, TAKES_OVER, *again, *AFTERWARDS) == []
    assert broken(*OWN, *again[:1], *AFTERWARDS) == [], "nobody had heard of it before"
    assert "bases" in broken(*OWN, TAKES_OVER, TAKES_OVER)


@pytest.mark.parametrize("csn", [0, 3, 4, 5])
def test_only_what_is_committed_is_let_go_of_and_once(csn: int) -> None:
    assert "bases" in broken(*OWN, truncated(0, csn))


def test_a_log_that_is_let_go_of_bit_by_bit() -> None:
    assert broken(*OWN[:-1], truncated(0, 2), truncated(0, 3), truncated(0, 4)) == []


@pytest.mark.parametrize(
    "event",
    [
        {**TAKES_OVER, "csn": -1},
        {**TAKES_OVER, "csn": True},
        {**TAKES_OVER, "vector": [[ROOT]]},
        {**TAKES_OVER, "vector": [[ROOT, "4"]]},
        {**TAKES_OVER, "vector": {}},
        {**TAKES_OVER, "primary": "0"},
        {**TAKES_OVER, "clock": None},
        {key: value for key, value in TAKES_OVER.items() if key != "tentative"},
        {**truncated(0, 4), "csn": -4},
        {**truncated(0, 4), "server": "0"},
    ],
)
def test_events_that_are_none(event: Event) -> None:
    with pytest.raises(HistoryError):
        History.of([*THREE, *OWN, event])
