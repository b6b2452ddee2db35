"""Messages on the wire: what goes in comes out, and nothing else ever does."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayou.wire.connection  # its messages are among the kinds
import bayou.worlds.processes.control  # noqa: F401
from bayou.core.items import Items
from bayou.core.name import ROOT, Name
from bayou.core.vector import START
from bayou.core.write import DELETE, NOTICE, PUT, RETIREMENT, Write
from bayou.machine.messages import Message
from bayou.node.messages import AntiEntropy, Created, End, LogPage, Pull, Retire
from bayou.wire.codec import _annotation, _nested, decode, encode
from bayou.wire.errors import WireError
from bayou.wire.scan import OPCODES_MAX, scan
from bayou.wire.writes import pack_writes, unpack_writes
from tests.messages import any_message, any_writes, of_field, of_kind, writes
from tests.rows import place, row, text_value

EXAMPLE = Created(7, Write(3, ROOT.child(1), PUT, *row("song", "url")), 5, START)


@pytest.mark.parametrize("kind", sorted(Message.KINDS))
def test_every_kind_of_message_comes_back_as_it_went(kind: str) -> None:
    @given(of_kind(kind))
    @settings(max_examples=30)
    def comes_back(message: Message) -> None:
        payload = encode(message)
        assert decode(payload) == message
        assert decode(payload, trusted=True) == message

    comes_back()


def test_every_annotation_has_a_codec_and_a_strategy() -> None:
    for cls in Message.KINDS.values():
        for name in cls.field_names:
            module, annotation = _annotation(cls, name)
            nested = _nested(module, annotation)
            assert nested is None or nested[0].kind().field_names, f"{cls.__name__}.{name}"
            assert of_field(cls, name) is not None


def test_the_wire_carries_only_three_classes() -> None:
    """Part 7 of what users rely on: Message, Write and AntiEntropy objects, and plain data."""
    for message in (EXAMPLE, AntiEntropy(1, 0, Items(0, [EXAMPLE.creation], []), End(1, START, None))):
        payload = encode(message)
        operations = list(pickletools.genops(payload))
        texts = [argument for _, argument, _ in operations]
        assert {text for text in texts if isinstance(text, str) and text.startswith("bayou")} <= {
            "bayou.machine.messages",
            "bayou.node.messages",
            "bayou.core.write",
        }
        assert {"Message", "Write", "AntiEntropy"} & set(map(str, texts))


@given(st.lists(any_writes, max_size=40))
@settings(max_examples=200)
def test_columns_hold_what_was_put_into_them(packed: list[Write]) -> None:
    assert unpack_writes(pack_writes(packed)) == packed


def test_columns_hold_names_together() -> None:
    """All writes of one server share its name object, as its hash and comparison depend on that."""
    unpacked = unpack_writes(pack_writes([Write(1, Name.of((1,)), DELETE, *place("a"), None)] * 2))
    assert unpacked[0].server is unpacked[1].server is Name.of((1,))


def test_bytes_a_write_beyond_song_and_url() -> None:
    rng = random.Random(1)
    stamps = iter(range(50_000, 60_000))
    batch = [
        Write(next(stamps), ROOT.child(1), PUT, *row(rng.randbytes(5).hex(), rng.randbytes(10).hex()))
        for _ in range(8192)
    ]
    size = len(encode(AntiEntropy(1, 0, Items(0, [], batch))))
    assert (size - 8192 * 30) / 8192 < 11


# What a stranger, or a friend gone wrong, may send.


def message_from(*plain: Any, cls: type = Message) -> bytes:
    """Return a pickle of a message with whatever fields, made the way ours are."""

    class Sender(pickle.Pickler):
        def reducer_override(self, value: Any) -> Any:
            if isinstance(value, Write):
                return Write, (value.stamp, value.server.stamps, *value[2:])
            return (cls, plain) if isinstance(value, Exception) else NotImplemented

    buffer = io.BytesIO()
    sender = Sender(buffer, 4)
    sender.fast = True  # as ours, without the opcodes that remember things
    sender.dump(Exception())
    return buffer.getvalue()


VECTOR = ((b"\x01", b"\x01", b"\x01\x00"), b"\x01\x00")


def table(creators: list[int], stamps: list[int], places: list[int]) -> tuple[bytes, ...]:
    """Return names as they are packed: a table of creators and stamps, and the places of the names in it."""
    return tuple(bytes([1, *column]) for column in (creators, stamps, places))


def pull_with(names: Any, stamps: Any) -> bytes:
    """Return a pull with a vector of these names and stamps."""
    return message_from("Pull", 1, "join", 0, (names, stamps), None)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=4).map(tuple),
    max_leaves=12,
)


def plain_of(message: Message) -> tuple[Any, ...]:
    """Return the plain data that a message is sent as."""
    caught: list[tuple[Any, ...]] = []

    class Catcher(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            return self.catch

        def catch(self, *plain: Any) -> object:
            caught.append(plain)
            return plain

    Catcher(io.BytesIO(encode(message))).load()
    return caught[-1]


@given(any_message(), st.integers(0, 2**32), junk)
@settings(max_examples=1500)
def test_right_classes_with_wrong_contents(message: Message, where: int, replacement: object) -> None:
    """Any part of a message replaced by any plain data: a message comes out, or a WireError."""
    rng = random.Random(where)

    def spoil(value: Any) -> Any:
        if isinstance(value, tuple) and value and rng.random() < 0.8:
            at = rng.randrange(len(value))
            return (*value[:at], spoil(value[at]), *value[at + 1 :])
        return replacement

    cls = AntiEntropy if isinstance(message, AntiEntropy) else Message
    fields = spoil(plain_of(message))
    try:
        decoded = decode(message_from(*(fields if isinstance(fields, tuple) else (fields,)), cls=cls))
    except WireError:
        return
    assert decode(encode(decoded)) == decoded


@given(any_message(), st.integers(0, 2**32), st.integers(1, 6))
@settings(max_examples=1500)
def test_bytes_changed_at_random(message: Message, seed: int, changes: int) -> None:
    rng = random.Random(seed)
    payload = bytearray(encode(message))
    for _ in range(changes):
        at = rng.randrange(len(payload))
        payload[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
    try:
        decoded = decode(bytes(payload))
    except WireError:
        return
    assert isinstance(decoded, Message)


@given(st.binary(max_size=200))
@settings(max_examples=500)
def test_random_bytes(payload: bytes) -> None:
    with pytest.raises(WireError):
        decode(payload)


class Bomb:
    def __init__(self, *reduced: object) -> None:
        self.reduced = reduced

    def __reduce__(self) -> Any:
        return self.reduced


@pytest.mark.parametrize(
    "hostile",
    [
        Bomb(os.system, ("touch /tmp/bayou-was-here",)),
        Bomb(eval, ("__import__('os').getpid()",)),
        Bomb(exec, ("raise SystemExit",)),
        Bomb(bytearray, (1 << 40,)),
        Bomb(Pull, (1, "join", 0, ())),
        Bomb(Name.of, ((1, 2),)),
    ],
    ids=lambda hostile: hostile.reduced[0].__qualname__,
)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_names_anything_else(hostile: Bomb, protocol: int) -> None:
    with pytest.raises(WireError):
        decode(pickle.dumps(hostile, protocol))


def test_nothing_was_executed() -> None:
    assert not os.path.exists("/tmp/bayou-was-here")


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b".", id="nothing on the stack"),
        pytest.param(b"\x80\x04N.", id="None"),
        pytest.param(pickle.dumps((1, 2), 4), id="plain data, but no message"),
        pytest.param(pickle.dumps([1], 4), id="a list"),
        pytest.param(pickle.dumps({1: 2}, 4), id="a dictionary"),
        pytest.param(pickle.dumps(1.5, 4), id="a float"),
        pytest.param(encode(EXAMPLE) + b"N.", id="something behind the end"),
        pytest.param(encode(EXAMPLE)[:-1], id="cut short"),
        pytest.param(b"\x80\x04r\xff\xff\xff\xffN.", id="the memo at index four billion"),
        pytest.param(b"\x80\x04\x96\x00\x00\x00\x00\x00\x01\x00\x00.", id="a byte array of a tebibyte"),
        pytest.param(b"\x80\x04X\xff\xff\xff\x7fab.", id="a string longer than the frame"),
        pytest.param(b"\x80\x04" + b")" * 50 + b".", id="more than one value"),
        pytest.param(b"\x80\x04" + b"(" * (OPCODES_MAX + 1) + b".", id="too many opcodes"),
        pytest.param(b"\x80\x04N" + b"\x85" * 100_000 + b".", id="nested a hundred thousand deep"),
        pytest.param(b"\x80\x04\x8a\xff" + b"\x01" * 255 + b".", id="a very large number"),
        pytest.param(encode(EXAMPLE)[:-1] + b"}b.", id="state set on a message from outside"),
        pytest.param(encode(EXAMPLE)[:-1] + b"Q.", id="a persistent id"),
        pytest.param(message_from(), id="no kind"),
        pytest.param(message_from("Nothing"), id="an unknown kind"),
        pytest.param(message_from(["Pull"]), id="a kind that is no string"),
        pytest.param(message_from("AntiEntropy", 1, 0, (0, 0, ()), None), id="anti-entropy as a message"),
        pytest.param(message_from("Pull", 1, "join", 0), id="too few fields"),
        pytest.param(message_from("Retire", 1), id="too many fields"),
        pytest.param(message_from(1, (), PUT, *row("s", "u"), cls=Write), id="a write on its own"),
        pytest.param(message_from("Pull", True, "join", 0, VECTOR), id="a truth value for a number"),
        pytest.param(pull_with(table([0, 1], [5, 2], [2]), b"\x01\x00"), id="a younger creator"),
        pytest.param(pull_with(table([0], [0], [1]), b"\x01\x00"), id="a name with the stamp 0"),
        pytest.param(pull_with(table([], [], [0, 0]), b"\x01\x00\x00"), id="a name listed twice"),
        pytest.param(pull_with(table([0, 0], [3, 3], [1, 2]), b"\x01\x00\x00"), id="twice in the table"),
        pytest.param(pull_with(table([1], [3], [1]), b"\x01\x00"), id="a name that is its own creator"),
        pytest.param(pull_with(table([0, 0], [3], [1]), b"\x01\x00"), id="a name cut short"),
        pytest.param(pull_with(table([], [], [1]), b"\x01\x00"), id="a name beyond the table"),
        pytest.param(pull_with((b"\x01", b"\x01"), b"\x01\x00"), id="names without their places"),
        pytest.param(pull_with(table([], [], [0]), b"\x01"), id="a name without a stamp"),
        pytest.param(pull_with(table([], [], [0]), b"\x03abc"), id="numbers of three bytes"),
        pytest.param(pull_with(table([], [], [0]), b"\x00a"), id="numbers of no bytes"),
        pytest.param(pull_with(table([], [], [0]), b"\x02a"), id="half a number"),
        pytest.param(pull_with(table([], [], [0]), b""), id="numbers without a width"),
        pytest.param(pull_with(table([], [], [0]), b"\x08" + b"\xff" * 8), id="a stamp too large"),
        pytest.param(message_from(1, 0, (-1, 0, ()), None, cls=AntiEntropy), id="a CSN below zero"),
        pytest.param(message_from(1, 0, (0, 1, ()), None, cls=AntiEntropy), id="more committed than sent"),
        pytest.param(
            message_from(1, 0, (0, 0, (Write(1, ROOT, NOTICE, "", "", None),)), None, cls=AntiEntropy),
            id="a notice among the tentative",
        ),
        pytest.param(message_from(1, 0, (0, 0, ()), (0, VECTOR, "1"), cls=AntiEntropy), id="a wrong end"),
        pytest.param(message_from("Envelope", 1, (1, 2)), id="an envelope without a message"),
        pytest.param(message_from("AskHeir", 1, "root"), id="a name that is no tuple"),
        pytest.param(message_from(1, 0, 5, None, cls=AntiEntropy), id="items that are no tuple"),
        pytest.param(message_from("Created", 1, (1,), 0, VECTOR), id="a creation that is no write"),
        pytest.param(message_from(1, (), PUT, *place("s"), cls=Write), id="a write of five fields"),
        pytest.param(message_from("1", (), PUT, *row("s", "u"), cls=Write), id="a stamp that is no number"),
        pytest.param(message_from("Converge", 1, None, b"1234567"), id="most of an id"),
        pytest.param(message_from("Converge", 1, None, ("1",)), id="an id that is no number"),
    ],
)  # fmt: skip
def test_payloads_that_are_no_message(payload: bytes) -> None:
    with pytest.raises(WireError):
        decode(payload)


def columns_with(at: int, value: object) -> bytes:
    """Return anti-entropy with one of the columns of two writes replaced."""
    two = [Write(1, ROOT, PUT, *row("a", "u")), Write(2, ROOT, DELETE, *place("b"), None)]
    columns: list[Any] = list(pack_writes(two))  # type: ignore[arg-type]
    columns[at] = value
    return message_from(1, 0, (0, 0, tuple(columns)), None, cls=AntiEntropy)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, ()),
        (0, (b"\x01\x02", b"\x01\x05\x09")),
        (0, ("root", b"\x01")),
        (1, b"\x01\x00\x09"),
        (1, b"\x01\x00"),
        (1, "ab"),
        (2, b"\x01\x00\x01"),
        (2, b"\x08" + b"\xff" * 16),
        (3, b"\x00\x09"),
        (3, b"\x01\x01"),
        (3, b"\x00\x04"),
        (3, b"\x02\x01"),
        (3, b"\x00\x05"),
        (3, b"\x00"),
        (3, "ab"),
        (4, "playlist"),
        (4, "/playlist/playlist"),
        (4, "/Playlist"),
        (4, "/"),
        (4, "/play list"),
        (4, "/" + "a" * 65),
        (4, b"/playlist"),
        (4, "/" * 8194),
        (5, b"\x01\x00\x01"),
        (5, b"\x01\x01\x00"),
        (5, b"\x01\x01\x02"),
        (5, b"\x01\x01"),
        (6, b"\x01\x01\x02"),
        (6, b"\x01\x02\x00"),
        (7, 17),
        (7, "a\ud800"),
        (7, "a "),
        (7, "\nb"),
        (8, b"\x01\x01"),
        (8, b"\x00\x01"),
        (8, b"\x01\x02"),
        (8, b"\x01"),
        (8, None),
        (9, b"\x01\x02\x01"),
        (9, b"\x01\x00\x03"),
        (9, b"\x01\x03"),
        (10, "uu"),
        (10, "uuu"),
        (10, '"u '),
        (10, '" "'),
        (10, '"""'),
        (10, '"\\"'),
        (10, '"\n"'),
        (10, b'"u"x'),
        (10, ("\x00",)),
    ],
)
def test_columns_that_make_no_writes(at: int, value: object) -> None:
    with pytest.raises(WireError):
        decode(columns_with(at, value))


def test_what_is_spoilt_above_is_fine_unspoilt() -> None:
    assert decode(pull_with(*VECTOR)) == Pull(1, "join", 0, START)
    assert decode(message_from("Retire")) == Retire()
    assert decode(message_from(1, 0, (0, 0, ()), None, cls=AntiEntropy)) == AntiEntropy(
        1, 0, Items(0, [], [])
    )
    decoded = decode(columns_with(7, "ab"))
    assert isinstance(decoded, AntiEntropy)
    assert [write.key for write in decoded.items.tentative] == ["a", "b"]


@given(writes())
def test_a_write_by_itself_is_checked_too(write: Write) -> None:
    for spoiled in (
        write._replace(stamp=0),
        write._replace(kind=9),
        write._replace(kind=NOTICE, key="x"),
        write._replace(kind=PUT, value=None),
        write._replace(kind=DELETE, value=text_value("u")),
        write._replace(kind=DELETE, value=ROOT),
        write._replace(kind=RETIREMENT, key="x", value=None),
    ):
        with pytest.raises(WireError):
            decode(encode(Created(1, spoiled, 0, START)))


@given(any_message())
def test_the_scan_knows_the_size_of_every_opcode(message: Message) -> None:
    """Against the standard library's own description of pickles."""
    payload = encode(message)
    scan(payload)
    for cut in range(len(payload)):
        with pytest.raises(WireError):
            scan(payload[:cut])
    assert payload.endswith(b".")
    assert list(pickletools.genops(payload))[-1][0].name == "STOP"


def test_messages_cannot_be_changed_once_made() -> None:
    message = Pull(1, "join", 0, START)
    with pytest.raises(AttributeError, match="immutable"):
        message.serial = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="immutable"):
        del message.serial
    assert message == Pull(serial=1, purpose="join", csn=0, vector=START)
    assert hash(message) == hash(Pull(1, "join", 0, START))
    assert message != Retire()
    assert repr(Retire()) == "Retire()"
    assert repr(LogPage((), 0, 0)) == "LogPage(writes=(), committed=0, total=0, outcomes=())"


@pytest.mark.parametrize("fields", [(), (1, "join", 0), (1, "join", 0, START, None, 5)])
def test_messages_want_all_their_fields(fields: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError):
        Pull(*fields)


def test_messages_want_no_fields_that_they_lack() -> None:
    with pytest.raises(TypeError):
        Pull(1, "join", 0, vectr=START)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Pull(1, "join", 0, START, serial=1)  # type: ignore[misc]
