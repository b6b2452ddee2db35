"""The judge of the store's promises, on histories written by hand, good and bad, and on mangled ones."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from bayou.check.history import History, HistoryError
from bayou.check.store import RULES, judge
from bayou.check.verdict import INVALID, UNKNOWN, VALID, overall
from bayou.explore.trial import Trial
from bayou.families.store.generate import scenario
from bayou.families.store.knobs import setup_for
from bayou.judging.main import check
from bayou.trace.file import TraceError, read_events, to_line

Event = dict[str, Any]

ROOT: list[int] = []
A = [1]


def named(server: int, name: list[int]) -> Event:
    return {"event": "named", "server": server, "name": name}


def log(
    server: int, csn: int, committed: list[Any] | None = None, tentative: list[Any] | None = None
) -> Event:
    return {
        "event": "log",
        "server": server,
        "csn": csn,
        "committed": committed or [],
        "tentative": tentative or [],
    }


def served(server: int, number: int, kind: str, verdict: str = "ok", **more: Any) -> Event:
    event = {"event": "served", "server": server, "session": 7, "number": number}
    return {**event, **of_row(kind), "verdict": verdict, **more}


def of_row(kind: str) -> Event:
    """What an event says of a request."""
    asked = {"kind": kind, "collection": "playlist", "key": "s"}
    return {**asked, "view": "full"} if kind == "get" else asked


def answered(number: int) -> Event:
    return {"event": "answered", "client": 9, "session": 7, "number": number, "verdict": "ok"}


def put(stamp: int, name: list[int], url: str = "u") -> list[Any]:
    return [stamp, name, 0, "playlist", "s", url]


def notice(stamp: int, name: list[int]) -> list[Any]:
    return [stamp, name, 4]


CREATION = [1, ROOT, 2]
TWO = [
    named(0, ROOT), log(0, 0, [CREATION]), named(1, A), log(1, 0, [CREATION]),
]  # fmt: skip


def verdicts(*events: Event) -> dict[str, str]:
    return {rule: verdict.word for rule, verdict in judge(History.of([*TWO, *events])).items()}


def broken(*events: Event) -> list[str]:
    return [rule for rule, word in verdicts(*events).items() if word == INVALID]


GOOD = (
    log(1, 1, tentative=[put(2, A)]),
    served(1, 1, "put", stamp=2),
    answered(1),
    served(1, 2, "get", read="u"),
    answered(2),
    log(0, 1, tentative=[put(2, A)]),
    log(0, 1, committed=[notice(2, A)]),
    served(0, 3, "get", read="u"),
    answered(3),
    log(0, 2, committed=[put(3, ROOT, "v")]),
    served(0, 4, "put", stamp=3),
    answered(4),
    log(1, 1, committed=[notice(2, A), put(3, ROOT, "v")]),
    {"event": "settled", "groups": [[0, 1]]},
)


def test_a_good_history_is_valid() -> None:
    assert broken(*GOOD) == []
    words = verdicts(*GOOD)
    assert {rule for rule, word in words.items() if word == UNKNOWN} == {
        "votes",
        "decrees",
        "consent",
        "refusals",
        "bases",
        "rows",
        "marks",
        "outcomes",
    }
    assert overall(judge(History.of([*TWO, *GOOD]))) == VALID


def test_nothing_is_unknown() -> None:
    """Where nothing was read, nothing can be said about reads."""
    assert verdicts()["RYW"] == verdicts()["reads"] == UNKNOWN
    assert overall(judge(History.of([]))) == UNKNOWN
    assert set(verdicts()) == set(RULES)


@pytest.mark.parametrize(
    ("rule", "events"),
    [
        ("RYW", [*GOOD[:3], served(0, 2, "get", read=None)]),
        ("MR", [*GOOD[:5], served(0, 3, "get", read=None)]),
        ("MW", [*GOOD[:3], log(0, 1, [put(3, ROOT)]), served(0, 2, "put", stamp=3)]),
        ("WFR", [*GOOD[:5], log(0, 1, [put(3, ROOT)]), served(0, 3, "put", stamp=3)]),
        ("committed prefix", [log(0, 1, [put(2, ROOT)]), log(1, 1, [put(3, A)])]),
        ("committed prefix", [log(0, 1, [put(2, ROOT)]), log(0, 1, [put(3, ROOT)])]),
        ("CSN", [log(0, 2, [put(2, ROOT)])]),
        ("CSN", [log(0, 1, [put(2, ROOT), put(3, ROOT)]), log(1, 1, [put(3, ROOT)])]),
        ("causal order", [log(0, 1, [put(2, ROOT), put(3, ROOT)]), log(1, 1, tentative=[put(3, ROOT)])]),
        ("causal order", [log(0, 1, [put(3, ROOT)]), log(0, 2, [put(2, ROOT)])]),
        ("causal order", [log(0, 1, [notice(5, A)])]),
        ("writes", [log(0, 1, [put(2, ROOT)]), log(0, 2, tentative=[put(2, ROOT)])]),
        ("writes", [log(0, 1, tentative=[put(2, A)])]),
        ("writes", [log(1, 1, tentative=[put(2, A, "x")]), log(0, 1, tentative=[put(2, A, "y")])]),
        ("writes", [log(1, 1, tentative=[put(2, A)]), {"event": "left", "server": 1}]),
        ("results", [served(0, 1, "put", stamp=9)]),
        ("results", [served(0, 1, "put")]),
        ("requests", [
            log(0, 1, [put(2, ROOT)]), served(0, 1, "put", stamp=2),
            log(0, 2, [put(3, ROOT)]), served(0, 1, "put", stamp=3),
        ]),
        ("reads", [log(0, 1, [put(2, ROOT)]), served(0, 1, "get", read="other")]),
        ("refusals", [served(0, 1, "get", "refused")]),
        ("retired", [
            log(1, 1, tentative=[put(2, A), [3, A, 3]]),
            log(0, 1, tentative=[[3, A, 3], put(2, A)]),
        ]),
        ("names", [named(2, A)]),
        ("one primary", [log(1, 1, [put(2, A)])]),
        ("level", [log(0, 1, [put(2, ROOT)]), {"event": "settled", "groups": [[0, 1]]}]),
        ("level", [
            log(1, 1, tentative=[put(2, A)]), log(0, 1, tentative=[put(2, A)]),
            {"event": "settled", "groups": [[0, 1]]},
        ]),
    ],
)  # fmt: skip
def test_a_bad_history_is_invalid(rule: str, events: list[Event]) -> None:
    """Each rule broken, alone where that can be."""
    assert rule in broken(*events)


def test_what_clashes_is_named() -> None:
    (at, why), *_ = judge(History.of([*TWO, *GOOD[:3], served(0, 2, "get", read=None)]))["RYW"].broken
    assert at == 8
    assert why == "request 2 of session 7 (get playlist/s) was served without (2 by <1>), its request 1"


def test_only_the_guarantees_chosen_are_judged() -> None:
    chosen = {"event": "began", "version": 2, "families": {"store": {"guarantees": ["MW"]}}}
    assert broken(chosen, *GOOD[:3], served(0, 2, "get", read=None)) == []


# Histories of real runs, and what becomes of them when they are mangled.


@pytest.fixture(scope="module")
def histories() -> list[list[Event]]:
    return [Trial(scenario(seed), setup_for(seed)).run().events for seed in range(10)]


def mangle(events: list[Event], rng: random.Random) -> list[Any]:
    """Return a history with one or two things wrong: missing, doubled, out of order, other contents."""
    mangled: list[Any] = list(events)
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(mangled))
        kind = rng.randrange(5)
        if kind == 0:
            del mangled[at]
        elif kind == 1:
            mangled.insert(rng.randrange(len(mangled)), mangled[at])
        elif kind == 2:
            other = rng.randrange(len(mangled))
            mangled[at], mangled[other] = mangled[other], mangled[at]
        elif isinstance(mangled[at], dict):
            event = dict(mangled[at])
            field = rng.choice(list(event))
            if kind == 3:
                del event[field]
            else:
                event[field] = rng.choice((None, -1, 10**30, "x", [], [[]], {}, [[1, [], 0]], True, 1.5))
            mangled[at] = event
        if not mangled:
            break
    return mangled


def test_ten_thousand_mangled_histories(histories: list[list[Event]]) -> None:
    """Some are still fine, as an event that says nothing may be missing; none makes the judge stumble."""
    rng = random.Random(1)
    refused = invalid = 0
    for _ in range(10_000):
        events = mangle(rng.choice(histories)[: rng.randint(10, 120)], rng)
        try:
            word = overall(judge(History.of(events)))
        except HistoryError:
            refused += 1
            continue
        assert word in (VALID, INVALID, UNKNOWN)
        invalid += word == INVALID
    assert refused > 500
    assert invalid > 1000


def test_a_file_that_is_none_is_refused_with_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "trace.jsonl"
    good = "\n".join(map(to_line, [*TWO, *GOOD]))
    for wrong, why in (
        ("{", "line 19 is no JSON"),
        ("[" * 100_000, "line 19 is no JSON"),
        ("17", "line 19 is no event"),
        ('{"event": 3}', "line 19 is no event"),
        ('{"event": "log", "server": 0}', "event 19 (log): 'committed' is missing"),
        ('{"event": "began", "version": 1, "guarantees": ["MW"]}', "line 19: a trace of version 1"),
        ('{"event": "opened", "family": "shop"}', "there is no family 'shop'"),
    ):
        trace.write_text(f"{good}\n{wrong}\n")
        assert check([str(trace)]) == 2
        assert why in capsys.readouterr().err
    assert check([str(tmp_path / "nowhere")]) == 2
    trace.write_text(good)
    assert check([str(trace)]) == 0
    trace.write_text("")
    assert check([str(trace)]) == 6
    trace.write_text("\n".join(map(to_line, [*TWO, log(1, 1, [put(2, A)])])))
    assert check([str(trace)]) == 5
    assert "invalid one primary" in capsys.readouterr().out


def test_lines_come_back_as_they_went(histories: list[list[Event]]) -> None:
    events = json.loads(json.dumps(histories[0]))
    assert list(read_events(map(to_line, events))) == events
    with pytest.raises(TraceError, match="line 2"):
        list(read_events(['{"event": "x"}', "nonsense"]))
