"""What one message may hold: what it takes in memory and time is in proportion to its bytes, no cache keeps
more than honest servers need, and all that honest servers send fits."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Iterator
from struct import pack
from typing import Any

import pytest

from bayou.core.items import Items
from bayou.core.name import ROOT, Name
from bayou.core.replica import Replica
from bayou.core.rows import KEY_BYTES_MAX, TEXT_BYTES_MAX
from bayou.core.vector import DECIDED_MAX, START, LiveVector, VersionVector
from bayou.core.write import CREATION, DELETE, PUT, RETIREMENT, Write
from bayou.families.store.commands import LOG_PAGE_WRITES
from bayou.machine.messages import Message
from bayou.node.messages import AntiEntropy, Converge, Created, End, Hello, LogPage, Pull, Put, Request
from bayou.node.settings import Limits
from bayou.wire import columns
from bayou.wire.codec import FEW, SHALLOW, decode, encode
from bayou.wire.columns import IDS_MAX, KEPT_NAMES, NAMES_MAX, WRITES_MAX
from bayou.wire.connection import LINK_FRAME_BYTES_MAX
from bayou.wire.errors import WireError
from bayou.wire.writes import pack_writes, unpack_writes
from tests.rows import place, row
from tests.test_wire_codec import columns_with, message_from, pull_with


class Measured:
    """Memory in use since it was begun, and the most of it."""

    def now_and_most(self) -> tuple[int, int]:
        return tracemalloc.get_traced_memory()


@pytest.fixture
def measured() -> Iterator[Measured]:
    tracemalloc.start()
    yield Measured()
    tracemalloc.stop()


def numbers(count: int, *, width: int = 1) -> bytes:
    return bytes([width]) + bytes(count * width)


def deep(depth: int) -> Name:
    return Name.of(tuple(range(depth, 0, -1)))


# Names.


def test_a_deep_name_costs_what_its_bytes_cost(measured: Measured) -> None:
    """A pull by a server whose name is 16,000 deep took a gigabyte once it was compared with a vector."""
    payload = encode(Pull(1, "round", 0, VersionVector({ROOT: 1, deep(8_000): 8_000})))
    assert len(payload) < 40_000
    before, _ = measured.now_and_most()
    tracemalloc.reset_peak()
    message = decode(payload)
    assert isinstance(message, Pull)
    assert START.covers(message.vector) is False
    assert message.vector.covers(START)
    _, most = measured.now_and_most()
    assert most - before < 200 * len(payload)


def test_ancestors_that_names_share_are_sent_once() -> None:
    """A chain of servers, each created by the one before, all in one vector."""
    chain = [ROOT, *reversed(deep(5000).ancestors()[:-1]), deep(5000)]
    vector = VersionVector(dict.fromkeys(chain, 7000))
    payload = encode(Pull(1, "round", 0, vector))
    assert len(payload) < 5000 * 9
    decoded = decode(payload)
    assert isinstance(decoded, Pull)
    assert decoded.vector.names == vector.names


@pytest.mark.parametrize("wide", [False, True], ids=["a deep name", "many names"])
def test_too_many_names_are_neither_sent_nor_taken(wide: bool) -> None:
    def vector(count: int) -> VersionVector:
        names = [ROOT.child(stamp) for stamp in range(1, count + 1)] if wide else [deep(count)]
        return VersionVector(dict.fromkeys([ROOT, *names], 1))

    assert decode(encode(Pull(1, "round", 0, vector(NAMES_MAX))))
    with pytest.raises(WireError, match="servers are named"):
        encode(Pull(1, "round", 0, vector(NAMES_MAX + 1)))
    table = (numbers(NAMES_MAX + 2), numbers(NAMES_MAX + 2), b"\x01\x00")
    with pytest.raises(WireError, match="are the limit"):
        decode(pull_with(table, b"\x01\x00"))


def test_a_name_by_itself_has_the_same_limit() -> None:
    write = Write(NAMES_MAX + 9, deep(NAMES_MAX), CREATION, "", "", None)
    assert decode(encode(Created(1, write, 0, START))) == Created(1, write, 0, START)
    with pytest.raises(WireError, match="servers are named"):
        encode(Created(1, write._replace(server=deep(NAMES_MAX + 1)), 0, START))
    with pytest.raises(WireError, match="servers are named"):
        decode(message_from("AskHeir", 1, tuple(range(NAMES_MAX + 1, 0, -1))))


def test_a_few_writes_with_deep_names_share_a_table() -> None:
    few = [Write(stamp, deep(5000), DELETE, *place("a"), None) for stamp in range(5001, 5001 + FEW)]
    message = AntiEntropy(1, 0, Items(0, [], few))
    assert len(encode(message)) < 5000 * 8
    assert decode(encode(message)) == message
    shallow = [write._replace(server=deep(SHALLOW)) for write in few]
    assert decode(encode(AntiEntropy(1, 0, Items(0, [], shallow)))) == AntiEntropy(
        1, 0, Items(0, [], shallow)
    )
    one_by_one = message_from(1, 0, (0, 0, tuple(few)), None, cls=AntiEntropy)
    with pytest.raises(WireError, match="name more servers"):
        decode(one_by_one)


# Numbers, writes and texts.


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda big: pull_with((b"\x01", b"\x01", b"\x01\x00"), big), id="stamps of a vector"),
        pytest.param(lambda big: pull_with((big, big, big), b"\x01\x00"), id="names of a vector"),
        pytest.param(lambda big: columns_with(1, big), id="servers of writes"),
        pytest.param(lambda big: columns_with(2, big), id="stamps of writes"),
        pytest.param(lambda big: columns_with(3, big), id="kinds of writes"),
        pytest.param(lambda big: columns_with(4, "/" * 4_000_000), id="collections of writes"),
        pytest.param(lambda big: columns_with(4, "/" + "a" * 4_000_000), id="a long collection"),
        pytest.param(lambda big: columns_with(5, big), id="places of collections"),
        pytest.param(lambda big: columns_with(6, big), id="sizes of keys"),
        pytest.param(lambda big: columns_with(8, big), id="tags of payloads"),
        pytest.param(lambda big: columns_with(9, big), id="sizes of payloads"),
        pytest.param(lambda big: message_from("Converge", 1, None, big[1:], 0), id="ids"),
    ],
)
def test_millions_of_numbers_are_refused_before_they_are_made(make: Any, measured: Measured) -> None:
    payload = make(numbers(4_000_000))
    before, _ = measured.now_and_most()
    tracemalloc.reset_peak()
    with pytest.raises(WireError):
        decode(payload)
    _, most = measured.now_and_most()
    assert most - before < 2 * len(payload) + 500_000


def test_as_many_writes_as_a_part_holds() -> None:
    assert Limits().items <= WRITES_MAX
    assert LOG_PAGE_WRITES <= WRITES_MAX
    batch = [Write(stamp, ROOT, DELETE, *place("a"), None) for stamp in range(1, WRITES_MAX + 1)]
    assert unpack_writes(pack_writes(batch)) == batch
    with pytest.raises(WireError, match="8193 writes"):
        pack_writes([*batch, batch[0]])


def test_as_many_ids_as_a_system_can_have() -> None:
    message = Converge(1, None, tuple(range(IDS_MAX)))
    assert decode(encode(message)) == message
    with pytest.raises(WireError, match="are the limit"):
        encode(Converge(1, None, (*message.below, 1)))
    with pytest.raises(WireError, match="are the limit"):
        decode(message_from("Converge", 1, None, pack(f"<{IDS_MAX + 1}q", *range(IDS_MAX + 1)), 0, -1))
    with pytest.raises(WireError, match="are the limit"):
        decode(message_from("Converge", 1, None, (1 << 70,) * (IDS_MAX + 1), 0, -1))


LONGEST = {
    "ASCII": ("s" * KEY_BYTES_MAX, "u" * TEXT_BYTES_MAX),
    "characters of four bytes": ("\U0001f600" * (KEY_BYTES_MAX // 4), "\U0001f600" * (TEXT_BYTES_MAX // 4)),
    "odd bytes": ("\udcff" * KEY_BYTES_MAX, "\udcff" * TEXT_BYTES_MAX),
}


@pytest.mark.parametrize("what", LONGEST)
@pytest.mark.parametrize("count", [1, FEW + 1], ids=["by itself", "in columns"])
def test_songs_and_urls_in_an_exchange_are_as_long_as_servers_accept(what: str, count: int) -> None:
    """A write that no server would have accepted is not taken from another one either."""
    song, url = LONGEST[what]

    def part(song: str, url: str) -> Message:
        return AntiEntropy(
            1, 0, Items(0, [], [Write(at, ROOT, PUT, *row(song, url)) for at in range(1, count + 1)])
        )

    assert decode(encode(part(song, url))) == part(song, url)
    for spoilt, what in ((part(song + "s", "url"), "key"), (part("song", url + "u"), "value")):
        with pytest.raises(WireError, match=f"a {what} of more than"):
            decode(encode(spoilt))


def test_a_request_for_more_than_the_limit_is_none() -> None:
    from bayou.machine.effects import LinkUp, Ordered, Received
    from bayou.node.messages import OK, Answer, Join
    from bayou.node.server import Server

    server = Server(0, random.Random(1))
    server.step(0.0, Ordered(1, Join(first=True)))
    server.step(0.0, LinkUp(5, Hello(is_server=False)))
    for number, (song, url) in enumerate(LONGEST.values(), 1):
        request = Request(1, number, Put(*row(song, url)), None, None)
        ((_, answer),) = server.step(0.0, Received(5, request)).sends
        assert isinstance(answer, Answer)
        assert answer.verdict == OK
        for song_spoilt, url_spoilt in ((song + "s", "u"), ("s", url + "u")):
            spoilt = Request(1, number + 100, Put(*row(song_spoilt, url_spoilt)), None, None)
            effects = server.step(0.0, Received(5, spoilt))
            assert not effects.sends
            assert "bytes" in effects.drops[0][1]
    assert len(server.replica.log) == len(LONGEST)


# All that honest servers send.


def test_the_largest_part_of_an_exchange_fits() -> None:
    """Characters of four bytes, deep names, a vector of thousands: all limits at once, in one frame."""
    chain = [ROOT, *deep(6000).ancestors()[:-1], deep(6000)]
    vector = VersionVector(dict.fromkeys(chain, 1 << 61))
    letters = Limits().characters // Limits().items
    song, url = "\U0001f600" * 20, "\U0001f600" * (letters - 22)  # and its quotation marks
    batch = [
        Write((1 << 60) + at, chain[at % len(chain)], PUT, *row(song, url)) for at in range(Limits().items)
    ]
    assert Limits().part_end(Items(0, [], batch), 0) == len(batch)
    message = AntiEntropy(1, 0, Items(0, [], batch), End(1, vector))
    payload = encode(message)
    assert len(payload) < LINK_FRAME_BYTES_MAX * 3 // 4
    assert decode(payload) == message
    assert decode(encode(LogPage(tuple(batch), 0, len(batch)))) == LogPage(tuple(batch), 0, len(batch))


# What is kept.


def test_caches_keep_few_names(measured: Measured) -> None:
    """A hundred vectors of all the names that one may have, and nothing of them stays."""
    for cache in (columns._packed_names, columns._unpacked_names, columns._unpacked_vectors):
        cache.clear()
    before, _ = measured.now_and_most()
    for first in range(1, 16):
        names = [ROOT.child(first * 100_000 + at) for at in range(KEPT_NAMES)]
        assert decode(encode(Pull(1, "round", 0, VersionVector(dict.fromkeys(names, 1)))))
        many = [ROOT.child(first * 100_000 + at) for at in range(NAMES_MAX)]
        assert decode(encode(Pull(1, "round", 0, VersionVector(dict.fromkeys(many, 1)))))
    del names, many
    now, _ = measured.now_and_most()
    assert now - before < 3 * 600 * KEPT_NAMES


def test_what_a_vector_remembers_of_missing_names_is_bounded(measured: Measured) -> None:
    """A server's vector may stand for hours, and be asked for names that are made up all the time."""
    replica = Replica(ROOT)
    replica.put(*row("a", "b"))
    live = LiveVector({ROOT: 1})
    for first in range(1, 6):
        made_up = [ROOT.child(first * 100_000 + at) for at in range(NAMES_MAX)]
        assert not replica.vector.covers(VersionVector(dict.fromkeys(made_up, 1)))
        for name in made_up:
            assert replica.vector.completed(name) == live.completed(name) == 0
    assert len(replica.vector._decided) <= DECIDED_MAX + 1
    assert len(live._decided) <= DECIDED_MAX + 1
    del made_up
    now, _ = measured.now_and_most()
    assert now < 800 * DECIDED_MAX


def test_going_through_deep_names_costs_a_step_each() -> None:
    """Writes by made-up servers, all with the same thousands of retired ancestors."""
    replica = Replica(ROOT)
    made = [replica.create() for _ in range(3)]
    replica.apply(Items(replica.csn, [Write(9, made[0].created, RETIREMENT, "", "", None)], []))
    gone = Name.of((*range(NAMES_MAX - 9, 9, -1), *made[0].created.stamps))
    began = time.monotonic()
    batch = [
        Write((1 << 30) + at, gone.child((1 << 29) + at), DELETE, *place("a"), None)
        for at in range(WRITES_MAX)
    ]
    assert replica.apply(Items(replica.csn, [], batch)) == 0
    assert time.monotonic() - began < 5, "one after another, they took minutes"
