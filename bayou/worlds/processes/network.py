"""The sockets of one node's process: the master's stream, the listener, the links to other nodes."""

from __future__ import annotations

import os
import select
from time import monotonic

from bayou._lean import accept, socket
from bayou.core.errors import PeerError
from bayou.wire.connection import NONCE_BYTES, Channel, Connection, Introduce
from bayou.worlds.processes.control import LOOPBACK
from bayou.worlds.processes.stream import Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from bayou.node.messages import Message

    class Owner(Protocol):
        """Whom a Network tells what happens on its sockets."""

        def obey(self, message: Message) -> None:
            """The master has sent this."""

        def linked(self, peer: Introduce) -> None:
            """A connection to that node is up, perhaps in place of an older one that was taken down."""

        def unlinked(self, peer: int) -> None:
            """The connection to that node is down."""

        def received(self, peer: int, message: Message) -> None:
            """That node has sent this."""

        def dialled(self, number: int, failure: str | None) -> None:
            """The connection that ``dial`` was asked for with that number is up, or failed and why."""

        def complain(self, line: str) -> None:
            """Something was off that a person might want to know of."""


HANDSHAKE_S = 5.0
HANDSHAKES_MAX = min(256, max(8, os.sysconf("SC_OPEN_MAX") // 4))
"""How many may be under way at a time: strangers must not use up the descriptors."""

ACCEPT_PAUSE_S = 0.1
"""How long a server takes no connections after one could not be taken, for want of descriptors say."""

OUTGOING_BYTES_MAX = 256 << 20
FAREWELL_S = 0.5


class Link(Stream):
    """A connection to another node.

    ``peer`` is its id once it is known; ``due`` when the handshake must be over; ``dial`` the number of
    the order that asked for the connection; ``connecting`` whether it is not yet established.
    """

    def __init__(self, sock: socket.socket, channel: Connection, due: float) -> None:
        super().__init__(sock, channel)
        self.connection = channel
        self.peer: int | None = None
        self.due = due
        self.dial: int | None = None
        self.connecting = False


class Network:
    """Non-blocking sockets behind one ``poll``; what comes in goes to the ``owner`` at once.

    What is sent is queued, and leaves with the next ``flush``. ``is_open`` until the master is gone.
    """

    def __init__(self, control_fd: int, secret: bytes, owner: Owner) -> None:
        control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, control_fd)
        self.me = Introduce(0, is_server=False)
        self.is_open = True
        self._control = Stream(control, Channel())
        self._secret = secret
        self._owner = owner
        self._poll = select.poll()
        self._streams: dict[int, Stream] = {}
        self._links: dict[int, Link] = {}
        self._handshakes: dict[Link, None] = {}
        self._touched: dict[Stream, None] = {}
        self._listener: socket.socket | None = None
        self._listens_again: float | None = None
        self._accept_failed = False
        self._add(self._control)

    # What the host calls.

    def introduce_as(self, me: Introduce) -> None:
        """Tell those who connect from now on, and those who are shaking hands, who this node is."""
        self.me = me
        for link in self._handshakes:
            link.connection.me = me

    def wait(self, due: float | None) -> None:
        """Take in what comes, at the latest until the monotonic time ``due`` (None for never)."""
        for link in self._handshakes:
            due = _earlier(due, link.due)
            break  # the oldest is due first
        due = _earlier(due, self._listens_again)
        patience_ms = None if due is None else max(0.0, (due - monotonic()) * 1000 + 1)
        for fd, events in self._poll.poll(patience_ms):
            self._serve(fd, events)
        self._pass_time(monotonic())

    def listen(self) -> int:
        """Take connections at the loopback address from now on; return the port that the system chose."""
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.bind((LOOPBACK, 0))
        self._listener.listen(128)
        self._listener.setblocking(False)
        self._poll.register(self._listener.fileno(), select.POLLIN)
        port: int = self._listener.getsockname()[1]
        return port

    def dial(self, number: int, port: int) -> None:
        """Connect to the node at that port; the owner hears under ``number`` what came of it."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        link = self._shake_hands(sock, dialled=True)
        link.dial = number
        link.connecting = True
        link.events = select.POLLOUT
        self._poll.modify(link.fd, link.events)
        try:
            sock.connect((LOOPBACK, port))
        except BlockingIOError:
            return
        except OSError as error:
            self._close(link, str(error))
            return
        self._connected(link)

    def hang_up(self, peer: int, why: str | None = None) -> None:
        """Cut the connection to that node; ``why`` is complained about where the peer is to blame."""
        link = self._links.get(peer)
        if link is not None:
            self._close(link, why)

    def send(self, peer: int, message: Message) -> None:
        """Queue a message to that node, which is lost where no connection is up."""
        link = self._links.get(peer)
        if link is not None:
            link.channel.send(message)
            self._touched[link] = None

    def tell_master(self, message: Message) -> None:
        """Queue a message to the master."""
        self._control.channel.send(message)
        self._touched[self._control] = None

    def flush(self) -> None:
        """Send what is queued, as far as the other ends take it."""
        while self._touched:
            touched, self._touched = self._touched, {}
            for stream in touched:
                if not self._has(stream) or (isinstance(stream, Link) and stream.connecting):
                    continue
                stream.flush()
                backlog = len(stream.channel.outgoing)
                if backlog > OUTGOING_BYTES_MAX:
                    self._close(stream, f"{backlog} bytes are waiting for it to read")
                else:
                    stream.watch(self._poll)

    def say_farewell(self) -> None:
        """Give the last answers and messages a moment to leave."""
        until = monotonic() + FAREWELL_S
        for stream in self._streams.values():
            stream.sock.settimeout(max(0.001, until - monotonic()))
            stream.flush()

    # Streams.

    def _add(self, stream: Stream) -> None:
        self._streams[stream.fd] = stream
        self._poll.register(stream.fd, stream.events)

    def _has(self, stream: Stream) -> bool:
        return self._streams.get(stream.fd) is stream

    def _serve(self, fd: int, events: int) -> None:
        stream = self._streams.get(fd)
        if stream is None:
            if self._listener is not None and fd == self._listener.fileno():
                self._accept(self._listener)
            return
        if isinstance(stream, Link) and stream.connecting:
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
            self._close(stream, _blame_for_end(stream))
            return
        try:
            for message in stream.channel.receive(data):
                if not isinstance(stream, Link):
                    self._owner.obey(message)
                elif isinstance(message, Introduce):
                    self._met(stream, message)
                elif stream.peer is not None:
                    self._owner.received(stream.peer, message)
                if not self._has(stream):
                    return
        except PeerError as error:
            self._close(stream, str(error))
            return
        self._touched[stream] = None

    def _close(self, stream: Stream, why: str | None) -> None:
        """Drop a stream; ``why`` is complained about where the peer is to blame."""
        if not self._has(stream):
            return
        del self._streams[stream.fd]
        self._poll.unregister(stream.fd)
        stream.sock.close()
        self._touched.pop(stream, None)
        if not isinstance(stream, Link):
            self.is_open = False
            return
        self._handshakes.pop(stream, None)
        if why is not None:
            who = "a stranger" if stream.peer is None else f"node {stream.peer}"
            self._owner.complain(f"closed the connection to {who}: {why}")
        if stream.dial is not None:
            failure = f"the connection failed: {why or 'the other end closed it'}"
            self._owner.dialled(stream.dial, failure)
        if stream.peer is not None and self._links.get(stream.peer) is stream:
            del self._links[stream.peer]
            self._owner.unlinked(stream.peer)

    # Links.

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock = accept(listener)
        except BlockingIOError:
            return
        except OSError as error:
            self._pause_listening(listener, error)
            return
        self._accept_failed = False
        if len(self._handshakes) >= HANDSHAKES_MAX:
            self._close(next(iter(self._handshakes)), f"more than {HANDSHAKES_MAX} handshakes are under way")
        self._shake_hands(sock, dialled=False)

    def _pause_listening(self, listener: socket.socket, error: OSError) -> None:
        """A connection waits that can't be taken: look again in a while, with one stranger less."""
        if not self._accept_failed:
            self._accept_failed = True
            self._owner.complain(f"can't take a connection, and tries again: {error}")
        self._poll.unregister(listener.fileno())
        self._listens_again = monotonic() + ACCEPT_PAUSE_S
        for oldest in self._handshakes:
            self._close(oldest, "its descriptor is needed")
            break

    def _shake_hands(self, sock: socket.socket, *, dialled: bool) -> Link:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(self._secret, os.urandom(NONCE_BYTES), self.me, dialled=dialled)
        link = Link(sock, connection, monotonic() + HANDSHAKE_S)
        self._handshakes[link] = None
        self._add(link)
        return link

    def _connected(self, link: Link) -> None:
        error = link.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._close(link, os.strerror(error))
            return
        link.connecting = False
        self._touched[link] = None

    def _met(self, link: Link, peer: Introduce) -> None:
        """The handshake is over: the connection to a node is up, in place of an older one to it."""
        if link.peer is not None:
            raise PeerError("it introduced itself twice")
        if peer.id == self.me.id:
            raise PeerError(f"it claims to be {peer.id}, as this node is")
        self.hang_up(peer.id)
        self._handshakes.pop(link, None)
        link.peer = peer.id
        self._links[peer.id] = link
        self._owner.linked(peer)
        if link.dial is not None:
            number, link.dial = link.dial, None
            self._owner.dialled(number, None)

    def _pass_time(self, now: float) -> None:
        if self._listener is not None and self._listens_again is not None and now >= self._listens_again:
            self._listens_again = None
            self._poll.register(self._listener.fileno(), select.POLLIN)
        for link in list(self._handshakes):
            if now < link.due:
                break
            self._close(link, f"no handshake within {HANDSHAKE_S:g} s")


def _earlier(a: float | None, b: float | None) -> float | None:
    return b if a is None else a if b is None else min(a, b)


def _blame_for_end(stream: Stream) -> str | None:
    """Return what is wrong with a stream that ended where it did, None where nothing is."""
    if not isinstance(stream, Link):
        return None
    if stream.peer is None:
        return "it ended before the handshake was over"
    pending = stream.channel.pending_bytes
    return f"it ended within a frame, {pending} bytes into it" if pending else None
