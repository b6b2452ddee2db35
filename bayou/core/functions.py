"""Functions that general writes call, by name and version (Terry '95, "Merge procedures").

A function takes a view of the rows and its arguments, and returns what is to be done, as updates in the form
that bodies have, or None where it does not fit. It must come to the same at every server for ever, so a
version, once used, never changes. What a server lacks it takes no write of.
"""

from __future__ import annotations

from bayou.core.body import NAME_CHARACTERS_MAX, STEPS_MAX, WHOLE_MAX, BadBody, made_updates, where_of
from bayou.core.errors import FunctionFault, MissingFunction, TookTooLong
from bayou.core.rows import PLAYLIST, check_collection
from bayou.core.values import of_value, stands_for_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, TypeVar

    from bayou.core.body import Body, Call, Query, Update
    from bayou.core.values import JSON, Value

    Function = Callable[["View", Any], list[Any] | None]
    Decorated = TypeVar("Decorated", bound=Callable[..., Any])

    Guard = Callable[[Callable[[], Any]], Any]
    """Carries something out and returns what that returns, and raises TookTooLong within it where it takes
    too long: there is no time in here."""

ROWS_MAX = 1000
"""How many rows a query of a function may give."""

SECONDS_MAX = 10.0
"""How long a function may run, for whoever guards it."""

FAULTS = (MemoryError, RecursionError, OSError, ImportError)
"""What says nothing about a function, but that its server is in need."""

MARKS = "bayou_merge"
"""The attribute of a function that has the names and versions by which writes call it."""

MARKED = "__bayou_merge__"
"""The name of a list in a module, where it has one, that takes all functions marked within it."""

_NO_PLAIN = 0x2A0
"""The flags of the code of generators and coroutines: what they return is no list."""


class Unfit(Exception):
    """Raised by a function that writes call (``bayou.merge``): it does not fit, so that the next alternative
    is tried. Returning None says the same.

    >>> import bayou
    >>> @bayou.merge("withdraw", 1)
    ... def withdraw(view, args):
    ...     if (view.get("accounts", args["from"]) or 0) < args["amount"]:
    ...         raise bayou.Unfit("too little is there")
    ...     return [["add", "accounts", args["from"], -args["amount"]]]
    """


def merge(name: str, version: int) -> Callable[[Decorated], Decorated]:
    """Let writes call a function, by this name and version: a decorator.

    The function is called with a ``bayou.View`` of the rows as all writes before this one have left them, and
    with the arguments that the write has for it. It returns a list of updates, as ``bayou.Write`` has them in
    its body (``["set", collection, key, value]`` and so on), or None where it does not fit; raising
    ``bayou.Unfit`` is the same, and so are a query that gives more than 1,000 rows, more than 256 updates,
    and any other exception.

    It has to come to the same at every server, today and in a year: from what it sees and its arguments
    alone, without a clock, random numbers, files or globals that change. Once a version has been used
    anywhere, it stays as it is, and something else is the next version, beside it.

    ``name``: 1 to 64 characters; ``version``: from 1 on; ValueError for another. The function itself is left
    as it is. Which functions a replica or a server has is said when it is opened: ``functions``,
    ``--functions FILE``.

    >>> import bayou
    >>> @bayou.merge("first free", 1)
    ... def first_free(view, args):
    ...     for room in args["rooms"]:
    ...         if view.get("rooms", room) is None:
    ...             return [["set", "rooms", room, args["who"]]]
    ...     return None
    >>> def booked(who):
    ...     return bayou.Write("standup").call("first free", 1, {"rooms": ["A", "B"], "who": who})
    >>> with bayou.open(":memory:", functions=[first_free]) as db:
    ...     for who in ("ann", "bob", "cid"):
    ...         db.outcome(db.write(booked(who))).result
    ...     dict(db["rooms"])
    'applied'
    'applied'
    'conflict'
    {'A': 'ann', 'B': 'bob'}
    """
    if type(name) is not str or not 0 < len(name) <= NAME_CHARACTERS_MAX or not stands_for_text(name):
        raise ValueError(
            f"{str(name)[:80]!r} names no function: a text of 1 to {NAME_CHARACTERS_MAX} characters does"
        )
    if type(version) is not int or not 0 < version <= WHOLE_MAX:
        raise ValueError(f"{str(version)[:80]!r} is no version of a function: whole numbers from 1 on are")

    def mark(function: Decorated) -> Decorated:
        if not callable(function) or getattr(getattr(function, "__code__", None), "co_flags", 0) & _NO_PLAIN:
            raise TypeError(f"{function!r} is no plain function, and can't be called by a write")
        setattr(function, MARKS, (*marks_of(function), (name, version)))
        marked = getattr(function, "__globals__", {}).get(MARKED)
        if marked is not None:
            marked.append(function)
        return function

    return mark


def marks_of(thing: object) -> tuple[tuple[str, int], ...]:
    """Return the names and versions by which writes call something, none where they don't."""
    marks: tuple[tuple[str, int], ...] = getattr(thing, "__dict__", {}).get(MARKS, ())
    return marks


class View:
    """The rows as they stand before a write, for a function that it calls (``bayou.merge``).

    ``get(collection, key)`` returns a value, None where there is no row; ``rows(collection, prefix, where)``
    the rows under a prefix that meet all conditions, as (key, value) pairs in order of keys. Values are the
    function's own copies.

    >>> import bayou
    >>> @bayou.merge("close", 1)
    ... def close(view, order):
    ...     items = view.rows("items", f"{order}/", [("state", "=", "packed")])
    ...     return [["set", "orders", order, {"sent": [key for key, _ in items]}]]
    >>> with bayou.open(":memory:", functions=[close]) as db:
    ...     db["items"].update({"7/tea": {"state": "packed"}, "7/cup": {"state": "new"}})
    ...     made = db.write(bayou.Write("7 is sent").call("close", 1, "7"))
    ...     db["orders"]["7"]
    {'sent': ['7/tea']}
    """

    def __init__(
        self,
        get: Callable[[str, str], Value | None],
        select: Callable[[Query], Iterable[tuple[str, Value]]],
    ) -> None:
        """Not for users: a function is given one."""
        self._get = get
        self._select = select
        self._is_over = False

    def get(self, collection: str, key: str) -> JSON:
        """Return the value of a row, None where there is none. ValueError for what no row can be."""
        _check(collection, key)
        value = self._get(collection, key)
        return None if value is None else of_value(value)

    def rows(self, collection: str, prefix: str = "", where: Sequence[Any] = ()) -> list[tuple[str, JSON]]:
        """Return rows: those that meet all conditions in ``where``, (field, operator, value) each, as
        ``bayou.Write.if_meets`` has them. More than 1,000 rows do not fit, whatever the function does
        then."""
        _check(collection, prefix)
        found: list[tuple[str, JSON]] = []
        for key, value in self._select((collection, prefix, where_of([list(each) for each in where]))):
            if len(found) == ROWS_MAX:
                self._is_over = True
                raise Unfit(f"more than {ROWS_MAX} rows under {collection}/{prefix}")
            found.append((key, of_value(value)))
        return found


def _check(collection: str, key: str) -> None:
    """Those of the system are for clients to read."""
    if type(collection) is not str or type(key) is not str:
        raise TypeError("a row is named by two texts, its collection and its key")
    if collection != PLAYLIST:
        check_collection(collection)


for _shown in (Unfit, View, merge):
    _shown.__module__ = "bayou"  # where users find them


class Functions:
    """The functions that a server has, by name and version; ``guard`` sees to it that none runs for ever."""

    def __init__(
        self, functions: Mapping[tuple[str, int], Function] | None = None, guard: Guard | None = None
    ) -> None:
        self._functions = dict(functions or {})
        self._guard = guard or _unguarded
        self.strict = Strict(self)

    def register(self, name: str, version: int, function: Function) -> None:
        """Add a function; ValueError where there is one of that name and version."""
        if (name, version) in self._functions:
            raise ValueError(f"there are two functions {name} {version}")
        self._functions[name, version] = function

    @property
    def known(self) -> list[tuple[str, int]]:
        """The names and versions that are here, in order."""
        return sorted(self._functions)

    def missing(self, body: Body) -> tuple[str, int] | None:
        """Return the first function that a body needs and that is not here, or None."""
        return next((each for each in body.needs if each not in self._functions), None)

    def call(
        self,
        call: Call,
        get: Callable[[str, str], Value | None],
        select: Callable[[Query], Iterable[tuple[str, Value]]],
        *,
        is_strict: bool = False,
    ) -> Sequence[Update] | None:
        """Return the updates that a function answers, None where it does not fit. Raises MissingFunction,
        FunctionFault; where it ``is_strict`` BadBody for what else a function raises."""
        function = self._functions.get((call.function, call.version))
        if function is None:
            raise MissingFunction(call.function, call.version)
        view = View(get, select)
        try:
            args: Any = of_value(call.args)  # type: ignore[arg-type]  # it has the form of one
            updates = self._guard(lambda: function(view, args))
        except TookTooLong:
            raise FunctionFault(
                call.function, call.version, f"it ran for more than {SECONDS_MAX:g} s"
            ) from None
        except FAULTS as error:
            raise FunctionFault(call.function, call.version, repr(error)) from error
        except Unfit:
            return None
        except (Exception, SystemExit, GeneratorExit) as error:  # whatever a function may raise
            if is_strict and not view._is_over:
                raise BadBody(f"the function {call.function} {call.version} raised {error!r}") from error
            return None
        if updates is None or view._is_over or (type(updates) is list and len(updates) > STEPS_MAX):
            return None
        try:
            return made_updates(updates)
        except FAULTS as error:
            raise FunctionFault(call.function, call.version, repr(error)) from error
        except (ValueError, TypeError) as error:
            if is_strict:
                what = f"the function {call.function} {call.version} returned {str(updates)[:80]!r}"
                raise BadBody(f"{what}, which is no list of updates: {error}") from error
            return None


class Strict:
    """The same functions, for whoever tries out a write that is to be accepted: what one raises that is not
    Unfit, or returns that is no list of updates, is an error."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def missing(self, body: Body) -> tuple[str, int] | None:
        """Return the first function that a body needs and that is not here, or None."""
        return self._functions.missing(body)

    def call(
        self,
        call: Call,
        get: Callable[[str, str], Value | None],
        select: Callable[[Query], Iterable[tuple[str, Value]]],
    ) -> Sequence[Update] | None:
        """Return the updates that a function answers; BadBody for what it raises."""
        return self._functions.call(call, get, select, is_strict=True)


def _unguarded(does: Callable[[], Any]) -> Any:
    return does()
