"""A history: the events of a trace, each checked for its form, and put together by server and session."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from bayou.check.calls import Given
from bayou.check.plain import as_bool, as_int, as_list, as_members, as_name, as_object, as_text, as_vector
from bayou.check.votes import Consented, Voted, consented, voted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Event = dict[str, Any]
    Name = tuple[int, ...]
    WriteId = tuple[int, Name]
    Row = tuple[str, str]

VERSION = 2
"""The version of the format that is read here (docs/traces.md)."""

ALL_GUARANTEES = ["RYW", "MR", "WFR", "MW"]
KINDS = ("put", "delete", "creation", "retirement", "notice", "change", "group")
"""Kinds of writes, by their numbers in a trace."""

READS = ("get", "rows", "outcome")
"""Kinds of requests that are no writes."""


class HistoryError(Exception):
    """An event has not the form that it should have; the message says which one and why."""


@dataclass(frozen=True)
class Write:
    """A write as it stands in a log. ``id`` is its stamp and the name of the server that accepted it.

    ``row``: collection and key of a put or delete; ``value``: that of a put, or the body of a general write,
    as JSON with sorted keys, so that two values are the same where their texts are. ``since``, ``members``:
    of a group write, the epoch in which it was made, and whom it names.
    """

    id: WriteId
    kind: str
    row: Row | None = None
    value: str | None = None
    heir: Name | None = None
    since: int | None = None
    members: tuple[Name, ...] = ()

    @property
    def server(self) -> Name:
        """The name of the server that accepted it."""
        return self.id[1]

    @property
    def is_data(self) -> bool:
        """Whether it is a put, a delete or a general write."""
        return self.kind in ("put", "delete", "change")

    def __str__(self) -> str:
        row = "" if self.row is None else show_row(self.row)
        return f"{self.kind} {row} {self.value or ''}".strip() + f" {show(self.id)}"


def show(write: WriteId) -> str:
    """Return a write's identity as people read it."""
    stamp, name = write
    return f"({stamp} by <{','.join(map(str, name))}>)"


def show_row(row: Row) -> str:
    """Return a row's collection and key as people read them."""
    return "/".join(row)


@dataclass(frozen=True)
class Logged:
    """A server has processed items: ``committed`` from ``csn`` on, then ``tentative``.

    ``again``: it tells so after a crash, before which nobody may have heard of it.
    """

    at: int
    server: int
    csn: int
    committed: tuple[Write, ...]
    tentative: tuple[Write, ...]
    again: bool = False


@dataclass(frozen=True)
class Served:
    """A server has answered a request. ``view``, of a read: ``full`` or ``committed``; of others empty.

    ``rows``: what was told of rows, by key, each with its value and whether it is committed, those behind
    ``after``, and whether these are the last; ``outcome``: of which write, and how that stands (unknown,
    tentative or committed), what it came to, and whether it is in the error log.
    """

    at: int
    server: int
    session: int
    number: int
    kind: str
    row: Row
    view: str
    verdict: str
    stamp: int | None
    read: str | None
    rows: tuple[tuple[str, str, bool], ...] | None = None
    after: str | None = None
    is_last: bool = True
    outcome: tuple[WriteId, str, int | None, bool] | None = None

    @property
    def is_read(self) -> bool:
        """Whether it is no write."""
        return self.kind in READS


@dataclass(frozen=True)
class Settled:
    """Nothing more could move: these groups of servers should be level."""

    at: int
    groups: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Named:
    """The server at an id has its name: from here on the id stands for this server, and no earlier one.

    ``again``: as of Logged.
    """

    at: int
    server: int
    name: Name
    again: bool = False


@dataclass(frozen=True)
class Fate:
    """A server has ``left``, ``crashed`` or ``restarted``."""

    at: int
    server: int
    what: str


@dataclass(frozen=True)
class Installed:
    """A server has taken over a base: the database as the first ``csn`` commitments make it.

    ``vector``: the stamp of each server that it lists; ``group``, ``epoch``: who commits, and since which CSN
    (None where an older trace names a primary alone); ``tentative``: how many writes stayed tentative;
    ``again``: as of Logged.
    """

    at: int
    server: int
    csn: int
    vector: tuple[tuple[Name, int], ...]
    group: tuple[Name, ...]
    epoch: int | None
    clock: int
    tentative: int
    again: bool = False


@dataclass(frozen=True)
class Truncated:
    """A server has let go of its log up to a CSN. ``again``: as of Logged."""

    at: int
    server: int
    csn: int
    again: bool = False


@dataclass(frozen=True)
class Asked:
    """A client has sent a request to the server at that id."""

    at: int
    server: int
    kind: str
    row: Row
    view: str
    value: str | None


@dataclass(frozen=True)
class Answered:
    """An answer has reached its client. ``told`` is what it said beside the verdict, as the event has it."""

    at: int
    verdict: str
    told: tuple[tuple[str, int | str | Name | None], ...]


Step = Logged | Served | Settled | Named | Fate | Installed | Truncated | Voted | Consented


@dataclass
class History:
    """All events, numbered from 1 as they stand in the file.

    - ``steps``: what servers did and what became of them, each server's in order;
    - ``asked``, ``answered``: what clients sent and heard, by session and number;
    - ``guarantees``: those of the sessions;
    - ``is_whole``: whether nothing can be missing at the end of a server's events. With processes that takes
      an ``ended`` event: until then some may be on their way to whoever writes the trace;
    - ``of_processes``: whether servers were processes, of whose events a crash can lose the last;
    - ``given``: the functions that writes call.
    """

    steps: list[Step] = field(default_factory=list)
    asked: dict[tuple[int, int], Asked] = field(default_factory=dict)
    answered: dict[tuple[int, int], Answered] = field(default_factory=dict)
    guarantees: frozenset[str] = frozenset(ALL_GUARANTEES)
    is_whole: bool = True
    of_processes: bool = False
    given: Given = field(default_factory=Given)

    @classmethod
    def of(cls, events: Iterable[Event], given: Given | None = None) -> History:
        """Read events; HistoryError for one that has not the form of its kind. Kinds that say nothing about
        the store (commands, faults) are passed over."""
        history = cls(given=given or Given())
        for at, event in enumerate(events, start=1):
            try:
                history.take(at, event)
            except (KeyError, TypeError, ValueError, RecursionError) as error:
                kind = event.get("event") if isinstance(event, dict) else None
                why = f"{error} is missing" if isinstance(error, KeyError) else error
                raise HistoryError(f"event {at} ({str(kind)[:20]}): {why}") from error
        return history

    def take(self, at: int, event: Event) -> Step | None:
        """Take in the event number ``at``; return the step that it is of a server, None where it is none.

        KeyError, TypeError or ValueError where it has not the form of its kind.
        """
        kind = event["event"]
        if not isinstance(kind, str):
            raise TypeError("the kind of an event is a text")
        make = _STEPS.get(kind)
        if make is not None:
            step = make(at, event)
            self.steps.append(step)
            return step
        if kind == "asked":
            self.asked.setdefault(_key(event), _asked(at, event))
        elif kind == "answered":
            self.answered.setdefault(_key(event), _answered(at, event))
        elif kind == "began":
            _check_version(event["version"])
            store = as_object(as_object(event.get("families", {})).get("store", {}))
            self.guarantees = frozenset(map(as_text, as_list(store.get("guarantees", ALL_GUARANTEES))))
            self.of_processes = event.get("world") == "processes"
            self.is_whole = not self.of_processes
        elif kind == "ended":
            self.is_whole = True
        return None


def _check_version(version: object) -> None:
    if type(version) is not int or version != VERSION:
        what = f"the trace has version {str(version)[:20]} of the format, and version {VERSION} is read here"
        raise ValueError(f"{what}: record the run again")


def _logged(at: int, event: Event) -> Logged:
    committed = tuple(_write(plain) for plain in as_list(event["committed"]))
    tentative = tuple(_write(plain) for plain in as_list(event["tentative"]))
    if any(write.kind == "notice" for write in tentative):
        raise ValueError("a notice stands for a committed write")
    return Logged(at, as_int(event["server"]), _csn(event), committed, tentative, event.get("again") is True)


def _installed(at: int, event: Event) -> Installed:
    is_older = "primary" in event
    return Installed(
        at,
        as_int(event["server"]),
        _csn(event),
        as_vector(event["vector"]),
        (as_name(event["primary"]),) if is_older else as_members(event["group"]),
        None if is_older else as_int(event["epoch"]),
        as_int(event["clock"]),
        as_int(event["tentative"]),
        event.get("again") is True,
    )


def _truncated(at: int, event: Event) -> Truncated:
    return Truncated(at, as_int(event["server"]), _csn(event), event.get("again") is True)


def _csn(event: Event) -> int:
    csn = as_int(event["csn"])
    if csn < 0:
        raise ValueError("a CSN is 0 at least")
    return csn


def _named(at: int, event: Event) -> Named:
    return Named(at, as_int(event["server"]), as_name(event["name"]), event.get("again") is True)


def _fate(at: int, event: Event) -> Fate:
    return Fate(at, as_int(event["server"]), event["event"])


def _settled(at: int, event: Event) -> Settled:
    return Settled(at, tuple(tuple(map(as_int, as_list(group))) for group in as_list(event["groups"])))


def _key(event: Event) -> tuple[int, int]:
    return as_int(event["session"]), as_int(event["number"])


def _row(event: Event) -> Row:
    return as_text(event["collection"]), as_text(event["key"])


def _view(event: Event, kind: str) -> str:
    """Return what a read looked at; other requests look at nothing."""
    if kind not in READS:
        return ""
    view = as_text(event["view"])
    if view not in ("full", "committed"):
        raise ValueError(f"{view[:20]!r} is no view")
    return view


def _value(value: Any) -> str | None:
    """Return a JSON value as a text that is another one for each other value; None for null.

    Compared as they are, 1, 1.0 and true would be the same to Python.
    """
    return (
        None
        if value is None
        else json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    )


def _asked(at: int, event: Event) -> Asked:
    kind = as_text(event["kind"])
    return Asked(
        at, as_int(event["server"]), kind, _row(event), _view(event, kind), _value(event.get("value"))
    )


def _answered(at: int, event: Event) -> Answered:
    told: list[tuple[str, int | str | Name | None]] = []
    if "stamp" in event:
        told.append(("stamp", as_int(event["stamp"])))
    if "by" in event:
        told.append(("by", as_name(event["by"])))
    if "value" in event:
        told.append(("value", _value(event["value"])))
    return Answered(at, as_text(event["verdict"]), tuple(told))


def _served(at: int, event: Event) -> Served:
    stamp = event.get("stamp")
    kind = as_text(event["kind"])
    if kind not in (*READS, "put", "delete", "change"):
        raise ValueError(f"{kind[:20]!r} is no kind of request")
    rows, outcome = None, None
    if kind == "rows" and event["verdict"] == "ok":
        rows = tuple(
            (as_text(key), _value(value) or "", as_bool(mark))
            for key, value, mark in map(as_list, as_list(event["read"]))
        )
    elif kind == "outcome" and event["verdict"] == "ok":
        write_stamp, name = as_list(event["write"])
        state, came_to, is_conflict = as_list(event["read"])
        came_to = None if came_to is None else as_int(came_to)
        outcome = (as_int(write_stamp), as_name(name)), as_text(state), came_to, as_bool(is_conflict)
    return Served(
        at,
        as_int(event["server"]),
        as_int(event["session"]),
        as_int(event["number"]),
        kind,
        _row(event),
        _view(event, kind),
        as_text(event["verdict"]),
        None if stamp is None else as_int(stamp),
        _value(event.get("read")) if kind == "get" else None,
        rows,
        None if event.get("after") is None else as_text(event["after"]),
        event.get("last") is not False,
        outcome,
    )


def _write(plain: Any) -> Write:
    stamp, server, number, *rest = as_list(plain)
    if not 0 <= as_int(number) < len(KINDS):
        raise ValueError(f"{number} is no kind of write")
    kind = KINDS[number]
    id = as_int(stamp), as_name(server)
    if kind == "put":
        collection, key, plain_value = rest
        if plain_value is None:
            raise ValueError("a put has a value, which null is not")
        return Write(id, kind, (as_text(collection), as_text(key)), _value(plain_value))
    if kind == "change":
        (body,) = rest
        return Write(id, kind, ("", ""), _value(as_object(body)))
    if kind == "delete":
        collection, key = rest
        return Write(id, kind, (as_text(collection), as_text(key)))
    if kind == "retirement" and rest:
        (heir,) = rest
        return Write(id, kind, heir=as_name(heir))
    if kind == "group":
        if len(rest) != 2:
            raise ValueError("a group write has an epoch and members")
        since, members = rest
        return Write(id, kind, since=as_int(since), members=as_members(members))
    if rest:
        raise ValueError(f"a {kind} has nothing more to it")
    return Write(id, kind)


_STEPS: dict[str, Callable[[int, Event], Step]] = {
    "log": _logged,
    "served": _served,
    "named": _named,
    "left": _fate,
    "crashed": _fate,
    "restarted": _fate,
    "settled": _settled,
    "installed": _installed,
    "truncated": _truncated,
    "voted": voted,
    "consented": consented,
}
