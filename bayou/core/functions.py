"""Functions that general writes call, by name and version (Terry '95, "Merge procedures").

A function takes a view of the rows and its arguments, and returns what is to be done, as updates in the form
that bodies have, or None where it does not fit. It must come to the same at every server for ever, so a
version, once used, never changes. What a server lacks it takes no write of.
"""

from __future__ import annotations

from bayou.core.body import STEPS_MAX, BadBody, made_updates, where_of
from bayou.core.errors import BayouError
from bayou.core.values import of_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from bayou.core.body import Body, Call, Query, Update
    from bayou.core.values import JSON, Value

    Function = Callable[["View", Any], list[Any] | None]

ROWS_MAX = 1000
"""How many rows a query of a function may give."""

FAULTS = (MemoryError, RecursionError, OSError, ImportError)
"""What says nothing about a function, but that its server is in need."""


class Unfit(Exception):
    """Raised by a function: it does not fit. Returning None says the same."""


class MissingFunction(BayouError):
    """A function, or a version of it, that this server does not have."""

    def __init__(self, name: str, version: int) -> None:
        super().__init__(f"the function {name} {version} is missing here: start the server with it")


class FunctionFault(BayouError):
    """A function could not be carried out, for a reason that lies with this server: that is no outcome."""


class View:
    """The rows as they stand before a write, to a function.

    ``get(collection, key)`` returns a value, None where there is no row; ``rows(collection, prefix, where)``
    the rows under a prefix that meet all conditions, as (key, value) pairs in order of keys. Values are the
    function's own copies.
    """

    def __init__(
        self,
        get: Callable[[str, str], Value | None],
        select: Callable[[Query], Iterable[tuple[str, Value]]],
    ) -> None:
        self._get = get
        self._select = select

    def get(self, collection: str, key: str) -> JSON:
        """Return the value of a row, None where there is none."""
        value = self._get(collection, key)
        return None if value is None else of_value(value)

    def rows(self, collection: str, prefix: str = "", where: Sequence[Any] = ()) -> list[tuple[str, JSON]]:
        """Return rows; Unfit where there are more than ROWS_MAX of them."""
        found: list[tuple[str, JSON]] = []
        for key, value in self._select((collection, prefix, where_of([list(each) for each in where]))):
            if len(found) == ROWS_MAX:
                raise Unfit(f"more than {ROWS_MAX} rows under {collection}/{prefix}")
            found.append((key, of_value(value)))
        return found


class Functions:
    """The functions that a server has. ``is_strict``: whether a function that raises what is not Unfit is an
    error, as it is where a write is accepted; anywhere else it does not fit."""

    def __init__(self) -> None:
        self._functions: dict[tuple[str, int], Function] = {}
        self.is_strict = False

    def register(self, name: str, version: int, function: Function) -> None:
        """Add a function; ValueError where there is one of that name and version."""
        if (name, version) in self._functions:
            raise ValueError(f"there are two functions {name} {version}")
        self._functions[name, version] = function

    def missing(self, body: Body) -> tuple[str, int] | None:
        """Return the first function that a body needs and that is not here, or None."""
        return next((each for each in body.needs if each not in self._functions), None)

    def call(
        self,
        call: Call,
        get: Callable[[str, str], Value | None],
        select: Callable[[Query], Iterable[tuple[str, Value]]],
    ) -> Sequence[Update] | None:
        """Return the updates that a function answers, None where it does not fit. Raises MissingFunction,
        FunctionFault; with ``is_strict`` BadBody for what else a function raises."""
        function = self._functions.get((call.function, call.version))
        if function is None:
            raise MissingFunction(call.function, call.version)
        try:
            updates = function(View(get, select), of_value(call.args))  # type: ignore[arg-type]
            if updates is None:
                return None
            made = made_updates(updates)
        except FAULTS as error:
            raise FunctionFault(
                f"{call.function} {call.version} could not be carried out: {error!r}"
            ) from error
        except Unfit:
            return None
        except Exception as error:  # whatever a function may raise
            if self.is_strict:
                raise BadBody(f"the function {call.function} {call.version} raised {error!r}") from error
            return None
        return None if len(made) > STEPS_MAX else made
