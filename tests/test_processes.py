"""The process world: clean-up however a run ends, two masters at once, strangers at the door."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.vector import START
from bayou.core.write import PUT, Write
from bayou.machine.messages import Message
from bayou.master.language import COMMANDS
from bayou.master.run import Run
from bayou.net import door, link
from bayou.net.pressure import HELD_BYTES_MAX
from bayou.node.messages import AntiEntropy, End, Get, HandOver, Pull, Request, Retire
from bayou.wire.codec import encode
from bayou.wire.connection import LINK_FRAME_BYTES_MAX, MAGIC, NONCE_BYTES, Connection, Introduce
from bayou.wire.frames import frame
from bayou.worlds.processes.world import ProcessWorld
from bayou.worlds.world import DeadlineExceeded, NodeLost, WorldSettings
from tests.messages import introduction
from tests.processes import Master, is_listening, run_master, wait_until
from tests.rows import place, row

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"),
]

_, HANDSHAKES_MAX = door.limits()
THREE = ("joinServer 0", "joinServer 1", "joinClient 2 1")


def started() -> Master:
    """Return a master with two servers and a client, all of them up."""
    master = Master()
    master.say(*THREE)
    assert master.ask("get 2 a") == "a:ERR_KEY"
    return master


# The end of a run.


@pytest.mark.parametrize("ending", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_all_processes_are_gone_within_a_second_of_a_signal(ending: str) -> None:
    with started() as master:
        family, ports = master.family(), master.ports()
        assert len(family) == 5, "the master, the warm parent, two servers, a client"
        assert len(ports) == 2
        master.process.send_signal(signal.Signals[ending])
        assert wait_until(lambda: not master.family()) < 1.0
        assert not any(is_listening(port) for port in ports)
        status, out, err = master.end()
        assert status == -signal.Signals[ending], "whoever waits for it sees which signal ended it"
        assert (out, err) == ("", "")


def test_a_stopped_node_is_gone_too_when_the_master_is_killed() -> None:
    """Even a process that can't notice anything ends: the warm parent sees to it."""
    with started() as master:
        os.kill(master.pid_of("bayou server 1"), signal.SIGSTOP)
        master.process.kill()
        assert wait_until(lambda: not master.family()) < 1.0


def test_all_processes_are_gone_after_the_end_of_input() -> None:
    with started() as master:
        assert master.end() == (0, "", "")
        assert master.family() == []


def test_ctrl_c_reaches_every_process_and_only_the_master_minds() -> None:
    """A terminal sends SIGINT to the whole group: the nodes leave the decision to the master."""
    with started() as master:
        for name in ("bayou warm", "bayou server 0", "bayou server 1", "bayou client 2"):
            os.kill(master.pid_of(name), signal.SIGINT)
        assert master.ask("get 2 a") == "a:ERR_KEY"
        os.killpg(master.process.pid, signal.SIGINT)
        assert wait_until(lambda: not master.family()) < 1.0


def test_signals_that_are_ignored_at_the_start_stay_ignored() -> None:
    """As with nohup."""
    script = f"trap '' HUP; exec {sys.executable} -m bayou.master"
    process = subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"joinServer 0\njoinClient 1 0\nget 1 a\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"a:ERR_KEY\n"
    process.send_signal(signal.SIGHUP)
    assert process.communicate(b"get 1 b\n", timeout=20)[0] == b"b:ERR_KEY\n"
    assert process.returncode == 0


# When something goes wrong.


def test_a_hang_ends_at_the_deadline_and_tells_who_waits_for_what() -> None:
    with Master("--deadline", "0.3") as master:
        master.say(*THREE)
        assert master.ask("get 2 a") == "a:ERR_KEY"
        pid = master.pid_of("bayou server 1")
        os.kill(pid, signal.SIGSTOP)
        master.say("put 2 a b")
        status, out, err = master.end()
        assert (status, out) == (3, "")
        assert err.startswith("<stdin>:5: not done within 0.3 s: ")
        assert f"server 1 does not respond (process {pid})" in err
        assert "client 2 waits for server 1 to answer" in err
        assert err.count("\n") == 1
        assert master.family() == []


def test_a_node_that_dies_ends_the_run() -> None:
    with started() as master:
        os.kill(master.pid_of("bayou server 1"), signal.SIGKILL)
        master.say("put 2 a b")
        assert master.end() == (1, "", "<stdin>:5: server 1 has ended by itself, killed by signal 9\n")
        assert master.family() == []


def test_a_node_whose_client_notices_first_ends_the_run_too() -> None:
    """Whoever reaps the dead may be slower than a client that finds its connection closed: that the client
    has no server then is no line that is off."""
    with started() as master:
        warm, server = master.pid_of("bayou warm"), master.pid_of("bayou server 1")
        client = Path(f"/proc/{master.pid_of('bayou client 2')}/fd")
        connected = len(list(client.iterdir()))
        os.kill(warm, signal.SIGSTOP)
        os.kill(server, signal.SIGKILL)
        wait_until(lambda: len(list(client.iterdir())) < connected)
        master.say("put 2 a b")
        threading.Timer(0.3, os.kill, (warm, signal.SIGCONT)).start()
        assert master.end() == (1, "", "<stdin>:5: server 1 has ended by itself, killed by signal 9\n")


def test_a_warm_parent_that_dies_ends_the_run() -> None:
    with started() as master:
        os.kill(master.pid_of("bayou warm"), signal.SIGKILL)
        master.say("get 2 a", "joinServer 7")
        status, _, err = master.end()
        assert status == 1
        assert "the parent of all nodes has ended" in err
        assert wait_until(lambda: not master.family()) < 1.0


def test_whoever_closes_standard_output_ends_the_run_quietly() -> None:
    with started() as master:
        assert master.process.stdout is not None
        master.process.stdout.close()
        master.say("get 2 a", "put 2 a b")
        assert master.process.wait(20) == 141
        assert master.process.stderr is not None
        assert master.process.stderr.read() == b""
        assert wait_until(lambda: not master.family()) < 1.0


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_streams_that_are_closed_from_the_start(closed: str) -> None:
    """No socket may end up with a descriptor on which somebody prints. What is printed goes nowhere."""
    command = f"printf 'joinServer 0\\njoinServer 1\\njoinClient 2 1\\nput 2 a b\\nget 2 a\\nnonsense\\n' | \
        {sys.executable} -m bayou.master {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=30, check=False)
    out, err = done.stdout.decode(), done.stderr.decode()
    assert out == ("" if "<&-" in closed or closed == ">&-" else "a:b\n")
    assert "Traceback" not in err
    assert done.returncode == 0


def test_two_masters_side_by_side() -> None:
    with started() as one, started() as other:
        for step in range(5):
            one.say(f"put 2 a one{step}")
            other.say(f"put 2 a other{step}")
            assert one.ask("get 2 a") == f"a:one{step}"
            assert other.ask("get 2 a") == f"a:other{step}"
        assert not set(one.ports()) & set(other.ports())
        assert one.end() == (0, "", "")
        assert other.ask("get 2 a") == "a:other4"
        assert other.end() == (0, "", "")


def test_each_command_runs_as_its_line_arrives() -> None:
    with Master() as master:
        master.say("joinServer 0", "joinClient 1 0", "put 1 a b")
        assert master.ask("get 1 a") == "a:b"
        assert master.ask("printLog 0") == "PUT:(a, b):TRUE"
        assert master.process.stdin is not None
        master.process.stdin.write(b"get 1")
        master.process.stdin.flush()
        master.say(" a")
        assert master.hear() == "a:b"


def test_a_long_log_is_printed_in_full() -> None:
    lines = ["joinServer 0", "joinClient 1 0"]
    lines += [f"put 1 s{n} {'u' * 100_000}" for n in range(30)]
    done = run_master("\n".join([*lines, "printLog 0"]))
    assert done.stdout.decode() == "".join(f"PUT:(s{n}, {'u' * 100_000}):TRUE\n" for n in range(30))


def test_the_secret_is_in_no_command_line_and_no_environment() -> None:
    secret = b"a secret of the length it must b"
    world = ProcessWorld(secret=secret)
    try:
        run = Run(world, COMMANDS, write=lambda _: None)
        for number, line in enumerate(THREE, start=1):
            run.line(number, line.encode())
        for pid in world.pids.values():
            for place in ("cmdline", "environ"):
                assert secret not in Path(f"/proc/{pid}/{place}").read_bytes()
                assert secret.hex().encode() not in Path(f"/proc/{pid}/{place}").read_bytes()
    finally:
        world.close()


def test_nodes_keep_one_connection_a_pair() -> None:
    with Master() as master:
        master.say("joinServer 0", "joinServer 1", "joinServer 2", "joinClient 3 1")
        for _ in range(3):
            master.say("put 3 a b", "breakConnection 0 1", "restoreConnection 1 0", "restoreConnection 3 2")
            master.say("restoreConnection 3 1")
        assert master.ask("get 3 a") == "a:b"
        for name, links in (("server 0", 2), ("server 1", 3), ("server 2", 2), ("client 3", 1)):
            # Beside its connections: the line to the master, and for a server the listening socket.
            expected = links + 1 + name.startswith("server")
            directory = Path(f"/proc/{master.pid_of(f'bayou {name}')}/fd")
            wait_until(partial(_has_sockets, directory, expected))


def _has_sockets(directory: Path, count: int) -> bool:
    return sum(os.readlink(fd).startswith("socket:") for fd in directory.iterdir()) == count


# Strangers, and friends gone wrong.


class Guarded:
    """A system of two servers and a client in the process world, whose secret and ports are known here."""

    def __init__(self) -> None:
        self.secret = bytes(range(32))
        self.errors = os.memfd_create("errors")
        stderr = os.dup(2)
        os.dup2(self.errors, 2)
        self.world = ProcessWorld(WorldSettings(deadline_s=20), secret=self.secret)
        os.dup2(stderr, 2)
        os.close(stderr)
        self.out: list[bytes] = []
        self.run = Run(self.world, COMMANDS, write=self.out.append)
        self.sockets: list[socket.socket] = []
        for number, line in enumerate(THREE, start=1):
            self.run.line(number, line.encode())

    def dial(self, server: int = 1) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.world.ports[server]), timeout=20)
        self.sockets.append(sock)
        return sock

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()
        self.world.close()
        os.close(self.errors)

    def introduced(self, me: Introduce, server: int = 1) -> tuple[socket.socket, Connection]:
        """Connect as somebody who knows the secret."""
        sock = self.dial(server)
        connection = Connection(self.secret, os.urandom(NONCE_BYTES), me, dialled=True)
        while connection.peer is None:
            sock.sendall(connection.outgoing)
            connection.outgoing.clear()
            data = sock.recv(4096)
            assert data, "closed within the handshake"
            list(connection.receive(data))
        return sock, connection

    def hears(self, *words: str) -> None:
        """Wait for a line on standard error with all these words."""

        def lines() -> list[str]:
            return os.pread(self.errors, 1 << 20, 0).decode().splitlines()

        try:
            wait_until(lambda: any(all(word in line for word in words) for line in lines()))
        except AssertionError:
            raise AssertionError(f"no line with {words} in {lines()}") from None

    def still_works(self) -> None:
        self.out.clear()
        self.run.line(10, b"put 2 song url")
        self.run.line(11, b"get 2 song")
        assert self.out == [b"song:url\n"]


@pytest.fixture
def guarded() -> Iterator[Guarded]:
    system = Guarded()
    yield system
    system.close()


def is_closed(sock: socket.socket) -> bool:
    """Whether the other end closes the connection (what it says before is read)."""
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.mark.parametrize(
    ("bytes_sent", "blame"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".ljust(60), "does not speak this protocol"),
        (MAGIC + bytes(NONCE_BYTES) + bytes(32), "does not know the secret"),
        (MAGIC, "ended before the handshake was over"),
        (b"", "ended before the handshake was over"),
    ],
)
def test_strangers_are_turned_away(guarded: Guarded, bytes_sent: bytes, blame: str) -> None:
    with guarded.dial() as sock:
        sock.sendall(bytes_sent)
        sock.shutdown(socket.SHUT_WR)
        assert is_closed(sock)
    guarded.hears("server 1: closed the connection to a stranger", blame)
    guarded.still_works()


def test_a_handshake_takes_five_seconds_at_most(guarded: Guarded) -> None:
    assert link.HANDSHAKE_S == 5.0
    with guarded.dial() as silent, guarded.dial() as slow:
        slow.sendall(MAGIC)
        assert is_closed(silent)
        assert is_closed(slow)
    guarded.hears("server 1: closed the connection to a stranger", "no handshake within 5 s")
    guarded.still_works()


def test_a_crowd_of_strangers_does_not_use_up_the_descriptors(guarded: Guarded) -> None:
    for _ in range(HANDSHAKES_MAX + 60):
        guarded.dial()
    guarded.hears("handshakes are under way")
    descriptors = len(list(Path(f"/proc/{guarded.world.pids[1]}/fd").iterdir()))
    assert descriptors < HANDSHAKES_MAX + 30
    guarded.still_works()


@pytest.mark.parametrize(
    ("message", "blame"),
    [
        (Retire(), "Retire is no message for a server"),
        (introduction(9, is_server=True), "introduced itself twice"),
        (Pull(1, "curiosity", 0, START), "a pull for 'curiosity'"),
        (Pull(1, "join", -5, START), "from CSN -5 on"),
    ],
)
def test_friends_that_send_what_is_not_due(guarded: Guarded, message: Message, blame: str) -> None:
    sock, connection = guarded.introduced(introduction(9, is_server=True))
    connection.send(message)
    sock.sendall(connection.outgoing)
    assert is_closed(sock)
    guarded.hears("server 1: closed the connection to node 9", blame)
    guarded.still_works()


@pytest.mark.parametrize(
    ("hello", "blame"),
    [(None, "nothing where a Hello is due"), (introduction(9, is_server=True), "Introduce where a Hello")],
)
def test_friends_that_say_nothing_of_themselves(guarded: Guarded, hello: Message, blame: str) -> None:
    """Or something else than what nodes of a store say."""
    sock = guarded.dial(1)
    connection = Connection(guarded.secret, os.urandom(NONCE_BYTES), Introduce(9, True, hello), dialled=True)
    sock.sendall(connection.outgoing)
    connection.outgoing.clear()
    list(connection.receive(sock.recv(4096)))
    sock.sendall(connection.outgoing)
    assert is_closed(sock)
    guarded.hears("server 1: closed the connection to node 9", blame)
    guarded.still_works()


@pytest.mark.parametrize(
    ("frame", "blame"),
    [
        (b"\x00\x00\x00\x05hello", "the pickle"),
        ((LINK_FRAME_BYTES_MAX + 1).to_bytes(4, "big"), "8388608 is the limit"),
        (b"\x00\x00\x01\x00cut short", "ended within a frame, 13 bytes into it"),
    ],
)
def test_friends_that_send_no_messages(guarded: Guarded, frame: bytes, blame: str) -> None:
    sock, _ = guarded.introduced(introduction(9, is_server=False))
    sock.sendall(frame)
    sock.shutdown(socket.SHUT_WR)
    assert is_closed(sock)
    guarded.hears("server 1: closed the connection to node 9", blame)
    guarded.still_works()


def test_a_pickle_that_nests_without_end(guarded: Guarded) -> None:
    """Two hundred thousand tuples in each other, where a name is due: what looks at them by calling itself
    would end the process."""
    nested = b")" + b"\x85" * 190_000
    where = b"\x8c\x16bayou.machine.messages\x8c\x07Message\x93"
    for fields in (b"\x8c\x04PullK\x01\x8c\x04joinK\x00" + nested, b"\x8c\x08AskHeirK\x01" + nested):
        sock, _ = guarded.introduced(introduction(9, is_server=True))
        pickle = b"\x80\x04" + where + b"(" + fields + b"tR."
        sock.sendall(len(pickle).to_bytes(4, "big") + pickle)
        assert is_closed(sock)
    guarded.hears("server 1: closed the connection to node 9", "tuples")
    guarded.still_works()


def test_what_a_peer_is_quoted_with_fits_on_a_line(guarded: Guarded) -> None:
    sock, _ = guarded.introduced(introduction(9, is_server=True))
    name = b"os\nfoo: bar\x1b[31m" + b"x" * 100_000
    pickle = b"\x80\x04X" + len(name).to_bytes(4, "little") + name + b"\x8c\x01y\x93."
    sock.sendall(len(pickle).to_bytes(4, "big") + pickle)
    assert is_closed(sock)
    guarded.hears(
        "the pickle names os\N{REPLACEMENT CHARACTER}foo: bar\N{REPLACEMENT CHARACTER}[31mxxx", "x..."
    )
    guarded.still_works()


def test_nobody_else_is_this_very_node(guarded: Guarded) -> None:
    sock = guarded.dial(1)
    connection = Connection(
        guarded.secret, os.urandom(NONCE_BYTES), introduction(1, is_server=True), dialled=True
    )
    sock.sendall(connection.outgoing)
    connection.outgoing.clear()
    list(connection.receive(sock.recv(4096)))
    sock.sendall(connection.outgoing)
    assert is_closed(sock)
    guarded.hears("server 1: closed the connection to a stranger", "claims to be 1, as this node is")
    guarded.still_works()


def test_nodes_of_machines_that_nobody_got_ready_for() -> None:
    """In a process that knows nothing of their messages before they are told: the family is seen late."""
    code = (
        "from bayou.master.language import COMMANDS\n"
        "from bayou.master.run import Run\n"
        "from bayou.worlds.processes.world import ProcessWorld\n"
        "from bayou.worlds.world import WorldSettings\n"
        "world = ProcessWorld(WorldSettings(deadline_s=20.0))\n"
        "run = Run(world, COMMANDS)\n"
        "for line in (b'joinServer 0', b'joinServer 1', b'joinClient 9 1', b'put 9 a b', b'get 9 a'):\n"
        "    run.line(1, line)\n"
        "world.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"a:b\n", b"")


@pytest.mark.parametrize("command", ["joinServer {}", "joinClient {} 0"])
def test_ids_as_long_as_can_be_and_longer(command: str) -> None:
    for world in ("processes", "sim"):
        longest = run_master(f"joinServer 0\n{command.format('9' * 600)}\njoinServer 1\n", "--world", world)
        assert (longest.returncode, longest.stderr) == (0, b"")
        longer = run_master(f"joinServer 0\n{command.format('9' * 601)}\n", "--world", world)
        assert b"an id of 601 digits; 600 are the limit" in longer.stderr


def test_a_server_that_could_not_join_is_gone() -> None:
    """The one connected server has been stopped: joining fails at the deadline, and leaves nothing behind."""
    world = ProcessWorld(WorldSettings(deadline_s=1.0))
    try:
        run = Run(world, COMMANDS)
        run.line(1, b"joinServer 0")
        os.kill(world.pids[0], signal.SIGSTOP)
        with pytest.raises(DeadlineExceeded):
            run.line(2, b"joinServer 1")
        assert list(world.pids) == [0]
        os.kill(world.pids[0], signal.SIGCONT)
        run.line(3, b"joinServer 1")
        assert sorted(world.pids) == [0, 1]
    finally:
        world.close()


@pytest.mark.parametrize("how", ["end of input", "a signal", "killed"])
def test_a_stopped_or_killed_warm_parent_does_not_keep_anything_alive(how: str) -> None:
    with Master() as master:
        master.say("joinServer 0", "joinClient 1 0")
        assert master.ask("get 1 a") == "a:ERR_KEY"
        os.kill(master.pid_of("bayou server 0"), signal.SIGSTOP)
        warm = master.pid_of("bayou warm")
        os.kill(warm, signal.SIGKILL if how == "killed" else signal.SIGSTOP)
        if how == "end of input":
            assert master.end()[0] == 0
        elif how == "a signal":
            master.process.send_signal(signal.SIGTERM)
            assert master.process.wait(10) == -signal.SIGTERM
        else:
            master.say("joinServer 2")
            assert master.end()[0] == 1
        wait_until(lambda: not master.family())


def test_without_descriptors_a_server_keeps_calm() -> None:
    """A crowd of strangers takes all descriptors: a few lines about it, and friends get through."""
    script = "ulimit -n 40; exec " + sys.executable + " -m bayou.master"
    with subprocess.Popen(
        ["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"joinServer 0\njoinClient 1 0\nget 1 a\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"a:ERR_KEY\n"
        master = Master.__new__(Master)
        master.process = process
        (port,) = master.ports()
        crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
        process.stdin.write(b"joinClient 2 0\nput 2 a b\nget 1 a\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"a:b\n"
        for stranger in crowd:
            stranger.close()
        _, said = process.communicate()
        assert said.count(b"can't take a connection") < 10
        assert len(said.splitlines()) < 30


def test_a_peer_that_promises_writes_and_sends_nonsense_changes_nothing(guarded: Guarded) -> None:
    """A server that offers to hand over, and then sends commitments that can't come next."""
    sock, connection = guarded.introduced(introduction(9, is_server=True))
    connection.send(HandOver(77))
    sock.sendall(connection.outgoing)
    connection.outgoing.clear()
    pull: Message | None = None
    while not isinstance(pull, Pull):
        pull = next(iter(connection.receive(sock.recv(4096))), None)
    items = Items(pull.csn + 5, [Write(9, ROOT, PUT, *row("evil", "evil"))], [])
    connection.send(AntiEntropy(pull.serial, 0, items, End(9, START)))
    sock.sendall(connection.outgoing)
    assert is_closed(sock)
    guarded.hears("server 1: closed the connection to node 9", "commitments from")
    guarded.still_works()
    guarded.out.clear()
    guarded.run.line(12, b"get 2 evil")
    assert guarded.out == [b"evil:ERR_KEY\n"]


def test_a_peer_that_takes_the_place_of_another_is_the_last_to_come(guarded: Guarded) -> None:
    """An id has one connection: a newer one replaces the older."""
    first, _ = guarded.introduced(introduction(9, is_server=False))
    second, _ = guarded.introduced(introduction(9, is_server=False))
    assert is_closed(first)
    second.setblocking(False)
    with pytest.raises(BlockingIOError):
        second.recv(1)
    guarded.still_works()


def memory_kb(pid: int) -> int:
    """Return the most memory that a process has had."""
    return int(Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0])


@pytest.mark.parametrize("is_server", [False, True], ids=["clients", "servers"])
def test_who_does_not_read_is_not_read_from(guarded: Guarded, is_server: bool) -> None:
    """Peers whose answers pile up unread do not make a server grow, and it serves others meanwhile."""
    guarded.run.line(5, b"put 2 big " + b"x" * 1_000_000)
    before = memory_kb(guarded.world.pids[1])
    crowd = [guarded.introduced(introduction(id, is_server=is_server)) for id in range(9, 19)]

    def keep_asking(sock: socket.socket, connection: Connection) -> None:
        sock.settimeout(0.5)
        try:
            for number in range(1, 200):
                connection.send(Request(sock.fileno(), number, Get(*place("big")), None, None))
                connection.send(Pull(number, "gossip", 0, START))
                sock.sendall(connection.outgoing)
                connection.outgoing.clear()
        except OSError:
            pass  # it takes no more, or has had enough

    askers = [threading.Thread(target=keep_asking, args=member) for member in crowd]
    for asker in askers:
        asker.start()
    for _ in range(20):
        began = time.monotonic()
        guarded.still_works()
        assert time.monotonic() - began < 5
    for asker in askers:
        asker.join()
    guarded.still_works()
    assert memory_kb(guarded.world.pids[1]) - before < 200_000


def test_the_largest_parts_from_many_servers_at_once_all_arrive(guarded: Guarded) -> None:
    """Together they are several times what a server holds, so that they come one after another."""
    crowd = [guarded.introduced(introduction(id, is_server=True)) for id in range(10, 40)]
    url = "\U0001f600" * (1 << 18)
    writes = [Write(stamp, ROOT, PUT, *row("song", url)) for stamp in range(1, 5)]
    part = encode(AntiEntropy(1, 0, Items(0, [], writes)))
    assert len(crowd) * len(part) > 3 * HELD_BYTES_MAX
    answered: list[Message] = []

    def send(sock: socket.socket, connection: Connection) -> None:
        connection.outgoing += frame(part)
        connection.send(Pull(7, "gossip", 0, START))
        sock.sendall(connection.outgoing)
        answered.extend(islice(connection.receive(sock.recv(1 << 16)), 1))

    senders = [threading.Thread(target=send, args=member) for member in crowd]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(30)
    assert len(answered) == len(crowd)
    guarded.still_works()
    assert os.pread(guarded.errors, 1 << 20, 0) == b""


def test_many_requests_of_some_leave_time_for_others(guarded: Guarded) -> None:
    """Twenty connections of pipelined gets: another client's put took four seconds."""
    crowd = [guarded.introduced(introduction(id, is_server=False)) for id in range(10, 30)]
    stop = threading.Event()

    def keep_asking(sock: socket.socket, connection: Connection) -> None:
        sock.settimeout(0.05)
        for number in range(1, 5000):
            connection.send(Request(sock.fileno(), number, Get(*place("song")), START, None))
        data = memoryview(bytes(connection.outgoing))
        at = 0
        while at < len(data) and not stop.is_set():
            try:
                at += sock.send(data[at : at + 65536])
            except TimeoutError:
                pass
            try:
                while sock.recv(1 << 16):
                    pass
            except TimeoutError:
                pass

    askers = [threading.Thread(target=keep_asking, args=member) for member in crowd]
    for asker in askers:
        asker.start()
    slowest_s = 0.0
    for _ in range(10):
        began = time.monotonic()
        guarded.still_works()
        slowest_s = max(slowest_s, time.monotonic() - began)
    stop.set()
    for asker in askers:
        asker.join()
    assert slowest_s < 1.0


def test_a_world_that_lost_a_node_says_so(guarded: Guarded) -> None:
    os.kill(guarded.world.pids[1], signal.SIGKILL)
    with pytest.raises(NodeLost, match="server 1 has ended by itself, killed by signal 9"):
        # Its client may notice before the master does, and then has no server for a moment.
        wait_until(lambda: guarded.run.line(10, b"get 2 song"))
