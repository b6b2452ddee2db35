"""Hypothesis strategies for every kind of message, by the annotations of its fields."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from bayou.core.items import Items
from bayou.core.name import Name
from bayou.core.vector import STAMP_MAX, VersionVector
from bayou.core.write import CREATION, DELETE, NOTICE, PUT, RETIREMENT, Write
from bayou.node.gossip import Habits
from bayou.node.messages import End, Hello, Message
from bayou.node.session import Guarantees
from bayou.wire.connection import Introduce
from bayou.worlds.faults import Faults

stamps = st.one_of(st.integers(1, 300), st.integers(1, STAMP_MAX))
texts = st.text(max_size=12) | st.binary(max_size=12).map(
    lambda odd: odd.decode("utf-8", "surrogateescape")
)  # bytes that are no UTF-8 included
names = st.lists(stamps, max_size=4, unique=True).map(
    lambda found: Name.of(tuple(sorted(found, reverse=True)))
)
vectors = st.dictionaries(names, st.integers(0, STAMP_MAX), max_size=5).map(VersionVector)


@st.composite
def writes(draw: st.DrawFn, kinds: tuple[int, ...] = (PUT, DELETE, CREATION, RETIREMENT)) -> Write:
    kind = draw(st.sampled_from(kinds))
    song = draw(texts) if kind <= DELETE else ""
    value: str | Name | None = None
    if kind == PUT:
        value = draw(texts)
    elif kind == RETIREMENT:
        value = draw(st.none() | names)
    return Write(draw(stamps), draw(names), kind, song, value)


any_writes = writes((PUT, DELETE, CREATION, RETIREMENT, NOTICE))
items = st.builds(
    Items, st.integers(0, 1 << 40), st.lists(any_writes, max_size=6), st.lists(writes(), max_size=6)
)
ends = st.builds(End, st.integers(0, 1 << 40), vectors, st.none() | st.integers())
floats = st.floats(allow_nan=False, allow_infinity=False)

FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(),
    "int | None": st.none() | st.integers(),
    "float": floats,
    "bool": st.booleans(),
    "str": texts,
    "str | None": st.none() | texts,
    "Name": names,
    "Name | None": st.none() | names,
    "VersionVector": vectors,
    "VersionVector | None": st.none() | vectors,
    "Write": writes(),
    "Items": items,
    "End | None": st.none() | ends,
    "Guarantees": st.builds(Guarantees, *[st.booleans()] * 4),
    "Habits | None": st.none() | st.builds(Habits, floats, floats, texts, floats, floats),
    "Faults | None": st.none() | st.builds(Faults, *[floats] * 4),
    "tuple[int, ...]": st.lists(st.integers()).map(tuple),
    "tuple[str, ...]": st.lists(texts).map(tuple),
    "tuple[Write, ...]": st.lists(writes(), max_size=6).map(tuple),
}
FIELDS["Message"] = st.deferred(lambda: of_kind("Pull") | of_kind("Retire") | of_kind("Do"))
FIELDS["Message | None"] = st.none() | FIELDS["Message"]


def of_kind(kind: str) -> st.SearchStrategy[Message]:
    """Messages of one kind."""
    cls = Message.KINDS[kind]
    return st.builds(cls, *[FIELDS[cls.__annotations__[name]] for name in cls.field_names])


def any_message() -> st.SearchStrategy[Message]:
    """Messages of any kind."""
    return st.sampled_from(sorted(Message.KINDS)).flatmap(of_kind)


def introduction(id: int, *, is_server: bool) -> Introduce:
    """Return what a node of the store, without a name as yet, says first."""
    return Introduce(id, is_server, Hello(is_server))
