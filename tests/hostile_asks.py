"""What sessions ask of a server, with values that nobody in his right mind would ask for: of each kind of
ask, fields at and beyond their limits, of the wrong type, and contradicting each other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bayou.core.name import ROOT, Name
from bayou.core.values import Value
from bayou.core.vector import RETIRED, STAMP_MAX, START, VersionVector
from bayou.node import asks
from bayou.node.asks import Edit, FeedPosition, Version
from bayou.node.messages import COMMITTED, FULL, Ask, Delete, Floor, Get, Put, Request
from bayou.wire.codec import encode
from bayou.wire.errors import WireError

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from bayou._record import Record

STRANGER = Name.of((STAMP_MAX, STAMP_MAX - 1, 5))
DEEP = Name.of(tuple(range(3000, 0, -1)))
TEXTS = (
    "", "notes", "a", "~", "k" * 1024, "k" * 1025, "\x00", "\ud800", "\udc80", "\U0010ffff", "é" * 600, "a b",
    "../x", "full", "committed",
)  # fmt: skip
NUMBERS = (0, 1, -1, 2, 1023, 1024, 1025, 1 << 31, 1 << 62, STAMP_MAX, STAMP_MAX + 1, -(1 << 63), RETIRED)
SECONDS = (0.0, -1.0, 1e-9, 0.5, 60.0, 1e18, 1e308, math.inf, -math.inf, math.nan)
NAMES = (None, ROOT, ROOT.child(1), STRANGER, DEEP)
VECTORS = (
    None, START, VersionVector({ROOT: 1}), VersionVector({ROOT: STAMP_MAX, STRANGER: 3}),
    VersionVector({ROOT.child(at): at for at in range(1, 500)}), VersionVector({DEEP: 1}),
)  # fmt: skip
VALUES = (
    None, Value("1"), Value('"evil"'), Value("null"), Value(""), Value("{"), Value("NaN"), Value("1e999"),
    Value("[" * 5000 + "]" * 5000), Value('"\\ud800"'), Value('"\udc80"'),
)  # fmt: skip
ANYTHING: tuple[Any, ...] = (
    None, True, -1, 1 << 70, 0.5, "text", b"bytes", (), ("a",), ROOT, START, Value("1"),
    Edit("notes", "a", None), FeedPosition(1), Version("notes", "a", None, 1, True, 1, ROOT),
)  # fmt: skip
KINDS: tuple[type[Ask], ...] = (
    Get, Put, Delete, asks.Update, asks.Change, asks.Row, asks.Rows, asks.Collections, asks.Outcome,
    asks.AwaitCommitted, asks.Pending, asks.Contended, asks.Changes, asks.Stand,
)  # fmt: skip
GIANT_TEXT = "k" * 200_000
GIANT_VALUE = Value(f'"{"v" * (1 << 20)}"')
SESSIONS = 100
"""How many sessions the attacker has: all servers remember the last writes of sessions for long."""


def _is_giant(rng: random.Random) -> bool:
    """Whether something is to be as large as can be, or larger: that takes long to say."""
    return rng.random() < 0.005


def _text(rng: random.Random) -> str:
    return GIANT_TEXT if _is_giant(rng) else rng.choice(TEXTS)


def _value(rng: random.Random) -> Value | None:
    return GIANT_VALUE if _is_giant(rng) else rng.choice(VALUES)


def _edits(rng: random.Random) -> tuple[object, ...]:
    giant = (asks.UPDATE_MAX, asks.UPDATE_MAX + 1)
    count = rng.choice(giant if _is_giant(rng) else (0, 1, 2, 50))
    small = Edit("evil", rng.choice("abc"), rng.choice((None, Value("1"))))
    edits: list[object] = [small] * count
    if count and rng.random() < 0.9:
        edits[rng.randrange(count)] = _record(rng, Edit)
    return tuple(edits)


_POOLS: dict[str, Callable[[random.Random], object]] = {
    "str": _text,
    "str | None": lambda rng: None if rng.random() < 0.3 else _text(rng),
    "Collection": lambda rng: rng.choice(("notes", "evil")) if rng.random() < 0.7 else _text(rng),
    "int": lambda rng: rng.choice(NUMBERS),
    "float": lambda rng: rng.choice(SECONDS),
    "bool": lambda rng: rng.random() < 0.5,
    "Name": lambda rng: rng.choice(NAMES),
    "Name | None": lambda rng: rng.choice(NAMES),
    "VersionVector | None": lambda rng: rng.choice(VECTORS),
    "Value": lambda rng: _value(rng) or Value("2"),
    "Value | None": _value,
    "tuple[Edit, ...]": _edits,
    "FeedPosition | None": lambda rng: None if rng.random() < 0.3 else _record(rng, FeedPosition),
    "Floor | None": lambda rng: None if rng.random() < 0.8 else _record(rng, Floor),
}


def _record(rng: random.Random, kind: type[Record], wrong: float = 0.04) -> Record:
    fields = [
        rng.choice(ANYTHING)
        if rng.random() < wrong
        else rng.choice((FULL, COMMITTED))
        if field == "view" and rng.random() < 0.8
        else _POOLS[annotation](rng)
        for field, annotation in kind.__annotations__.items()
        if "ClassVar" not in annotation
    ]
    return kind(*fields)


def hostile_request(rng: random.Random, number: int) -> bytes:
    """Return the payload of a frame: a request of one of some sessions."""
    while True:
        ask: Any = _record(rng, rng.choice(KINDS))
        reads, writes = (rng.choice(VECTORS) if rng.random() < 0.2 else None for _ in range(2))
        session: Any = rng.randrange(SESSIONS)
        if rng.random() < 0.02:
            session, ask = rng.choice(ANYTHING), rng.choice((ask, *ANYTHING))
        floor: Any = _POOLS["Floor | None"](rng)
        try:
            return encode(Request(session, number, ask, reads, writes, floor))
        except (WireError, TypeError, ValueError, AttributeError, OverflowError):
            continue  # nothing that can be said
