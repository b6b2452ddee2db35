"""Operations from the lines of a history that anybody may have recorded: a JSON object each, in the order in
which they happened (docs/histories.md)."""

from __future__ import annotations

import json

from bayou._quoting import printable, shorten
from bayou._record import Record
from bayou.check.model import Operation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, NoReturn

TYPES = ("invoke", "ok", "fail", "info")
FUNCTIONS = {
    "register": ("read", "write", "cas"),
    "kv": ("get", "put", "append"),
    "lock": ("lock", "unlock"),
}
"""What can be asked of each model."""

KEYED = ("kv", "lock")
"""The models with keys."""

READS = ("read", "get")
NAMELESS = ("read", "get", "lock", "unlock")
"""Functions without an argument."""

TRUTHS = ("cas", "unlock")
"""Functions that are answered with true or false."""


class Problem(Record):
    """A line that is none of a history: its number, what is wrong, and what to do about it."""

    line: int
    text: str


class Reading(Record):
    """What was read: operations, but for those that certainly did not happen; how many have an answer; wrong
    lines. With wrong lines the operations mean nothing."""

    operations: tuple[Operation, ...]
    answered: int
    problems: tuple[Problem, ...]


class _Wrong(Exception):
    """A line is wrong; the message says how, and what to do."""


class _Call:
    """An operation under way."""

    def __init__(self, line: int, function: str, key: str | None, argument: object) -> None:
        self.line = line
        self.function = function
        self.key = key
        self.argument = argument


def read_history(lines: Iterable[bytes], model: str) -> Reading:
    """Read the lines of a history of that model. Empty lines are left out, and fields of other names."""
    reader = _Reader(model)
    for number, line in enumerate(lines, start=1):
        if line.strip():
            reader.read(number, line)
    return reader.reading()


class _Reader:
    """Reads lines one by one, and keeps what each process has under way."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._calls: dict[int, _Call] = {}
        self._gone: dict[int, int] = {}
        self._unsure: set[int] = set()
        self._operations: list[Operation] = []
        self._problems: list[Problem] = []

    def reading(self) -> Reading:
        """Return what was read; what is still under way has no end."""
        for process, call in self._calls.items():
            self._end(process, call, None, None)
        self._calls.clear()
        found = sorted(self._operations, key=lambda operation: operation.begin)
        answered = sum(operation.end is not None for operation in found)
        return Reading(tuple(found), answered, tuple(self._problems))

    def read(self, number: int, line: bytes) -> None:
        """Read one line. Of a process whose line was wrong, an answer to nothing is no further problem."""
        process = None
        try:
            event = _event(line)
            process = _process(event)
            kind, function = self._kind(event), self._function(event)
            if process in self._gone:
                raise _Wrong(
                    f"process {process} ended with info in line {self._gone[process]}, and its operation may "
                    "be under way still: give what goes on after it a new number"
                )
            if kind == "invoke":
                self._invoke(number, process, function, event)
            else:
                self._answer(number, process, kind, function, event)
        except _Wrong as wrong:
            self._problems.append(Problem(number, str(wrong)))
            if process is not None:
                self._unsure.add(process)
                self._calls.pop(process, None)

    def _kind(self, event: dict[str, Any]) -> str:
        kind = event.get("type")
        if not isinstance(kind, str) or kind not in TYPES:
            raise _Wrong(f"{_found('type', event)}: it is one of {_listed(TYPES)}{_trace_hint(event)}")
        return kind

    def _function(self, event: dict[str, Any]) -> str:
        function, functions = event.get("f"), FUNCTIONS[self._model]
        if not isinstance(function, str) or function not in functions:
            others = [name for name, known in FUNCTIONS.items() if function in known]
            hint = f"; it belongs to --model {others[0]}" if others else ""
            raise _Wrong(f"{_found('f', event)}: of a {self._model} it is one of {_listed(functions)}{hint}")
        return function

    def _key(self, event: dict[str, Any]) -> str | None:
        key = event.get("key")
        if self._model not in KEYED:
            if key is not None:
                raise _Wrong("a register has no key: leave it out, or use --model kv")
            return None
        if not isinstance(key, str):
            raise _Wrong(f'{_found("key", event)}: say which one in a text, as in "key": "x"')
        return key

    def _invoke(self, number: int, process: int, function: str, event: dict[str, Any]) -> None:
        call = self._calls.get(process)
        if call is not None:
            raise _Wrong(
                f"process {process} has its {call.function} of line {call.line} under way: end that first, "
                "or give what overlaps with it another process"
            )
        argument = _argument(function, event)
        self._calls[process] = _Call(number, function, self._key(event), argument)
        self._unsure.discard(process)

    def _answer(self, number: int, process: int, kind: str, function: str, event: dict[str, Any]) -> None:
        call = self._calls.get(process)
        if call is None:
            if process in self._unsure:
                return
            raise _Wrong(f"process {process} has nothing under way: its {function} needs an invoke before")
        if function != call.function:
            raise _Wrong(
                f"process {process} has its {call.function} of line {call.line} under way, and no "
                f"{function}: an answer names what it answers"
            )
        if event.get("key") is not None and self._key(event) != call.key:
            raise _Wrong(f"the {function} of line {call.line} is of key {_quoted(call.key)}: name the same")
        result = _result(function, event, call.argument) if kind == "ok" else None
        del self._calls[process]
        if kind == "ok":
            self._end(process, call, number, result)
        elif kind == "info":
            self._gone[process] = number
            self._end(process, call, None, None)

    def _end(self, process: int, call: _Call, end: int | None, result: str | bool | None) -> None:
        self._operations.append(
            Operation(process, call.line, end, call.function, call.argument, result, call.key)
        )


def _event(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(
            line.decode().strip(), parse_constant=_no_number, parse_float=_fraction, object_pairs_hook=_fields
        )
    except RecursionError:
        raise _Wrong("it nests too deep: a history needs no more than lists of numbers or texts") from None
    except ValueError as error:
        why = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise _Wrong(
            f"no JSON that can be read: {printable(shorten(why))}; write one object a line"
        ) from None
    if not isinstance(event, dict):
        raise _Wrong('no object: a line is as {"process": 0, "type": "invoke", "f": "read"}')
    return event


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _fraction(text: str) -> float:
    """Read a fraction: a zero has no sign, and what is beyond 64 bits is refused."""
    value = float(text) + 0.0
    if value - value != 0:
        raise ValueError(f"{text[:20]} is beyond all fractions of 64 bits")
    return value


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {_quoted(twice)} stands twice")
    return fields


def _process(event: dict[str, Any]) -> int:
    process = event.get("process")
    if type(process) is not int:
        hint = _trace_hint(event)
        raise _Wrong(f"{_found('process', event)}: say whose it is in a whole number{hint}")
    return process


def _argument(function: str, event: dict[str, Any]) -> str | tuple[str, str] | None:
    """Return what an invocation asks for, in canonical form."""
    value = event.get("value")
    if function in NAMELESS:
        if value is not None:
            raise _Wrong(f"a {function} is asked for without a value: leave it out, or say null")
        return None
    if function == "cas":
        if not isinstance(value, list) or len(value) != 2:
            raise _Wrong(f"{_found('value', event)}: a cas is asked for with a list of two, [old, new]")
        return _canonical(value[0]), _canonical(value[1])
    if "value" not in event:
        raise _Wrong(f'no "value": say what the {function} is of')
    if function == "append" and not isinstance(value, str):
        raise _Wrong(f"{_found('value', event)}: an append is of a text")
    if function == "put" and value is None:
        raise _Wrong("a put of null: that is what stands where nothing is; put something else")
    return _canonical(value)


def _result(function: str, event: dict[str, Any], argument: object) -> str | bool | None:
    """Return what came back: a value in canonical form, true or false, or None where nothing does."""
    value = event.get("value")
    if function in READS:
        if "value" not in event:
            raise _Wrong(f'no "value": say what the {function} returned, null where nothing was there')
        return _canonical(value)
    if function in TRUTHS:
        if not isinstance(value, bool):
            raise _Wrong(f"{_found('value', event)}: an ok of {function} has true or false")
        return value
    if function == "lock":
        if value is not None and value is not True:
            raise _Wrong(f"{_found('value', event)}: ok means that the lock is held; else say fail")
        return True
    if value is not None and _canonical(value) != argument:
        raise _Wrong(f"a {function} returns nothing: leave the value out, or say what was asked for")
    return None


def _canonical(value: object) -> str:
    """Return a value as JSON that is the same text just where type and content are the same."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    except RecursionError:
        raise _Wrong("its value nests too deep") from None


def _found(name: str, event: dict[str, Any]) -> str:
    if name not in event:
        return f'no "{name}"'
    return f'"{name}" is {_quoted(event[name])}'


def _quoted(value: object) -> str:
    try:
        return printable(json.dumps(value, ensure_ascii=False), 60)
    except RecursionError:
        return "what nests too deep"


def _listed(words: Iterable[str]) -> str:
    *rest, last = words
    return f"{', '.join(rest)} or {last}"


def _trace_hint(event: dict[str, Any]) -> str:
    return "; a trace of bayou is judged without --model" if "event" in event else ""
