"""General writes as programs make them: what they expect of rows, what they do, and what else (Terry '95,
"Dependency checks", "Merge procedures")."""

from __future__ import annotations

from bayou.core.body import (
    ABSENT,
    ADD,
    ATLEAST,
    ATMOST,
    DELETE,
    INSERT,
    IS,
    MEETS,
    NAME_CHARACTERS_MAX,
    NEW,
    PRESENT,
    REMOVE,
    SET,
    made_body,
)
from bayou.core.execute import RESOLVED
from bayou.core.execute import resolution as resolution_of
from bayou.core.name import ROOT, Name
from bayou.core.values import of_value
from bayou.library.records import Conflict, WriteId
from bayou.wire.exports import parse_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from bayou.core.body import Body
    from bayou.core.database import Seen
    from bayou.core.values import JSON

    class Named(Protocol):
        """A collection, of whatever store."""

        name: str

    Rows = str | Named
    """A collection, or what it is called."""

    Scalar = str | int | float | bool
    Where = tuple[str, str, Scalar]
    """A condition on a row: a field of it, one of ``=`` ``!=`` ``<`` ``<=`` ``>`` ``>=``, and what to compare
    with."""

    Alternative = tuple[tuple[str, ...], tuple[str, ...], str]
    """Updates, conditions, and in the place of updates a call, "" for none: each as JSON, so that nobody
    changes it meanwhile."""


class Write:
    """A write that says what it expects of rows, what it does, and what to do where they are otherwise: made
    by calls that read as the sentence which it is, then given to ``Store.write``.

    ``Write(name)`` does nothing yet. Updates (``set``, ``delete``, ``new``, ``add``, ``insert``, ``remove``)
    are carried out in order and all together, where all conditions (``if_...``) hold and each update can be
    carried out. ``otherwise()`` begins what is tried where that is not so; where nothing fits, the write
    stands in ``Store.conflicts()`` until somebody resolves it. Each server executes it in its place in the
    order of all writes, and again where what it read has changed: what comes of it is final once it is
    committed.

    Each call returns another Write: one may be kept, and gone on from in several ways. A collection is named,
    or given as it is: ``db["rooms"]``. ValueError says what can't be.

    >>> import bayou
    >>> def booked(who):
    ...     return (
    ...         bayou.Write("standup")
    ...         .set("rooms", "A/10", who).if_absent("rooms", "A/10")
    ...         .otherwise().set("rooms", "A/11", who).if_absent("rooms", "A/11")
    ...     )
    >>> with bayou.open(":memory:") as db:
    ...     for who in ("ann", "bob", "cid"):
    ...         db.outcome(db.write(booked(who))).result
    ...     dict(db["rooms"]), [conflict.name for conflict in db.conflicts()]
    'applied'
    'merged 1'
    'conflict'
    ({'A/10': 'ann', 'A/11': 'bob'}, ['standup'])
    """

    __slots__ = ("_alternatives", "_name")

    def __init__(self, name: str) -> None:
        """Begin a write; its name, of 1 to 64 characters, is for those who read of it."""
        self._name: str = made_body({"name": name, "do": []}).name
        self._alternatives: tuple[Alternative, ...] = (((), (), ""),)

    @staticmethod
    def of(body: dict[str, JSON]) -> Write:
        """Return the write that a body describes: that of a conflict, say.

        >>> import bayou
        >>> bayou.Write.of({"name": "tea", "do": [["add", "stock", "tea", -1]]})
        Write('tea').add('stock', 'tea', -1)
        """
        checked = made_body(body)
        plain: Any = of_value(checked.text)  # type: ignore[arg-type]  # it has the form of one
        made = Write(checked.name)
        for number, each in enumerate((plain, *plain.get("else", []))):
            made = made.otherwise() if number else made
            for update in each.get("do", []):
                made = made._does(update)
            if "call" in each:
                function, version = each["call"]
                made = made.call(function, version, each["args"])
            for condition in each.get("if", []):
                made = made._if(condition)
        return made

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    @property
    def body(self) -> dict[str, Any]:
        """What it is as JSON, a fresh copy: the form in which it travels and is kept."""
        import json

        first, *others = [_plain(each) for each in self._alternatives]
        made: dict[str, Any] = {"name": self._name, **first}
        if others:
            made["else"] = others
        copy: dict[str, Any] = json.loads(json.dumps(made))
        return copy

    # What it does.

    def set(self, rows: Rows, key: str, value: JSON) -> Write:
        """Give a row a value."""
        return self._does([SET, _name(rows), key, value])

    def delete(self, rows: Rows, key: str) -> Write:
        """Delete a row, which need not be there."""
        return self._does([DELETE, _name(rows), key])

    def new(self, rows: Rows, key: str, value: JSON) -> Write:
        """Give a new row a value: that of the first of the keys ``key``, ``key-2``, ``key-3`` ... ``key-99``
        that is absent. It can't be carried out where none is."""
        return self._does([NEW, _name(rows), key, value])

    def add(self, rows: Rows, key: str, number: int) -> Write:
        """Add to a whole number; a row that is absent counts as 0. It can't be carried out on any other
        value, nor beyond 64 bits."""
        return self._does([ADD, _name(rows), key, number])

    def insert(self, rows: Rows, key: str, text: str) -> Write:
        """Put a text into a set of texts, which is kept as a sorted list; a row that is absent is an empty
        one. It can't be carried out on any other value."""
        return self._does([INSERT, _name(rows), key, text])

    def remove(self, rows: Rows, key: str, text: str) -> Write:
        """Take a text out of a set of texts, whether or not it is in there. It can't be carried out on any
        other value."""
        return self._does([REMOVE, _name(rows), key, text])

    def call(self, function: str, version: int, args: JSON) -> Write:
        """Do what a function says (``bayou.merge``), in the place of updates: every server calls it, in the
        write's place, with the rows as they are there and with these arguments, a JSON value but for null.
        Where it does not fit, the next alternative is tried.

        ``Store.write`` raises ValueError where the function is missing at the server, or raises anything but
        ``bayou.Unfit``; nothing is written then.
        """
        call = {"call": [function, version], "args": args}
        _checked(call, "call")
        *before, (updates, conditions, called) = self._alternatives
        if updates or called:
            raise ValueError("an alternative has updates, or one call: otherwise() begins another one")
        import json

        return self._with((*before, ((), conditions, json.dumps(call))))

    # When.

    def if_is(self, rows: Rows, key: str, value: JSON) -> Write:
        """Only where a row has this value: 1, 1.0 and true are three."""
        return self._if([IS, _name(rows), key, value])

    def if_absent(self, rows: Rows, key: str) -> Write:
        """Only where there is no such row."""
        return self._if([ABSENT, _name(rows), key])

    def if_present(self, rows: Rows, key: str) -> Write:
        """Only where there is such a row."""
        return self._if([PRESENT, _name(rows), key])

    def if_meets(self, rows: Rows, key: str, *where: Where) -> Write:
        """Only where there is such a row, and it meets all these conditions: (field, operator, value) each.

        The field is one of an object, or ``"."`` for the value of the row itself. Operators are ``=``,
        ``!=``, and, between two numbers or two texts, ``<``, ``<=``, ``>`` and ``>=``.

        >>> import bayou
        >>> late = bayou.Write("tick off").if_meets("tasks", "7", ("priority", "<", 3), ("done", "=", False))
        >>> late.delete("tasks", "7").body["if"]
        [['meets', 'tasks', '7', [['priority', '<', 3], ['done', '=', False]]]]
        """
        return self._if([MEETS, _name(rows), key, _listed(where)])

    def if_at_most(self, count: int, rows: Rows, prefix: str = "", *where: Where) -> Write:
        """Only where at most so many rows have keys that begin with ``prefix`` and meet all these conditions,
        which are those of ``if_meets``."""
        return self._if([ATMOST, count, _name(rows), prefix, _listed(where)])

    def if_at_least(self, count: int, rows: Rows, prefix: str = "", *where: Where) -> Write:
        """Only where at least so many rows do, as ``if_at_most`` has them."""
        return self._if([ATLEAST, count, _name(rows), prefix, _listed(where)])

    def if_none(self, rows: Rows, prefix: str = "", *where: Where) -> Write:
        """Only where no row does, as ``if_at_most`` has them.

        >>> import bayou
        >>> paper = {"title": "Bayou"}
        >>> entry = bayou.Write("p1").new("bib", "Terry95", paper).if_none("bib", "", ("title", "=", "Bayou"))
        >>> with bayou.open(":memory:") as db:
        ...     [db.outcome(db.write(entry.otherwise())).result for _ in range(2)], list(db["bib"])
        (['applied', 'merged 1'], ['Terry95'])
        """
        return self.if_at_most(0, rows, prefix, *where)

    def if_some(self, rows: Rows, prefix: str = "", *where: Where) -> Write:
        """Only where some row does, as ``if_at_most`` has them."""
        return self.if_at_least(1, rows, prefix, *where)

    def otherwise(self) -> Write:
        """Begin what is to be done where nothing before it fits. With nothing behind it, that is nothing:
        whoever came first wins. An alternative without a condition makes this write win."""
        return self._with((*self._alternatives, ((), (), "")))

    def _does(self, update: list[Any]) -> Write:
        # It is checked at once, by itself: so the error comes from the call that is wrong.
        text = _checked({"do": [update]}, "do")
        *before, (updates, conditions, called) = self._alternatives
        if called:
            raise ValueError("an alternative has updates, or one call: otherwise() begins another one")
        return self._with((*before, ((*updates, text), conditions, "")))

    def _if(self, condition: list[Any]) -> Write:
        text = _checked({"do": [], "if": [condition]}, "if")
        *before, (updates, conditions, called) = self._alternatives
        return self._with((*before, (updates, (*conditions, text), called)))

    def _with(self, alternatives: tuple[Alternative, ...]) -> Write:
        made = object.__new__(Write)
        made._name, made._alternatives = self._name, alternatives
        return made

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Write):
            return NotImplemented
        return (self._name, self._alternatives) == (other._name, other._alternatives)

    def __hash__(self) -> int:
        return hash((self._name, self._alternatives))

    def __repr__(self) -> str:
        made = f"Write({self._name!r})"
        for number, each in enumerate(self._alternatives):
            plain = _plain(each)
            made += ".otherwise()" if number else ""
            made += "".join(f".{word}({_arguments(rest)})" for word, *rest in plain.get("do", []))
            if "call" in plain:
                made += f".call({_arguments([*plain['call'], plain['args']])})"
            for word, *rest in plain.get("if", []):
                where = rest.pop() if word in (MEETS, ATMOST, ATLEAST) else []
                call = {ATMOST: "at_most", ATLEAST: "at_least"}.get(word, word)
                made += f".if_{call}({_arguments([*rest, *map(tuple, where)])})"
        return made


Write.__module__ = "bayou"


def _arguments(plain: list[Any]) -> str:
    return ", ".join(map(repr, plain))


def _name(rows: Rows) -> str:
    named: Any = rows
    name: str = getattr(named, "name", named)  # what is neither is refused with the body
    return name


def _listed(where: tuple[Where, ...]) -> list[Any]:
    return [list(each) if isinstance(each, tuple) else each for each in where]


def _checked(alternative: dict[str, Any], field: str) -> str:
    """Return, as JSON, what an alternative has alone in that field, once it is known to be right."""
    text = made_body({"name": "_", **alternative}).text
    plain: Any = of_value(text)  # type: ignore[arg-type]  # it has the form of one
    import json

    return json.dumps(plain[field][0])


def _plain(alternative: Alternative) -> dict[str, Any]:
    import json

    updates, conditions, called = alternative
    made: dict[str, Any] = json.loads(called) if called else {"do": [json.loads(each) for each in updates]}
    if conditions:
        made["if"] = [json.loads(each) for each in conditions]
    return made


def body_of_write(write: Write) -> Body:
    """Return the body of a write. TypeError for what is none, ValueError for one that is beyond the
    limits."""
    if not isinstance(write, Write):
        raise TypeError(f"a {type(write).__name__} where a Write is due, as bayou.Write(name) begins one")
    return made_body(write.body)


# Conflicts.


def shown_conflict(seen: Seen) -> Conflict:
    """Return a row of the error log for users."""
    key, value, is_committed, _ = seen
    stamp, _, server = key.partition(":")
    name = Name.of(tuple(int(part) for part in server.split(","))) if server else ROOT
    body: Any = of_value(value)
    return Conflict(WriteId(int(stamp), repr(name)), body["name"], body, is_committed)


def resolution(conflict: Conflict) -> Body:
    """Return the body that deletes a conflict from the error log."""
    if not isinstance(conflict, Conflict):
        raise TypeError(f"a {type(conflict).__name__} where a Conflict is due, as conflicts() tells them")
    write = conflict.write
    name = conflict.name[: NAME_CHARACTERS_MAX - len(RESOLVED)]
    return resolution_of(name, write.stamp, parse_name(write.server))
