"""Consensus, section 8: checkers, planted bugs, and anybody's history."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bayou.families.chat.judging import RULES as CHAT_RULES
from bayou.families.locks.judging import RULES as LOCKS_RULES
from bayou.families.planting import known_bugs
from tests.behaviour.consensus import WORLDS, lines_of

CHAT = (
    "start 3 2; lossRate 0.2; sendMessage 0 a; timeBombLeader 2; sendMessage 1 b; restartServer 0; "
    "sendMessage 0 c; "
    "lossRate 0; allClear; printChatLog 0; printChatLog 1"
)
LOCKS = (
    "startLocks 3 3; lock 0 1; lock 1 1; lock 2 1; unlock 0 1; crashClient 1; expireClient 1; "
    "allClear; printLocks"
)


def bayou(*arguments: str, given: bytes = b"") -> tuple[str, int]:
    """Run a command; return what it printed and its status."""
    done = subprocess.run(
        [sys.executable, "-m", "bayou", *arguments],
        input=given,
        capture_output=True,
        timeout=100,
        check=False,
    )
    return (done.stdout + done.stderr).decode(), done.returncode


def verdict(
    model: str, *events: tuple[int, str, str, Any], key: str | None = None, budget: str = "10000"
) -> int:
    """Return the status of a history: (process, type, f, value) each."""
    lines = []
    for process, kind, f, value in events:
        event = {"process": process, "type": kind, "f": f, "value": value}
        lines.append(json.dumps(event if key is None else {**event, "key": key}))
    return bayou("check", "--model", model, "--budget", budget, "-", given="\n".join(lines).encode())[1]


def test_consensus8_there_is_a_rule_for_each_promise() -> None:
    """A run is judged from its trace alone by fourteen rules for the log, and by five more for locks."""
    assert {"agreement", "validity", "at most once", "client order", "one log", "acknowledged"} <= set(
        CHAT_RULES
    )
    assert {"ballots", "records", "majorities", "members", "level"} <= set(CHAT_RULES)
    assert set(LOCKS_RULES) >= set(CHAT_RULES) | {"linearizable", "real time", "grants", "held alone"}


@pytest.mark.processes
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("scenario", [CHAT, LOCKS], ids=["chat", "locks"])
@pytest.mark.parametrize("pace", [(), ("--free-running",)], ids=["lock-step", "free-running"])
def test_consensus8_what_happened_is_judged(
    world: str, scenario: str, pace: tuple[str, ...], tmp_path: Path
) -> None:
    """Every run leaves a trace, which is valid where all was well."""
    trace = tmp_path / "trace.jsonl"
    text, status = bayou(
        "run", "--world", world, *pace, "--check", "--trace", str(trace), given=lines_of(scenario)
    )
    assert status == 0, text
    text, status = bayou("check", str(trace))
    assert (text.splitlines()[-1], status) == ("valid", 0)


def test_consensus8_a_broken_promise_is_found_in_a_trace(tmp_path: Path) -> None:
    """A trace in which a slot has two values, or something was applied twice, is invalid, and says which rule
    was broken."""
    trace = tmp_path / "trace.jsonl"
    bayou("run", "--world", "sim", "--trace", str(trace), given=lines_of(CHAT))
    events = [json.loads(line) for line in trace.read_text().splitlines()]
    for rule, spoil in (("agreement", _another_value), ("at most once", _applied_again)):
        spoilt = spoil([dict(event) for event in events])
        trace.write_text("".join(f"{json.dumps(event)}\n" for event in spoilt))
        text, status = bayou("check", str(trace))
        assert status == 5, rule
        assert any(line.startswith("invalid") and f" {rule} " in line for line in text.splitlines()), text


def _another_value(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    last = [event for event in events if event["event"] == "told" and event["slot"] == 0][-1]
    last["value"] = ["noop"]
    return events


def _applied_again(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    at = next(at for at, event in enumerate(events) if event["event"] == "applied" and event["slot"] == 1)
    again = next(event for event in events if event["event"] == "applied" and event["slot"] == 0)
    return [*events[: at + 1], {**again, "slot": 1}, *events[at + 1 :]]


def test_consensus8_random_runs_find_nothing() -> None:
    """Random scenarios of chat and of locks, with all faults, break no promise."""
    for family in ("chat", "locks"):
        text, status = bayou("explore", "--of", family, "--seeds", "10", "-j", "1")
        assert status == 0, text
        assert "10 runs" in text


def test_consensus8_a_planted_bug_is_found() -> None:
    """A bug that is planted on purpose is found by the rule that it breaks."""
    assert "a majority less one" in known_bugs()
    text, status = bayou(
        "explore", "--of", "chat", "--seeds", "300", "--bug", "a majority less one", "-j", "1"
    )
    assert status == 1, text
    assert "majorities" in text


# Anybody's history.


def test_consensus8_a_history_of_a_register_is_judged() -> None:
    """A history of a register is valid where one order of its operations explains every result, and invalid
    where none does."""
    write = ((0, "invoke", "write", 3), (0, "ok", "write", None))
    assert verdict("register", *write, (1, "invoke", "read", None), (1, "ok", "read", 3)) == 0
    assert verdict("register", *write, (1, "invoke", "read", None), (1, "ok", "read", None)) == 5
    cas = ((1, "invoke", "cas", [3, 0]), (1, "ok", "cas", True))
    assert verdict("register", *write, *cas, (2, "invoke", "read", None), (2, "ok", "read", 0)) == 0
    assert verdict("register", *write, *cas, *cas) == 5


def test_consensus8_what_nobody_knows_may_have_happened() -> None:
    """What ended with info, or did not end, may take effect any time later or never; what failed did not."""
    read = ((1, "invoke", "read", None), (1, "ok", "read", 3))
    for end in ([(0, "info", "write", None)], []):
        assert verdict("register", (0, "invoke", "write", 3), *end, *read) == 0
        assert verdict("register", (0, "invoke", "write", 3), *end, *read[:1], (1, "ok", "read", None)) == 0
    assert verdict("register", (0, "invoke", "write", 3), (0, "fail", "write", None), *read) == 5


def test_consensus8_histories_of_maps_and_locks_are_judged() -> None:
    """So are histories of a map with get, put and append, and of locks, each key alone."""
    appends = [
        (0, "invoke", "append", "a"), (1, "invoke", "append", "b"),
        (0, "ok", "append", None), (1, "ok", "append", None),
    ]  # fmt: skip
    for value, status in (("ab", 0), ("ba", 0), ("a", 5)):
        assert verdict("kv", *appends, (2, "invoke", "get", None), (2, "ok", "get", value), key="k") == status
    held = ((0, "invoke", "lock", None), (0, "ok", "lock", None))
    other = ((1, "invoke", "lock", None), (1, "ok", "lock", None))
    freed = ((0, "invoke", "unlock", None), (0, "ok", "unlock", True))
    assert verdict("lock", *held, *freed, *other, key="k") == 0
    assert verdict("lock", *held, *other, key="k") == 5


def test_consensus8_the_budget_and_wrong_lines_have_their_status(tmp_path: Path) -> None:
    """Where the steps of the search run out the verdict is unknown, status 6; a line that is none is named by
    its number, status 2."""
    many: list[tuple[int, str, str, Any]] = [(process, "invoke", "write", process) for process in range(12)]
    many += [(process, "ok", "write", None) for process in range(12)]
    for value in (3, 5, 3):
        many += [(20, "invoke", "read", None), (20, "ok", "read", value)]
    assert verdict("register", *many, budget="50") == 6
    assert verdict("register", *many, budget="1000000") == 5
    text, status = bayou(
        "check",
        "--model",
        "register",
        "-",
        given=b'{"process": 0, "type": "invoke", "f": "write", "value": 1}\nzip\n',
    )
    assert status == 2
    assert "line 2: no JSON" in text


def test_consensus8_an_invalid_history_shows_its_smallest_part() -> None:
    """An invalid history is shown by the smallest part of it that no order explains."""
    lines = []
    for number in range(20):
        lines += [
            {"process": 0, "type": "invoke", "f": "write", "value": number},
            {"process": 0, "type": "ok", "f": "write"},
        ]  # fmt: skip
    lines += [
        {"process": 1, "type": "invoke", "f": "read"},
        {"process": 1, "type": "ok", "f": "read", "value": 3},
    ]
    given = "\n".join(map(json.dumps, lines)).encode()
    text, status = bayou("check", "--model", "register", "-", given=given)
    assert status == 5
    assert len(text.splitlines()) < 20
    assert "read" in text
