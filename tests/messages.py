"""Hypothesis strategies for every kind of message, by the annotations of its fields."""

from __future__ import annotations

from typing import Any, TypeVar

from hypothesis import strategies as st

from bayou._record import Record
from bayou.core.group import Group, sorted_members
from bayou.core.items import Items
from bayou.core.name import Name
from bayou.core.past import CSN_MAX
from bayou.core.rows import BLANKS, PLAYLIST
from bayou.core.values import Value, text_value, to_value
from bayou.core.vector import STAMP_MAX, VersionVector
from bayou.core.votes import NUMBER_MAX, Decree, Vote
from bayou.core.write import CREATION, DELETE, GROUP, NOTICE, PUT, RETIREMENT, Write
from bayou.machine.messages import Message
from bayou.node.asks import Version
from bayou.node.messages import Ask, Hello, Reply
from bayou.node.session import Guarantees
from bayou.node.settings import Habits, Limits, Settings
from bayou.paxos.ballot import Ballot
from bayou.paxos.log.messages import Command, Members, NoOp
from bayou.paxos.messages import Accepted
from bayou.wire.codec import _annotation, _nested
from bayou.wire.connection import Introduce
from bayou.worlds.weather import Faults

Made = TypeVar("Made", bound=Record)

stamps = st.one_of(st.integers(1, 300), st.integers(1, STAMP_MAX))


def odd(raw: bytes) -> str:
    """Return bytes that may be no UTF-8 as a text."""
    return raw.decode("utf-8", "surrogateescape")


texts = st.text(max_size=12) | st.binary(max_size=12).map(odd)
names = st.lists(stamps, max_size=4, unique=True).map(
    lambda found: Name.of(tuple(sorted(found, reverse=True)))
)
words = (
    (st.text(max_size=12).map(str.encode) | st.binary(max_size=12))
    .map(lambda raw: odd(raw.translate(None, BLANKS.encode())))
    .filter(bool)
)
plain_values: st.SearchStrategy[Any] = st.recursive(
    st.text(max_size=8)
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans(),
    lambda inner: (
        st.lists(inner | st.none(), max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
"""JSON values that a row can have."""

values = plain_values.map(to_value)
collections = st.sampled_from(["notes", "a", "z" * 64, "0-_"])
rows: st.SearchStrategy[tuple[str, str, Value]] = st.tuples(
    st.just(PLAYLIST), words, words.map(text_value)
) | st.tuples(collections, st.text(max_size=12), values)

base_rows: st.SearchStrategy[list[Any]] = st.lists(
    st.tuples(rows, st.integers(1, CSN_MAX), st.booleans()).map(
        lambda drawn: (*drawn[0][:2], drawn[0][2] if drawn[2] else None, drawn[1])
    ),
    max_size=6,
)

vectors = st.dictionaries(names, st.integers(0, STAMP_MAX), max_size=5).map(VersionVector)


@st.composite
def writes(draw: st.DrawFn, kinds: tuple[int, ...] = (PUT, DELETE, CREATION, RETIREMENT, GROUP)) -> Write:
    kind = draw(st.sampled_from(kinds))
    collection, key, value = draw(rows) if kind <= DELETE else ("", "", None)
    payload: Value | Name | None = value if kind == PUT else None
    if kind == RETIREMENT:
        payload = draw(st.none() | names)
    if kind == GROUP:
        members = draw(st.lists(names, min_size=1, max_size=3, unique=True).map(sorted_members))
        payload = Group(draw(st.integers(0, CSN_MAX)), members).text  # type: ignore[assignment]
    return Write(draw(stamps), draw(names), kind, collection, key, payload)


@st.composite
def versions(draw: st.DrawFn) -> Version:
    collection, key, value = draw(rows)
    is_committed = draw(st.booleans())
    csn = draw(st.integers(0, 1 << 40)) if is_committed else 0
    stamp, server = draw(st.just((0, None)) | st.tuples(stamps, names))
    return Version(collection, key, draw(st.sampled_from([value, None])), csn, is_committed, stamp, server)


any_writes = writes((PUT, DELETE, CREATION, RETIREMENT, NOTICE, GROUP))
items = st.builds(
    Items, st.integers(0, 1 << 40), st.lists(any_writes, max_size=6), st.lists(writes(), max_size=6)
)
floats = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(-(1 << 63), (1 << 63) - 1)
ballots = st.builds(Ballot, whole, whole)
log_values: st.SearchStrategy[Any] = st.one_of(
    st.just(NoOp()),
    st.builds(Command, whole, whole, whole, texts),
    st.builds(Members, st.lists(whole, max_size=5).map(tuple)),
)
habits = st.builds(Habits, floats, floats, texts, floats, floats)
limits = st.builds(Limits, *[st.integers()] * 3)
settings = st.builds(
    Settings, floats, floats, st.integers(), st.integers(), limits, st.none() | habits, st.none() | floats
)

ballot_numbers = st.integers(0, NUMBER_MAX)
csns = st.integers(0, CSN_MAX)
decrees = st.builds(Decree, ballot_numbers, names, csns, vectors)
votes = st.builds(Vote, names, csns, ballot_numbers, names, st.none() | decrees)

FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(),
    "int | None": st.none() | st.integers(),
    "float": floats,
    "float | None": st.none() | floats,
    "bool": st.booleans(),
    "str": texts,
    "str | None": st.none() | texts,
    "Collection": st.just(PLAYLIST) | collections,
    "Value": values | texts.map(text_value),
    "Value | None": st.none() | values | texts.map(text_value),
    "Name": names,
    "Name | None": st.none() | names,
    "ServerNames": st.lists(names, max_size=4, unique=True).map(tuple),
    "Vote": votes,
    "Votes": st.lists(votes, max_size=3).map(tuple),
    "VersionVector": vectors,
    "VersionVector | None": st.none() | vectors,
    "Write": writes(),
    "Items": items,
    "list[BaseRow]": base_rows,
    "Guarantees | None": st.none() | st.builds(Guarantees, *[st.booleans()] * 4),
    "Settings | None": st.none() | settings,
    "Faults | None": st.none() | st.builds(Faults, *[floats] * 4),
    "Ballot": ballots,
    "Ballot | None": st.none() | ballots,
    "LogValue": log_values,
    "LogValue | None": st.none() | log_values,
    "tuple[LogValue, ...]": st.lists(log_values, max_size=6).map(tuple),
    "Accepted | None": st.none() | st.builds(Accepted, ballots, texts),
    "tuple[int, ...]": st.lists(st.integers()).map(tuple),
    "tuple[str, ...]": st.lists(texts).map(tuple),
    "tuple[Write, ...]": st.lists(writes(), max_size=6).map(tuple),
}
FIELDS["Message"] = st.deferred(lambda: of_kind("Pull") | of_kind("Retire") | of_kind("Do"))
FIELDS["Versions"] = st.lists(versions(), max_size=6)
FIELDS["Ask"] = st.deferred(lambda: _any_of(Ask.KINDS))
FIELDS["Reply | None"] = st.none() | st.deferred(lambda: _any_of(Reply.KINDS))
FIELDS["Message | None"] = st.none() | FIELDS["Message"]


def of_kind(kind: str) -> st.SearchStrategy[Message]:
    """Messages of one kind."""
    return _records(Message.KINDS[kind])


def of_field(cls: type[Record], name: str) -> st.SearchStrategy[Any]:
    """Values of a field: those of FIELDS, and records of any kind that the wire takes apart; KeyError for
    what is neither."""
    module, annotation = _annotation(cls, name)
    nested = None if annotation in FIELDS else _nested(module, annotation)
    if nested is None:
        return FIELDS[annotation]
    kind = nested[0].kind()
    found: st.SearchStrategy[Any] = _records(kind)
    if "tuple[" in annotation:
        found = st.lists(found, max_size=4).map(tuple)
    return st.none() | found if nested[1] else found


def _records(cls: type[Made]) -> st.SearchStrategy[Made]:
    return st.builds(cls, *[of_field(cls, name) for name in cls.field_names])


def _any_of(kinds: dict[str, type[Any]]) -> st.SearchStrategy[Any]:
    return st.sampled_from(sorted(kinds)).flatmap(lambda name: _records(kinds[name]))


def any_message() -> st.SearchStrategy[Message]:
    """Messages of any kind."""
    return st.sampled_from(sorted(Message.KINDS)).flatmap(of_kind)


def introduction(id: int, *, is_server: bool) -> Introduce:
    """Return what a node of the store, without a name as yet, says first."""
    return Introduce(id, is_server, Hello(is_server))
