"""What runs in the process of a node: sockets around a state machine.

One thread and one loop. Each turn takes all that the sockets hold, lets the node process it, and then
carries out the effects: durable first (replicas live in memory only, so there is nothing to do yet),
then what is to be sent, then answers.
"""

from __future__ import annotations

import gc
import os
import select
from time import monotonic

from bayou._lean import accept, socket
from bayou.core.errors import PeerError
from bayou.node.client import Client
from bayou.node.effects import Effects, Input, LinkDown, LinkUp, Ordered, Received, Tick
from bayou.node.messages import Done, Failed, Message
from bayou.node.server import Server
from bayou.node.session import SHORT_NAMES, Guarantees
from bayou.wire.connection import NONCE_BYTES, Channel, Connection, Introduce
from bayou.worlds.processes.control import LOOPBACK, Dial, Envelope, HangUp, Start, Up

HANDSHAKE_S = 5.0
HANDSHAKES_MAX = 256
_READ_BUFFER = memoryview(bytearray(256 << 10))
"""Shared by all streams: what is read is copied out at once, and nothing is allocated for what is not."""

OUTGOING_BYTES_MAX = 256 << 20
FAREWELL_S = 0.5


def run(control_fd: int, secret: bytes) -> None:
    """Be the node that the master's first order says, until the node leaves or the master is gone."""
    gc.enable()
    gc.set_threshold(50_000, 20, 20)
    control = Stream(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, control_fd), Channel())
    Host(control, secret).run()


def name_process(name: str) -> None:
    """Let ``ps`` and ``pgrep`` show what this process is, where the system has a way to."""
    try:
        fd = os.open("/proc/self/comm", os.O_WRONLY)
    except OSError:
        return
    os.write(fd, name.encode()[:15])
    os.close(fd)


class SystemBits:
    """Random bits from the operating system, as random.SystemRandom gives them, without its imports."""

    def getrandbits(self, k: int, /) -> int:
        return int.from_bytes(os.urandom((k + 7) // 8), "big") >> (-k % 8)


class Stream:
    """A socket and the channel whose bytes it carries.

    ``peer`` is the id of the node at the other end once it is known; ``due`` when a handshake must be
    over; ``dial`` the number of the order that asked for the connection.
    """

    def __init__(self, sock: socket.socket, channel: Channel) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.fd = sock.fileno()
        self.channel = channel
        self.peer: int | None = None
        self.due: float | None = None
        self.dial: int | None = None
        self.connecting = False
        self.events = select.POLLIN

    def read(self) -> bytes | None:
        """Return what the socket holds, empty at its end, None where nothing is there."""
        try:
            size = self.sock.recv_into(_READ_BUFFER)
        except BlockingIOError:
            return None
        except OSError:
            return b""
        return bytes(_READ_BUFFER[:size])

    def flush(self) -> None:
        """Send as much as the socket takes."""
        outgoing = self.channel.outgoing
        try:
            while outgoing:
                sent = self.sock.send(outgoing)
                del outgoing[:sent]
        except BlockingIOError:
            pass
        except OSError:
            outgoing.clear()  # the end of the stream shows when it is next read


class Host:
    """The loop of one node's process."""

    def __init__(self, control: Stream, secret: bytes) -> None:
        self._control = control
        self._secret = secret
        self._poll = select.poll()
        self._streams: dict[int, Stream] = {}
        self._links: dict[int, Stream] = {}
        self._handshakes: dict[Stream, None] = {}
        self._touched: dict[Stream, None] = {}
        self._listener: socket.socket | None = None
        self._node: Server | Client | None = None
        self._me = Introduce(0, is_server=False)
        self._verbose = False
        self._running = True
        self._starting: Envelope | None = None
        self._dials_open = 0

    def run(self) -> None:
        """Run until the node leaves or the master's end of the control stream closes."""
        self._add(self._control)
        while self._running:
            due = self._next_due()
            patience_ms = None if due is None else max(0.0, (due - monotonic()) * 1000 + 1)
            for fd, events in self._poll.poll(patience_ms):
                self._serve(fd, events)
            if due is not None:
                self._pass_time(monotonic())
            self._flush()
        self._say_farewell()

    # Sockets.

    def _add(self, stream: Stream) -> None:
        self._streams[stream.fd] = stream
        self._poll.register(stream.fd, stream.events)

    def _serve(self, fd: int, events: int) -> None:
        stream = self._streams.get(fd)
        if stream is None:
            if self._listener is not None and fd == self._listener.fileno():
                self._accept()
            return
        if stream.connecting:
            self._connected(stream)
        if events & select.POLLOUT:
            self._touched[stream] = None
        if events & ~select.POLLOUT:
            self._read(stream)

    def _read(self, stream: Stream) -> None:
        data = stream.read()
        if data is None:
            return
        if not data:
            self._close(stream, self._blame_for_end(stream))
            return
        try:
            for message in stream.channel.receive(data):
                if stream is self._control:
                    self._obey(message)
                elif isinstance(message, Introduce):
                    self._met(stream, message)
                elif stream.peer is not None:
                    self._step(Received(stream.peer, message))
                if not self._is_open(stream):
                    return
        except PeerError as error:
            self._close(stream, str(error))
            return
        self._touched[stream] = None

    def _close(self, stream: Stream, why: str | None) -> None:
        """Drop a stream; ``why`` is said on standard error where the peer is to blame."""
        if not self._is_open(stream):
            return
        del self._streams[stream.fd]
        self._poll.unregister(stream.fd)
        stream.sock.close()
        self._touched.pop(stream, None)
        self._handshakes.pop(stream, None)
        if stream is self._control:
            self._running = False
            return
        if why is not None:
            who = "a stranger" if stream.peer is None else f"node {stream.peer}"
            self._complain(f"closed the connection to {who}: {why}")
        if stream.dial is not None:
            self._dialled(stream, Failed(f"the connection failed: {why or 'the other end closed it'}"))
        if stream.peer is not None and self._links.get(stream.peer) is stream:
            del self._links[stream.peer]
            self._step(LinkDown(stream.peer))

    def _is_open(self, stream: Stream) -> bool:
        return self._streams.get(stream.fd) is stream

    def _blame_for_end(self, stream: Stream) -> str | None:
        """Return what is wrong with a stream that ended where it did, None where nothing is."""
        if stream is self._control:
            return None
        if stream.peer is None:
            return "it ended before the handshake was over"
        pending = stream.channel.pending_bytes
        return f"it ended within a frame, {pending} bytes into it" if pending else None

    def _flush(self) -> None:
        while self._touched:
            touched, self._touched = self._touched, {}
            for stream in touched:
                if stream.connecting or not self._is_open(stream):
                    continue
                stream.flush()
                backlog = len(stream.channel.outgoing)
                if backlog > OUTGOING_BYTES_MAX:
                    self._close(stream, f"{backlog} bytes are waiting for it to read")
                    continue
                events = select.POLLIN | (select.POLLOUT if backlog else 0)
                if events != stream.events:
                    stream.events = events
                    self._poll.modify(stream.fd, events)

    def _say_farewell(self) -> None:
        """Give the last answers and messages a moment to leave."""
        until = monotonic() + FAREWELL_S
        for stream in self._streams.values():
            stream.sock.settimeout(max(0.001, until - monotonic()))
            stream.flush()

    # Connections.

    def _listen(self) -> int:
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.bind((LOOPBACK, 0))
        self._listener.listen(128)
        self._listener.setblocking(False)
        self._poll.register(self._listener.fileno(), select.POLLIN)
        port: int = self._listener.getsockname()[1]
        return port

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            sock = accept(self._listener)
        except BlockingIOError:
            return
        except OSError as error:
            self._complain(f"could not accept a connection: {error}")
            return
        if len(self._handshakes) >= HANDSHAKES_MAX:
            self._close(next(iter(self._handshakes)), f"more than {HANDSHAKES_MAX} handshakes are under way")
        self._shake_hands(sock, dialled=False)

    def _dial(self, number: int, port: int) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        stream = self._shake_hands(sock, dialled=True)
        stream.dial = number
        stream.connecting = True
        self._dials_open += 1
        stream.events = select.POLLOUT
        self._poll.modify(stream.fd, stream.events)
        try:
            sock.connect((LOOPBACK, port))
        except BlockingIOError:
            return
        except OSError as error:
            self._close(stream, str(error))
            return
        self._connected(stream)

    def _shake_hands(self, sock: socket.socket, *, dialled: bool) -> Stream:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(self._secret, os.urandom(NONCE_BYTES), self._me, dialled=dialled)
        stream = Stream(sock, connection)
        stream.due = monotonic() + HANDSHAKE_S
        self._handshakes[stream] = None
        self._add(stream)
        return stream

    def _connected(self, stream: Stream) -> None:
        error = stream.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._close(stream, os.strerror(error))
            return
        stream.connecting = False
        self._touched[stream] = None

    def _met(self, stream: Stream, peer: Introduce) -> None:
        """The handshake is over: the connection to a node is up, in place of an older one to it."""
        if stream.peer is not None:
            raise PeerError("it introduced itself twice")
        older = self._links.get(peer.id)
        if older is not None:
            self._close(older, None)
        self._handshakes.pop(stream, None)
        stream.due = None
        stream.peer = peer.id
        self._links[peer.id] = stream
        self._step(LinkUp(peer.id, peer.is_server))
        if stream.dial is not None:
            self._dialled(stream, Done())

    def _dialled(self, stream: Stream, outcome: Message) -> None:
        """A connection that the master asked for is up, or failed; answer when all of the order are."""
        number, stream.dial = stream.dial, None
        self._dials_open -= 1
        if number is None:
            return
        if self._starting is None or number != self._starting.number or isinstance(outcome, Failed):
            self._answer(number, outcome)
        elif self._dials_open == 0:
            self._begin(number)

    # Orders.

    def _obey(self, message: Message) -> None:
        if not isinstance(message, Envelope):
            raise PeerError(f"{type(message).__name__} is no order")
        number, order = message.number, message.body
        if isinstance(order, Start):
            self._starting = message
            self._start(number, order)
        elif isinstance(order, Dial):
            self._dial(number, order.port)
        elif isinstance(order, HangUp):
            stream = self._links.get(order.peer)
            if stream is not None:
                self._close(stream, None)
            self._answer(number, Done())
        else:
            self._step(Ordered(number, order))

    def _start(self, number: int, order: Start) -> None:
        rng = SystemBits()
        self._me = Introduce(order.id, order.is_server)
        self._verbose = order.verbose
        name_process(f"bayou {'server' if order.is_server else 'client'} {order.id}")
        if order.is_server:
            self._node = Server(order.id, rng, paused=order.paused)
            self._answer(0, Up(self._listen()))
        else:
            chosen = dict(zip(SHORT_NAMES.values(), map(bool, order.guarantees), strict=True))
            self._node = Client(order.id, rng, Guarantees(**chosen))
        for port in order.peers[1::2]:
            self._dial(number, port)
        if not order.peers:
            self._begin(number)

    def _begin(self, number: int) -> None:
        """All connections that the first order named are up."""
        start = self._starting.body if self._starting is not None else None
        self._starting = None
        if isinstance(start, Start) and start.join is not None:
            self._step(Ordered(number, start.join))
        else:
            self._answer(number, Done())

    def _answer(self, number: int, answer: Message) -> None:
        self._control.channel.send(Envelope(number, answer))
        self._touched[self._control] = None

    # The node.

    def _step(self, given: Input) -> None:
        if self._node is not None:
            self._carry_out(self._node.step(monotonic(), given))

    def _carry_out(self, effects: Effects) -> None:
        for peer, message in effects.sends:
            stream = self._links.get(peer)
            if stream is not None:
                stream.channel.send(message)
                self._touched[stream] = None
        for number, answer in effects.answers:
            self._answer(number, answer)
        if self._verbose:
            for words in effects.notes:
                self._complain(" ".join(map(str, words)))
        for peer, why in effects.drops:
            stream = self._links.get(peer)
            if stream is not None:
                self._close(stream, why)
        if effects.leave:
            self._running = False

    def _next_due(self) -> float | None:
        """Return when the node, or a handshake, wants to be looked at next, None for never."""
        due = self._node.wake_at if self._node is not None else None
        for stream in self._handshakes:
            due = stream.due if due is None else min(due, stream.due or due)
            break  # the oldest is due first
        return due

    def _pass_time(self, now: float) -> None:
        if self._node is not None and self._node.wake_at is not None and now >= self._node.wake_at:
            self._step(Tick())
        for stream in list(self._handshakes):
            if stream.due is None or now < stream.due:
                break
            self._close(stream, f"no handshake within {HANDSHAKE_S:g} s")

    def _complain(self, line: str) -> None:
        who = f"{'server' if self._me.is_server else 'client'} {self._me.id}"
        try:
            os.write(2, f"{who}: {line}\n".encode("utf-8", "replace"))
        except OSError:
            pass  # nobody is listening
