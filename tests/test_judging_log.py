"""Traces of chat and locks, judged: golden scenarios keep all rules in both worlds, and each rule is broken
by what is changed in a trace that kept it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bayou.check.history import HistoryError
from bayou.check.verdict import INVALID, VALID, overall
from bayou.families import FAMILIES
from bayou.families.judging import judge, rules_of
from bayou.families.planting import planted
from bayou.judging.main import check
from bayou.master.language import COMMANDS
from bayou.master.run import Run, RunSettings
from bayou.worlds.simulated import SimulatedWorld
from bayou.worlds.world import WorldSettings
from tests.processes import run_master

Event = dict[str, Any]
HERE = Path(__file__).parent
GOLDEN = sorted(path for pattern in ("chat-*.test", "locks-*.test") for path in HERE.glob(pattern))
LONG = ("chat-window-is-filled", "chat-window-of-nothing-but-skips")
"""Two thousand slots each."""

IN_PROCESSES = (
    "chat-restarted-leader-waits-its-turn",
    "chat-skip-and-gap",
    "chat-loss-of-three-tenths",
    "chat-free-running-partition",
    "chat-free-running-without-a-majority",
    "locks-leader-killed-while-handing-on",
    "locks-expiry-gives-all-back",
    "locks-expired-before-its-command-is-found",
    "locks-free-running",
)
"""Some of each kind: crashes, bombs, gaps, weather, clients that crash."""


def trace_of(scenario: bytes, *, free_running: bool = False, seed: int = 0) -> list[Event]:
    """Return the events of a simulated run."""
    events: list[Event] = [{"event": "began", "version": 2, "world": "sim", "free_running": free_running}]
    world = SimulatedWorld(WorldSettings(600.0), seed=seed)
    world.observe = events.append
    settings = RunSettings(free_running=free_running)
    run = Run(world, COMMANDS, settings, write=lambda _: None, complain=lambda _: None, observe=events.append)
    for number, line in enumerate(scenario.split(b"\n"), start=1):
        run.line(number, line)
    return events


def broken_in(events: list[Event]) -> dict[str, list[tuple[int, str]]]:
    return {rule: verdict.broken for rule, verdict in judge(events).items() if verdict.broken}


# Golden scenarios.


@pytest.mark.parametrize(
    "path", [path for path in GOLDEN if path.stem not in LONG], ids=lambda path: path.stem
)
def test_golden_scenarios_keep_all_rules_simulated(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE.parent)
    events = trace_of(path.read_bytes(), free_running="free-running" in path.stem)
    assert broken_in(events) == {}
    assert overall(judge(events)) == VALID


def test_golden_scenarios_have_something_to_look_at_for_each_rule() -> None:
    """But for lists of members, which these families never change."""
    looked: dict[str, int] = {}
    for name in IN_PROCESSES:
        scenario = (HERE / f"{name}.test").read_bytes()
        for rule, verdict in judge(trace_of(scenario, free_running="free-running" in name)).items():
            looked[rule] = looked.get(rule, 0) + verdict.looked
    for family in ("chat", "locks"):
        assert [rule for rule in rules_of(FAMILIES[family]) if not looked[rule]] in ([], ["members"])


@pytest.mark.processes
@pytest.mark.parametrize("name", IN_PROCESSES)
def test_golden_scenarios_keep_all_rules_on_processes(name: str, tmp_path: Path) -> None:
    options = ["--free-running"] if "free-running" in name else []
    trace = tmp_path / "trace.jsonl"
    done = run_master((HERE / f"{name}.test").read_text(), *options, "--check", "--trace", str(trace))
    assert done.returncode == 0, done.stderr.decode()
    assert check([str(trace)]) == 0


# Mangled traces.

CHAT = b"""start 3 2
sendMessage 0 a
sendMessage 1 b
timeBombLeader 2
sendMessage 0 c
restartServer 0
sendMessage 1 d
allClear
"""
"""Server 0 dies with ``c`` accepted by all, and server 1 adopts it."""

LOCKS = b"""startLocks 3 2
lock 0 8
lock 1 8
unlock 0 8
crashClient 1
expireClient 1
lock 0 8
allClear
"""

Mangle = Callable[[list[Event]], list[Event]]


def having(kind: str, change: Callable[[Event], Event | None], nth: int = 0, **fields: Any) -> Mangle:
    """Return what changes the ``nth`` event (from 0 on) of a kind with these fields; None: it is gone."""

    def mangle(events: list[Event]) -> list[Event]:
        places = [
            at
            for at, event in enumerate(events)
            if event["event"] == kind and all(event.get(name) == value for name, value in fields.items())
        ]
        at = places[nth]
        changed = change(dict(events[at]))
        return [*events[:at], *([] if changed is None else [changed]), *events[at + 1 :]]

    return mangle


def gone(_: Event) -> None:
    """The event is missing."""


def put(**fields: Any) -> Callable[[Event], Event]:
    return lambda event: {**event, **fields}


def after(kind: str, *more: Event, nth: int = -1, **fields: Any) -> Mangle:
    """Return what adds events behind the one of a kind with these fields (the last one, unless told)."""

    def mangle(events: list[Event]) -> list[Event]:
        places = [
            at
            for at, event in enumerate(events)
            if event["event"] == kind and all(event.get(name) == value for name, value in fields.items())
        ]
        at = places[nth] + 1
        return [*events[:at], *more, *events[at:]]

    return mangle


def swapped(client: int) -> Mangle:
    """Return what has a client's first two commands applied in the other order."""

    def mangle(events: list[Event]) -> list[Event]:
        return [
            {**event, "number": 3 - event["number"]}
            if event["event"] == "applied" and event["client"] == client
            else event
            for event in events
        ]

    return mangle


APPLIED_AGAIN = {"event": "applied", "server": 2, "slot": 0, "client": 0, "number": 1}
DECIDED_4 = {"event": "decided", "server": 0, "slot": 4}
NOOP_IN_2 = [2, [1, 0], ["noop"]]

BREAKS: list[tuple[str, bytes, Mangle]] = [
    ("agreement", CHAT, having("told", put(value=["noop"]), client=1, slot=0)),
    ("agreement", CHAT, having("decided", put(value=["command", 1, 1, "b"]), server=2, slot=0)),
    ("validity", CHAT, having("asked", put(text="z"), client=0, number=1)),
    ("validity", CHAT, having("asked", gone, client=1, number=1)),
    ("at most once", CHAT, having("applied", put(slot=1), server=2, client=0, number=1)),
    ("at most once", CHAT, after("applied", APPLIED_AGAIN, server=2, slot=1)),
    ("client order", CHAT, swapped(client=0)),
    ("client order", CHAT, swapped(client=1)),
    ("one log", CHAT, having("applied", gone, server=2, slot=0)),
    ("one log", CHAT, having("told", gone, client=1, slot=3)),
    ("acknowledged", CHAT, having("acknowledged", put(slot=1), client=0, number=1)),
    ("acknowledged", CHAT, after("asked", {"event": "asked", "client": 1, "number": 3, "text": "e"})),
    ("acknowledged", CHAT, lambda events: [event for event in events if event.get("slot") != 3]),
    ("answers", CHAT, having("answered", put(slot=1), slot=0)),
    ("answers", CHAT, having("applied", gone, server=0, slot=0)),
    ("ballots", CHAT, having("sent", put(ballot=[1, 2]), message="Accept", slot=0)),
    ("ballots", CHAT, having("accepted", put(value=["noop"]), server=2, slot=0)),
    ("records", CHAT, having("promised", gone, server=1)),
    ("records", CHAT, having("accepted", gone, server=2, slot=0)),
    ("records", CHAT, having("accepted", put(ballot=[0, 0]), server=2, slot=0)),
    ("promises", CHAT, having("sent", put(accepted=[NOOP_IN_2]), message="Promise", server=2, nth=1)),
    ("promises", CHAT, having("sent", put(accepted=[]), message="Promise", server=2, nth=1)),
    ("proposals", CHAT, lambda events: [
        event for event in events if event["event"] != "promised" or event["server"] == 0]),
    ("proposals", CHAT, lambda events: [
        {**event, "value": ["noop"]}
        if event.get("slot") == 2 and event.get("ballot", [0])[0] > 1 and "value" in event else event
        for event in events]),
    ("majorities", CHAT, lambda events: [
        event for event in events if event["event"] != "accepted" or event["server"] == 0]),
    ("majorities", CHAT, lambda events: [
        {**event, "ballot": [9, event["server"]]}
        if event["event"] == "accepted" and event["slot"] == 0 else event for event in events]),
    ("members", CHAT, after("applied", {"event": "members", "server": 0, "slot": 1, "members": [0]})),
    ("members", CHAT, after("decided", {**DECIDED_4, "value": ["members", [0, 1]]})),
    ("level", CHAT, lambda events: [
        event for event in events
        if event.get("server") != 2 or event["event"] not in ("decided", "applied") or event["slot"] < 3]),
    ("level", CHAT, having("applied", gone, server=2, slot=3)),
    ("linearizable", LOCKS, having("result", put(result="held"), client=1, number=1)),
    ("linearizable", LOCKS, having("result", put(result="waiting"), client=0, number=3)),
    ("results", LOCKS, having("result", put(result="held"), client=1, number=1)),
    ("results", LOCKS, having("result", put(result="not yours"), client=0, number=2)),
    ("grants", LOCKS, having("granted", put(lock=9), client=1)),
    ("grants", LOCKS, having("granted", put(client=1), client=0)),
    ("real time", LOCKS, having("result", put(slot=7), client=0, number=1)),
    ("real time", LOCKS, having("result", put(slot=4), client=1, number=1)),
    ("held alone", LOCKS, having("asked", put(text="lock 8"), client=0, number=2)),
    ("held alone", LOCKS, having("asked", put(text="expire 2"), text="expire 1")),
]  # fmt: skip


@pytest.mark.parametrize("scenario", [CHAT, LOCKS])
def test_what_is_mangled_here_was_valid(scenario: bytes) -> None:
    events = trace_of(scenario)
    assert broken_in(events) == {}
    unlooked = [rule for rule, verdict in judge(events).items() if not verdict.looked]
    assert unlooked in (["members"], ["promises", "members"]), "nothing was found by a new leader"


@pytest.mark.parametrize("place", range(len(BREAKS)), ids=lambda place: f"{BREAKS[place][0]}-{place}")
def test_a_mangled_trace_is_invalid(place: int) -> None:
    rule, scenario, mangle = BREAKS[place]
    events = mangle(trace_of(scenario))
    broken = broken_in(events)
    assert rule in broken, broken
    for at, why in broken[rule]:
        assert 0 <= at <= len(events)
        assert why
    assert overall(judge(events)) == INVALID


def test_a_client_that_delivers_what_is_decided_twice_breaks_a_rule() -> None:
    """The golden scenario in which a command is decided again in a higher slot."""
    scenario = (HERE / "chat-slot-found-late.test").read_bytes()
    assert broken_in(trace_of(scenario)) == {}
    with planted("a client that delivers twice what is decided twice"):
        broken = broken_in(trace_of(scenario))
    assert list(broken) == ["at most once"]


def test_each_rule_is_broken_twice_at_least() -> None:
    rules = [rule for rule, _, _ in BREAKS]
    for family in ("chat", "locks"):
        assert [rule for rule in rules_of(FAMILIES[family]) if rules.count(rule) < 2] == []


def test_what_is_no_trace_of_a_log_can_not_be_read() -> None:
    for change in (put(slot="x"), put(value=["what"]), put(value=None)):
        with pytest.raises(HistoryError):
            judge(having("told", change)(trace_of(CHAT)))


# What is heard late.


def shuffled(events: list[Event]) -> list[Event]:
    """Return the events as a master may have heard those of processes: each node's in order, after all that
    the master itself recorded, the last server first."""
    own = [event for event in events if not _node(event)]
    nodes = sorted({_node(event) for event in events if _node(event)}, reverse=True)
    heard = [event for node in nodes for event in events if _node(event) == node]
    started = next(at for at, event in enumerate(own) if event["event"] == "started") + 1
    began = [
        {**event, "world": "processes"} if event["event"] == "began" else event for event in own[:started]
    ]
    ends = [event for event in own[started:] if event["event"] in ("cleared",)]
    between = [event for event in own[started:] if event["event"] == "command"]
    return [*began, *between, *heard, *ends, {"event": "ended"}]


def _node(event: Event) -> str:
    if event["event"] in ("crashed", "restarted", "started", "crashed client"):
        return f"server {event['server']}" if "server" in event else ""
    return next((f"{kind} {event[kind]}" for kind in ("server", "client") if kind in event), "")


def test_who_was_heard_first_makes_no_difference() -> None:
    scenario = CHAT.replace(b"timeBombLeader 2\n", b"").replace(b"restartServer 0\n", b"")
    events = shuffled(trace_of(scenario))
    assert broken_in(events) == {}
    lost = [event for event in events if event["event"] != "accepted" or event["server"] == 0]
    assert "majorities" in broken_in(lost)


def test_what_a_killed_process_did_last_may_be_missing() -> None:
    """Server 2 is killed before it could tell that it accepted; where it was not, that is a break."""
    scenario = b"start 2 1\nsendMessage 0 a\nallClear\n"
    events = [
        event
        for event in shuffled(trace_of(scenario))
        if event.get("server") != 1 or event["event"] not in ("accepted", "sent")
    ]
    events = [event for event in events if event["event"] != "cleared"]
    assert "majorities" in broken_in(events)
    crash = {"event": "crashed", "server": 1}
    assert "majorities" not in broken_in([*events[:-1], crash, events[-1]])
    assert "majorities" not in broken_in(events[:-1]), "cut off"
