"""Frames and the handshake, cut anywhere."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayou.machine.messages import Message
from bayou.node.messages import Retire
from bayou.wire import connection as connection_module
from bayou.wire.connection import MAGIC, NONCE_BYTES, PROOF_BYTES, Channel, Connection, Introduce
from bayou.wire.errors import WireError
from bayou.wire.frames import FRAME_BYTES_MAX, FrameReader, frame
from tests.messages import any_message

SECRET = bytes(range(32))
SERVER, CLIENT = Introduce(1, is_server=True), Introduce(2, is_server=False)


@given(st.lists(st.binary(max_size=50), max_size=6), st.data())
def test_frames_cut_anywhere(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(frame(payload) for payload in payloads)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader, got = FrameReader(), list[bytes]()
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        reader.feed(stream[start:end])
        got += reader.payloads()
    assert got == payloads
    assert reader.pending_bytes == 0


def test_byte_at_a_time_is_as_good_as_all_at_once() -> None:
    stream = frame(b"abc") + frame(b"") + frame(b"x" * 300)
    reader, got = FrameReader(), list[bytes]()
    for at in range(len(stream)):
        reader.feed(stream[at : at + 1])
        got += reader.payloads()
    assert got == [b"abc", b"", b"x" * 300]


def test_a_frame_too_large_is_refused_before_its_body_comes() -> None:
    reader = FrameReader()
    reader.feed((FRAME_BYTES_MAX + 1).to_bytes(4, "big"))
    with pytest.raises(WireError, match="67108865 bytes; 67108864 is the limit"):
        list(reader.payloads())
    reader = FrameReader(size_max=3)
    reader.feed(b"\x00\x00\x00\x04")
    with pytest.raises(WireError, match="4 bytes; 3 is the limit"):
        list(reader.payloads())


def test_a_frame_too_large_is_not_sent_either() -> None:
    with pytest.raises(WireError, match="is the limit"):
        frame(bytes(FRAME_BYTES_MAX + 1))
    assert len(frame(bytes(FRAME_BYTES_MAX))) == FRAME_BYTES_MAX + 4


def pair(secrets: tuple[bytes, bytes] = (SECRET, SECRET)) -> tuple[Connection, Connection]:
    dialler = Connection(secrets[0], b"d" * NONCE_BYTES, CLIENT, dialled=True)
    return dialler, Connection(secrets[1], b"a" * NONCE_BYTES, SERVER, dialled=False)


def exchange(
    a: Connection, b: Connection, rng: random.Random | None = None
) -> tuple[list[Message], list[Message]]:
    """Move bytes between two ends until there are no more; return what each received."""
    got: tuple[list[Message], list[Message]] = ([], [])
    while a.outgoing or b.outgoing:
        for sender, receiver, received in ((a, b, got[1]), (b, a, got[0])):
            size = rng.randrange(1, 20) if rng else len(sender.outgoing)
            data = bytes(sender.outgoing[:size])
            del sender.outgoing[:size]
            received.extend(receiver.receive(data))
    return got


@given(st.integers(0, 2**32), st.lists(any_message(), max_size=3))
def test_a_handshake_and_what_follows_cut_anywhere(seed: int, messages: list[Message]) -> None:
    dialler, acceptor = pair()
    rng = random.Random(seed)
    assert exchange(dialler, acceptor, rng) == ([SERVER], [CLIENT])
    assert (dialler.peer, acceptor.peer) == (SERVER, CLIENT)
    for message in messages:
        dialler.send(message)
        acceptor.send(message)
    assert exchange(dialler, acceptor, rng) == (messages, messages)


def test_who_does_not_know_the_secret_is_a_stranger_at_either_end() -> None:
    other = b"other" + SECRET[5:]
    for secrets in ((SECRET, other), (other, SECRET)):
        dialler, acceptor = pair(secrets)
        with pytest.raises(WireError, match="does not know the secret"):
            exchange(dialler, acceptor)
        assert acceptor.peer is None
        assert dialler.peer is None


def test_a_proof_is_good_for_one_handshake_only() -> None:
    """What an eavesdropper recorded of one handshake does not open another."""
    dialler, acceptor = pair()
    hello = bytes(dialler.outgoing)
    list(acceptor.receive(hello))
    list(dialler.receive(bytes(acceptor.outgoing)))
    recorded = bytes(dialler.outgoing)[len(hello) :]
    victim = Connection(SECRET, b"another nonce".ljust(NONCE_BYTES, b"!"), SERVER, dialled=False)
    list(victim.receive(hello))
    with pytest.raises(WireError, match="does not know the secret"):
        list(victim.receive(recorded))


def test_an_acceptor_does_not_prove_itself_with_what_a_dialler_said() -> None:
    """A reflected proof is no proof: the two ends' proofs differ."""
    victim, other = pair()
    list(other.receive(bytes(victim.outgoing)))
    proof_of_a = bytes(other.outgoing)[-PROOF_BYTES:]
    with pytest.raises(WireError, match="does not know the secret"):
        list(other.receive(proof_of_a))


@pytest.mark.parametrize(
    "greeting", [b"GET / HTTP/1.1\r\n\r\n".ljust(40), bytes(40), MAGIC[:-1] + b"!" + bytes(32)]
)
def test_other_protocols_are_strangers(greeting: bytes) -> None:
    _, acceptor = pair()
    with pytest.raises(WireError, match="does not speak this protocol"):
        list(acceptor.receive(greeting))


def test_nothing_is_unpickled_before_the_peer_has_proven_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object, **__: object) -> Message:
        raise AssertionError("unpickled something of a stranger's")

    monkeypatch.setattr(connection_module, "decode", decode)
    rng = random.Random(3)
    for _ in range(300):
        _, acceptor = pair()
        try:
            for _ in range(3):
                list(acceptor.receive(rng.choice((MAGIC, b"")) + frame(rng.randbytes(rng.randrange(90)))))
        except WireError:
            pass


def test_the_first_message_is_an_introduction() -> None:
    dialler, acceptor = pair()
    dialler.me = Retire()  # type: ignore[assignment]
    with pytest.raises(WireError, match="before an introduction"):
        exchange(dialler, acceptor)


def test_a_channel_carries_messages_without_ado() -> None:
    a, b = Channel(), Channel()
    a.send(SERVER)
    a.send(Retire())
    data = bytes(a.outgoing)
    assert list(b.receive(data[:7])) == []
    assert b.pending_bytes == 7
    assert list(b.receive(data[7:])) == [SERVER, Retire()]


def test_a_friend_is_known_by_its_first_words() -> None:
    """So that a crowd that only pretends does not push it out."""
    dialler, acceptor = pair()
    hello = bytes(dialler.outgoing)
    list(acceptor.receive(hello[:-1]))
    before = acceptor.greeted
    list(acceptor.receive(hello[-1:]))
    assert (before, acceptor.greeted) == (False, True)
    assert acceptor.peer is None, "it may be an echo of what a friend said once"
    _, acceptor = pair()
    with pytest.raises(WireError, match="does not know the secret"):
        list(acceptor.receive(hello[:-1] + bytes([hello[-1] ^ 1])))
    _, acceptor = pair()
    with pytest.raises(WireError, match="does not speak this protocol"):
        list(acceptor.receive(b"G"))


def test_messages_can_be_taken_one_at_a_time() -> None:
    a, b = Channel(), Channel()
    for _ in range(3):
        a.send(Retire())
    data = bytes(a.outgoing)
    assert next(b.receive(data[:-1])) == Retire()
    has = [b.has_message]
    assert next(b.receive(b"")) == Retire()
    has.append(b.has_message)
    assert list(b.receive(data[-1:])) == [Retire()]
    assert [*has, b.has_message] == [True, False, False]
    assert b.frames_taken == 3


@given(st.integers(1, 400_000), st.lists(st.integers(1, 200_000), max_size=8))
def test_long_frames_in_pieces(size: int, cuts: list[int]) -> None:
    stream = frame(b"ab") + frame(bytes(size)) + frame(b"cd") + b"\0\0"
    reader, got = FrameReader(), list[bytes]()
    at = 0
    for cut in [*cuts, len(stream)]:
        reader.feed(stream[at : at + cut])
        got += reader.payloads()
        assert not reader.has_payload
        at = min(len(stream), at + cut)
        assert reader.pending_bytes + sum(map(len, got)) + 4 * len(got) == at
    assert got == [b"ab", bytes(size), b"cd"]
