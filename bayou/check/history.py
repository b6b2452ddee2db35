"""A history: the events of a trace, each checked for its form, and put together by server and session."""

from __future__ import annotations

from dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Event = dict[str, Any]
    Name = tuple[int, ...]
    WriteId = tuple[int, Name]

KINDS = ("put", "delete", "creation", "retirement", "notice")


class HistoryError(Exception):
    """An event has not the form that it should have; the message says which one and why."""


@dataclass(frozen=True)
class Write:
    """A write as it stands in a log. ``id`` is its stamp and the name of the server that accepted it."""

    id: WriteId
    kind: str
    song: str = ""
    url: str | None = None
    heir: Name | None = None

    @property
    def server(self) -> Name:
        """The name of the server that accepted it."""
        return self.id[1]

    @property
    def is_data(self) -> bool:
        """Whether it is a put or a delete."""
        return self.kind in ("put", "delete")

    def __str__(self) -> str:
        return f"{self.kind} {self.song} {self.url or ''}".strip() + f" {show(self.id)}"


def show(write: WriteId) -> str:
    """Return a write's identity as people read it."""
    stamp, name = write
    return f"({stamp} by <{','.join(map(str, name))}>)"


@dataclass(frozen=True)
class Logged:
    """A server has processed items: ``committed`` from ``csn`` on, then ``tentative``."""

    at: int
    server: int
    csn: int
    committed: tuple[Write, ...]
    tentative: tuple[Write, ...]


@dataclass(frozen=True)
class Served:
    """A server has answered a request."""

    at: int
    server: int
    session: int
    number: int
    kind: str
    song: str
    verdict: str
    stamp: int | None
    read: str | None


@dataclass(frozen=True)
class Settled:
    """Nothing more could move: these groups of servers should be level."""

    at: int
    groups: tuple[tuple[int, ...], ...]


@dataclass
class History:
    """All events, numbered from 1 as they stand in the file.

    - ``steps``: what servers did, in order; ``settled`` events among them;
    - ``names``: (number of the event, server, name) as they were taken;
    - ``answered``: (session, number) of each request whose answer reached its client, and the verdict;
    - ``left`` and ``crashed``: servers that left, or were down in the end, by id;
    - ``guarantees``: those of the sessions.
    """

    steps: list[Logged | Served | Settled] = field(default_factory=list)
    names: list[tuple[int, int, Name]] = field(default_factory=list)
    answered: dict[tuple[int, int], str] = field(default_factory=dict)
    left: dict[int, int] = field(default_factory=dict)
    crashed: dict[int, int] = field(default_factory=dict)
    guarantees: frozenset[str] = frozenset({"RYW", "MR", "WFR", "MW"})

    @classmethod
    def of(cls, events: Iterable[Event]) -> History:
        """Read events; HistoryError for one that has not the form of its kind. Kinds that say nothing about
        the store (commands, faults) are passed over."""
        history = cls()
        for at, event in enumerate(events, start=1):
            try:
                history._take(at, event)
            except (KeyError, TypeError, ValueError) as error:
                kind = event.get("event") if isinstance(event, dict) else None
                why = f"{error} is missing" if isinstance(error, KeyError) else error
                raise HistoryError(f"event {at} ({str(kind)[:20]}): {why}") from error
        return history

    def _take(self, at: int, event: Event) -> None:
        kind = event["event"]
        if kind == "log":
            committed = tuple(_write(plain) for plain in _list(event["committed"]))
            tentative = tuple(_write(plain) for plain in _list(event["tentative"]))
            if _int(event["csn"]) < 0:
                raise ValueError("a CSN is 0 at least")
            self.steps.append(Logged(at, _int(event["server"]), event["csn"], committed, tentative))
        elif kind == "served":
            self.steps.append(_served(at, event))
        elif kind == "answered":
            key = _int(event["session"]), _int(event["number"])
            self.answered[key] = _str(event["verdict"])
        elif kind == "named":
            self.names.append((at, _int(event["server"]), _name(event["name"])))
        elif kind == "left":
            self.left[_int(event["server"])] = at
        elif kind == "crashed":
            self.crashed[_int(event["server"])] = at
        elif kind == "restarted":
            self.crashed.pop(_int(event["server"]), None)
        elif kind == "settled":
            groups = tuple(tuple(map(_int, _list(group))) for group in _list(event["groups"]))
            self.steps.append(Settled(at, groups))
        elif kind == "began":
            self.guarantees = frozenset(map(_str, _list(event["guarantees"])))
        elif not isinstance(kind, str):
            raise TypeError("the kind of an event is a text")


def _served(at: int, event: Event) -> Served:
    stamp, read = event.get("stamp"), event.get("read")
    kind = _str(event["kind"])
    if kind not in ("get", "put", "delete"):
        raise ValueError(f"{kind[:20]!r} is no kind of request")
    return Served(
        at,
        _int(event["server"]),
        _int(event["session"]),
        _int(event["number"]),
        kind,
        _str(event["song"]),
        _str(event["verdict"]),
        None if stamp is None else _int(stamp),
        None if read is None else _str(read),
    )


def _write(plain: Any) -> Write:
    stamp, server, kind, *rest = _list(plain)
    if kind not in KINDS:
        raise ValueError(f"{str(kind)[:20]!r} is no kind of write")
    id = _int(stamp), _name(server)
    if kind == "put":
        song, url = rest
        return Write(id, kind, _str(song), _str(url))
    if kind == "delete":
        (song,) = rest
        return Write(id, kind, _str(song))
    if kind == "retirement" and rest:
        (heir,) = rest
        return Write(id, kind, heir=_name(heir))
    if rest:
        raise ValueError(f"a {kind} has nothing more to it")
    return Write(id, kind)


def _int(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"a {type(value).__name__} where a number is due")
    return value


def _str(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"a {type(value).__name__} where a text is due")
    return value


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise TypeError(f"a {type(value).__name__} where a list is due")
    return value


def _name(value: Any) -> Name:
    return tuple(map(_int, _list(value)))
