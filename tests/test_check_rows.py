"""The judge on values, views and the stamps of answers; and taking a history step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bayou.check.history import History, HistoryError
from bayou.check.state import State
from bayou.judging.main import check
from tests.test_check import GOOD, ROOT, TWO, A, answered, log, put, served
from tests.test_check_rules import PROCESSES, THREE, asked, broken, settled

COMMITTED_READ = {**served(1, 2, "get"), "view": "committed"}


ALIKE: list[tuple[Any, Any]] = [
    ("u", "v"), (1, 1.0), (1.0, True), (True, 1), ([1, None], [True, None]), ({"a": 1}, {"a": 1.0}),
]  # fmt: skip
"""Different values, most of them the same to Python."""


@pytest.mark.parametrize(("value", "other"), ALIKE)
def test_a_read_of_the_committed_view_returns_what_the_committed_prefix_says(value: Any, other: Any) -> None:
    """The full view has the tentative write, which is another value."""
    old, new = [2, ROOT, 0, "notes", "k", value], [3, A, 0, "notes", "k", other]
    row = {"collection": "notes", "key": "k"}
    begun = [*TWO, log(0, 1, [old]), {**served(0, 100, "put", stamp=2), **row}, log(1, 1, [old])]
    begun += [log(1, 2, tentative=[new]), {**served(1, 101, "put", stamp=3), **row}]
    committed, full = {**COMMITTED_READ, **row}, {**served(1, 2, "get"), **row}
    assert broken(*begun, {**committed, "read": value}, {**full, "number": 3, "read": other}) == []
    assert broken(*begun, {**committed, "read": other}) == ["reads"]
    assert broken(*begun, {**full, "read": value}) == ["reads"]
    assert broken(*begun, {**committed, "read": None}) == ["reads"]


def test_keys_of_an_object_may_come_in_any_order() -> None:
    one, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    puts = [log(0, 1, [[2, ROOT, 0, "playlist", "s", one]]), served(0, 100, "put", stamp=2)]
    assert broken(*TWO, *puts, served(0, 1, "get", read=other)) == []


def test_a_request_is_served_in_the_view_that_it_asked_for() -> None:
    asks = asked(1, 2, "get")
    assert broken(*TWO, asks, {**COMMITTED_READ, "read": None}) == ["requests"]
    assert broken(*TWO, {**asks, "view": "committed"}, {**COMMITTED_READ, "read": None}) == []


@pytest.mark.parametrize("kind", ["put", "delete"])
def test_who_hears_that_a_write_was_carried_out_hears_as_which(kind: str) -> None:
    write = put(2, A) if kind == "put" else [2, A, 1, "playlist", "s"]
    asks = asked(1, 1, kind, **({"value": "u"} if kind == "put" else {}))
    done = [*TWO, asks, log(1, 1, tentative=[write]), served(1, 1, kind, stamp=2)]
    heard = {**answered(1), "stamp": 2, "by": A}
    assert broken(*done, heard) == []
    for lacking in ({"stamp": 2}, {"by": A}, {}):
        assert broken(*done, {**answered(1), **lacking}) == ["results"]
    assert broken(*TWO, asks, served(1, 1, kind)) == ["results"]
    assert broken(*TWO, asks, {**answered(1), "verdict": "refused"}, served(1, 1, kind, "refused")) == [
        "refusals"
    ]


def test_a_read_has_no_stamp_to_tell() -> None:
    assert (
        broken(*TWO, asked(1, 1, "get"), served(1, 1, "get", read=None), {**answered(1), "value": None}) == []
    )


@pytest.mark.parametrize("version", [1, 3, "2", True, None, 2.0])
def test_a_trace_of_another_version_is_refused(version: object) -> None:
    with pytest.raises(HistoryError, match="version 2 is read here: record the run again"):
        History.of([{**PROCESSES, "version": version}, *TWO])


def test_a_trace_of_version_1_is_refused_with_a_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "old.trace"
    trace.write_text('{"event":"began","version":1,"world":"sim","guarantees":[]}\n')
    assert check([str(trace)]) == 2
    said = capsys.readouterr().err
    assert said == (
        f"bayou check: {trace}: line 1: a trace of version 1 of the format, and version 2 is read here: "
        "record the run again\n"
    )


def test_a_state_takes_a_history_step_by_step() -> None:
    """Whoever draws a run looks at what it has come to after each step."""
    events = [*THREE, *GOOD, settled([0, 1, 2])]
    history = History()
    state = State(history)
    seen = []
    for at, event in enumerate(events, start=1):
        step = history.take(at, event)
        if step is not None:
            state.take(step)
        seen.append(len(state.learned))
    whole = State.of(History.of(events))
    assert seen == sorted(seen)
    assert seen[-1] == len(whole.learned) > 5
    assert repr(state.servers) == repr(whole.servers)
    assert repr(state.requests) == repr(whole.requests)
    assert repr(state.rests) == repr(whole.rests)
