"""Whether a history can be explained, the slow and obvious way: every order is tried.

Shares nothing with the checker: it reads the events of a history by itself, keeps states as plain values, and
remembers nothing. For a handful of operations.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    Event = dict[str, Any]


@dataclass
class Call:
    """An operation: when it was asked for, when it was answered (None: nobody knows), with what."""

    process: int
    asked: int
    f: str
    key: str | None
    value: Any
    answered: int | None = None
    result: Any = None


def calls_of(events: Sequence[Event]) -> list[Call]:
    """Return what may have happened."""
    calls: list[Call] = []
    under_way: dict[int, Call] = {}
    for at, event in enumerate(events):
        if event["type"] == "invoke":
            call = Call(event["process"], at, event["f"], event.get("key"), event.get("value"))
            under_way[event["process"]] = call
            calls.append(call)
            continue
        call = under_way.pop(event["process"])
        if event["type"] == "ok":
            call.answered, call.result = at, event.get("value")
        elif event["type"] == "fail":
            calls.remove(call)
    return calls


def explainable(events: Sequence[Event]) -> bool:
    """Whether there is an order that explains each key's operations."""
    calls = calls_of(events)
    return all(
        some_order([call for call in calls if call.key == key], None) for key in {call.key for call in calls}
    )


def some_order(left: list[Call], state: Any) -> bool:
    """Whether what is left can be put into an order that begins in this state. Nothing: None."""
    if all(call.answered is None for call in left):
        return True
    for call in left:
        if any(other.answered is not None and other.answered < call.asked for other in left):
            continue  # that one was over before this one was asked for
        rest = [other for other in left if other is not call]
        if any(some_order(rest, after) for after in states_after(state, call)):
            return True
    return False


def states_after(state: Any, call: Call) -> list[Any]:
    """Return the states that the call can leave in this one: none where it can't have been answered so."""
    answered = call.answered is not None
    if call.f == "read":
        return [state] if not answered or same(call.result, state) else []
    if call.f == "get":
        nothing = state is None and call.result in (None, "")
        return [state] if not answered or nothing or same(call.result, state) else []
    if call.f in ("write", "put"):
        return [call.value]
    if call.f == "append":
        if state is None:
            return [call.value]
        return [state + call.value] if isinstance(state, str) else []
    if call.f == "cas":
        succeeds = same(state, call.value[0])
        if answered and call.result is not succeeds:
            return []
        return [call.value[1] if succeeds else state]
    if call.f == "lock":
        return [call.process] if state is None else []
    held = state is not None and state == call.process
    if answered and call.result is not held:
        return []
    return [None if held else state]


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same in type and content."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
