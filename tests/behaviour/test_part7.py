"""Part 7: messages on the wire, and strangers at the door."""

from __future__ import annotations

import os
import pickle
import pickletools
import socket
import stat
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.vector import START, VersionVector
from bayou.core.write import PUT, Write
from bayou.machine.messages import Message
from bayou.node.messages import AntiEntropy, Created, End, Pull, Put, Request, Retire
from bayou.wire import connection as connection_module
from bayou.wire.codec import decode, encode
from bayou.wire.connection import MAGIC, NONCE_BYTES
from bayou.wire.errors import WireError
from bayou.wire.frames import FrameReader, frame
from bayou.worlds.processes import warm
from bayou.worlds.processes.world import ProcessWorld
from tests.messages import introduction
from tests.processes import Master, wait_until
from tests.rows import row
from tests.test_processes import Guarded, is_closed
from tests.test_wire_codec import message_from
from tests.test_wire_connection import exchange, pair

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

WRITE = Write(3, ROOT.child(1), PUT, *row("song", "url"))
MESSAGES: tuple[Message, ...] = (
    Retire(),
    Pull(4, "join", 2, VersionVector({ROOT: 9, ROOT.child(1): 3})),
    Created(7, WRITE, 5, START),
    Request(1, 2, Put(*row("caf\udce9", "url")), START, None),
    AntiEntropy(1, 0, Items(0, [WRITE], [WRITE._replace(stamp=8)]), End(1, START)),
)


@pytest.fixture
def guarded() -> Iterator[Guarded]:
    """Two servers and a client in processes, whose secret and ports are known."""
    system = Guarded()
    yield system
    system.close()


def said(guarded: Guarded) -> list[str]:
    """Return what was said on standard error."""
    return os.pread(guarded.errors, 1 << 20, 0).decode().splitlines()


# What is sent.


def test_part7_a_frame_is_its_length_and_then_its_payload() -> None:
    """A connection carries frames, each with its length in front, which may arrive in any pieces."""
    reader, got = FrameReader(), list[bytes]()
    stream = frame(b"abc") + frame(b"")
    assert stream == b"\x00\x00\x00\x03abc\x00\x00\x00\x00"
    for at in range(len(stream)):
        reader.feed(stream[at : at + 1])
        got += reader.payloads()
    assert got == [b"abc", b""]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_part7_messages_are_pickles_of_three_classes(message: Message) -> None:
    """A message is a pickle that names no other classes than Message, Write and AntiEntropy."""
    allowed = {"bayou.machine.messages Message", "bayou.core.write Write", "bayou.node.messages AntiEntropy"}
    named, texts = set(), list[str]()
    for opcode, argument, _ in pickletools.genops(encode(message)):
        if isinstance(argument, str):
            texts.append(argument)
        if opcode.name == "GLOBAL":
            named.add(argument)
        if opcode.name == "STACK_GLOBAL":
            named.add(" ".join(texts[-2:]))
    assert named
    assert named <= allowed
    assert decode(encode(message)) == message


@pytest.mark.processes
@linux
def test_part7_a_pair_keeps_one_connection_open() -> None:
    """Between two nodes there is one connection, which stays however much goes over it."""
    with Master() as master:
        master.say("joinServer 0", "joinServer 1", "joinClient 2 1")
        assert master.ask("get 2 a") == "a:ERR_KEY"
        servers = [master.pid_of(f"bayou server {id}") for id in (0, 1)]

        def sockets(pid: int) -> set[str]:
            links = [os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()]
            return {link for link in links if link.startswith("socket:")}

        # The line to the master and the listening socket, then one for each peer.
        for pid, count in zip(servers, (3, 4), strict=True):
            wait_until(partial(lambda pid, count: len(sockets(pid)) == count, pid, count))
        before = [sockets(pid) for pid in servers]
        for step in range(5):
            master.say(f"put 2 a {step}")
            assert master.ask("get 2 a") == f"a:{step}"
        assert [sockets(pid) for pid in servers] == before


# Who may talk.


@pytest.mark.parametrize("who", ["the one that dialled", "the one that accepted"])
def test_part7_both_ends_prove_that_they_know_the_secret(who: str) -> None:
    """Neither end goes on with one that does not know the secret, whoever dialled."""
    ours, theirs = b"our secret".ljust(32), b"their secret".ljust(32)
    dialler, acceptor = pair((theirs, ours) if who == "the one that dialled" else (ours, theirs))
    with pytest.raises(WireError):
        exchange(dialler, acceptor)
    assert (dialler.peer, acceptor.peer) == (None, None)
    assert exchange(*pair((ours, ours))) != ([], []), "with the same secret they introduce themselves"


def test_part7_nothing_is_unpickled_before_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a stranger sends is not even looked at as a pickle."""

    def unpickled(*_: object, **__: object) -> Message:
        raise AssertionError("unpickled something of a stranger's")

    monkeypatch.setattr(connection_module, "decode", unpickled)
    for opening in (b"", MAGIC + bytes(NONCE_BYTES), MAGIC + bytes(NONCE_BYTES) + bytes(32)):
        _, acceptor = pair()
        with pytest.raises(WireError):
            list(acceptor.receive(opening + frame(encode(Retire())) * 9))


@pytest.mark.processes
def test_part7_each_run_has_a_secret_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run makes a fresh secret of 32 bytes."""
    secrets: list[bytes] = []

    def start(secret: bytes, machines: str) -> tuple[int, socket.socket]:
        secrets.append(secret)
        return start_warm(secret, machines)

    start_warm = warm.start
    monkeypatch.setattr(warm, "start", start)
    for _ in range(2):
        ProcessWorld().close()
    assert [len(secret) for secret in secrets] == [32, 32]
    assert secrets[0] != secrets[1]


@pytest.mark.processes
@linux
def test_part7_the_secret_is_where_nobody_else_can_read_it(guarded: Guarded) -> None:
    """The secret stands in no command line, no environment and no file of the nodes."""
    for pid in guarded.world.pids.values():
        for place in ("cmdline", "environ"):
            shown = Path(f"/proc/{pid}/{place}").read_bytes()
            assert guarded.secret not in shown
            assert guarded.secret.hex().encode() not in shown
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            if stat.S_ISREG(fd.stat().st_mode) and int(fd.name) > 2:  # a server's journal
                written = fd.read_bytes()
                assert written.startswith(b"bayou journal"), os.readlink(fd)
                assert guarded.secret not in written
                assert guarded.secret.hex().encode() not in written


@pytest.mark.processes
@linux
@pytest.mark.parametrize(
    "opening", [b"GET / HTTP/1.1\r\n\r\n".ljust(80), MAGIC + bytes(NONCE_BYTES) + bytes(32)]
)
def test_part7_a_stranger_is_turned_away(guarded: Guarded, opening: bytes) -> None:
    """A connection of somebody who does not know the secret is closed with one line on standard error."""
    with guarded.dial() as sock:
        sock.sendall(opening)
        assert is_closed(sock)
    guarded.still_works()
    (line,) = said(guarded)
    assert "server 1" in line


@pytest.mark.processes
@linux
def test_part7_a_handshake_takes_five_seconds_at_most(guarded: Guarded) -> None:
    """A connection on which nothing comes is closed after five seconds, with one line on standard error."""
    began = time.monotonic()
    with guarded.dial() as sock:
        assert is_closed(sock)
    assert 4.5 < time.monotonic() - began < 9.0
    guarded.still_works()
    assert len(said(guarded)) == 1


# What is not accepted.


class Bomb:
    """Runs a command where it is unpickled without care."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


@pytest.mark.processes
@linux
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_part7_reading_never_executes_anything(guarded: Guarded, tmp_path: Path, protocol: int) -> None:
    """A pickle that would run a command does nothing, even from a peer that knows the secret."""
    trace = tmp_path / "was-here"
    bomb = pickle.dumps(Bomb(f"touch {trace}"), protocol)
    sock, _ = guarded.introduced(introduction(9, is_server=True))
    sock.sendall(frame(bomb))
    assert is_closed(sock)
    guarded.still_works()
    assert not trace.exists()
    assert len(said(guarded)) == 1
    pickle.loads(bomb)
    assert trace.exists(), "the bomb works where pickles are read without care"


SPOILT = {
    "no pickle": frame(b"hello, world"),
    "a pickle cut short": frame(encode(Retire())[:-1]),
    "plain data": frame(pickle.dumps((1, 2, 3))),
    "another class": frame(pickle.dumps(Path("x"))),
    "too few fields": frame(message_from("Pull", 1, "join", 0)),
    "a text for a number": frame(
        message_from("Pull", "1", "join", 0, ((b"\x01", b"\x01", b"\x01\x00"), b"\x01\x00"))
    ),
    "an unknown kind": frame(message_from("Mischief", 1)),
    "a frame above 64 MiB": ((64 << 20) + 1).to_bytes(4, "big"),
    "a frame cut short": b"\x00\x00\x01\x00only this",
}


@pytest.mark.processes
@linux
@pytest.mark.parametrize("what", SPOILT)
def test_part7_what_is_no_message_costs_the_connection_and_no_more(guarded: Guarded, what: str) -> None:
    """Anything but a proper message costs its connection, with one line on standard error, and no more."""
    sock, _ = guarded.introduced(introduction(9, is_server=True))
    sock.sendall(SPOILT[what])
    if what == "a frame cut short":
        sock.shutdown(socket.SHUT_WR)
    assert is_closed(sock)
    guarded.still_works()
    (line,) = said(guarded)
    assert "server 1" in line


def test_part7_a_frame_of_64_mib_is_the_largest() -> None:
    """A frame may hold 64 MiB and not a byte more, which is refused before its body comes."""
    reader = FrameReader()
    reader.feed((64 << 20).to_bytes(4, "big"))
    assert list(reader.payloads()) == []
    reader = FrameReader()
    reader.feed(((64 << 20) + 1).to_bytes(4, "big"))
    with pytest.raises(WireError):
        list(reader.payloads())


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(message_from("Retire", 1), id="a field too many"),
        pytest.param(message_from("AntiEntropy", 1, 0, (0, 0, ()), None), id="anti-entropy as a message"),
        pytest.param(message_from(1, 0, (-1, 0, ()), None, cls=AntiEntropy), id="a CSN below zero"),
        pytest.param(message_from("Created", 1, (1,), 0, ((), b"")), id="a creation that is no write"),
        pytest.param(message_from("AskHeir", 1, "root"), id="a name that is no name"),
        pytest.param(encode(Created(1, WRITE._replace(kind=9), 0, START)), id="a write of no kind"),
        pytest.param(encode(Created(1, WRITE._replace(stamp=0), 0, START)), id="a write without a stamp"),
    ],
)
def test_part7_right_classes_with_wrong_contents_are_refused(message: bytes) -> None:
    """The right classes are not enough: every field has to be what it should be."""
    with pytest.raises(WireError):
        decode(message)
