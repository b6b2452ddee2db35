"""Histories made up at random: right ones, by a system that takes each operation at one moment, and mangled
ones."""

from __future__ import annotations

import copy
import json
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.linear_twin import Event

VALUES: list[Any] = [0, 1, 1.0, True, "1", None, [1], {"a": 1}]
TEXTS = ["", "a", "b", "ab"]
MODELS = ("register", "kv", "lock")


class System:
    """Answers operations at once, and rightly."""

    def __init__(self) -> None:
        self.states: dict[str | None, Any] = {}

    def do(self, process: int, f: str, key: str | None, value: Any) -> Any:
        """Let an operation take effect, and return what comes back; KeyError where it has to wait."""
        state = self.states.get(key)
        if f in ("read", "get"):
            return state
        if f in ("write", "put"):
            self.states[key] = value
        elif f == "append":
            self.states[key] = value if state is None else state + value
        elif f == "cas":
            if json.dumps(state) != json.dumps(value[0]):
                return False
            self.states[key] = value[1]
            return True
        elif f == "lock":
            if state is not None:
                raise KeyError(key)
            self.states[key] = process
        else:
            if state != process:
                return False
            self.states[key] = None
            return True
        return None


class Made:
    """A history being made: operations begin, take effect at some moment, and end, or not."""

    def __init__(
        self, rng: random.Random, model: str, values: list[Any], keys: int = 1, lost: float = 0.1
    ) -> None:
        self._rng = rng
        self._model = model
        self._values = values
        self._keys = [f"k{number}" for number in range(keys)]
        self._lost = lost
        self._system = System()
        self._next = 0
        self._idle: list[int] = []
        self._under_way: dict[int, dict[str, Any]] = {}
        self.events: list[Event] = []

    def make(self, operations: int, processes: int) -> list[Event]:
        """Return the events of so many operations of so many processes, all right."""
        self._idle = list(range(processes))
        self._next = processes
        left, patience = operations, 50 * operations
        while (left or self._under_way) and patience:
            patience -= 1
            if left and self._idle and (not self._under_way or self._rng.random() < 0.4):
                self._begin()
                left -= 1
            elif self._under_way:
                self._go_on(self._rng.choice(list(self._under_way)))
        return self.events

    def _begin(self) -> None:
        process = self._idle.pop(self._rng.randrange(len(self._idle)))
        f, value = self._question()
        key = None if self._model == "register" else self._rng.choice(self._keys)
        self._under_way[process] = {"f": f, "key": key, "value": value, "done": False, "result": None}
        self._tell(process, "invoke", value)

    def _question(self) -> tuple[str, Any]:
        rng, values = self._rng, self._values
        if self._model == "register":
            f = rng.choice(["read", "read", "write", "cas"])
            return f, {"read": None, "write": rng.choice(values)}.get(f, [rng.choice(values) for _ in "12"])
        if self._model == "kv":
            f = rng.choice(["get", "get", "put", "append"])
            return f, None if f == "get" else rng.choice(TEXTS)
        return rng.choice(["lock", "unlock"]), None

    def _go_on(self, process: int) -> None:
        call, rng = self._under_way[process], self._rng
        if not call["done"]:
            if rng.random() < self._lost / 2:
                self._end(process, rng.choice(["fail", "info"]))
                return
            try:
                call["result"] = self._system.do(process, call["f"], call["key"], call["value"])
            except KeyError:
                return
            call["done"] = True
        elif rng.random() < self._lost / 2:
            self._end(process, "info")
        else:
            self._end(process, "ok")

    def _end(self, process: int, how: str) -> None:
        call = self._under_way[process]
        self._tell(process, how, call["result"] if how == "ok" else call["value"])
        del self._under_way[process]
        if how == "info":
            self._idle.append(self._next)
            self._next += 1
        else:
            self._idle.append(process)

    def _tell(self, process: int, how: str, value: Any) -> None:
        call = self._under_way[process]
        event = {"process": process, "type": how, "f": call["f"], "value": value}
        if call["key"] is not None:
            event["key"] = call["key"]
        self.events.append(event)


def random_history(rng: random.Random, operations: int | None = None) -> tuple[str, list[Event]]:
    """Return a model and a small history; half of them have answers that were not looked at."""
    model = rng.choice(MODELS)
    values = rng.sample(VALUES, rng.randint(2, 4))
    made = Made(rng, model, values, keys=rng.choice([1, 1, 2]), lost=rng.choice([0.0, 0.1, 0.5]))
    count = rng.randint(1, 7) if operations is None else operations
    events = made.make(count, rng.randint(1, 4))
    if rng.random() < 0.5:
        for _ in range(rng.randint(1, 2)):
            change_answer(rng, events, [*values, None] if model == "register" else [*TEXTS, None])
    return model, events


def unknown_history(rng: random.Random) -> tuple[str, list[Event]]:
    """Return a model and a small history of which much is unknown: most of it has no end, and the answers of
    those who look are made up."""
    model = rng.choice(MODELS)
    values, key = rng.sample([0, 1, 2, 3], 3), {} if model == "register" else {"key": "k"}
    events: list[Event] = []
    under_way: list[Event] = []
    asked, left = 0, rng.randint(3, 7)
    while left or under_way:
        if left and (not under_way or rng.random() < 0.6):
            left, asked = left - 1, asked + 1
            event = {"process": asked, "type": "invoke", **_question(rng, model, values), **key}
            events.append(event)
            looks = event["f"] in ("read", "get", "unlock") or rng.random() < 0.3
            under_way += [event] * looks
            continue
        call = under_way.pop(rng.randrange(len(under_way)))
        answers: dict[str, list[Any]] = {
            "read": [None, *values],
            "get": [None, "", *TEXTS],
            "cas": [True, False],
            "unlock": [True, False],
        }
        value = rng.choice(answers.get(call["f"], [None]))
        events.append({**call, "type": "ok", "value": value})
    return model, events


def _question(rng: random.Random, model: str, values: list[Any]) -> Event:
    f = rng.choice({
        "register": ["read", "read", "write", "write", "cas"], "kv": ["get", "get", "put", "append"],
        "lock": ["lock", "lock", "unlock"],
    }[model])  # fmt: skip
    if f == "cas":
        return {"f": f, "value": [rng.choice([None, *values]), rng.choice(values)]}
    return (
        {"f": f, "value": rng.choice(values)}
        if f == "write"
        else ({"f": f, "value": rng.choice(TEXTS)} if f in ("put", "append") else {"f": f})
    )


def change_answer(rng: random.Random, events: list[Event], values: list[Any]) -> None:
    """Give an operation another answer, if there is one that it might have had."""
    answers = [event for event in events if event["type"] == "ok"]
    if not answers:
        return
    event = rng.choice(answers)
    if event["f"] in ("read", "get"):
        event["value"] = rng.choice(values)
    elif event["f"] in ("cas", "unlock"):
        event["value"] = not event["value"]


def mangled(rng: random.Random, events: list[Event]) -> list[Event]:
    """Return the history with something changed, whether or not it still is one."""
    events = copy.deepcopy(events)
    gentle = rng.random() < 0.5
    for _ in range(rng.randint(1, 3)):
        if not events:
            break
        at = rng.randrange(len(events))
        what = rng.choice([1, 6]) if gentle else rng.randrange(7)
        if what == 0:
            del events[at]
        elif what == 1:
            other = min(at + 1, len(events) - 1) if gentle else rng.randrange(len(events))
            events[at], events[other] = events[other], events[at]
        elif what == 2:
            events.insert(rng.randrange(len(events)), copy.deepcopy(events[at]))
        elif what == 3:
            events[at]["type"] = rng.choice(["invoke", "ok", "fail", "info"])
        elif what == 4:
            events[at]["process"] = rng.randrange(5)
        elif what == 5:
            events[at][rng.choice(["value", "f", "key", "type", "process"])] = rng.choice(
                [*VALUES, "get", "cas"]
            )
        else:
            change_answer(rng, events, [*VALUES])
    return events


def lines_of(events: list[Event]) -> list[bytes]:
    """Return the events as lines of a file."""
    return [json.dumps(event).encode() + b"\n" for event in events]


def garbage(rng: random.Random, lines: list[bytes]) -> list[bytes]:
    """Return lines with bytes changed, cut, or put in."""
    data = bytearray(b"".join(lines))
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data) + 1)
        what = rng.randrange(4)
        if what == 0:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif what == 1:
            del data[at : at + rng.randint(1, 20)]
        elif what == 2:
            data[at:at] = rng.choice(
                [b"\n", b"{", b"}", b'"', b"[" * 2000, b"1e999", b"NaN", b"\xff", b"9" * 5000]
            )
        else:
            other = rng.randrange(len(data) + 1)
            data[at:at] = data[other : other + 30]
    return bytes(data).splitlines(keepends=True)


def events_of(text: str) -> list[Event]:
    """Return the events of a history written in short: ``0>write:3`` is an invocation of process 0, ``0<3``
    that it ended with ok and 3, ``0!`` with fail, ``0?`` with info; ``0>put@x:"a"`` is of key x."""
    events: list[Event] = []
    calls: dict[int, Event] = {}
    for word in text.split():
        at = next(at for at, character in enumerate(word) if character in "<>!?")
        process, rest = int(word[:at]), word[at + 1 :]
        if word[at] == ">":
            name, _, value = rest.partition(":")
            f, _, key = name.partition("@")
            event: Event = {"process": process, "type": "invoke", "f": f}
            event |= {"key": key} if key else {}
            event |= {"value": json.loads(value)} if value else {}
            calls[process] = event
        else:
            how = {"<": "ok", "!": "fail", "?": "info"}[word[at]]
            call = calls[process]
            event = {name: call[name] for name in ("process", "f", "key") if name in call} | {"type": how}
            event |= {"value": json.loads(rest)} if rest else {}
        events.append(event)
    return events
