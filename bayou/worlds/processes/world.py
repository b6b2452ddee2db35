"""The process world, seen from the master: it starts node processes and talks to them over socket pairs."""

from __future__ import annotations

import os
import select
from time import monotonic, time

from bayou._lean import signal, socket, unpack
from bayou.core.errors import BayouError
from bayou.machine.messages import Done, Failed, Links, Look, Message, Probe, Waiting
from bayou.net.stream import Stream, new_buffer, new_poll
from bayou.storage.journal import nameless, place_of_nameless
from bayou.wire.connection import Channel
from bayou.worlds.processes import warm
from bayou.worlds.processes.control import (
    CRASHED,
    FAULTY,
    UNWRITTEN,
    Calm,
    Dial,
    Envelope,
    HangUp,
    Load,
    Start,
    Suffer,
    Traced,
    Up,
)
from bayou.worlds.world import DeadlineExceeded, GivenUp, Gone, NodeLost, Unsupported, WorldSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from bayou.worlds.weather import Faults
    from bayou.worlds.world import NodeSpec

DISMISSAL_S = 0.5
"""How long the warm parent has to end, and all nodes with it."""

DIALLING_SHARE = 0.9
"""Which part of the time that a command has may pass with trying to connect."""

PROBE_S = 0.5
"""How long nodes have, after something went wrong, to say how they are."""

WAIT_S_MAX = 3600.0
"""How long it waits at once: what is longer does not fit the system's call."""


PARENT_LOST = "the parent of all nodes has ended: was it killed?"


class _Node(Stream):
    """What the master knows of a node's process, and the stream to it."""

    def __init__(self, spec: NodeSpec, key: int, sock: socket.socket, buffer: memoryview) -> None:
        super().__init__(sock, Channel(), buffer)
        self.id = spec.address
        self.key = key
        self.is_server = spec.is_server
        self.label = spec.label
        self.pid: int | None = None
        self.port = 0

    def __str__(self) -> str:
        return self.label


class ProcessWorld:
    """A World of real processes. See bayou.worlds.world.World for what the master calls."""

    def __init__(self, settings: WorldSettings | None = None, *, secret: bytes | None = None) -> None:
        """Fork the warm parent, which gets ready while the caller goes on.

        ``secret`` is what nodes prove to each other that they know: fresh for each run unless given. It
        is handed on by forking only.
        """
        self.settings = settings or WorldSettings()
        self.journals: dict[int, int] = {}
        self._warm_pid, self._channel = warm.start(
            secret or os.urandom(warm.SECRET_BYTES), self.settings.machines
        )
        self._nodes: dict[int, _Node] = {}
        self._by_fd: dict[int, _Node] = {}
        self._by_key: dict[int, _Node] = {}
        self._poll = new_poll()
        self._buffer = new_buffer()
        self._poll.register(self._channel.fileno(), select.POLLIN)
        self._prepared: dict[str, None] = {self.settings.machines: None}
        self._is_closed = False
        self.observe: Callable[[dict[str, Any]], None] | None = None
        self._is_waiting = False
        self._is_interrupted = False
        self._departed: list[int] = []
        self._crashed: list[int] = []
        self._standing: dict[int | None, Faults | None] = {}
        self._count = 0
        self._answers: dict[int, Message] = {}
        self._asked: dict[int, tuple[_Node, Message]] = {}
        self._given_up: dict[int, tuple[_Node, Message]] = {}
        self._late: list[tuple[int, Message, Message]] = []
        self._deadline = monotonic() + self.settings.deadline_s

    # What the master calls.

    @property
    def now_s(self) -> float:
        return monotonic()

    def begin(self) -> None:
        self._deadline = monotonic() + self.settings.deadline_s

    def expect(self, machines: str) -> None:
        if machines not in self._prepared:
            self._prepared[machines] = None
            try:
                warm.send_preparation(self._channel, machines)
            except ConnectionError:
                pass  # whoever starts a node is told

    def start(self, spec: NodeSpec, peers: Sequence[int], order: Message | None = None) -> Message:
        self._open_journal(spec)
        return self._start(spec, peers, order)

    def start_all(self, nodes: Sequence[tuple[NodeSpec, Sequence[int]]]) -> list[Message]:
        for spec, _ in nodes:
            self._open_journal(spec)
        made = [self._fork(spec) for spec, _ in nodes]
        try:
            first = [
                self._first_orders(node, spec, (), None) for node, (spec, _) in zip(made, nodes, strict=True)
            ]
            failed = _failure(self.ask_all([order for orders in first for order in orders]))
            if failed is None:
                dial_s = self._dial_s()
                dials = [
                    (spec.address, Dial(peer, self._nodes[peer].port, dial_s))
                    for spec, peers in nodes
                    for peer in peers
                ]
                failed = _failure(self.ask_all(dials))
            self._await_births(made)
        except BayouError:
            for node in made:
                self._discard(node)
            raise
        if failed is None:
            return [Done() for _ in nodes]
        for node in made:
            self._discard(node)
        return [failed]

    def connect(self, a: int, b: int) -> None:
        self._look_for(a, b)
        dialler, other = (self._nodes[each] for each in ((a, b) if self._nodes[b].is_server else (b, a)))
        answer = self.ask(dialler.id, Dial(other.id, other.port, self._dial_s()))
        if isinstance(answer, Failed):
            until = monotonic() + PROBE_S
            while (left_s := until - monotonic()) > 0:  # one that leaves closes its door before it is gone
                self._look_for(a, b)
                self._take_in(self._wait(left_s))
            raise BayouError(f"{dialler} could not connect to {other}: {answer.why}")

    def _look_for(self, a: int, b: int) -> None:
        if a not in self._nodes or b not in self._nodes:
            raise Gone(f"{a} and {b} can't be connected: one of them is gone")

    def disconnect(self, a: int, b: int) -> None:
        self.ask_all([(a, HangUp(b)), (b, HangUp(a))])

    def ask(self, node: int, order: Message) -> Message:
        return self.ask_all([(node, order)])[0]

    def ask_all(self, orders: Sequence[tuple[int, Message]]) -> list[Message]:
        numbers = [self.order(node, order) for node, order in orders]
        try:
            while not all(number in self._answers for number in numbers):
                self._turn(self._deadline)
        except BayouError:
            for number, (node, order) in zip(numbers, orders, strict=True):
                self._leave_to_itself(number, node, order)
            raise
        return [self._answers.pop(number) for number in numbers]

    def ask_first(self, orders: Sequence[tuple[int, Message]]) -> list[Message | None]:
        numbers = [self.order(node, order) for node, order in orders]
        try:
            while not any(number in self._answers for number in numbers):
                self._turn(self._deadline)
            return [self._answers.get(number) for number in numbers]
        finally:
            for number in numbers:  # nobody waits for the other answers any more
                self._asked.pop(number, None)
                self._answers.pop(number, None)

    def _leave_to_itself(self, number: int, node: int, order: Message) -> None:
        """Nobody waits for this answer any more: it is late when it comes, or has come already."""
        asked = self._asked.pop(number, None)
        if asked is not None:
            self._given_up[number] = asked
        answer = self._answers.pop(number, None)
        if answer is not None:
            self._late.append((node, order, answer))

    def catch_up(self) -> None:
        until = monotonic() + PROBE_S
        while (ready := self._poll.poll(0)) and monotonic() < until:
            self._take_in(ready)

    def survey(self) -> dict[int, Links | None]:
        answers = self._ask_briefly(Look())
        return {node.id: answer if isinstance(answer, Links) else None for node, answer in answers}

    def process_of(self, node: int) -> int | None:
        known = self._nodes.get(node)
        return None if known is None else known.pid

    def take_late(self) -> list[tuple[int, Message, Message]]:
        late, self._late = self._late, []
        return late

    def owing(self) -> list[int]:
        return [node.id for node, _ in self._given_up.values()]

    def crash(self, server: int) -> None:
        node = self._nodes.pop(server, None)
        if node is None:
            raise Gone(f"{server} can't crash: it is gone")
        if node.pid is not None:
            _kill(node.pid)
        while node.key in self._by_key:
            self._turn(self._deadline)

    def crash_soon(self, server: int, after_s: float) -> None:
        raise Unsupported("processes crash between commands only: crashServer")

    def take_crashed(self) -> list[int]:
        crashed, self._crashed = self._crashed, []
        return crashed

    def restart(self, spec: NodeSpec, peers: Sequence[int]) -> None:
        known = [peer for peer in peers if peer in self._nodes]
        servers = [peer for peer in known if self._nodes[peer].is_server]
        answer = self._start(spec, servers, None)
        if isinstance(answer, Failed):
            raise BayouError(f"{spec.label} could not be restarted: {answer.why}")
        for client in known:
            if client not in servers:
                self.connect(client, spec.address)

    def suffer(self, sender: int | None, receiver: int | None, faults: Faults | None) -> None:
        if sender is None:
            self._standing[receiver] = faults
        senders = list(self._nodes) if sender is None else [sender]
        suffering = [node for node in senders if node in self._nodes and node != receiver]
        self.ask_all(
            [(node, self._suffer(node, receiver, faults, is_general=sender is None)) for node in suffering]
        )

    def _suffer(self, node: int, receiver: int | None, faults: Faults | None, *, is_general: bool) -> Suffer:
        """Return what tells a node to let messages suffer; what befalls them is drawn from the run's seed."""
        return Suffer(receiver, is_general, faults, f"network {self.settings.seed} {node}")

    def calm(self) -> None:
        self._standing.clear()
        self.ask_all([(node, Calm()) for node in self._nodes])

    def skew(self, server: int, seconds: float) -> None:
        raise Unsupported("the processes of this machine share its clock")

    def pass_quietly(self, seconds: float) -> None:
        until = monotonic() + seconds
        while (left_s := until - monotonic()) > 0:
            self._take_in(self._wait(left_s))

    def interrupt(self) -> None:
        if self._is_waiting:
            raise GivenUp("given up")
        self._is_interrupted = True

    def forget_interrupt(self) -> None:
        self._is_interrupted = False

    def take_departed(self) -> list[int]:
        departed, self._departed = self._departed, []
        return departed

    def farewell(self, node: int) -> None:
        leaving = self._nodes.pop(node, None)
        self._forget_journal(node)
        if leaving is None:  # it has been seen to leave already
            self._departed.remove(node)
            return
        while leaving.key in self._by_key:
            self._turn(self._deadline)

    def close(self) -> None:
        """End all processes, at once: the warm parent kills them when its channel closes, and where it does
        not (it has been stopped, or killed), this does."""
        if self._is_closed:
            return
        self._is_closed = True
        pids = [node.pid for node in self._by_key.values() if node.pid is not None]
        if not self._dismiss_warm_parent():
            for pid in [*pids, self._warm_pid]:
                _kill(pid)
        os.waitpid(self._warm_pid, 0)
        for server in list(self.journals):
            self._forget_journal(server)
        self._channel.close()
        for node in self._by_fd.values():
            node.sock.close()
        self._by_fd.clear()
        self._by_key.clear()
        self._nodes.clear()

    def _dismiss_warm_parent(self) -> bool:
        """Tell the warm parent to kill all nodes and end; return whether it has."""
        self._channel.settimeout(DISMISSAL_S)
        try:
            self._channel.shutdown(socket.SHUT_WR)
            while report := self._channel.recv(warm.REPORT_BYTES):
                if report == warm.GOODBYE:
                    return True
        except OSError:
            pass
        return False

    @property
    def pids(self) -> dict[int, int]:
        """The process id of each node that runs."""
        return {node.id: node.pid for node in self._nodes.values() if node.pid is not None}

    @property
    def ports(self) -> dict[int, int]:
        """The port on the loopback address at which each server listens."""
        return {node.id: node.port for node in self._nodes.values() if node.is_server}

    # How it works.

    def _start(self, spec: NodeSpec, peers: Sequence[int], order: Message | None) -> Message:
        """Start the process of a node; return what it answers."""
        node = self._fork(spec)
        try:
            *_, answer = self.ask_all(self._first_orders(node, spec, peers, order))
        except BayouError:
            self._discard(node)
            raise
        self._await_births([node])
        if isinstance(answer, Failed):
            self._discard(node)
        return answer

    def _fork(self, spec: NodeSpec) -> _Node:
        """Have a process made for a node, which is told nothing yet."""
        ours, theirs = socket.socketpair()
        self._count += 1
        node = _Node(spec, self._count, ours, self._buffer)
        journal = self.journals[spec.address] if spec.is_server else None
        self.expect(spec.machines)
        try:
            warm.send_request(self._channel, node.key, theirs.fileno(), journal)
        except ConnectionError as error:
            ours.close()
            raise NodeLost(None, PARENT_LOST) from error
        finally:
            theirs.close()
        self._nodes[node.id] = self._by_fd[node.fd] = self._by_key[node.key] = node
        self._poll.register(node.fd, node.events)
        return node

    def _first_orders(
        self, node: _Node, spec: NodeSpec, peers: Sequence[int], order: Message | None
    ) -> list[tuple[int, Message]]:
        """Return what a new process is told, last of all what to be."""
        addresses = [number for peer in peers for number in (peer, self._nodes[peer].port)]
        start = Start(
            node.id,
            node.label,
            node.is_server,
            self.settings.verbose,
            spec.machines,
            spec.what,
            tuple(addresses),
            order,
            self._dial_s(),
            self.observe is not None,
            spec.journal,
        )
        standing: list[tuple[int, Message]] = [
            (node.id, self._suffer(node.id, receiver, faults, is_general=True))
            for receiver, faults in self._standing.items()
            if receiver != node.id
        ]
        if spec.machines != self.settings.machines:
            node.channel.send(Envelope(0, Load(spec.machines)))
        return [*standing, (node.id, start)]

    def _await_births(self, nodes: Sequence[_Node]) -> None:
        """They may have answered before their parent has told of their birth."""
        while any(node.pid is None and node.key in self._by_key for node in nodes):
            self._turn(self._deadline)

    def _open_journal(self, spec: NodeSpec) -> None:
        if spec.is_server:
            self._forget_journal(spec.address)
            self.journals[spec.address] = _kept_journal(spec) if spec.journal else _new_journal()

    def _forget_journal(self, server: int) -> None:
        fd = self.journals.pop(server, None)
        if fd is not None:
            os.close(fd)

    def _dial_s(self) -> float:
        """How long nodes may try to connect: most of the time that is left, so that they can still tell why
        they could not."""
        return max(0.0, (self._deadline - monotonic()) * DIALLING_SHARE)

    def _discard(self, node: _Node) -> None:
        """End a node that could not be started after all."""
        self._nodes.pop(node.id, None)
        if self._by_fd.pop(node.fd, None) is not None:
            self._poll.unregister(node.fd)
            node.sock.close()  # at which it ends
        if node.pid is not None and node.key in self._by_key:
            _kill(node.pid)  # at once, and though it may be stopped

    def order(self, id: int, order: Message) -> int:
        """Give a node an order without waiting; return the number under which ``answer`` will find it."""
        node = self._nodes.get(id)
        if node is not None:
            return self._send(node, order)
        self._count += 1
        self._answers[self._count] = Failed("it is gone")
        return self._count

    def answer(self, number: int) -> Message | None:
        """Return and forget the answer to that order, None while there is none."""
        return self._answers.pop(number, None)

    def await_answer(self, numbers: Mapping[int, object], until_s: float) -> bool:
        while self._answers.keys().isdisjoint(numbers):
            left_s = until_s - monotonic()
            if left_s <= 0:
                return False
            self._take_in(self._wait(min(left_s, WAIT_S_MAX)))
        return True

    def _send(self, node: _Node, order: Message) -> int:
        self._count += 1
        self._asked[self._count] = (node, order)
        node.channel.send(Envelope(self._count, order))
        self._flush(node)
        return self._count

    def _flush(self, node: _Node) -> None:
        node.flush()
        node.watch(self._poll)

    def _turn(self, until: float) -> None:
        """Wait for something to come in, and take it in; DeadlineExceeded where it is too late."""
        left_s = until - monotonic()
        ready = self._wait(left_s) if left_s > 0 else []
        if not ready:
            raise DeadlineExceeded(self.settings.deadline_s, self._who_waits())
        self._take_in(ready)

    def _wait(self, seconds: float) -> list[tuple[int, int]]:
        """Wait for something to come in. An interruption comes here or nowhere: where nothing has been read
        that could get lost."""
        self._is_waiting = True
        try:
            if self._is_interrupted:
                raise GivenUp("given up")
            return self._poll.poll(seconds * 1000 + 1)
        finally:
            self._is_waiting = self._is_interrupted = False

    def _take_in(self, ready: list[tuple[int, int]]) -> None:
        for fd, events in ready:
            node = self._by_fd.get(fd)
            if node is not None:
                if events & select.POLLOUT:
                    self._flush(node)
                if events & ~select.POLLOUT:
                    self._read(node)
            elif fd == self._channel.fileno():
                self._read_reports()

    def _read(self, node: _Node) -> bool:
        """Take in what a node has sent; return whether there may be more."""
        data = node.read()
        if data is None:
            return False
        if not data:
            self._poll.unregister(node.fd)
            del self._by_fd[node.fd]
            node.sock.close()
            return False
        for message in node.channel.receive(data):
            if isinstance(message, Envelope):
                if self._asked.pop(message.number, None) is not None:
                    self._answers[message.number] = message.body
                elif message.number in self._given_up:
                    _, order = self._given_up.pop(message.number)
                    self._late.append((node.id, order, message.body))
                elif isinstance(message.body, Up):
                    node.port = message.body.port
                elif isinstance(message.body, Traced) and self.observe is not None:
                    self._tell(self.observe, message.body)
        return True

    def _tell(self, observe: Callable[[dict[str, Any]], None], traced: Traced) -> None:
        from bayou.trace.file import read_events

        for event in read_events(traced.lines):
            observe(event)

    def _read_reports(self) -> None:
        """Take notice of who was born and who died; NodeLost for a death that was not to be."""
        try:
            data = self._channel.recv(warm.REPORT_BYTES)
            while data and len(data) < warm.REPORT_BYTES:
                data += self._channel.recv(warm.REPORT_BYTES - len(data))
        except ConnectionError:
            data = b""
        if not data:
            raise NodeLost(None, PARENT_LOST)
        what, key, value = unpack(warm.REPORT, data)
        if what == warm.BORN:
            if key in self._by_key:
                self._by_key[key].pid = value
            return
        node = self._by_key.pop(key, None)
        if node is not None:
            self._bury(node, value)

    def _bury(self, node: _Node, status: int) -> None:
        """A node has ended: NodeLost where it was killed or failed, otherwise it left as it should."""
        while self._by_fd.get(node.fd) is node and self._read(node):
            pass
        owed = [number for number, (asked, _) in self._asked.items() if asked is node]
        for number in [number for number, (asked, _) in self._given_up.items() if asked is node]:
            self._late.append(
                (node.id, self._given_up.pop(number)[1], Failed("nobody will know, it is gone"))
            )
        if self._nodes.get(node.id) is not node:
            return
        del self._nodes[node.id]
        if status in (0, CRASHED):
            if status == CRASHED:
                self._crashed.append(node.id)
                self._observe_crash(node.id)
            else:
                self._forget_journal(node.id)
                self._departed.append(node.id)
            for number in owed:
                del self._asked[number]
                self._answers[number] = Failed("it is gone")
        else:
            raise NodeLost(node.id, f"{node} has ended by itself, {_describe_exit(status)}")

    def _observe_crash(self, server: int) -> None:
        if self.observe is not None:
            self.observe({"event": "crashed", "server": server, "t": round(time(), 6)})

    def _who_waits(self) -> list[str]:
        """Ask all nodes what they wait for; one that does not answer is worth a line too."""
        lines = []
        for node, answer in self._ask_briefly(Probe()):
            if isinstance(answer, Waiting):
                lines += [f"{node} {line}" for line in answer.lines]
            elif answer is None:
                lines.append(f"{node} does not respond (process {node.pid})")
        return lines

    def _ask_briefly(self, order: Message) -> list[tuple[_Node, Message | None]]:
        """Give all nodes an order and wait a moment: return their answers by id, None where there is none."""
        asked = {self._send(node, order): node for node in self._nodes.values()}
        until = monotonic() + PROBE_S
        try:
            while any(number in self._asked for number in asked) and (left_s := until - monotonic()) > 0:
                self._take_in(self._poll.poll(left_s * 1000 + 1))
        finally:
            for number in asked:
                self._asked.pop(number, None)
            answers = [(node, self._answers.pop(number, None)) for number, node in asked.items()]
        return sorted(answers, key=lambda pair: pair[0].id)


def _failure(answers: Sequence[Message]) -> Failed | None:
    """Return an answer that is Failed, if there is one."""
    return next((answer for answer in answers if isinstance(answer, Failed)), None)


def _new_journal() -> int:
    """Return the descriptor of a new journal, which goes with the run."""
    place = place_of_nameless()
    try:
        return nameless(place)
    except OSError as error:
        raise BayouError(
            f"a journal for a server can't be made in {place}: {error.strerror}; TMPDIR says where"
        ) from error


def _kept_journal(spec: NodeSpec) -> int:
    """Return the descriptor of a journal that is kept, which nobody else has open: this master has it, and
    the server's process, until both have ended."""
    from fcntl import LOCK_EX, LOCK_NB, flock

    try:
        fd = os.open(spec.journal, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            flock(fd, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise BayouError(
                f"{spec.journal} is in use by another run: wait for its end, or name another directory"
            ) from None
        _sync_folder(os.path.dirname(spec.journal))
    except OSError as error:
        raise BayouError(f"{spec.journal} can't be opened: {error.strerror}") from error
    return fd


def _sync_folder(path: str) -> None:
    """See that the names of the files in a folder are on disk."""
    fd = os.open(path or ".", os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _kill(pid: int) -> None:
    """End a process by force. That its parent has seen it end may not have been told here yet."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _describe_exit(status: int) -> str:
    if status == UNWRITTEN:
        return "as it could not write its journal"
    if status == FAULTY:
        return "as it could not carry out a function"
    return f"killed by signal {-status}" if status < 0 else f"with exit status {status}"
